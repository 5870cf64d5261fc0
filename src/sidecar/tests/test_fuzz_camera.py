"""Cameras that answer with anything but RTSP, or with RTSP that is wrong: lost for a reason, soon, and at no cost.

FUZZ_SEED repeats a run with other chances, FUZZ_ROUNDS makes it longer.
"""

import contextlib
import itertools
import os
import random
import socket
import threading
import time

import pytest

from sidecar.contract import state
from sidecar.tests.test_cpu_camera import Watched
from sidecar.worker.cameras import state as camera_state
from sidecar.worker.engines import rtp_packets, rtsp_connections

SEED = int(os.environ.get("FUZZ_SEED", "20260726"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "40"))
# Cameras at a time.
CROWD = 20
FIRST_FRAME_SECONDS = 2.0
MOST_MEMORY = 300e6

SDP = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=camera",
        "t=0 0",
        "a=control:*",
        "m=video 0 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 packetization-mode=1;profile-level-id=42c015;sprop-parameter-sets=Z0LAFdoCgPRA,aM4PLIA=",
        "a=control:stream=0",
        "",
    ]
)


def head(method, cseq, *lines):
    return "\r\n".join(["RTSP/1.0 200 OK", "CSeq: %s" % cseq, *lines, "", ""])


def right_answer(method, cseq, address):
    """What a camera says that means well, up to the point where media should come."""
    if method == "OPTIONS":
        return head(method, cseq, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
    if method == "DESCRIBE":
        kind = ["Content-Type: application/sdp", "Content-Base: %s/" % address, "Content-Length: %d" % len(SDP)]
        return head(method, cseq, *kind) + SDP
    if method == "SETUP":
        return head(method, cseq, "Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    return head(method, cseq, "Session: 1")


def instead(of, answer):
    """Answers rightly to all requests but one kind. answer(cseq, address) gives text or bytes, or many of them."""

    def answers(method, cseq, address):
        return answer(cseq, address) if method == of else right_answer(method, cseq, address)

    return answers


def always(data):
    return lambda method, cseq, address: data


def described(sdp, **headers):
    lines = {"Content-Type": "application/sdp", "Content-Length": str(len(sdp)), **headers}
    return instead(
        "DESCRIBE",
        lambda cseq, address: head("", cseq, *("%s: %s" % (k.replace("_", "-"), v) for k, v in lines.items())) + sdp,
    )


def endless(piece):
    """Goes on for as long as it is taken, at a pace that does not fill the machine."""

    def pieces():
        while True:
            yield piece
            time.sleep(0.01)

    return lambda method, cseq, address: pieces()


def played(data):
    return instead("PLAY", lambda cseq, address: [right_answer("PLAY", cseq, address), data])


def flood(piece, begins):
    """Goes on for as long as it is taken, as fast as it is taken."""

    def pieces(cseq, address):
        yield right_answer("PLAY", cseq, address) if begins is None else begins % cseq
        for number in itertools.count():
            yield piece(number) if callable(piece) else piece

    return instead("PLAY", pieces)


def fragment(number):
    """Of a frame that has no end: RTP with a fragmentation unit of H.264."""
    first = b"\x7c\x85" if number == 0 else b"\x7c\x05"
    return b"$\0\x05\xdc\x80\x60" + (number & 0xFFFF).to_bytes(2, "big") + bytes([0, 0, 0, 1] * 2) + first + b"y" * 1486


def refused(header):
    """Asks for a login in this way at every request."""
    return lambda method, cseq, address: "RTSP/1.0 401 No\r\nCSeq: %s\r\nWWW-Authenticate: %s\r\n\r\n" % (cseq, header)


SAYS_TOO_MUCH = {
    "an answer of gigabytes": flood(
        b"x" * 65536, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: 1\r\nContent-Length: 2000000000\r\n\r\n"
    ),
    "a request of gigabytes": flood(
        b"x" * 65536,
        "RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: 1\r\n\r\n"
        "SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n",
    ),
    "a frame without an end": flood(fragment, None),
}

HOSTILE = {
    "a login without parameters": refused("Digest"),
    "a login with a hundred thousand parameters": refused("Digest " + "a=b," * 100000),
    "a login in quotes without an end": refused('Digest realm="a'),
    "a clock rate of zero": described(SDP.replace("H264/90000", "H264/0")),
    "a clock rate that is negative": described(SDP.replace("H264/90000", "H264/-1")),
    "a payload type that is none": described(SDP.replace("AVP 96", "AVP 999")),
    "a key that is none": described(SDP + "a=key-mgmt:mikey AAAA\r\n"),
    "a range that is none": instead("PLAY", lambda cseq, address: head("PLAY", cseq, "Range: clock=9-", "Scale: nan")),
    "a session of a negative time": instead(
        "SETUP",
        lambda cseq, address: head(
            "SETUP", cseq, "Session: 1;timeout=-1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
        ),
    ),
    "noise": always(bytes(range(256)) * 40),
    "HTTP": always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
    "nothing at all": always(""),
    "half a line": always("RTSP/1.0 20"),
    "half a head": always("RTSP/1.0 200 OK\r\nCSeq: 1\r\n"),
    "a line without an end": endless("x" * 10000),
    "headers without an end": endless("X-Header: " + "y" * 10000 + "\r\n"),
    "a status that is none": always("RTSP/1.0 -1 \r\nCSeq: 1\r\n\r\n"),
    "a version that is none": always("RTSP/99.0 200 OK\r\nCSeq: 1\r\n\r\n"),
    "another CSeq": lambda method, cseq, address: right_answer(method, int(cseq) + 1000, address),
    "no CSeq": always("RTSP/1.0 200 OK\r\n\r\n"),
    "a negative length": described(SDP, Content_Length="-5"),
    "a length beyond all memory": described(SDP, Content_Length=str(2**62)),
    "a length of a gigabyte": described(SDP, Content_Length=str(2**30)),
    "a length that is no number": described(SDP, Content_Length="many"),
    "a redirection to itself": instead(
        "DESCRIBE", lambda cseq, address: "RTSP/1.0 301 Moved\r\nCSeq: %s\r\nLocation: %s\r\n\r\n" % (cseq, address)
    ),
    "a redirection to nowhere": always("RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: gopher://\r\n\r\n"),
    "a login that is never right": always(
        'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="a", nonce="b"\r\n\r\n'
    ),
    "a login of no known kind": always("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: \x01=;,,,\r\n\r\n"),
    "an error for everything": always("RTSP/1.0 500 No\r\nCSeq: 1\r\n\r\n"),
    "an empty description": described(""),
    "a description that is none": described("\x00\x01 not one\r\nm=\r\nm=video\r\na=rtpmap:\r\n"),
    "a description of audio": described(SDP.replace("m=video", "m=audio").replace("H264/90000", "PCMU/8000")),
    "a description of a thousand streams": described(SDP + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" * 1000),
    "a description of another type": described("<xml/>", Content_Type="text/xml"),
    "no transport": instead("SETUP", lambda cseq, address: head("SETUP", cseq, "Session: 1")),
    "a transport that was not asked for": instead(
        "SETUP", lambda cseq, address: head("SETUP", cseq, "Session: 1", "Transport: RAW/RAW/UDP;interleaved=9999-a")
    ),
    "no session": instead(
        "SETUP", lambda cseq, address: head("SETUP", cseq, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    ),
    "no media": played(b""),
    "media that are noise": played(b"".join(b"$\0\0\x10" + bytes(range(n, n + 16)) for n in range(200))),
    "packets that are empty": played(b"$\0\0\0" * 1000),
    "packets of channels that nobody has": played(b"".join(b"$%c\0\4abcd" % n for n in range(2, 250))),
    "half a packet": played(b"$\0\xff\xff" + b"x" * 100),
    "RTP of garbage": played(
        b"".join(
            b"$\0\0\x20\x80\x60" + n.to_bytes(2, "big") + b"\0\0\0\1\0\0\0\1" + bytes([n % 256] * 20)
            for n in range(500)
        )
    ),
}


class HostileServer:
    """Answers every request as it was told. Runs until it is closed."""

    def __init__(self, answers):
        self._answers = answers
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "rtsp://127.0.0.1:%d/camera" % self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self):
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):  # its thread has closed it
                # A thread that sends is not woken up by a close.
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _listen(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        text = b""
        try:
            while True:
                while b"\r\n\r\n" not in text:
                    data = connection.recv(65536)
                    if not data:
                        return
                    text += data
                request, text = text.split(b"\r\n\r\n", 1)
                lines = request.decode("latin-1").split("\r\n")
                cseq = next((line.split(":")[1].strip() for line in lines if line.lower().startswith("cseq")), "0")
                answer = self._answers(lines[0].split(" ")[0], cseq, self.address)
                for piece in [answer] if isinstance(answer, (str, bytes)) else answer:
                    connection.sendall(piece.encode("latin-1") if isinstance(piece, str) else piece)
        except OSError:
            pass  # the camera's line has gone
        finally:
            connection.close()


@pytest.fixture
def watch_all(monkeypatch):
    """Watches cameras that answer so, all at a time, until each of them is lost. Returns their states."""
    monkeypatch.setattr(camera_state, "FIRST_FRAME_SECONDS", FIRST_FRAME_SECONDS)
    servers, cameras = [], []

    def start(all_answers):
        first = len(cameras)
        for answers in all_answers:
            servers.append(HostileServer(answers))
            cameras.append(Watched(uri=servers[-1].address))
        for one in cameras[first:]:
            one.until(lambda one=one: one.status().WhichOneof("state") == "lost")
        lost = [one.status().lost for one in cameras[first:]]
        for one in cameras[first:]:
            one.close()
        for server in servers:
            server.close()
        for one in cameras[first:]:
            one.stop()
        del cameras[first:]
        return lost

    yield start
    for server in servers:
        server.close()
    for one in cameras:
        one.stop()


@pytest.mark.parametrize("kind", sorted(SAYS_TOO_MUCH))
def test_a_camera_that_says_too_much_while_it_plays_is_given_up(watch_all, monkeypatch, kind):
    monkeypatch.setattr(rtsp_connections, "MOST_BYTES_PLAYING", 1 << 20)
    monkeypatch.setattr(rtp_packets, "MOST_FRAME_BYTES", 1 << 20)
    # Before its time is over.
    monkeypatch.setattr(camera_state, "FIRST_FRAME_SECONDS", 60.0)
    before = resident_bytes()
    (lost,) = watch_all([SAYS_TOO_MUCH[kind]])
    assert lost.reason == state.CAMERA_LOST_REASON_BROKEN_STREAM
    assert "while it does" in lost.detail or "no whole frame" in lost.detail
    assert resident_bytes() - before < MOST_MEMORY


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_told(lost):
    named = lost.reason in state.CameraLostReason.values() and lost.reason != state.CAMERA_LOST_REASON_UNSPECIFIED
    return named and lost.detail.startswith("rtsp://") and lost.detail.isprintable()


def test_a_camera_that_is_hostile_is_lost_for_a_reason(watch_all):
    before = resident_bytes()
    names = list(HOSTILE)
    for first in range(0, len(names), CROWD):
        crowd = names[first : first + CROWD]
        for name, lost in zip(crowd, watch_all([HOSTILE[name] for name in crowd])):
            assert is_told(lost), "%s: %s" % (name, lost)
    assert resident_bytes() - before < MOST_MEMORY


def test_a_camera_that_means_well_and_errs_is_lost_for_a_reason(watch_all):
    before = resident_bytes()
    for first in range(0, ROUNDS, CROWD):
        crowd = [damaged(random.Random("%d %d" % (SEED, number))) for number in range(first, first + CROWD)]
        for number, lost in enumerate(watch_all(crowd), first):
            assert is_told(lost), "seed %d, round %d: %s" % (SEED, number, lost)
    assert resident_bytes() - before < MOST_MEMORY


def damaged(chance):
    """Right answers, some of whose bytes are changed, missing or twice there."""

    def answers(method, cseq, address):
        data = bytearray(right_answer(method, cseq, address).encode("latin-1"))
        for _ in range(chance.choice([0, 1, 2, 8])):
            at = chance.randrange(len(data))
            kind = chance.randrange(3)
            if kind == 0:
                data[at] = chance.randrange(256)
            elif kind == 1:
                del data[at : at + chance.randrange(1, 20)]
            else:
                data[at:at] = data[at : at + chance.randrange(1, 200)]
        return bytes(data)

    return answers
