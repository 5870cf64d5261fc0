"""What may be told of a text, by cases that the agent's tests share, and on addresses that are made by chance."""

import base64
import json
import random
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from sidecar import redact as module
from sidecar.log import Log, configure
from sidecar.redact import add_secrets, login_secrets, redact, redact_deep

SHARED = json.loads((Path(__file__).parents[3] / "test" / "redaction.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """Each test knows its own secrets only."""
    monkeypatch.setattr(module, "_known", module._Known())


@pytest.mark.parametrize(("text", "shown"), SHARED["cases"])
def test_shows_what_the_agent_shows(text, shown):
    add_secrets(SHARED["secrets"])
    for login in SHARED["logins"]:
        add_secrets(login_secrets(*login.split(":", 1)))
    assert redact(text) == shown


ALPHABET = "abcXYZ0189-._~!$'()*+,;:@/?#&=% \"\\é京"
NAMES = ["pin", "auth", "a", "user", "channel", "subtype", "stream", "x-key", "password", "loginpas", "sess ion"]
FRAMES = ["%s", "cannot open %s: refused", "'%s' and more", '{"uri": %s}', "(%s)", "a %s, rtsp://cam/live?channel=1"]


def random_address(chance, secret):
    """A camera's address that holds a secret in a place that only its form tells."""
    scheme = chance.choice(["rtsp", "rtsps", "http", "https", "RTSP"])
    host = chance.choice(["10.0.0.9", "cam.local:554", "[fe80::1]:8554", "cam"])
    names = [quote(name) for name in chance.sample(NAMES, 3)]
    escaped = quote(secret, safe="")
    return (
        scheme
        + "://"
        + chance.choice(
            [
                "%s/s?%s=%s&%s=1" % (host, names[0], escaped, names[1]),
                "%s/s?channel=1&%s=%s#top" % (host, names[0], escaped),
                "%s/s?channel=1#%s=%s" % (host, names[0], escaped),
                "%s/s;%s=%s/t" % (host, names[0], escaped),
                "%s/%s=%s&%s=2" % (host, names[0], escaped, names[1]),
                "%s/s?%s" % (host, escaped),
                "admin:%s@%s/s?%s=%s" % (escaped, host, names[0], escaped),
                "%s:%s@%s/s" % (escaped, escaped, host),
                "admin:%s" % escaped,
            ]
        )
    )


def test_no_address_tells_what_it_holds_whatever_text_is_around_it():
    chance = random.Random(13)
    for _ in range(4000):
        secret = "".join(chance.choice(ALPHABET) for _ in range(chance.randint(3, 9))) + "Qz7"
        address = random_address(chance, secret)
        frame = chance.choice(FRAMES)
        text = frame % (json.dumps(address) if "{" in frame else address)
        told = redact(text)
        assert "Qz7" not in told, (text, told)
        assert redact(told) == told, text


def test_a_known_secret_is_told_in_no_encoding():
    chance = random.Random(14)
    for number in range(300):
        if number % 10 == 0:
            module._known = module._Known()
        secret = "".join(chance.choice(ALPHABET) for _ in range(chance.randint(4, 12)))
        add_secrets(login_secrets("eve", secret))
        data = secret.encode()
        for form in (
            secret,
            quote(secret, safe=""),
            re.sub("%..", lambda match: match.group().lower(), quote(secret, safe="")),
            "".join("%%%02x" % byte for byte in data),
            json.dumps(secret)[1:-1],
            data.hex(),
            data.hex().upper(),
            base64.b64encode(b"eve:" + data).decode(),
        ):
            told = redact("the camera says %s to us" % form)
            assert form not in told, (secret, form, told)


def test_what_is_shown_has_no_command_to_a_terminal_and_one_line():
    chance = random.Random(15)
    letters = [chr(code) for code in range(0x100)] + ["\u202e", "\u2066", "\u200f", "\u2028", "\ud800", "京"]
    for _ in range(500):
        told = redact("".join(chance.choice(letters) for _ in range(40)))
        assert not [c for c in told if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2066\u200f\u2028\ud800"]


def test_a_field_that_is_named_like_a_password_is_hidden_however_short():
    shown = redact_deep({"login": {"username": "u", "password": "12"}})
    assert shown == {"login": {"username": "u", "password": "***"}}


def test_a_log_line_is_one_line_of_plain_characters(capsys):
    import sys

    configure("info", sys.stderr)
    try:
        raise ValueError("rtsp://cam/s?auth=hunter2\n\x1b[2J")
    except ValueError:
        Log("test").exception("cannot\nopen\u202e", camera="a\x07b")
    line = capsys.readouterr().err
    assert "hunter2" not in line
    assert line.count("\n") == 1
    told = json.loads(line)
    assert (told["message"], told["camera"]) == ("cannot open?", "a?b")
    assert "\x1b" not in told["err"]["stack"]
    assert "\n" in told["err"]["stack"]


def test_a_state_tells_neither_secrets_nor_commands_whoever_sets_it():
    from sidecar.contract import spec, state
    from sidecar.worker.service.pipeline_service import _remember_secrets
    from sidecar.worker.status.events import EventLog
    from sidecar.worker.status.store import StatusStore

    login = spec.Credentials(username="eve", password="s3cret pass")
    camera = spec.Camera(id="a", uri="rtsp://10.0.0.9/s?auth=tok3nX", credentials=login)
    _remember_secrets(spec.PipelineSpec(cameras=[camera]))
    store = StatusStore(EventLog())
    said = "401 s3cret%20pass tok3nX\x1b[2J\r\nrtsp://cam/s?pin=hunter2"
    store.set_camera(state.CameraStatus(id="a", lost=state.CameraStatus.Lost(detail=said)))
    store.set_output(state.OutputStatus(id="o", failed=state.OutputStatus.Failed(detail=said)))
    store.set_pipeline(state.PipelineStatus(failed=state.PipelineStatus.Failed(detail=said)))
    whole = store.snapshot()
    for told in (whole.cameras[0].lost.detail, whole.outputs[0].failed.detail, whole.pipeline.failed.detail):
        assert told == "401 *** ***?[2J  rtsp://cam/s?pin=***"


def test_a_password_of_a_viewer_is_known_to_the_outlet():
    from sidecar.outlet.access import Access
    from sidecar.outlet.protocol import User

    Access(User("own", "x"), lambda _client: None, lambda _client: None).set_users([User("eve", "w4tcher")])
    assert redact("login w4tcher") == "login ***"
