"""The outlet as a real process: RTP in from test senders, RTSP out to real clients."""

import json
import os
import signal
import socket

import pytest

from sidecar.outlet.protocol import PORT_IN_USE, Configuration, Mount, MountStatus, User
from sidecar.outlet.saved_configuration import SavedConfiguration
from sidecar.tests.outlet_rig import (
    H264,
    H265,
    NEVER_READ,
    READ_SLOWLY,
    Rig,
    Sender,
    free_port,
    is_refused,
    until,
)


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
        assert viewer.times == sorted(set(viewer.times))
        assert viewer.shown == sorted(viewer.shown)
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
    until(lambda: viewer.frames >= 15, "the frames since the key frame, and more")


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


def test_the_standby_picture_is_there_before_a_worker_is(rig):
    rig.configure(H264)
    rig.link.stop()
    rig.process.kill()
    rig.process.wait()
    rig.start_outlet()
    viewer = rig.play_when_served(H264)
    until(lambda: viewer.frames >= 2, "the standby picture")
    rig.connect()
    rig.serve(H264)
    seen = viewer.frames
    until(lambda: viewer.frames >= seen + 30, "the worker's frames, to the same viewer")
    assert viewer.errors == []


def test_where_not_everybody_may_watch_the_worker_is_waited_for(rig, tmp_path):
    rig.configure(H264)
    rig.configure(H264, users=[User("eve", "hunter2")])
    assert "hunter2" not in "".join(path.read_text() for path in tmp_path.glob("*.json"))
    rig.link.stop()
    rig.process.kill()
    rig.process.wait()
    rig.start_outlet()
    until(lambda: (tmp_path / "outlet.sock").exists(), "the outlet")
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", rig.rtsp_port)) != 0


@pytest.mark.parametrize("spoilt", ["", "{", "[]", "[" * 100000, '{"port": "x"}'])
def test_a_spoilt_memory_is_as_good_as_none(tmp_path, spoilt):
    (tmp_path / "outlet-served.json").write_text(spoilt)
    remembered = SavedConfiguration(str(tmp_path))
    assert remembered.load() is None
    wanted = Configuration(8554, (H264,))
    remembered.save(wanted)
    assert SavedConfiguration(str(tmp_path)).load() == wanted
    assert (tmp_path / "outlet-served.json").stat().st_mode & 0o777 == 0o600
    remembered.save(wanted._replace(users=(User("eve", "hunter2"),)))
    assert SavedConfiguration(str(tmp_path)).load() is None


def test_a_fifo_in_place_of_the_memory_holds_nothing_up(tmp_path):
    os.mkfifo(str(tmp_path / "outlet-served.json"))
    assert SavedConfiguration(str(tmp_path)).load() is None


def test_only_the_worker_paints(rig):
    sender = rig.serve(H264)
    until(rig.served, "served")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", rig.ports["/ds"]))
        assert is_refused(stranger)
    viewer = rig.watch(H264)
    until(lambda: viewer.live_frames, "a frame of the worker")
    # From now on somebody else could have its port.
    rig.link.stop()
    until(lambda: viewer.standby_frames >= 2, "the standby picture, although frames still come from that port")
    rig.connect()
    rig.configure(H264)
    seen = viewer.live_frames
    until(lambda: viewer.live_frames > seen, "the frames of the worker that has connected again")
    assert (viewer.errors, sender.errors) == ([], [])


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


def test_viewers_that_do_not_read_harm_no_other_cost_bounded_memory_and_are_disconnected(rig):
    mount = Mount("/ds", "H264", 640, 480)
    # 2 MB a second: the sockets' buffers are full soon.
    rig.play(Sender(mount, rig.configure(mount)["/ds"], pattern="snow"))
    until(rig.served, "served")
    viewer = rig.watch(mount)
    until(lambda: viewer.live_frames >= 15, "frames")
    before = rig.resident_bytes()
    for then in [NEVER_READ, READ_SLOWLY] * 3:
        rig.watch_raw(then)
    until(lambda: rig.viewers() == 7, "all are counted")
    grown = []

    def is_alone():
        grown.append(rig.resident_bytes() - before)
        return rig.viewers() == 1

    # Ten seconds of the stream wait for each of them at most, and the same ten seconds for all.
    until(is_alone, "only the one that reads is counted", within=60.0)
    assert max(grown) < 80e6
    assert viewer.errors == []
    assert viewer.standby_frames == 0


def test_nonsense_is_refused_and_a_later_configuration_is_taken(rig, tmp_path):
    with socket.socket(socket.AF_UNIX) as worker:
        # The file is there a moment before somebody listens.
        until(lambda: worker.connect_ex(str(tmp_path / "outlet.sock")) == 0, "the outlet listens")
        worker.settimeout(3.0)
        mount = {"path": "/ds", "codec": "VP8", "width": 1, "height": 1, "title": ""}
        worker.sendall(json.dumps({"configure": {"port": 8554, "mounts": [mount]}}).encode() + b"\n")
        assert b"codec: 'VP8' is not one of H264, H265" in worker.recv(65536)
        worker.sendall(b"no json\n")
        until(lambda: worker.recv(65536) == b"", "the end of the connection")
    rig.configure(H264)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_with_viewers_connected(rig, number):
    rig.serve(H264)
    until(rig.served, "served")
    viewer = rig.watch(H264)
    until(lambda: viewer.frames > 0, "a frame")
    rig.process.send_signal(number)
    assert rig.process.wait(30.0) == 0
