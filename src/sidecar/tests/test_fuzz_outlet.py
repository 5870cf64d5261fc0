"""What a client can do to the RTSP server without a login, against a real outlet: no memory, no other viewer, told."""

import resource
import socket
import struct
import threading
from contextlib import ExitStack

import pytest

from sidecar.outlet import bounds
from sidecar.outlet.protocol import User
from sidecar.tests.outlet_rig import H264, Rig, Sender, until

# GStreamer before 1.18 stores a body of any length.
WITHOUT_BODY_LIMIT = """
from sidecar.gst import Gst
Gst.init(None)
from sidecar.outlet import server
server.limit_body = lambda connection: None
from sidecar.outlet.__main__ import main
main()
"""
EVE = User("eve", "hunter2")
# What an attack may cost, however much it sends.
MOST_GROWTH = 100e6


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    made.close()


class Attacker:
    """A client over TCP without manners. Sends and receives what the server takes and gives, and never waits."""

    def __init__(self, rig):
        self._rig = rig
        self.url = "rtsp://127.0.0.1:%d/ds" % rig.rtsp_port
        self.socket = socket.create_connection(("127.0.0.1", rig.rtsp_port))
        self.socket.setblocking(False)
        self.sent = 0
        self.received = b""
        self.is_cut_off = False

    def send(self, data):
        """Sends as much as fits. False: it has been cut off."""
        try:
            self.sent += self.socket.send(data)
        except BlockingIOError:
            pass
        except OSError:
            self.is_cut_off = True
        return self.receive()

    def receive(self):
        """Takes what there is. False: it has been cut off."""
        try:
            received = self.socket.recv(65536)
            self.received += received
            self.is_cut_off = self.is_cut_off or not received
        except BlockingIOError:
            pass
        except OSError:
            self.is_cut_off = True
        return not self.is_cut_off

    def ask(self, method, *headers, url=None):
        """Sends a request and returns the answer."""
        before = len(self.received)
        head = ["%s %s RTSP/1.0" % (method, url or self.url), "CSeq: 1", *headers, "", ""]
        self.send("\r\n".join(head).encode())
        until(lambda: b"\r\n\r\n" in self.received[before:] or not self.receive(), "an answer to " + method)
        return self.received[before:].decode(errors="replace")

    def set_up(self):
        """Returns the header of the session."""
        answer = self.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", url=self.url + "/stream=0")
        return "Session: " + answer.split("Session: ")[1].split(";")[0].split("\r")[0]


@pytest.fixture
def attack():
    attackers = []

    def connect(rig):
        attackers.append(Attacker(rig))
        return attackers[-1]

    yield connect
    for attacker in attackers:
        attacker.socket.close()


def reasons(rig):
    return [line["why"] for line in rig.logged("RTSP client cut off")]


def is_let_in(rig, login=None):
    viewer = rig.watch(H264, login=login)
    until(lambda: viewer.frames or viewer.errors, "a frame or a refusal")
    viewer.stop()
    return not viewer.errors


FLOODS = {
    "a body of 2 GB": (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n", b"x" * 65536),
    "a body after a login": (b"PLAY /ds RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 999999999999\r\n\r\n", b"x" * 65536),
    "headers without end": (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n", b"a: b\r\n" * 10000),
    "a line without end": (b"OPTIONS ", b"x" * 65536),
    "nothing but line ends": (b"", b"\r\n" * 30000),
    "interleaved data of no stream": (b"", (b"$\x09\xff\xff" + b"x" * 65535) * 2),
    "no RTSP at all": (b"", bytes(range(256)) * 256),
    "requests one after the other": (b"", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" * 2000),
    "requests that are refused": (b"", b"NONSENSE * RTSP/9.0\r\nCSeq: 1\r\n\r\n" * 2000),
}


def send_until_cut_off(port, first, more):
    """Sends as fast as it can, and reads no answer."""
    with socket.create_connection(("127.0.0.1", port)) as attacker:
        try:
            attacker.sendall(first)
            while True:
                attacker.sendall(more)
        except OSError:
            pass


@pytest.mark.parametrize("code", [None, WITHOUT_BODY_LIMIT], ids=["with-body-limit", "without"])
@pytest.mark.parametrize("flood", FLOODS, ids=lambda name: name.replace(" ", "-"))
def test_who_sends_without_end_is_cut_off_and_costs_bounded_memory(tmp_path, flood, code):
    rig = Rig(tmp_path) if code is None else Rig(tmp_path, code)
    try:
        rig.serve(H264)
        until(rig.served, "served")
        viewer = rig.watch(H264)
        until(lambda: viewer.live_frames >= 5, "frames")
        before = rig.resident_bytes()
        attacker = threading.Thread(target=send_until_cut_off, args=(rig.rtsp_port, *FLOODS[flood]), daemon=True)
        attacker.start()
        grown = []

        def is_over():
            grown.append(rig.resident_bytes() - before)
            return not attacker.is_alive() or grown[-1] > MOST_GROWTH

        until(is_over, "the end of the attack")
        assert max(grown) < MOST_GROWTH
        seen = viewer.live_frames
        until(lambda: viewer.live_frames >= seen + 5, "frames as before")
        assert is_let_in(rig), "one slip does not shut an address out"
        assert (viewer.errors, viewer.standby_frames) == ([], 0)
        assert rig.downs == 0
    finally:
        rig.close()


def test_who_goes_on_sending_too_much_is_refused_for_a_while_and_others_do_not_notice(rig, attack):
    rig.serve(H264)
    until(rig.served, "served")
    viewer = rig.watch(H264)
    until(lambda: viewer.live_frames >= 5, "frames")
    attackers = []

    def is_refused():
        attackers[:] = [one for one in attackers if one.send(b"x" * 65536)]
        if not attackers:
            attackers.append(attack(rig))
        return bounds.BREAKS_TOO_MANY_BOUNDS in reasons(rig)

    until(is_refused, "the refusal", within=120.0)
    newcomer = attack(rig)
    until(lambda: not newcomer.receive(), "the end of a new connection from there")
    seen = viewer.live_frames
    until(lambda: viewer.live_frames >= seen + 5, "frames for who watched before")
    assert viewer.errors == []


def test_who_says_nothing_or_only_half_a_request_is_cut_off(rig, attack):
    rig.configure(H264)
    silent, slow = attack(rig), attack(rig)
    slow.send(b"OPTIONS * RTSP/1.0\r\nCSeq: ")

    def are_cut_off():
        slow.send(b"1")
        silent.receive()
        return silent.is_cut_off and slow.is_cut_off

    until(are_cut_off, "the end of both", within=60.0)
    until(lambda: reasons(rig), "the reason")
    assert reasons(rig) == [bounds.SENDS_NO_REQUEST], "told once"


def test_connections_are_bounded_and_the_outlet_s_own_client_finds_room(rig, attack):
    rig.configure(H264)
    attackers = [attack(rig) for _ in range(2 * bounds.MOST_CONNECTIONS)]

    def open_ones():
        return [one for one in attackers if one.receive()]

    until(lambda: len(open_ones()) <= bounds.MOST_CONNECTIONS / 2, "half of the connections are refused")
    rig.play(Sender(H264, rig.ports["/ds"]))
    until(rig.served, "served, as the outlet's own client has seen")
    assert len(open_ones()) > 0, "meanwhile all others were still there"
    assert set(reasons(rig)) <= {bounds.TOO_MANY_OF_ADDRESS, bounds.CONNECTS_TOO_OFTEN, bounds.SENDS_NO_REQUEST}
    for one in attackers:
        one.socket.close()
    until(lambda: is_let_in(rig), "room for a viewer again")


def test_with_few_descriptors_there_are_fewer_connections_and_none_is_missing(tmp_path, attack):
    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))

    rig = Rig(tmp_path, preexec=few_descriptors)
    try:
        rig.serve(H264)
        until(rig.served, "served")
        viewer = rig.watch(H264)
        until(lambda: viewer.live_frames >= 5, "frames")
        attackers = [attack(rig) for _ in range(200)]
        # An eighth of the descriptors.
        until(lambda: sum(one.receive() for one in attackers) <= 25, "the end of all the others")
        seen = viewer.live_frames
        until(lambda: viewer.live_frames >= seen + 5, "frames as before")
        assert rig.logged("no connection can be accepted; trying every second") == []
        assert viewer.errors == []
    finally:
        rig.close()


def test_guesses_of_a_password_are_few_and_told_with_the_address(rig, attack):
    rig.play(Sender(H264, rig.configure(H264, users=[EVE])["/ds"]))
    until(rig.served, "served")
    viewer = rig.watch(H264, login=EVE)
    until(lambda: viewer.live_frames >= 5, "frames")
    bystander = attack(rig)
    bystander.ask("OPTIONS")
    guesses = 0
    guesser = attack(rig)
    while not guesser.is_cut_off:
        if guesses % 20 == 0:
            guesser = attack(rig)
        login = 'Digest username="eve", realm="x", nonce="%d", uri="%s", response="0"' % (guesses, guesser.url)
        guesser.ask("DESCRIBE", "Authorization: " + login)
        guesses += 1
    assert guesses <= bounds.FAILED_LOGINS.burst + 10
    until(lambda: not bystander.receive(), "the end of who has not logged in from there")
    newcomer = attack(rig)
    until(lambda: not newcomer.receive(), "the end of a new connection from there")
    [told] = rig.logged("RTSP client cut off")
    assert (told["address"], told["why"]) == ("127.0.0.1", bounds.GUESSES_PASSWORDS)
    assert told["address_refused_seconds"] > 0
    seen = viewer.live_frames
    until(lambda: viewer.live_frames >= seen + 5, "frames for who had logged in")
    # The outlet's own client comes from that address too.
    rig.statuses.clear()
    rig.play(Sender(H264, rig.configure(H264, users=[EVE])["/ds"]))
    until(rig.served, "served")
    assert viewer.errors == []


def test_a_client_s_first_request_without_a_login_is_no_guess(rig, attack):
    rig.configure(H264, users=[EVE])
    for _ in range(int(bounds.FAILED_LOGINS.burst) + 10):
        asker = attack(rig)
        assert "401 Unauthorized" in asker.ask("DESCRIBE")
        asker.socket.close()
    assert is_let_in(rig, EVE)
    assert reasons(rig) == []


def test_a_connection_has_no_more_than_two_sessions_and_they_end_with_it(rig, attack):
    rig.configure(H264)
    # As many connections as would use up the server's sessions, if they stayed after their connections.
    for _ in range(10):
        attacker = attack(rig)
        sessions = [attacker.set_up() for _ in range(bounds.MOST_SESSIONS_PER_CONNECTION)]
        assert len(set(sessions)) == len(sessions)
        attacker.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", url=attacker.url + "/stream=0")
        until(lambda: not attacker.receive(), "the end of the connection")  # noqa: B023
        other = attack(rig)
        until(lambda: "454 Session Not Found" in other.ask("GET_PARAMETER", sessions[0]), "the end of it")  # noqa: B023
        other.socket.close()
    until(lambda: reasons(rig), "the reason")
    assert reasons(rig) == [bounds.TOO_MANY_SESSIONS]


def test_a_viewer_may_begin_again_and_again_on_one_connection(rig, attack):
    rig.configure(H264)
    viewer = attack(rig)
    for _ in range(3 * bounds.MOST_SESSIONS_PER_CONNECTION):
        session = viewer.set_up()
        assert "200 OK" in viewer.ask("PLAY", session)
        viewer.ask("TEARDOWN", session)
    assert viewer.receive()
    assert reasons(rig) == []


def test_who_reports_as_ever_other_viewers_is_cut_off(rig, attack):
    rig.serve(H264)
    until(rig.served, "served")
    viewer = rig.watch(H264)
    until(lambda: viewer.live_frames >= 5, "frames")
    attacker = attack(rig)
    attacker.ask("DESCRIBE")
    session = attacker.set_up()
    attacker.ask("PLAY", session)
    reports = [0]

    def is_cut_off():
        # An empty receiver report of a sender that nobody has heard of.
        reports[0] += 1
        return not attacker.send(b"$\x01" + struct.pack(">HBBHI", 8, 0x80, 201, 1, reports[0]))

    until(is_cut_off, "the end of the connection")
    until(lambda: reasons(rig) == [bounds.REPORTS_AS_TOO_MANY], "the reason")
    seen = viewer.live_frames
    until(lambda: viewer.live_frames >= seen + 5, "frames as before")
    assert viewer.errors == []


def test_there_is_no_tunnel_through_http_past_the_bounds(rig, attack):
    rig.configure(H264)
    with ExitStack() as stack:
        cookie = b"x-sessioncookie: 1234567890\r\n\r\n"
        get, post = (stack.enter_context(socket.create_connection(("127.0.0.1", rig.rtsp_port))) for _ in range(2))
        get.settimeout(60.0)
        post.settimeout(60.0)
        get.sendall(b"GET /ds HTTP/1.0\r\n" + cookie)
        assert b"200 OK" in get.recv(65536)
        post.sendall(b"POST /ds HTTP/1.0\r\nContent-Length: 32767\r\n" + cookie)
        assert post.recv(65536) == b"", "the end of the half on which requests would come"
