"""The standby picture: what viewers see while nobody sends, and that they do not notice more than that."""

import time

import cairo
import pytest

from sidecar.outlet.standby import drawing
from sidecar.outlet.standby.text import StandbyFacts, standby_text
from sidecar.tests.outlet_rig import H264, H265, FfmpegViewer, Rig, Sender, until

FRAME_SIZE = 320 * 240


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("mount", [H264, H265], ids=lambda mount: mount.codec)
def test_who_comes_before_the_first_frame_sees_it_at_once_and_then_the_stream(rig, mount, transport):
    rig.configure(mount)
    viewer = rig.watch(mount, transport)
    until(lambda: viewer.frames >= 3, "the standby picture")
    assert viewer.live_frames == 0
    assert not rig.served()
    rig.play(Sender(mount, rig.ports[mount.path]))
    until(lambda: viewer.live_frames >= 10, "the stream")
    standby_frames = viewer.standby_frames
    until(rig.served, "served")
    until(lambda: viewer.live_frames >= 20, "more of the stream")
    assert viewer.standby_frames == standby_frames
    assert viewer.errors == []
    assert viewer.times == sorted(set(viewer.times))
    assert viewer.shown == sorted(viewer.shown)


@pytest.mark.parametrize("mount", [H264, H265], ids=lambda mount: mount.codec)
def test_the_worker_s_death_and_return_cost_viewers_a_standby_picture_and_nothing_else(rig, mount):
    first = rig.serve(mount)
    until(rig.served, "served")
    viewers = [rig.watch(mount, transport) for transport in ("tcp", "udp")]
    others = [rig.watch(mount, transport, FfmpegViewer) for transport in ("tcp", "udp")]
    until(lambda: all(viewer.frames >= 10 for viewer in [*viewers, *others]), "frames of the first worker")
    # Who comes in the middle of a group of pictures complains of what went before.
    complaints = [len(viewer.complaints) for viewer in others]
    first.stop()
    rig.link.stop()
    until(lambda: all(viewer.standby_frames >= 10 for viewer in viewers), "the standby picture")
    seen = [viewer.live_frames for viewer in viewers]

    rig.connect()
    rig.serve(mount)
    until(lambda: all(viewer.live_frames >= n + 20 for viewer, n in zip(viewers, seen)), "the second worker's frames")
    until(lambda: rig.viewers() == 4, "the same viewers")
    for viewer in viewers:
        assert viewer.errors == []
        assert viewer.times == sorted(set(viewer.times))
        assert viewer.shown == sorted(viewer.shown)
    for viewer, count in zip(others, complaints):
        assert viewer.complaints[count:] == []
        assert viewer.times == sorted(set(viewer.times))


def test_a_pause_of_the_stream_ends_with_its_next_key_frame(rig):
    rig.configure(H264)
    viewer = rig.watch(H264)
    sender = rig.play(Sender(H264, rig.ports["/ds"]))
    for pause in range(1, 4):
        until(lambda: viewer.live_frames >= 10 * pause, "the stream")  # noqa: B023
        shown = viewer.standby_frames
        sender.pause()
        until(lambda: viewer.standby_frames >= shown + 2, "the standby picture")  # noqa: B023
        sender.start()
    until(lambda: viewer.live_frames >= 40, "the stream")
    assert viewer.errors == []
    assert viewer.times == sorted(set(viewer.times))
    assert viewer.shown == sorted(viewer.shown)


def watch_until_silent(rig):
    """A viewer of a stream that has sent some frames, of which the last one holds, and has paused."""
    rig.configure(H264)
    rig.link.hold_last_frame("/ds", True)
    viewer = rig.watch(H264)
    sender = rig.play(Sender(H264, rig.ports["/ds"]))
    until(lambda: viewer.live_frames >= 10, "the stream")
    sender.pause()
    return viewer


def test_viewers_keep_the_last_frame_of_a_camera_that_sends_rarely_until_the_worker_is_gone(rig):
    viewer = watch_until_silent(rig)
    shown = viewer.standby_frames
    # Whoever comes now sees that frame, too.
    late = rig.watch(H264)
    until(lambda: late.live_frames >= 1, "the frames since the last key frame")
    resumed = time.monotonic() + 2
    until(lambda: time.monotonic() > resumed, "twice the silence of any other stream")
    assert viewer.standby_frames == shown
    assert late.standby_frames == 0
    rig.link.stop()
    until(lambda: viewer.standby_frames > shown, "the standby picture")


def test_a_last_frame_that_holds_no_longer_is_replaced_by_the_standby_picture(rig):
    viewer = watch_until_silent(rig)
    shown = viewer.standby_frames
    rig.link.hold_last_frame("/ds", False)
    until(lambda: viewer.standby_frames > shown, "the standby picture")


def test_standby_frames_prove_nothing(rig):
    ports = rig.configure(H264)
    rig.play(Sender(H264, ports["/ds"], frames=1))
    until(lambda: rig.statuses.get("/ds") is not None and rig.statuses["/ds"].frames == 1, "the only frame")
    viewer = rig.watch(H264)
    # Our own client is watching too: it has been sent for by the frame.
    until(lambda: viewer.standby_frames >= 10, "many standby frames")
    assert not rig.served()


def test_it_says_what_the_worker_says_until_the_worker_is_gone(rig):
    rig.configure(H264)
    viewer = rig.watch(H264)
    until(lambda: viewer.frames >= 2, "the standby picture")
    pictures = [viewer.picture]

    def another(what):
        until(lambda: viewer.picture not in pictures, what)
        pictures.append(viewer.picture)

    rig.link.set_text("/ds", "no signal since 12:03:11")
    another("what the worker says")
    rig.configure(H264)
    rig.link.set_text("/ds", "no signal since 12:04:12")
    another("what it says now")
    rig.link.stop()
    another("that the worker is away")


def test_nothing_is_encoded_while_nobody_watches(rig):
    rig.configure(H264)
    viewer = rig.watch(H264)
    until(lambda: viewer.frames >= 2, "the standby picture")
    assert rig.streaming_threads()
    viewer.stop()
    until(lambda: rig.viewers() == 0, "no viewer")
    until(lambda: not rig.streaming_threads(), "the end of what makes and sends frames")


FACTS = StandbyFacts(text="", worker_is_connected=True, has_stream=True, last_frame="12:03:11", served_since="12:00:00")


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (FACTS, "no signal since 12:03:11"),
        (FACTS._replace(text="no signal since 12:03:11, next try in 4 s"), "no signal since 12:03:11, next try in 4 s"),
        (FACTS._replace(worker_is_connected=False, has_stream=False), "restarting, no video since 12:03:11"),
        (FACTS._replace(has_stream=False), "starting, no video since 12:03:11"),
        (FACTS._replace(has_stream=False, last_frame=None), "starting, no video since 12:00:00"),
    ],
)
def test_the_text(facts, text):
    assert standby_text(facts) == text


@pytest.mark.parametrize("size", [(1280, 720), (320, 240), (318, 178)])
@pytest.mark.parametrize(
    "text", ["no signal since 12:03:11, next try in 4 s", "a line without an end " * 20, "", "\x00\ud800"]
)
def test_the_picture_is_dark_with_letters_inside_its_margins(size, text):
    width, height = size
    stride = cairo.ImageSurface.format_stride_for_width(cairo.FORMAT_A8, width)
    picture = drawing.draw(width, height, "Front door", text)
    assert len(picture) == stride * height
    rows = [picture[y * stride : y * stride + width] for y in range(height)]
    dark = rows[0][0]
    assert 16 < dark < 40
    margin = width // 25
    assert all(set(row[:margin]) | set(row[-margin:]) == {dark} for row in rows)
    assert max(max(row) for row in rows) > 150, "there are letters"
