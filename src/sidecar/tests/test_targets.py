"""Files and windows beside RTSP, on both engines: a real worker, real files, a real display."""

import os
import signal

import pytest
from google.protobuf.duration_pb2 import Duration

from sidecar.contract import pipeline, spec, state
from sidecar.tests.deepstream_sidecar import DEADLINE_SECONDS, Sidecar, camera, changes, eventually
from sidecar.tests.display import Display
from sidecar.tests.films import pixel, probe

ENGINES = ("cpu", "nano", "t4", "orin-nano")
# Engine cpu has a real network, which sees nothing in test pictures: there the picture itself is red.
RED = "test://red?width=320&height=180&rate=15"
# On the others, the left edge of the car in the first camera's tile of a picture of 640x180.
EDGE = (81, 110)


def is_seen(colour):
    """Red, or the orange of a car's edge."""
    red, green, blue = colour
    return red > 150 and green < 180 and blue < 100


@pytest.fixture(scope="module")
def display():
    one = Display()
    yield one
    one.stop()


@pytest.fixture(scope="module", params=ENGINES)
def sidecar(request, display):
    one = Sidecar(request.param, DISPLAY=display.name)
    one.board = request.param
    yield one
    one.stop()


def file_output(sidecar, name="rec", path="yard.mkv", seconds=600, max_bytes=0, **fields):
    output = sidecar.output(name, **fields)
    output.file.CopyFrom(spec.FileTarget(path=path, file_duration=Duration(seconds=seconds), max_bytes=max_bytes))
    return output


def window_output(sidecar, name="screen", **fields):
    output = sidecar.output(name, **fields)
    output.window.SetInParent()
    return output


def specification(sidecar, outputs, uri=None):
    uri = uri or (RED if sidecar.board == "cpu" else "test://black?width=320&height=180&rate=15")
    return sidecar.specification(cameras=[camera("one", uri), camera("two", uri)], outputs=outputs)


def recordings(sidecar, directory=""):
    folder = os.path.join(sidecar.data_dir, "recordings", directory)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def status(found, name):
    return next(one for one in found.outputs if one.id == name)


def test_a_file_and_a_window_show_what_rtsp_shows(sidecar, display):
    outputs = [sidecar.output(), file_output(sidecar, path="all/yard.mkv"), window_output(sidecar)]
    assert sidecar.apply("all", specification(sidecar, outputs)).accepted
    found = sidecar.until_serving()
    assert status(found, "rec").path == recordings(sidecar, "all")[0]
    assert status(found, "screen").path == ""
    eventually(lambda: is_seen(display.pixel(*EDGE)), "the box or the red picture on the display", DEADLINE_SECONDS)
    request = pipeline.TakeSnapshotRequest(output_id="screen")
    assert sidecar.stub.TakeSnapshot(request, timeout=DEADLINE_SECONDS).jpeg.startswith(b"\xff\xd8")
    # Beside the window there is nothing.
    assert display.pixel(700, 300) == (0, 0, 0)
    sidecar.until(lambda state: status(state, "rec").frames >= 40)
    # Other outputs take their place: file and window end.
    assert sidecar.apply("none", specification(sidecar, [sidecar.output()])).accepted
    (file,) = recordings(sidecar, "all")
    eventually(lambda: probe(file)["duration"] is not None, "the end of the file", DEADLINE_SECONDS)
    assert is_seen(pixel(file, *EDGE, frame=20))
    eventually(lambda: display.pixel(*EDGE) == (0, 0, 0), "the end of the window", DEADLINE_SECONDS)


def test_a_picture_a_camera_is_a_file_a_camera(sidecar):
    each = file_output(sidecar, path="each/yard.mkv", layout=spec.LAYOUT_PER_CAMERA, width=320)
    assert sidecar.apply("each", specification(sidecar, [each])).accepted
    found = sidecar.until_serving()
    for one in found.outputs:
        assert os.path.basename(one.path).startswith("yard.%s.2" % one.camera_id)
        assert os.path.exists(one.path)


def test_limits_and_bit_rate_change_while_frames_flow(sidecar):
    before = file_output(sidecar, path="live/yard.mkv")
    assert sidecar.apply("live", specification(sidecar, [before])).accepted
    sidecar.until_serving()
    after = file_output(sidecar, path="live/yard.mkv", seconds=2, bitrate=500000)
    assert changes(sidecar.apply("live after", specification(sidecar, [after]))) == {"outputs[rec]": "EFFECT_LIVE"}
    eventually(lambda: len(recordings(sidecar, "live")) > 1, "a second file", DEADLINE_SECONDS)
    first = recordings(sidecar, "live")[0]
    eventually(lambda: probe(first)["duration"] is not None, "the end of the first", DEADLINE_SECONDS)


def test_a_worker_that_is_killed_leaves_a_file_that_can_be_played_and_the_next_begins_another(sidecar):
    wanted = specification(sidecar, [file_output(sidecar, path="killed/yard.mkv"), window_output(sidecar)])
    assert sidecar.apply("killed", wanted).accepted
    sidecar.until_serving()
    before = status(sidecar.until(lambda state: status(state, "rec").frames >= 45), "rec").frames
    (worker,) = processes(sidecar, "worker")
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: worker not in processes(sidecar, "worker"), "the end of the worker", DEADLINE_SECONDS)
    (cut,) = recordings(sidecar, "killed")
    found = probe(cut)
    # All but those of the time in which a frame was counted and not yet written.
    assert found["frames"] >= before - 8
    if sidecar.board == "cpu":
        assert is_seen(pixel(cut, *EDGE, frame=found["frames"] - 1))
    request = pipeline.ConnectRequest()
    sidecar.connected = sidecar.stub.Connect(request, wait_for_ready=True, timeout=DEADLINE_SECONDS)
    assert sidecar.apply("after", wanted).accepted
    sidecar.until_serving()
    assert len(recordings(sidecar, "killed")) == 2
    # Of the window before nothing is left.
    assert len(processes(sidecar, "window")) == 1


def processes(sidecar, program):
    """Numbers of a sidecar's processes that run one of its programs."""
    module = "%s.%s" % (sidecar.package, program)
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/cmdline" % name, "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "-m" in words and words[words.index("-m") + 1] == module:
                found.append(int(name))
    return [pid for pid in found if environment(pid, "SLIPSTREAM_RUN_DIR") == sidecar.run_dir]


def environment(pid, name):
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            return dict(one.split("=", 1) for one in file.read().decode().split("\0") if "=" in one).get(name)
    except OSError:
        return None


@pytest.mark.parametrize("board", ["cpu", "t4"])
def test_a_display_that_goes_away_takes_nobody_along_and_the_window_is_opened_again_when_it_is_back(board):
    display = Display()
    sidecar = Sidecar(board, DISPLAY=display.name)
    sidecar.board = board
    try:
        outputs = [sidecar.output(), window_output(sidecar), file_output(sidecar)]
        assert sidecar.apply("all", specification(sidecar, outputs)).accepted
        sidecar.until_serving()
        display.stop()
        lost = sidecar.until(lambda found: status(found, "screen").HasField("failed"))
        failed = status(lost, "screen").failed
        assert failed.reason == state.OUTPUT_FAILED_REASON_DISPLAY
        assert failed.detail
        assert failed.HasField("next_attempt")
        before = status(lost, "main").frames
        sidecar.until(lambda found: status(found, "main").frames > before + 15)
        assert [one.WhichOneof("state") for one in sidecar.state().outputs] == ["serving", "failed", "serving"]
        again = sidecar.stub.Connect(pipeline.ConnectRequest(), timeout=DEADLINE_SECONDS)
        assert again.instance_id == sidecar.connected.instance_id
        display = Display(display.number)
        sidecar.until_serving()
        eventually(lambda: is_seen(display.pixel(*EDGE)), "the window", DEADLINE_SECONDS)
    finally:
        sidecar.stop()
        display.stop()


def test_without_a_display_the_window_says_what_to_do_and_the_others_run():
    sidecar = Sidecar("cpu", DISPLAY="")
    sidecar.board = "cpu"
    try:
        outputs = [sidecar.output(), window_output(sidecar)]
        assert sidecar.apply("all", specification(sidecar, outputs)).accepted
        found = sidecar.until(lambda found: status(found, "screen").HasField("failed"))
        assert "DISPLAY is not set" in status(found, "screen").failed.detail
        assert not status(found, "screen").failed.HasField("next_attempt")
        sidecar.until(lambda found: status(found, "main").HasField("serving"))
    finally:
        sidecar.stop()


def test_a_directory_that_cannot_be_written_to_is_told_before_and_does_not_keep_rtsp_from_running(tmp_path):
    blocking = tmp_path / "file"
    blocking.write_text("in the place of a directory")
    sidecar = Sidecar("cpu", SLIPSTREAM_RECORDINGS_DIR=str(blocking / "recordings"))
    sidecar.board = "cpu"
    try:
        wanted = specification(sidecar, [sidecar.output(), file_output(sidecar)])
        request = pipeline.CheckRequest(spec=wanted)
        problems = sidecar.stub.Check(request, timeout=DEADLINE_SECONDS).problems
        (warning,) = [one for one in problems if one.code == "recordings-unwritable"]
        assert (warning.severity, warning.path) == (pipeline.SEVERITY_WARNING, "outputs[1].file.path")
        assert "%s cannot be written to" % blocking in warning.message
        assert sidecar.apply("all", wanted).accepted
        found = sidecar.until(lambda found: status(found, "rec").HasField("failed"))
        assert status(found, "rec").failed.reason == state.OUTPUT_FAILED_REASON_FILE
        sidecar.until(lambda found: status(found, "main").HasField("serving"))
    finally:
        sidecar.stop()
