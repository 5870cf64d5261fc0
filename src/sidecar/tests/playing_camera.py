"""An RTSP camera on a socket that sends frames and reports when a test says so, over TCP or UDP."""

import contextlib
import re
import socket
import struct
import threading

from sidecar.gst import Gst
from sidecar.tests.rtsp_doubles import ScriptedCamera, answered

_JPEG = "m=video 0 RTP/AVP 26\r\na=control:track1\r\n"
_PUBLIC = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN"
_FIRST_FRAME_TIMESTAMP = 1000


def jpeg_packets(width=320, height=240):
    """RTP packets of one JPEG frame, without their headers of twelve bytes."""
    Gst.init(None)
    caps = "video/x-raw,format=I420,width=%d,height=%d,framerate=1/1" % (width, height)
    line = "videotestsrc num-buffers=1 ! %s ! jpegenc ! rtpjpegpay ! appsink name=out sync=false" % caps
    pipeline = Gst.parse_launch(line)
    pipeline.set_state(Gst.State.PLAYING)
    packets = []
    while True:
        sample = pipeline.get_by_name("out").emit("pull-sample")
        if sample is None:
            break
        buffer = sample.get_buffer()
        packets.append(buffer.extract_dup(0, buffer.get_size())[12:])
    pipeline.set_state(Gst.State.NULL)
    return packets


class PlayingCamera(ScriptedCamera):
    """Sends to all viewers that play. answer(method, cseq, request) may answer in its place, see Between."""

    def __init__(self, answer=lambda *_: "", public=_PUBLIC + ", GET_PARAMETER", session="1;timeout=10"):
        self._own_answer = answer
        self._public = public
        self._session = session
        self._packets = jpeg_packets()
        # The UDP port of each connection; 0: TCP.
        self._transports = {}
        self._viewers = []
        self._lock = threading.Lock()
        self._sequence = 0
        self.ssrc = 0x51D5EA11
        self._time = _FIRST_FRAME_TIMESTAMP
        # Frames hold garbage instead of video.
        self.sends_garbage = False
        # Set while somebody plays.
        self.is_played = threading.Event()
        self._udp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for one in self._udp:
            one.bind(("127.0.0.1", 0))
        super().__init__(self._answer_as_camera)

    def stop(self):
        super().stop()
        for one in self._udp:
            one.close()

    @property
    def viewers(self):
        return len(self._viewers)

    def send_frame(self, seconds=1.0):
        """seconds: since the frame before, by the camera's clock."""
        self._time += int(seconds * 90000)
        for number, packet in enumerate(self._packets):
            marker = 0x80 if number == len(self._packets) - 1 else 0
            head = struct.pack(">BBHII", 0x80, 26 | marker, self._sequence & 0xFFFF, self._time & 0xFFFFFFFF, self.ssrc)
            self._sequence += 1
            self._send(0, head + (b"\xff" * len(packet) if self.sends_garbage else packet))

    def send_report(self):
        """An RTCP sender report."""
        self._send(1, struct.pack(">BBHIIIIII", 0x80, 200, 6, self.ssrc, 1, 0, self._time, self._sequence, 1))

    def _send(self, channel, data):
        with self._lock:
            for connection, port in list(self._viewers):
                with contextlib.suppress(OSError):
                    if port:
                        self._udp[channel].sendto(data, ("127.0.0.1", port + channel))
                    else:
                        connection.sendall(struct.pack(">cBH", b"$", channel, len(data)) + data)

    def _answer_as_camera(self, method, cseq, request):
        own = self._own_answer(method, cseq, request)
        if own != "":
            return own
        if method == "OPTIONS":
            return answered(cseq, "200 OK", *(["Public: " + self._public] if self._public else []))
        if method == "DESCRIBE":
            description = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=a\r\nt=0 0\r\n" + _JPEG
            headers = ["Content-Type: application/sdp", "Content-Length: %d" % len(description)]
            return answered(cseq, "200 OK", "Content-Base: %s/" % self.address, *headers) + description
        if method == "SETUP":
            transport = re.search(r"Transport: ([^\r]*)", request).group(1)
            if "client_port" in transport:
                transport = transport.split(",")[0] + ";server_port=%d-%d" % tuple(
                    one.getsockname()[1] for one in self._udp
                )
            return answered(cseq, "200 OK", "Transport: " + transport, "Session: " + self._session)
        return answered(cseq, "200 OK", "Session: " + self._session)

    def _on_answered(self, connection, method, request):
        if method == "SETUP":
            found = re.search(r"client_port=(\d+)", request)
            self._transports[connection] = int(found.group(1)) if found else 0
        elif method == "PLAY":
            with self._lock:
                self._viewers.append((connection, self._transports.get(connection, 0)))
            self.is_played.set()

    def _on_closed(self, connection):
        with self._lock:
            self._viewers = [one for one in self._viewers if one[0] is not connection]
            if not self._viewers:
                self.is_played.clear()


class OneSessionCamera(PlayingCamera):
    """Refuses a second session while it has one."""

    def __init__(self, **options):
        self._has_session = False
        self.refusals = 0
        super().__init__(answer=self._answer_one, **options)

    def _answer_one(self, method, cseq, _request):
        if method == "SETUP":
            if self._has_session:
                self.refusals += 1
                return answered(cseq, "453 Not Enough Bandwidth")
            self._has_session = True
        elif method == "TEARDOWN":
            self._has_session = False
        return ""
