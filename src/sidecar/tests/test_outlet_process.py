"""The outlet as a real process: RTP in from test senders, RTSP out to real clients."""

import os
import signal
import socket
import subprocess
import sys
import time

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from sidecar.outlet.protocol import PORT_IN_USE, Mount, MountStatus  # noqa: E402
from sidecar.worker.outlet_link import OutletLink  # noqa: E402

Gst.init(None)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
H264 = Mount("/ds", "H264", 320, 240)
H265 = Mount("/ds", "H265", 320, 240)
ENCODERS = {
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=16000 key-int-max=%d ! rtph264pay",
    "H265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=%d ! rtph265pay",
}
# Plays over TCP and never reads what comes.
STUCK_CLIENT = """
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
time.sleep(60)
"""


def until(condition, what, within=5.0):
    """Turns the main loop until a condition holds."""
    context = GLib.MainContext.default()
    alarm = GLib.timeout_add(10, lambda: True)
    deadline = time.monotonic() + within
    try:
        while not condition():
            assert time.monotonic() < deadline, "not in time: " + what
            context.iteration(True)
    finally:
        GLib.source_remove(alarm)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Playing:
    """A GStreamer pipeline that plays until the end of the test."""

    def __init__(self, description):
        self.pipeline = Gst.parse_launch(description)
        self.errors = []
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: self.errors.append(message.parse_error()[0].message))
        bus.connect("message::eos", lambda _, message: self.errors.append("end of stream"))

    def start(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        return self

    def stop(self):
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)


class Sender(Playing):
    """Stands for the worker: a test picture as RTP, with sequence numbers and time stamps of its own."""

    def __init__(self, mount, rtp_port, key_interval=15, pattern="ball"):
        encoder = ENCODERS[mount.codec] % key_interval
        super().__init__(
            "videotestsrc is-live=true pattern=%s ! video/x-raw,width=%d,height=%d,framerate=15/1 ! %s mtu=60000 "
            "config-interval=-1 pt=96 ! udpsink host=127.0.0.1 port=%d sync=false"
            % (pattern, mount.width, mount.height, encoder, rtp_port)
        )


class Viewer(Playing):
    """A client that decodes. Notes the time stamp of each frame."""

    def __init__(self, port, mount, transport):
        family = mount.codec.lower()
        super().__init__(
            "rtspsrc location=rtsp://127.0.0.1:%d%s protocols=%s latency=0 ! rtp%sdepay ! %sparse ! avdec_%s ! "
            "fakesink name=sink sync=false signal-handoffs=true" % (port, mount.path, transport, family, family, family)
        )
        self.times = []
        self.pipeline.get_by_name("sink").connect("handoff", lambda _, frame, pad: self.times.append(frame.pts))

    @property
    def frames(self):
        return len(self.times)


class Rig:
    """An outlet process, the worker's link to it, and what the link has said."""

    def __init__(self, run_dir):
        self._run_dir = str(run_dir)
        self._playing = []
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
        self.process = subprocess.Popen([sys.executable, "-m", "sidecar.outlet"], env=env)

    def connect(self):
        """Connects as a new worker does."""
        path = os.path.join(self._run_dir, "outlet.sock")
        self.ports = None
        self.link = OutletLink(path, self._on_ports, self.statuses.update, self.failures.append, self._on_down)

    def configure(self, *mounts):
        self.ports = None
        self.link.configure(self.rtsp_port, mounts)
        until(lambda: self.ports is not None, "the outlet's answer")
        return self.ports

    def play(self, playing):
        self._playing.append(playing)
        return playing.start()

    def serve(self, mount):
        """Configures one mount and sends to it. Returns the sender."""
        return self.play(Sender(mount, self.configure(mount)[mount.path]))

    def watch(self, mount, transport="tcp"):
        return self.play(Viewer(self.rtsp_port, mount, transport))

    def served(self, path="/ds"):
        return path in self.statuses and self.statuses[path].served

    def viewers(self, path="/ds"):
        return self.statuses[path].viewers if path in self.statuses else 0

    def close(self):
        self.link.stop()
        for playing in self._playing:
            playing.stop()
        self.process.kill()
        self.process.wait()

    def _on_ports(self, ports):
        self.ports = ports

    def _on_down(self):
        self.downs += 1
        self.statuses.clear()


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("mount", [H264, H265], ids=lambda mount: mount.codec)
def test_serves_one_stream_over_tcp_and_udp_at_once(rig, mount):
    rig.serve(mount)
    until(rig.served, "served")
    viewers = [rig.watch(mount, "tcp"), rig.watch(mount, "udp")]
    until(lambda: all(viewer.frames >= 10 for viewer in viewers), "frames at both viewers")
    until(lambda: rig.viewers() == 2, "two viewers counted")
    viewers[0].stop()
    until(lambda: rig.viewers() == 1, "one viewer counted")
    viewers[1].stop()
    until(lambda: rig.viewers() == 0, "no viewer counted")


def test_a_viewer_keeps_its_session_when_the_worker_is_replaced(rig):
    first = rig.serve(H264)
    until(rig.served, "served")
    viewers = [rig.watch(H264, "tcp"), rig.watch(H264, "udp")]
    until(lambda: all(viewer.frames >= 10 for viewer in viewers), "frames of the first worker")
    before = rig.ports
    rig.link.stop()
    first.stop()

    rig.connect()
    rig.serve(H264)
    assert rig.ports == before
    seen = [viewer.frames for viewer in viewers]
    until(
        lambda: all(viewer.frames >= count + 10 for viewer, count in zip(viewers, seen)), "the second worker's frames"
    )
    for viewer in viewers:
        assert viewer.errors == []
        assert viewer.times == sorted(viewer.times)
    until(lambda: rig.served() and rig.viewers() == 2, "served again, to the same viewers")


def test_who_comes_just_as_the_last_viewer_leaves_is_served(rig):
    rig.serve(H264)
    until(rig.served, "served")
    for turn in range(12):
        viewers = [rig.watch(H264, transport) for transport in ("tcp", "udp")]
        until(lambda: all(viewer.frames or viewer.errors for viewer in viewers), "a frame or an error")  # noqa: B023
        assert [viewer.errors for viewer in viewers] == [[], []], "turn %d" % turn
        for viewer in viewers:
            viewer.stop()


def test_served_is_true_only_for_a_stream_that_has_come_through(rig):
    rig.configure(H264)
    until(lambda: "/ds" in rig.statuses, "a status")
    assert rig.statuses["/ds"] == MountStatus(frames=0, viewers=0, served=False)
    sender = rig.serve(H264)
    until(rig.served, "served")
    assert rig.statuses["/ds"].frames > 0
    assert rig.statuses["/ds"].viewers == 0, "our own client is no viewer"
    viewer = rig.watch(H264)
    until(lambda: viewer.frames > 0, "a frame")

    sender.stop()
    rig.link.stop()
    rig.connect()
    rig.statuses.clear()
    rig.configure(H264)
    until(lambda: "/ds" in rig.statuses, "a status for the new worker")
    assert not rig.served(), "the new worker has sent nothing yet"
    rig.play(Sender(H264, rig.ports["/ds"]))
    until(rig.served, "served again")


def test_a_viewer_sees_the_picture_before_the_next_key_frame(rig):
    rig.play(Sender(H264, rig.configure(H264)["/ds"], key_interval=900))
    until(rig.served, "served")
    until(lambda: rig.statuses["/ds"].frames >= 15, "frames since the key frame")
    viewer = rig.watch(H264)
    until(lambda: viewer.frames >= 15, "the frames since the key frame, and more", within=2.0)


def test_says_that_the_port_is_in_use_and_takes_it_when_it_is_free(rig):
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", rig.rtsp_port))
        holder.listen(1)
        rig.link.configure(rig.rtsp_port, [H264])
        until(lambda: rig.failures, "the failure")
        assert rig.failures[0].reason == PORT_IN_USE
        assert str(rig.rtsp_port) in rig.failures[0].detail
        assert rig.ports is None
    until(lambda: rig.ports is not None, "the port")
    assert len(rig.failures) == 1
    rig.play(Sender(H264, rig.ports["/ds"]))
    until(rig.served, "served")


def test_moves_to_another_port_and_other_mounts(rig):
    front, back = Mount("/ds/front", "H264", 320, 240), Mount("/ds/back", "H265", 160, 120)
    rig.configure(front)
    front_port = rig.ports["/ds/front"]
    rig.rtsp_port = free_port()
    rig.configure(front, back)
    assert rig.ports["/ds/front"] == front_port
    for mount in (front, back):
        rig.play(Sender(mount, rig.ports[mount.path]))
    until(lambda: rig.served("/ds/front") and rig.served("/ds/back"), "both served on the new port")
    viewer, other = rig.watch(front), rig.watch(back)
    until(lambda: viewer.frames and other.frames, "frames at both viewers")
    assert rig.configure(front).keys() == {"/ds/front"}
    until(lambda: other.errors, "the end for viewers of the mount that is gone")
    seen = viewer.frames
    rig.play(Sender(front, rig.ports["/ds/front"]))
    until(lambda: viewer.frames > seen + 5, "frames for viewers of the mount that stays")


def test_a_killed_outlet_is_configured_again_by_the_link(rig):
    rig.serve(H264)
    until(rig.served, "served")
    viewer = rig.watch(H264)
    until(lambda: viewer.frames > 0, "a frame")
    rig.ports = None
    rig.process.kill()
    rig.process.wait()
    until(lambda: rig.downs == 1, "the link notices")
    # Connections of the killed outlet still hold the port in TIME_WAIT.
    rig.start_outlet()
    until(lambda: rig.ports is not None, "ports of the new outlet")
    assert rig.failures == []
    rig.play(Sender(H264, rig.ports["/ds"]))
    until(rig.served, "served by the new outlet")


def test_a_client_before_the_first_frame_is_refused_at_once(rig):
    rig.configure(H264)
    viewer = rig.watch(H264)
    until(lambda: viewer.errors, "the refusal", within=2.0)


def test_a_viewer_that_never_reads_harms_no_other(rig):
    mount = Mount("/ds", "H264", 640, 480)
    # 2 MB a second: the sockets' buffers are full soon.
    rig.play(Sender(mount, rig.configure(mount)["/ds"], pattern="snow"))
    until(rig.served, "served")
    stuck = subprocess.Popen(
        [sys.executable, "-c", STUCK_CLIENT, str(rig.rtsp_port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert stuck.stdout.readline() == b"playing\n"
        viewer = rig.watch(mount)
        until(lambda: viewer.frames >= 60, "frames past the client that does not read")
        assert viewer.errors == []
    finally:
        stuck.kill()
        stuck.wait()
        stuck.stdout.close()


def test_nonsense_is_refused_and_a_later_configuration_is_taken(rig, tmp_path):
    with socket.socket(socket.AF_UNIX) as worker:
        until(lambda: os.path.exists(str(tmp_path / "outlet.sock")), "the socket")
        worker.connect(str(tmp_path / "outlet.sock"))
        worker.settimeout(3.0)
        worker.sendall(
            b'{"configure": {"port": 8554, "mounts": [{"path": "/ds", "codec": "VP8", "width": 1, "height": 1}]}}\n'
        )
        assert b"codec: 'VP8' is not one of H264, H265" in worker.recv(65536)
        worker.sendall(b"no json\n")
        until(lambda: worker.recv(65536) == b"", "the end of the connection")
    rig.configure(H264)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_within_a_second_with_viewers_connected(rig, number):
    rig.serve(H264)
    until(rig.served, "served")
    viewer = rig.watch(H264)
    until(lambda: viewer.frames > 0, "a frame")
    began = time.monotonic()
    rig.process.send_signal(number)
    assert rig.process.wait(3.0) == 0
    assert time.monotonic() - began < 1.0
