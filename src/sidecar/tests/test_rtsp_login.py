"""A camera's login stays at the camera, wherever the camera redirects its viewer."""

import pytest

from sidecar.contract import spec, state
from sidecar.tests.rtsp_doubles import ScriptedCamera, answered
from sidecar.tests.test_cpu_camera import demo_camera, is_live, is_lost, watch
from sidecar.tests.test_fuzz_camera import right_answer
from sidecar.worker.cameras import state as camera_state
from sidecar.worker.engines.rtsp_challenge import challenges
from sidecar.worker.engines.rtsp_login import MOST_REDIRECTS, Server, server_of, without_login

__all__ = ["demo_camera", "watch"]

LOGIN = spec.Credentials(username="admin", password="hunter2")
BASIC = 'WWW-Authenticate: Basic realm="camera"'
DIGEST = 'WWW-Authenticate: Digest realm="camera", nonce="0123"'


@pytest.fixture
def camera():
    cameras = []

    def start(answer):
        cameras.append(ScriptedCamera(answer))
        return cameras[-1]

    yield start
    for one in cameras:
        one.stop()


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)


def redirects_to(location):
    def answer(method, cseq, _request):
        if method == "DESCRIBE":
            return answered(cseq, "302 Found", "Location: " + location())
        return answered(cseq, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY")

    return answer


def asks_for_a_login(*headers):
    return lambda method, cseq, _request: answered(cseq, "401 Unauthorized", *headers)


def logins(one):
    return [request for request in one.requests if "authorization:" in request.lower()]


@pytest.mark.parametrize("header", [BASIC, DIGEST])
@pytest.mark.parametrize("in_address", [False, True])
def test_a_login_is_not_sent_to_the_host_that_a_camera_redirects_to(watch, camera, header, in_address):
    elsewhere = camera(asks_for_a_login(header))
    redirecting = camera(redirects_to(lambda: elsewhere.address))
    if in_address:
        one = watch(uri=redirecting.address.replace("//", "//admin:hunter2@"))
    else:
        one = watch(uri=redirecting.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert elsewhere.connections == 1
    assert logins(elsewhere) == []
    lost = one.status().lost
    assert lost.reason == state.CAMERA_LOST_REASON_AUTH_FAILED
    assert elsewhere.address in lost.detail
    assert "hunter2" not in lost.detail


def test_a_camera_that_redirects_for_ever_is_left_after_a_few_times(watch, camera):
    there = camera(redirects_to(lambda: "%s?%d" % (there.address, there.connections)))
    one = watch(uri=there.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert "redirects more than %d times" % MOST_REDIRECTS in one.status().lost.detail
    one.closer.wait(60)
    # The last one is opened and gets no request.
    assert there.connections == MOST_REDIRECTS + 2
    assert there.methods().count("DESCRIBE") == MOST_REDIRECTS + 1


def test_a_redirection_on_the_same_server_keeps_the_login(watch, camera):
    def answer(method, cseq, request):
        if method == "DESCRIBE" and "/moved" not in request:
            return answered(cseq, "302 Found", "Location: rtsp://127.0.0.1:%d/moved" % there.port)
        return asks_for_a_login(DIGEST)(method, cseq, request) if method == "DESCRIBE" else answered(cseq)

    there = camera(answer)
    one = watch(uri=there.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert any("/moved" in request for request in logins(there))


def test_a_camera_that_redirects_to_one_without_a_login_is_live(watch, camera, demo_camera):
    _, address = demo_camera()
    redirecting = camera(redirects_to(lambda: address))
    one = watch(uri=redirecting.address, credentials=LOGIN)
    one.until(is_live(one))


@pytest.mark.parametrize("header", [BASIC, DIGEST])
@pytest.mark.parametrize("asks", ["SETUP", "PLAY"])
def test_a_wrong_password_is_sent_three_times_at_most_if_everybody_may_read_the_description(
    watch, camera, header, asks
):
    def answer(method, cseq, request):
        if method == asks:
            return asks_for_a_login(header)(method, cseq, request)
        return right_answer(method, cseq, there.address)

    there = camera(answer)
    one = watch(uri=there.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert 1 <= sum(request.startswith(asks) for request in logins(there)) <= 3


@pytest.mark.parametrize("header", [BASIC, DIGEST])
def test_a_wrong_password_is_sent_three_times_at_most(watch, camera, header):
    there = camera(asks_for_a_login(header))
    one = watch(uri=there.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_AUTH_FAILED
    assert 1 <= len(logins(there)) <= 4


class OffersInTurn:
    """Asks for a login in one way after the other, request by request, and in the last way from then on."""

    def __init__(self, *ways):
        self._ways = ways
        self._answers = 0

    def __call__(self, _method, cseq, _request):
        way = self._ways[min(self._answers, len(self._ways) - 1)]
        self._answers += 1
        return answered(cseq, "401 Unauthorized", *way)


def basic_logins(one):
    return [request for request in logins(one) if "authorization: basic" in request.lower()]


@pytest.mark.parametrize(
    "better",
    [
        [DIGEST],
        [DIGEST, BASIC],
        [BASIC, DIGEST],
        ['WWW-Authenticate: Basic realm="a", Digest realm="b", nonce="c"'],
        ['WWW-Authenticate: DIGEST realm="b",nonce="c"'],
        ['WWW-Authenticate: Digest realm="b", nonce="c", algorithm=SHA-256', BASIC],
    ],
)
def test_a_camera_that_has_offered_a_digest_never_gets_its_login_in_clear(watch, camera, better):
    there = camera(OffersInTurn(better, [BASIC]))
    one = watch(uri=there.address, credentials=LOGIN)
    one.until(is_lost(one))
    one.close()
    connections = there.connections
    again = watch(uri=there.address + "?again", credentials=LOGIN)
    again.until(is_lost(again))
    assert there.connections > connections
    assert basic_logins(there) == []
    lost = again.status().lost
    assert lost.reason == state.CAMERA_LOST_REASON_AUTH_FAILED
    assert "asks for the login in clear, though it took a digest before" in lost.detail


@pytest.mark.parametrize(
    "offer",
    [
        [BASIC + ", Digest"],
        [BASIC + ', digest realm="a"'],
        ['WWW-Authenticate: Digest realm="a, Basic realm="b"', BASIC],
        [BASIC, "WWW-Authenticate: Digest"],
        ['WWW-Authenticate: Digest realm="x" Basic realm="y", nonce="1"', BASIC],
        [DIGEST + ", Basic"],
    ],
)
def test_an_odd_offer_of_a_digest_does_not_get_the_login_in_clear(watch, camera, offer):
    there = camera(asks_for_a_login(*offer))
    one = watch(uri=there.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert basic_logins(there) == []


def test_a_user_name_that_no_digest_can_hold_is_not_sent_in_clear_instead(watch, camera):
    there = camera(asks_for_a_login(DIGEST, BASIC))
    one = watch(uri=there.address, credentials=spec.Credentials(username="ad:min", password="hunter2"))
    one.until(is_lost(one))
    assert logins(there) == []


def test_a_camera_that_knows_no_better_gets_its_login_in_clear_and_that_is_told_once(watch, camera, caplog):
    there = camera(asks_for_a_login(BASIC))
    for query in ("?first", "?second"):
        one = watch(uri=there.address + query, credentials=LOGIN)
        one.until(is_lost(one))
        one.close()
    assert len(basic_logins(there)) >= 2
    assert sum("takes its login in clear only" in record.getMessage() for record in caplog.records) == 1


def test_of_two_digests_the_one_that_is_known_is_answered(watch, camera):
    newer = 'WWW-Authenticate: Digest realm="newer", nonce="1", algorithm=SHA-256'
    there = camera(asks_for_a_login(newer, 'WWW-Authenticate: Digest realm="older", nonce="2", algorithm="MD5"'))
    one = watch(uri=there.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert logins(there)
    assert all('realm="older"' in request for request in logins(there))


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("rtsp://Cam.Local/a", Server("rtsp", "cam.local", 554)),
        ("rtsps://10.0.0.2:7441/a?b=c", Server("rtsps", "10.0.0.2", 7441)),
        ("rtsp://[fe80::1]:8554/", Server("rtsp", "[fe80::1]", 8554)),
        ("rtsp://10.0.0.2", Server("rtsp", "10.0.0.2", 554)),
        ("rtsp://10.0.0.2\\@evil/", None),
        ("rtsp://10.0.0.2@evil/", None),
        ("rtsp://10.0.0.2/@evil/", None),
        ("rtsp://10.0.0.2?@evil/", None),
        ("rtsp://10.0.0.2 evil/", None),
        ("rtsp://10.0.0.2:x/", None),
        ("rtsph://10.0.0.2/", None),
        ("rtspt://10.0.0.2/", None),
        ("rtsp-sdp://10.0.0.2/", None),
        ("http://10.0.0.2/", None),
        ("", None),
    ],
)
def test_a_login_belongs_to_an_address_that_has_one_reading_only(address, server):
    assert server_of(address) == server


def test_an_address_is_told_without_its_login():
    assert without_login("rtsp://a:b%40@c:1/d?e") == "rtsp://c:1/d?e"
    assert without_login("rtsp://c:1/d@e") == "rtsp://c:1/d@e"


@pytest.mark.parametrize("header", ["Digest", "Digest ,,,", "digest =", "Basic", "Negotiate", "", ",", '"', "Digest x"])
def test_an_offer_without_parameters_costs_its_camera_only(watch, camera, header):
    """rtspsrc would end the process (GStreamer 1.22)."""
    there = camera(asks_for_a_login("WWW-Authenticate: " + header))
    redirecting = camera(redirects_to(lambda: there.address))
    one = watch(uri=redirecting.address, credentials=LOGIN)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_AUTH_FAILED


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            ['Basic realm="a, b", Digest realm="c",nonce = d'],
            [("basic", {"realm": '"a, b"'}), ("digest", {"realm": '"c"', "nonce": "d"})],
        ),
        (['Digest realm="a" nonce="b"'], [("digest", {"realm": '"a"', "nonce": '"b"'})]),
        (['Digest realm="a', "Basic"], [("digest", {}), ("basic", {})]),
        (['realm="a"', "", ", ,"], []),
    ],
)
def test_the_offers_of_headers_are_told_apart(headers, found):
    assert [tuple(one) for one in challenges(headers)] == found
