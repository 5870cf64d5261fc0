"""Recordings of encoded frames: whole, one file after the other, and what becomes of them when the disk does not do."""

import os
import queue
import subprocess
import threading

import pytest

from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.tests.films import is_red, pixel, probe
from sidecar.worker.outputs.receiver import Failed, Serving, Waiting
from sidecar.worker.outputs.recording.folder import Folder
from sidecar.worker.outputs.recording.names import stem
from sidecar.worker.outputs.recording.recorder import Limits, Recorder, Timeouts

Gst.init(None)

DEADLINE_SECONDS = 30
RATE = 15
ENCODERS = {
    "h264": ("x264enc tune=zerolatency", "h264parse ! video/x-h264,stream-format=avc"),
    "hevc": ("x265enc tune=zerolatency log-level=none", "h265parse ! video/x-h265,stream-format=hvc1"),
}


def encoded(seconds, codec="h264", size=(64, 48), pattern="red"):
    """Samples of a film with a key frame every second."""
    encoder, parser = ENCODERS[codec]
    pipeline = Gst.parse_launch(
        "videotestsrc pattern=%s num-buffers=%d ! video/x-raw,width=%d,height=%d,framerate=%d/1 !"
        " %s speed-preset=ultrafast key-int-max=%d ! %s,alignment=au ! appsink name=sink sync=false"
        % (pattern, seconds * RATE, size[0], size[1], RATE, encoder, RATE, parser)
    )
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    samples = []
    while len(samples) < seconds * RATE:
        sample = sink.emit("try-pull-sample", 10 * Gst.SECOND)
        assert sample is not None, "the encoder is too slow"
        samples.append(sample)
    pipeline.set_state(Gst.State.NULL)
    return samples


@pytest.fixture(scope="module")
def film():
    return encoded(6)


class Recording:
    """A recorder and what it tells."""

    def __init__(self, root, path="yard.mkv", camera_id="", folder=None, timeouts=Timeouts(), **limits):  # noqa: B008
        values = {"file_duration": 600.0, "max_bytes": 0, "bitrate": 100000}
        values.update(limits)
        self.root = root
        self.told = queue.Queue()
        self.recorder = Recorder(
            folder or Folder(root, stem(path)), camera_id, Limits(**values), self.told.put, timeouts
        )

    def take(self, samples):
        for sample in samples:
            self.recorder.take(sample)

    def until(self, kind):
        """What is told next must be of this kind."""
        told = self.told.get(timeout=DEADLINE_SECONDS)
        assert isinstance(told, kind), told
        return told

    def end(self):
        self.recorder.stop()
        self.recorder.wait(DEADLINE_SECONDS)
        assert not self.recorder._thread.is_alive()

    def files(self):
        return [os.path.join(self.root, name) for name in sorted(os.listdir(self.root))]


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "recordings")


@pytest.mark.parametrize("codec", sorted(ENCODERS))
def test_a_recording_has_every_frame_begins_at_zero_and_knows_its_length(root, codec):
    recording = Recording(root, camera_id="front")
    recording.take(encoded(3, codec))
    recording.until(Serving)
    recording.end()
    (file,) = recording.files()
    assert recording.recorder.path == file
    found = probe(file)
    assert (found["codec"], found["frames"], found["start"]) == (codec, 3 * RATE, 0)
    assert found["duration"] == pytest.approx(3, abs=0.2)
    assert is_red(pixel(file, 20, 20, frame=40))


def test_it_begins_with_a_key_frame(root, film):
    recording = Recording(root)
    recording.take(film[RATE // 2 :])
    recording.end()
    (file,) = recording.files()
    assert probe(file)["frames"] == 5 * RATE


def test_a_new_file_begins_with_a_key_frame_and_no_frame_is_lost_between_two(root, film):
    recording = Recording(root, file_duration=1.5)
    recording.take(film)
    recording.end()
    assert [probe(file)["frames"] for file in recording.files()] == [2 * RATE] * 3
    assert all(probe(file)["start"] == 0 for file in recording.files())


def test_a_file_is_on_the_disk_before_it_ends(root, film):
    recording = Recording(root)
    recording.take(film[:20])
    recording.until(Serving)
    # As it is after SIGKILL: what was taken can be played.
    copy = os.path.join(os.path.dirname(root), "cut.mkv")
    last = 0
    while last < 20:
        subprocess.run(["cp", *recording.files(), copy], check=True)
        last = probe(copy)["frames"]
    assert probe(copy)["duration"] is None
    recording.end()


def test_other_caps_and_another_time_line_begin_a_new_file(root, film):
    recording = Recording(root)
    recording.take(film[: 2 * RATE])
    recording.take(film[: 2 * RATE])
    recording.take(encoded(2, size=(96, 48)))
    recording.end()
    assert [probe(file)["frames"] for file in recording.files()] == [2 * RATE] * 3


def test_a_pause_ends_the_file(root, film):
    recording = Recording(root, timeouts=Timeouts(pause=0.2))
    recording.take(film[:RATE])
    recording.until(Serving)
    recording.until(Waiting)
    (file,) = recording.files()
    assert probe(file)["duration"] == pytest.approx(1, abs=0.2)
    recording.take(film[RATE : 2 * RATE])
    recording.until(Serving)
    recording.end()
    assert len(recording.files()) == 2


def test_a_recorder_without_a_frame_leaves_no_file(root):
    recording = Recording(root)
    recording.end()
    assert not os.path.exists(root)


def test_the_oldest_files_are_removed(root, film):
    recording = Recording(root, file_duration=1.0, max_bytes=1)
    recording.take(film)
    recording.until(Serving)
    recording.end()
    assert len(recording.files()) == 1


def test_a_file_that_grows_to_a_quarter_of_what_all_may_take_is_followed_by_another(root):
    film = encoded(2, size=(320, 184), pattern="snow")
    recording = Recording(root, max_bytes=4 * sum(sample.get_buffer().get_size() for sample in film))
    recording.take(film)
    recording.until(Serving)
    (first,) = recording.files()
    later = 0
    while len(recording.files()) == 1:
        later += 1
        recording.take([shifted(film[0], film[-1].get_buffer().pts + later * Gst.MSECOND)])
        # It looks at the size once a second; what is given until then must not be more than all may take.
        with pytest.raises(queue.Empty):
            recording.told.get(timeout=0.1)
    recording.end()
    assert probe(first)["frames"] >= 2 * RATE


def shifted(sample, pts):
    buffer = sample.get_buffer().copy_deep()
    buffer.pts = pts
    return Gst.Sample.new(buffer, sample.get_caps(), None, None)


def test_a_file_that_somebody_removes_is_followed_by_a_new_one(root, film):
    recording = Recording(root)
    recording.take(film[:RATE])
    recording.until(Serving)
    (first,) = recording.files()
    os.unlink(first)
    number = 0
    while not recording.files():
        number += 1
        recording.take([shifted(film[0], film[RATE].get_buffer().pts + number * Gst.MSECOND)])
    recording.end()
    (second,) = recording.files()
    assert second != first


def test_a_directory_that_cannot_be_is_told_and_recording_begins_when_it_can(root, film):
    with open(root, "w"):
        pass
    recording = Recording(root)
    recording.take(film[:RATE])
    failed = recording.until(Failed)
    assert failed.reason == state.OUTPUT_FAILED_REASON_FILE
    assert root in failed.detail
    os.unlink(root)
    feed_until(recording, film, Serving)
    recording.end()
    assert recording.files()


def feed_until(recording, film, kind):
    """Gives it the film again and again, as time goes by."""
    while True:
        recording.take(film)
        try:
            told = recording.told.get(timeout=0.1)
        except queue.Empty:
            continue
        if isinstance(told, kind):
            return told


@pytest.fixture
def small_disk(root):
    os.mkdir(root)
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", root], stderr=subprocess.PIPE)
    if mount.returncode != 0:
        pytest.skip("a file system of 4 MB cannot be mounted here: %s" % mount.stderr.decode().strip())
    yield root
    subprocess.run(["umount", "--lazy", root], check=True)


def fill(path, size):
    with open(path, "wb") as file:
        file.write(b"\0" * size)


def test_a_full_disk_is_told_the_file_is_whole_and_recording_goes_on_when_there_is_room(small_disk, film):
    recording = Recording(small_disk)
    recording.take(film[:RATE])
    recording.until(Serving)
    (first,) = recording.files()
    ballast = os.path.join(small_disk, "ballast")
    fill(ballast, 3900 * 1024)
    failed = recording.until(Failed)
    assert failed.reason == state.OUTPUT_FAILED_REASON_DISK_FULL
    assert "make room" in failed.detail
    found = probe(first)
    assert (found["frames"], found["duration"]) == (RATE, pytest.approx(1, abs=0.2))
    assert sorted(recording.files()) == sorted([first, ballast])
    os.unlink(ballast)
    feed_until(recording, film, Serving)
    recording.end()
    assert len(recording.files()) >= 2


def test_a_disk_without_a_byte_left_is_told_as_full(small_disk, monkeypatch):
    monkeypatch.setattr("sidecar.worker.outputs.recording.folder._RESERVED_SHARE", 0)
    recording = Recording(small_disk, bitrate=80)
    ballast = os.path.join(small_disk, "ballast")
    fill(ballast, 4 * 1024 * 1024 - 8192)
    recording.take(encoded(1, size=(320, 184), pattern="snow"))
    failed = recording.until(Failed)
    assert failed.reason == state.OUTPUT_FAILED_REASON_DISK_FULL
    recording.end()
    # Not even the first frame had room.
    assert recording.files() == [ballast]


class SlowFolder(Folder):
    """A disk that hangs."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.goes_on = threading.Event()

    def begin(self, camera_id, room):
        assert self.goes_on.wait(DEADLINE_SECONDS)
        return super().begin(camera_id, room)


def test_a_disk_that_hangs_is_told_holds_nobody_up_and_frames_are_dropped_up_to_a_key_frame(root, film):
    folder = SlowFolder(root, stem("yard.mkv"))
    recording = Recording(root, folder=folder, timeouts=Timeouts(stalled=0.0))
    long = encoded(2, size=(320, 184), pattern="snow")
    size = sum(sample.get_buffer().get_size() for sample in long)
    rounds = 2000000 // size + 2
    for _ in range(rounds):
        recording.take(long)
    failed = recording.until(Failed)
    assert "takes no more data" in failed.detail
    dropped = recording.recorder.dropped
    assert 0 < dropped < rounds * len(long)
    folder.goes_on.set()
    feed_until(recording, film, Serving)
    recording.end()
    assert all(probe(file)["frames"] for file in recording.files())
