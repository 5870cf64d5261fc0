"""Supports the tests of the outlet: it as a real process, senders that stand for the worker, and real clients."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading

from sidecar.gst import Gst
from sidecar.outlet.protocol import Mount
from sidecar.outlet.standby.mark import is_marked
from sidecar.tests.main_loop import turn_until
from sidecar.tests.ports import free_port
from sidecar.worker.outputs.outlet_link import OutletLink
from sidecar.worker.outputs.rtp_sender import sender_socket

Gst.init(None)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SECOND = 1000000000
H264 = Mount("/ds", "H264", 320, 240)
H265 = Mount("/ds", "H265", 320, 240)
ENCODERS = {
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=16000 key-int-max=%d ! rtph264pay",
    "H265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=%d ! rtph265pay",
}
# Plays over TCP and then does what follows.
RAW_CLIENT = """
import socket, sys, time
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
client.connect(("127.0.0.1", int(sys.argv[1])))
url = "rtsp://127.0.0.1:%s/ds" % sys.argv[1]
def ask(method, url, number, *headers):
    client.send("\\r\\n".join(["%s %s RTSP/1.0" % (method, url), "CSeq: %d" % number, *headers, "", ""]).encode())
    return client.recv(65536).decode(errors="replace")
ask("DESCRIBE", url, 1)
answer = ask("SETUP", url + "/stream=0", 2, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
session = answer.split("Session: ")[1].split(";")[0].strip()
ask("PLAY", url, 3, "Session: " + session)
print("playing", flush=True)
"""
NEVER_READ = "time.sleep(600)"
# At most 540 kB a second, until the server ends the connection.
READ_SLOWLY = """
while client.recv(8192):
    time.sleep(0.015)
"""


def until(condition, what, within=30.0):
    """Turns the main loop until a condition holds."""
    turn_until(condition, lambda: "not in time: " + what, within)


def is_refused(stranger):
    """Whether nobody takes the datagrams of a connected UDP socket."""
    try:
        # The kernel answers the first one, and the second call returns the answer.
        for _ in range(2):
            stranger.send(b"no RTP")
    except ConnectionRefusedError:
        return True
    return False


class Playing:
    """A GStreamer pipeline that plays until the end of the test."""

    def __init__(self, description):
        self.pipeline = Gst.parse_launch(description)
        self.errors = []
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        self._watched = True
        bus.connect("message::error", lambda _, message: self.errors.append(message.parse_error()[0].message))
        bus.connect("message::eos", lambda _, message: self.errors.append("end of stream"))

    def start(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        return self

    def pause(self):
        self.pipeline.set_state(Gst.State.PAUSED)

    def stop(self):
        if self._watched:
            self.pipeline.get_bus().remove_signal_watch()
            self._watched = False
        self.pipeline.set_state(Gst.State.NULL)


class Sender(Playing):
    """Stands for the worker: a test picture as RTP, with sequence numbers and time stamps of its own."""

    def __init__(self, mount, rtp_port, key_interval=15, pattern="ball", frames=-1):
        encoder = ENCODERS[mount.codec] % key_interval
        super().__init__(
            "videotestsrc is-live=true num-buffers=%d pattern=%s ! "
            "video/x-raw,format=I420,width=%d,height=%d,framerate=15/1 ! %s mtu=60000 "
            "config-interval=-1 pt=96 ! udpsink name=sink host=127.0.0.1 port=%d sync=false"
            % (frames, pattern, mount.width, mount.height, encoder, rtp_port)
        )
        self.pipeline.get_by_name("sink").set_property("socket", sender_socket())


class Viewer(Playing):
    """A client that decodes. Notes the times of each frame, and whose it was."""

    def __init__(self, port, mount, transport, decoder=None, login=None):
        """login: user name and password."""
        family = mount.codec.lower()
        super().__init__(
            "rtspsrc name=source location=rtsp://127.0.0.1:%d%s protocols=%s latency=0 ! "
            "rtp%sdepay name=depay ! %sparse ! video/x-%s,stream-format=byte-stream,alignment=au ! "
            "identity name=coded signal-handoffs=true ! %s ! "
            "fakesink name=sink sync=false signal-handoffs=true"
            % (port, mount.path, transport, family, family, family, decoder or "avdec_" + family)
        )
        if login is not None:
            source = self.pipeline.get_by_name("source")
            source.set_property("user-id", login[0])
            source.set_property("user-pw", login[1])
        # As the server has sent them, in RTP's 90 kHz. GStreamer's client derives others from them (shown): on a busy
        # machine it gives the same one to two frames that come at once.
        self.times = []
        self.shown = []
        self.standby_frames = 0
        self.live_frames = 0
        self.picture = b""
        depayloader = self.pipeline.get_by_name("depay")
        depayloader.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._on_packet)
        self.pipeline.get_by_name("coded").connect("handoff", self._on_coded)
        self.pipeline.get_by_name("sink").connect("handoff", self._on_decoded)

    @property
    def frames(self):
        return len(self.shown)

    def _on_packet(self, _pad, info):
        flags, time = struct.unpack(">xB2xI", info.get_buffer().extract_dup(0, 8))
        # The marker is on the last packet of a frame.
        if flags & 0x80:
            # It begins anywhere, and 0 may follow.
            self.times.append(time if not self.times or time > self.times[0] - 2**31 else time + 2**32)
        return Gst.PadProbeReturn.OK

    def _on_coded(self, _, frame):
        if is_marked(frame.extract_dup(0, frame.get_size())):
            self.standby_frames += 1
        else:
            self.live_frames += 1

    def _on_decoded(self, _sink, frame, _pad):
        self.shown.append(frame.pts)
        self.picture = frame.extract_dup(0, frame.get_size())


class FfmpegViewer:
    """ffmpeg as a client that decodes, and complains of all that it does not like."""

    def __init__(self, port, mount, transport):
        command = (
            "ffmpeg -nostdin -loglevel error -rtsp_transport %s -i rtsp://127.0.0.1:%d%s -f framecrc -flush_packets 1 -"
        )
        self._process = subprocess.Popen(
            (command % (transport, port, mount.path)).split(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        self.times = []
        self.complaints = []
        self._readers = [
            threading.Thread(target=_for_each, args=(self._process.stdout, self._take)),
            threading.Thread(target=_for_each, args=(self._process.stderr, self.complaints.append)),
        ]

    @property
    def frames(self):
        return len(self.times)

    def start(self):
        for reader in self._readers:
            reader.start()
        return self

    def stop(self):
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()

    def _take(self, line):
        # stream, dts, pts, duration, size, checksum; comments begin with #.
        if not line.startswith("#"):
            self.times.append(int(line.split(",")[2]))


def _for_each(stream, take):
    with stream:
        for line in stream:
            take(line)


class Rig:
    """An outlet process, the worker's link to it, and what the link has said."""

    def __init__(self, run_dir, code="from sidecar.outlet.__main__ import main; main()", preexec=None):
        """code: what the outlet's process runs. preexec: what it does before that."""
        self._run_dir = str(run_dir)
        self._code = code
        self._preexec = preexec
        self._log = os.path.join(self._run_dir, "outlet.log")
        self._playing = []
        self._raw_clients = []
        self.rtsp_port = free_port()
        self.ports = None
        self.statuses = {}
        self.failures = []
        self.downs = 0
        self.link = None
        self.start_outlet()
        self.connect()

    def start_outlet(self):
        env = dict(os.environ, PYTHONPATH=SOURCE, SLIPSTREAM_RUN_DIR=self._run_dir)
        with open(self._log, "a") as log:
            command = [sys.executable, "-c", self._code]
            self.process = subprocess.Popen(command, env=env, stderr=log, preexec_fn=self._preexec)

    def connect(self):
        """Connects as a new worker does."""
        path = os.path.join(self._run_dir, "outlet.sock")
        self.ports = None
        self.link = OutletLink(path, self._on_ports, self.statuses.update, self.failures.append, self._on_down)

    def configure(self, *mounts, users=()):
        self.ports = None
        self.link.configure(self.rtsp_port, mounts, users)
        until(lambda: self.ports is not None, "the outlet's answer")
        return self.ports

    def play(self, playing):
        self._playing.append(playing)
        return playing.start()

    def serve(self, mount):
        """Configures one mount and sends to it. Returns the sender."""
        return self.play(Sender(mount, self.configure(mount)[mount.path]))

    def watch(self, mount, transport="tcp", client=Viewer, **options):
        return self.play(client(self.rtsp_port, mount, transport, **options))

    def play_when_served(self, mount):
        """Watches as soon as somebody listens."""

        def is_listening():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", self.rtsp_port)) == 0

        until(is_listening, "somebody listens")
        return self.watch(mount)

    def watch_raw(self, then):
        """The process of a client over TCP that plays, and then runs this code. Returns when it plays."""
        command = [sys.executable, "-c", RAW_CLIENT + then, str(self.rtsp_port)]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._raw_clients.append(client)
        assert client.stdout.readline() == b"playing\n"
        return client

    def served(self, path="/ds"):
        return path in self.statuses and self.statuses[path].served

    def viewers(self, path="/ds"):
        return self.statuses[path].viewers if path in self.statuses else 0

    def logged(self, message):
        """What the outlet has logged with this message."""
        with open(self._log) as log:
            lines = [json.loads(line) for line in log if line.startswith("{")]
        return [line for line in lines if line["message"] == message]

    def streaming_threads(self):
        """The names of the outlet's threads in which GStreamer makes or sends frames, not those that wait for some."""
        names = []
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            try:
                with open("/proc/%d/task/%s/comm" % (self.process.pid, task)) as comm:
                    names.append(comm.read().strip())
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended meanwhile
        return [name for name in names if name.endswith(":src") and not name.startswith("udpsrc")]

    def resident_bytes(self):
        """Memory of the outlet."""
        with open("/proc/%d/statm" % self.process.pid) as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def close(self):
        self.link.stop()
        for playing in self._playing:
            playing.stop()
        for process in [*self._raw_clients, self.process]:
            process.kill()
            process.wait()
        for client in self._raw_clients:
            client.stdout.close()
        with open(self._log) as log:
            # Shown if the test fails.
            print(log.read())

    def _on_ports(self, ports):
        self.ports = ports

    def _on_down(self):
        self.downs += 1
        self.statuses.clear()
