"""Cameras that are off, on both engines: not connected to, said so, and no matter of anybody else."""

import threading
import time

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from sidecar.contract import spec
from sidecar.tests.deepstream_sidecar import Sidecar, camera, changes, is_dark_with_text, is_standby, phase

# Bright, and no part of it black.
PICTURE = "test://smpte100?width=320&height=180&rate=15"
# Parts of the right tile: its lower left corner, and where its words are.
TWO_CORNER, TWO_MIDDLE = "340,100,100,60", "380,70,200,40"
# The same of a picture of one camera.
CORNER, MIDDLE = "10,130,100,40", "60,70,200,40"


@pytest.fixture(scope="module", params=["cpu", "t4", "nano"])
def sidecar(request):
    one = Sidecar(request.param)
    yield one
    one.stop()


def cameras(sidecar, one=None, two=None):
    """one, two: until when they are off; None: they are on."""
    wanted = [camera("one", PICTURE), camera("two", PICTURE)]
    for which, off in zip(wanted, (one, two)):
        if off is not None:
            which.off.CopyFrom(off)
    outputs = [sidecar.output(), sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=320)]
    return sidecar.specification(cameras=wanted, outputs=outputs)


def at(hour):
    """The next time that clocks show this hour."""
    now = time.localtime()
    ahead = (hour - now.tm_hour - 1) % 24 + 1
    return spec.CameraOff(until=Timestamp(seconds=int(time.time()) + ahead * 3600))


def received(state, camera_id):
    return next(one.counters.frames_received for one in state.cameras if one.id == camera_id)


def is_bright(frame):
    return frame["regions"][0]["y"] > 60


def test_a_camera_that_is_off_from_the_start_is_not_connected_to_and_says_so(sidecar):
    assert sidecar.apply("off from the start", cameras(sidecar, two=at(7))).accepted
    state = sidecar.until(lambda state: phase(state.cameras, "one") == "live")
    (two,) = [one for one in state.cameras if one.id == "two"]
    assert two.off.HasField("until")
    assert two.counters.frames_received == 0
    sidecar.until_seen("/main", is_dark_with_text, "--region", TWO_CORNER, "--region", TWO_MIDDLE)
    sidecar.until_seen("/each/two", is_standby, "--region", CORNER, "--region", MIDDLE)
    # Its place stays where it was.
    sidecar.until_seen("/main", is_bright, "--region", "20,100,100,60")


class Watching:
    """A viewer of a picture for as long as a test does other things."""

    def __init__(self, sidecar, path):
        self.frames = []
        self._enough = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(sidecar, path))
        self._thread.start()

    def _run(self, sidecar, path):
        def see(frame):
            self.frames.append(frame)
            return self._enough.is_set()

        try:
            sidecar.until_seen(path, see, "--region", CORNER)
        except AssertionError as why:
            self._failure = why

    def end(self):
        self._enough.set()
        self._thread.join()
        assert self._failure is None, self._failure
        return self.frames


def test_off_and_on_change_while_frames_flow_and_disturb_nobody(sidecar):
    assert sidecar.apply("both on", cameras(sidecar)).accepted
    sidecar.until_serving()
    before = sidecar.until(lambda state: {one.WhichOneof("state") for one in state.cameras} == {"live"})
    viewer = Watching(sidecar, "/each/one")

    assert changes(sidecar.apply("two off", cameras(sidecar, two=at(7)))) == {"cameras[two].off": "EFFECT_LIVE"}
    off = sidecar.until(lambda state: phase(state.cameras, "two") == "off")
    sidecar.until_seen("/main", is_dark_with_text, "--region", TWO_CORNER, "--region", TWO_MIDDLE)
    sidecar.until_seen("/each/two", is_standby, "--region", CORNER, "--region", MIDDLE)
    # Another hour is another word, and no other state.
    later = changes(sidecar.apply("two off for longer", cameras(sidecar, two=at(8))))
    assert later == {"cameras[two].off": "EFFECT_LIVE"}
    longer = sidecar.state()
    assert longer.cameras[1].off.until != off.cameras[1].off.until
    assert longer.cameras[1].since == off.cameras[1].since
    assert received(longer, "two") <= received(off, "two") + 1

    assert changes(sidecar.apply("two on", cameras(sidecar))) == {"cameras[two].off": "EFFECT_LIVE"}
    sidecar.until(lambda state: phase(state.cameras, "two") == "live")
    sidecar.until_seen("/main", is_bright, "--region", TWO_CORNER)
    sidecar.until_seen("/each/two", is_bright, "--region", CORNER)

    after = sidecar.state()
    assert after.pipeline.since == before.pipeline.since
    assert after.cameras[0].since == before.cameras[0].since
    assert [one.since for one in after.outputs] == [one.since for one in before.outputs]
    assert received(after, "one") > received(before, "one")
    frames = viewer.end()
    dark = [(number, frame) for number, frame in enumerate(frames) if not is_bright(frame)]
    # A machine that stands still for a second has a standby picture for it, of four frames a second.
    assert len(dark) <= 4, "of %d frames: %s" % (len(frames), dark)


def test_with_all_cameras_off_the_standby_picture_says_so_until_one_is_on(sidecar):
    off = spec.CameraOff()
    assert sidecar.apply("again both on", cameras(sidecar)).accepted
    sidecar.until_serving()
    assert sidecar.apply("both off", cameras(sidecar, one=off, two=at(7))).accepted
    region = ("--region", "20,130,100,40", "--region", "220,70,200,40")
    sidecar.until_seen("/main", is_standby, *region)
    quiet = sidecar.state()
    assert {one.WhichOneof("state") for one in quiet.cameras} == {"off"}
    assert quiet.pipeline.WhichOneof("state") == "running"
    sidecar.until_seen("/main", is_standby, *region)
    assert [one.frames for one in sidecar.state().outputs] == [one.frames for one in quiet.outputs]

    assert sidecar.apply("one on", cameras(sidecar, two=at(7))).accepted
    sidecar.until_seen("/main", is_bright, "--region", "20,100,100,60")
    sidecar.until_seen("/main", is_dark_with_text, "--region", TWO_CORNER, "--region", TWO_MIDDLE)


def test_a_start_with_all_cameras_off_is_a_standby_picture_too(sidecar):
    off = spec.CameraOff()
    wanted = cameras(sidecar, one=off, two=off)
    # Other pictures than before: of these none has ever had a frame.
    for output in wanted.outputs:
        output.encoding.width += 16
    assert sidecar.apply("all off", wanted).accepted
    sidecar.until_seen("/main", is_standby, "--region", "20,130,100,40", "--region", "220,70,200,40")
    assert [one.frames for one in sidecar.state().outputs] == [0, 0, 0]
