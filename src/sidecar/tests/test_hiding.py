"""Hidden objects: on pixels, in the frames of a camera and through every way out of the sidecar."""

import glob
import os
import signal

import grpc
import numpy as np
import pytest

from sidecar.contract import detection, pipeline, spec, state
from sidecar.gst import Gst
from sidecar.tests import hostile_bundles
from sidecar.tests.deepstream_sidecar import DEADLINE_SECONDS, RtspCamera, Sidecar, camera, eventually, free_port, phase
from sidecar.worker.engines.hiding import Hider, PrivacyError
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object

PERSON = 3
WIDTH, HEIGHT = 64, 48


def noise():
    random = np.random.RandomState(5)
    planes = [random.randint(40, 220, (HEIGHT // half, WIDTH // half)).astype(np.uint8) for half in (1, 2, 2)]
    return I420Frame(*planes, WIDTH, HEIGHT)


def person(left, top, width=20, height=20, label="Person"):
    return Object(PERSON, label, 0.9, left, top, width, height)


def hidden(*items, method=spec.HIDING_METHOD_COVER, seconds=0.0):
    """A frame after its objects were hidden, and the same frame before."""
    hider = Hider(spec.Hiding(classes=["Person"], method=method))
    if hider.add(items, (WIDTH, HEIGHT), seconds):
        frame = noise()
        hider.apply(frame)
        return frame, noise()
    return noise(), noise()


def test_an_object_and_what_is_around_it_are_black_and_nothing_else():
    frame, before = hidden(person(20, 10))

    assert (frame.y[8:32, 18:42] == 16).all()
    assert (frame.u[4:16, 9:21] == 128).all()
    assert (frame.v[4:16, 9:21] == 128).all()
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[8:32, 18:42] = False
    assert (frame.y == before.y)[outside].all()


def test_a_blurred_object_is_a_few_squares():
    frame, before = hidden(person(10, 10, 30, 30), method=spec.HIDING_METHOD_BLUR)

    assert len(np.unique(frame.y[10:40, 10:40])) <= 36
    assert len(np.unique(before.y[10:40, 10:40])) > 100
    assert abs(int(frame.y[10:40, 10:40].mean()) - int(before.y[10:40, 10:40].mean())) < 8


@pytest.mark.parametrize("method", [spec.HIDING_METHOD_COVER, spec.HIDING_METHOD_BLUR])
@pytest.mark.parametrize("place", [(-10, -10), (60, 44), (0, 0), (200, 200), (63, 47, 0.5, 0.5), (-5, -5, 500, 500)])
def test_objects_at_and_beyond_the_edges_are_hidden_as_far_as_they_are_seen(method, place):
    frame, before = hidden(person(*place), method=method)

    left, top, width, height = (*place, 20, 20)[:4]
    rows = slice(max(0, int(top)), max(0, int(np.ceil(top + height))))
    columns = slice(max(0, int(left)), max(0, int(np.ceil(left + width))))
    assert frame.y.shape == before.y.shape
    if frame.y[rows, columns].size:
        assert (frame.y[rows, columns] != before.y[rows, columns]).mean() > 0.5


def test_objects_of_other_classes_stay():
    frame, before = hidden(person(20, 10, label="Car"))
    assert (frame.y == before.y).all()


def test_an_object_without_a_place_lets_no_frame_pass():
    with pytest.raises(PrivacyError):
        hidden(person(float("nan"), 0))


def test_where_an_object_was_stays_hidden_for_a_second():
    hider = Hider(spec.Hiding(classes=["Person"]))
    size = (WIDTH, HEIGHT)
    assert hider.add([person(20, 10)], size, 10.0)
    assert hider.add([], size, 10.9)
    assert not hider.add([], size, 11.1)
    hider.add([person(20, 10)], size, 12.0)
    hider.reset()
    assert not hider.add([], size, 12.1), "another connection"


def test_where_an_object_was_stays_hidden_when_the_size_of_the_frames_changes():
    hider = Hider(spec.Hiding(classes=["Person"]))
    hider.add([person(40, 20, 40, 40)], (2 * WIDTH, 2 * HEIGHT), 10.0)
    assert hider.add([], (WIDTH, HEIGHT), 10.1)
    frame = noise()
    hider.apply(frame)
    assert (frame.y[10:30, 20:40] == 16).all()
    assert (frame.y[40:, :] != 16).all()


def test_an_object_that_moves_is_hidden_where_it_is_and_leaves_no_endless_trail():
    hider = Hider(spec.Hiding(classes=["Person"]))
    for step in range(40):
        assert hider.add([person(step, 10)], (WIDTH, HEIGHT), step / 40)
    frame = noise()
    hider.apply(frame)
    assert (frame.y[10:30, 39:59] == 16).all()
    assert hider.add([person(0, 10)] * 500, (WIDTH, HEIGHT), 1.0)
    hider.apply(frame)


def test_of_two_people_who_overlap_the_one_that_the_network_misses_for_a_frame_stays_hidden():
    hider = Hider(spec.Hiding(classes=["Person"]))
    hider.add([person(10, 10), person(18, 10)], (WIDTH, HEIGHT), 0.0)
    for seen, missed in ((person(10, 10), slice(30, 38)), (person(18, 10), slice(10, 18))):
        hider.add([person(10, 10), person(18, 10)], (WIDTH, HEIGHT), 0.1)
        hider.add([seen], (WIDTH, HEIGHT), 0.2)
        frame = noise()
        hider.apply(frame)
        assert (frame.y[10:30, missed] == 16).all()


# In the middle of the hidden object, and beside it, of a frame of 320 by 180 pixels.
HIDDEN, SEEN = "105,70,80,40", "230,20,60,140"


def hiding(address="test://white?width=320&height=180&rate=15", name="one"):
    one = camera(name, address)
    one.hiding.classes.append("Person")
    # Nothing moves, so that without hiding most frames would leave before they are inferred.
    one.still_interval.FromSeconds(60)
    return one


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    one = Sidecar("cpu")
    one.bundle = hostile_bundles.sees_one(str(tmp_path_factory.mktemp("bundle") / "sees"), PERSON)
    yield one
    one.stop()


def outputs(sidecar):
    each = sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=320)
    file = spec.Output(id="file", layout=spec.LAYOUT_PER_CAMERA, encoding=each.encoding)
    file.file.path = "hidden.mkv"
    return [sidecar.output(), each, file]


def specification(sidecar, *cameras, **changes):
    changes = {"overlay": spec.Overlay(), "outputs": outputs(sidecar), **changes}
    return sidecar.specification(cameras=list(cameras), **changes)


def is_hidden(regions):
    """Never while anything of the object shows; beside it the picture must show."""
    inside, beside = regions
    return inside["max"] < 60 and beside["y"] > 180


def luma(jpeg):
    """A JPEG's luma, as the regions of a viewer."""
    decoder = Gst.parse_launch(
        "appsrc name=source ! jpegdec ! videoconvert ! video/x-raw, format=GRAY8 ! appsink name=sink"
    )
    decoder.set_state(Gst.State.PLAYING)
    try:
        decoder.get_by_name("source").emit("push-buffer", Gst.Buffer.new_wrapped(jpeg))
        sample = decoder.get_by_name("sink").emit("try-pull-sample", DEADLINE_SECONDS * Gst.SECOND)
        size = sample.get_caps().get_structure(0)
        width, height = size.get_int("width")[1], size.get_int("height")[1]
        data = sample.get_buffer().extract_dup(0, sample.get_buffer().get_size())
    finally:
        decoder.set_state(Gst.State.NULL)
    pixels = np.frombuffer(data, np.uint8).reshape(height, -1)[:, :width]
    return [region(pixels, *map(int, one.split(","))) for one in (HIDDEN, SEEN)]


def region(pixels, x, y, width, height):
    part = pixels[y : y + height, x : x + width]
    return {"y": part.mean(), "max": part.max()}


def frames_of_film(path):
    """The luma of every frame of a recording, as the regions of a viewer."""
    reader = Gst.parse_launch(
        "filesrc location=%s ! matroskademux ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw, format=GRAY8"
        " ! appsink name=sink sync=false" % path
    )
    reader.set_state(Gst.State.PLAYING)
    seen = []
    try:
        while True:
            sample = reader.get_by_name("sink").emit("try-pull-sample", DEADLINE_SECONDS * Gst.SECOND)
            if sample is None:
                return seen
            data = sample.get_buffer().extract_dup(0, sample.get_buffer().get_size())
            pixels = np.frombuffer(data, np.uint8).reshape(180, -1)[:, :320]
            seen.append([region(pixels, *map(int, one.split(","))) for one in (HIDDEN, SEEN)])
    finally:
        reader.set_state(Gst.State.NULL)


def test_no_way_out_shows_a_hidden_object(sidecar):
    Gst.init(None)
    wanted = specification(sidecar, hiding(), hiding(name="two"))
    wanted.models[0].interval = 3
    wanted.models[0].classes.append("Car")
    assert sidecar.apply("hidden", wanted).accepted
    sidecar.until_serving()
    options = ("--region", HIDDEN, "--region", SEEN)
    for path in ("/main", "/each/one"):
        frames = []

        def is_enough(frame, frames=frames):
            frames.append(frame["regions"])
            return sum(beside["y"] > 180 for _, beside in frames) >= 10

        sidecar.until_seen(path, is_enough, *options)
        # What says "connecting" or "no signal" in the middle is no frame of the camera.
        assert all(inside["max"] < 70 for inside, beside in frames if beside["y"] > 180), path
    for request in (("main", ""), ("each", "one")):
        ask = pipeline.TakeSnapshotRequest(output_id=request[0], camera_id=request[1])
        assert is_hidden(luma(sidecar.stub.TakeSnapshot(ask, timeout=DEADLINE_SECONDS).jpeg)), request
        watch = pipeline.WatchPreviewRequest(output_id=request[0], camera_id=request[1])
        call = sidecar.stub.WatchPreview(watch, timeout=DEADLINE_SECONDS)
        for _, image in zip(range(5), call):
            assert is_hidden(luma(image.jpeg)), request
        call.cancel()
    for area in (None, detection.Box(left=0, top=0, width=320, height=180)):
        ask = pipeline.TakePictureRequest(camera_id="one", area=area)
        assert is_hidden(luma(sidecar.stub.TakePicture(ask, timeout=DEADLINE_SECONDS).jpeg)), area
    # They are hidden, and all the same not reported: only cars were asked for.
    assert not sidecar.detections("one", 3)[-1].detections
    # A specification without the output ends its files.
    assert sidecar.apply("ended", specification(sidecar, hiding(), outputs=[sidecar.output()])).accepted
    files = glob.glob(os.path.join(sidecar.data_dir, "**", "hidden.one*.mkv"), recursive=True) or glob.glob(
        os.path.join(sidecar.run_dir, "**", "hidden.one*.mkv"), recursive=True
    )
    seen = [regions for path in files for regions in frames_of_film(path)]
    assert len(seen) > 5
    assert all(is_hidden(regions) for regions in seen)


def test_a_kill_of_the_worker_shows_nothing_hidden(sidecar):
    wanted = specification(sidecar, hiding(), outputs=[sidecar.output(width=320)])
    assert sidecar.apply("before the kill", wanted).accepted
    sidecar.until_serving()
    os.kill(worker_of(sidecar), signal.SIGKILL)
    eventually(lambda: applies_again(sidecar), "the next worker takes the specification", DEADLINE_SECONDS)
    frames = []

    def is_enough(frame):
        frames.append(frame["regions"])
        return sum(beside["y"] > 180 for _, beside in frames) >= 20

    sidecar.until_seen("/main", is_enough, "--region", HIDDEN, "--region", SEEN)
    assert all(inside["max"] < 70 for inside, beside in frames if beside["y"] > 180)


def worker_of(sidecar):
    """Its process id."""
    [worker] = [
        int(name)
        for name in filter(str.isdigit, os.listdir("/proc"))
        if arguments_of(name)[-1:] == [sidecar.package + ".worker"] and sidecar.run_dir in environment_of(name)
    ]
    return worker


def arguments_of(process):
    return read("/proc/%s/cmdline" % process).rstrip("\0").split("\0")


def environment_of(process):
    return read("/proc/%s/environ" % process)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""  # It has ended, or belongs to somebody else.


def applies_again(sidecar):
    try:
        return sidecar.apply("again", specification(sidecar, hiding(), outputs=[sidecar.output(width=320)])).accepted
    except grpc.RpcError:
        return False


def test_classes_that_cannot_be_hidden_are_refused_by_name(sidecar):
    wrong = specification(sidecar, hiding())
    wrong.cameras[0].hiding.classes.append("Unicorn")
    response = sidecar.apply("unknown", wrong)
    assert [(one.code, one.path) for one in response.problems if one.severity == pipeline.SEVERITY_ERROR] == [
        ("unknown-class", "cameras[0].hiding.classes[1]")
    ]
    del wrong.cameras[0].hiding.classes[:]
    response = sidecar.apply("none", wrong)
    assert [one.code for one in response.problems if one.severity == pipeline.SEVERITY_ERROR] == ["bad-hiding"]


def test_a_model_that_fails_lets_no_frame_of_such_a_camera_leave_and_its_state_says_why(sidecar, tmp_path):
    """The other camera is shown on."""
    dark = "test://black?width=320&height=180&rate=15"
    bundle = hostile_bundles.blind_in_the_dark(str(tmp_path / "blind"))
    cameras = [hiding(dark), camera("two", "test://white?width=320&height=180&rate=15")]
    assert sidecar.apply("blind", specification(sidecar, *cameras, models=[spec.Model(bundle_path=bundle)])).accepted
    lost = sidecar.until(lambda state: phase(state.cameras, "one") == "lost")
    one = next(each for each in lost.cameras if each.id == "one")
    assert one.lost.reason == state.CAMERA_LOST_REASON_PRIVACY
    assert "hidden" in one.lost.detail
    sidecar.until(lambda state: phase(state.cameras, "two") == "live")


def test_a_tile_forgets_what_a_camera_showed_before_it_was_masked(sidecar):
    """Although the camera is lost and never sends a masked frame."""
    port = free_port()
    rtsp = RtspCamera(port)
    cameras = [camera("one", rtsp.address), camera("two")]
    outputs = [sidecar.output()]
    assert sidecar.apply("open", specification(sidecar, *cameras, outputs=outputs)).accepted
    sidecar.until_seen("/main", lambda frame: frame["regions"][0]["y"] > 60, "--region", "20,100,100,60")
    rtsp.stop()
    sidecar.until(lambda state: phase(state.cameras, "one") == "lost")
    mask = cameras[0].masks.add()
    mask.points.extend(spec.Point(x=x, y=y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)))
    assert sidecar.apply("masked", specification(sidecar, *cameras, outputs=outputs)).accepted
    dark = []

    def is_dark_for_long(frame):
        dark.append(frame["regions"][0]["max"] < 22)
        return len(dark) >= 15 and all(dark[-15:])

    # Black, not the dimmed last frame. A viewer starts with an earlier one.
    sidecar.until_seen("/main", is_dark_for_long, "--region", "20,100,100,60")


def test_engine_deepstream_refuses_to_hide_objects_and_says_why():
    one = Sidecar("t4")
    try:
        wanted = one.specification(cameras=[hiding()])
        wanted.cameras[0].hiding.classes[0] = "person"
        response = one.apply("hidden", wanted)
        assert not response.accepted
        errors = {each.code: each for each in response.problems if each.severity == pipeline.SEVERITY_ERROR}
        assert list(errors) == ["hiding-unsupported"]
        assert "tiler" in errors["hiding-unsupported"].message
    finally:
        one.stop()
