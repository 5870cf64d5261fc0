"""Who may watch: real clients with a login, with a wrong one and with none."""

import socket
import subprocess

import pytest

from sidecar.outlet.protocol import Mount, User
from sidecar.tests.outlet_rig import H264, Rig, Sender, until

EVE = User("eve", "hunter2")
AWKWARD = ["p@ss:w/rd%23", 'quo"te\\ and, comma', "schlüssel-ключ-🔑", " blanks at both ends ", "a" * 200]


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    made.close()


def serve(rig, *users):
    rig.play(Sender(H264, rig.configure(H264, users=users)["/ds"]))
    until(rig.served, "served: our own client has logged in too")


def is_let_in(rig, login):
    viewer = rig.watch(H264, login=login)
    until(lambda: viewer.frames or viewer.errors, "a frame or a refusal")
    viewer.stop()
    return not viewer.errors


def ffprobe(rig, login):
    """The codec that it finds; what it complains of."""
    return subprocess.run(
        "ffprobe -loglevel error -rtsp_transport tcp -show_entries stream=codec_name -of csv=p=0 "
        "rtsp://%s127.0.0.1:%d/ds" % (login, rig.rtsp_port),
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=60,
    ).stdout.strip()


def test_only_users_may_watch(rig):
    serve(rig, EVE)
    assert is_let_in(rig, EVE)
    assert not is_let_in(rig, ("eve", "hunter3"))
    assert not is_let_in(rig, ("adam", "hunter2"))
    assert not is_let_in(rig, None)


def test_ffmpeg_logs_in(rig):
    serve(rig, User("eve", AWKWARD[0]))
    assert ffprobe(rig, "eve:p%40ss%3Aw%2Frd%2523@") == "h264"
    assert "401 Unauthorized" in ffprobe(rig, "eve:wrong@")
    assert "401 Unauthorized" in ffprobe(rig, "")


def test_awkward_passwords_are_passwords_like_any_other(rig):
    users = [User("user @%d ü," % number, password) for number, password in enumerate(AWKWARD)]
    serve(rig, *users)
    for user in users:
        assert is_let_in(rig, user)
    assert not is_let_in(rig, (users[0].username, users[1].password))


def answer_to(rig, method, url, *headers):
    """The head of the server's answer to one request."""
    with socket.create_connection(("127.0.0.1", rig.rtsp_port), timeout=30.0) as client:
        client.sendall("\r\n".join(["%s %s RTSP/1.0" % (method, url), "CSeq: 1", *headers, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.recv(65536)
        return answer.decode()


@pytest.mark.parametrize("login", [[], ["Authorization: Basic ZXZlOmh1bnRlcjI="]], ids=["none", "basic"])
def test_a_password_in_the_clear_is_not_asked_for_and_not_taken(rig, login):
    serve(rig, EVE)
    url = "rtsp://127.0.0.1:%d/ds" % rig.rtsp_port
    for answer in (
        answer_to(rig, "DESCRIBE", url, *login),
        answer_to(rig, "SETUP", url + "/stream=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", *login),
    ):
        assert answer.startswith("RTSP/1.0 401 Unauthorized")
        assert answer.count("WWW-Authenticate: ") == answer.count("WWW-Authenticate: Digest ") == 1


def test_other_users_do_not_disturb_who_watches(rig):
    serve(rig, EVE)
    viewers = [rig.watch(H264, transport, login=EVE) for transport in ("tcp", "udp")]
    until(lambda: all(viewer.live_frames >= 10 for viewer in viewers), "frames")
    rig.link.set_users((User("adam", "secret"),))
    until(lambda: not is_let_in(rig, EVE), "the old login counts no longer")
    assert is_let_in(rig, ("adam", "secret"))
    rig.link.set_users((User("adam", "changed"),))
    until(lambda: not is_let_in(rig, ("adam", "secret")), "the old password counts no longer")
    rig.link.set_users(())
    until(lambda: is_let_in(rig, None), "everybody may watch")
    seen = [viewer.live_frames for viewer in viewers]
    until(lambda: all(viewer.live_frames >= n + 10 for viewer, n in zip(viewers, seen)), "frames as before")
    assert [viewer.errors for viewer in viewers] == [[], []]
    assert [viewer.standby_frames for viewer in viewers] == [0, 0]


def test_users_are_told_to_a_new_outlet_too(rig):
    serve(rig, EVE)
    rig.link.set_users((User("adam", "secret"),))
    rig.ports = None
    rig.process.kill()
    rig.process.wait()
    until(lambda: rig.downs == 1, "the link notices")
    rig.start_outlet()
    until(lambda: rig.ports is not None, "ports of the new outlet")
    assert not is_let_in(rig, EVE)
    assert is_let_in(rig, ("adam", "secret"))


def test_users_count_for_every_mount_and_for_one_that_comes_later(rig):
    front, back = Mount("/ds/front", "H264", 320, 240), Mount("/ds/back", "H264", 320, 240)
    for mounts in ([front], [front, back]):
        rig.configure(*mounts, users=[EVE])
        for mount in mounts:
            stranger, user = rig.watch(mount), rig.watch(mount, login=EVE)
            until(lambda: stranger.errors and user.frames, "a refusal and the standby picture")  # noqa: B023
            assert stranger.frames == 0
