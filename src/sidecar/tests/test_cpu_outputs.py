"""What engine cpu tells the outlet about streams that have no frames. The outlet here only listens."""

import threading

import pytest

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.outlet.control_socket import ControlSocket
from sidecar.outlet.json_lines import JsonLines
from sidecar.tests.outlet_rig import until
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame
from sidecar.worker.engines.cpu.output_pipeline import OutputPipeline
from sidecar.worker.engines.cpu.outputs import CpuOutputs
from sidecar.worker.engines.cpu.tile import Tile
from sidecar.worker.engines.overlay import OverlayOptions
from sidecar.worker.outputs.plan import plan_streams
from sidecar.worker.processes import Processes
from sidecar.worker.status.events import EventLog
from sidecar.worker.status.store import StatusStore

Gst.init(None)


class ListeningOutlet:
    """Keeps what it is told: the titles of its mounts and the last text for each."""

    def __init__(self, path):
        self._control = ControlSocket(path, self._on_worker)
        self._lines = []
        self.titles = {}
        self.texts = {}

    def close(self):
        for lines in self._lines:
            lines.close()
        self._control.close()

    def _on_worker(self, connection):
        self._lines.append(JsonLines(connection, self._on_message, lambda _problem: None))

    def _on_message(self, message):
        if "configure" in message:
            self.titles = {mount["path"]: mount["title"] for mount in message["configure"]["mounts"]}
        else:
            self.texts.update(message["text"]["mounts"])


@pytest.fixture
def outlet(tmp_path):
    made = ListeningOutlet(str(tmp_path / "outlet.sock"))
    yield made
    made.close()


@pytest.fixture
def outputs(tmp_path, outlet):
    made = CpuOutputs(Processes(str(tmp_path / "outlet.sock")), StatusStore(EventLog()))
    yield made
    made.stop()


def specification(layout):
    output = spec.Output(
        id="main",
        rtsp=spec.RtspTarget(port=8554, path="/ds"),
        layout=layout,
        encoding=spec.Encoding(codec=spec.CODEC_H264, width=320, height=240, bitrate=500000, frame_rate=15),
    )
    cameras = [spec.Camera(id="front", name="Front door"), spec.Camera(id="back")]
    return spec.PipelineSpec(cameras=cameras, outputs=[output])


def test_a_stream_of_one_camera_says_what_its_camera_does_until_it_sends_again(outputs, outlet):
    outputs.set_tile_text("front", TileText("connecting"))
    outputs.apply(specification(spec.LAYOUT_PER_CAMERA))
    until(lambda: outlet.texts.get("/ds/front") == "connecting", "what was known before")
    assert outlet.titles == {"/ds/front": "Front door", "/ds/back": "back"}
    outputs.set_tile_text("front", TileText("no signal since 12:03:11"))
    until(lambda: outlet.texts.get("/ds/front") == "no signal since 12:03:11", "the news")
    assert outlet.texts.get("/ds/back", "") == ""
    outputs.set_tile_text("front", TileText(""))
    until(lambda: outlet.texts.get("/ds/front") == "", "the end of the news")


def pipeline_of_a_recording(take, failed):
    encoding = spec.Encoding(width=64, height=48, bitrate=500000, frame_rate=15)
    output = spec.Output(id="rec", encoding=encoding, file=spec.FileTarget(path="yard.mkv"))
    (plan,) = plan_streams(spec.PipelineSpec(cameras=[spec.Camera(id="front")], outputs=[output]))
    return OutputPipeline(plan, OverlayOptions(), {}, take, failed)


def tiled_pipeline_of_a_recording(take):
    encoding = spec.Encoding(width=128, height=48, bitrate=500000, frame_rate=15)
    output = spec.Output(id="rec", layout=spec.LAYOUT_TILED, encoding=encoding, file=spec.FileTarget(path="yard.mkv"))
    cameras = [spec.Camera(id="front"), spec.Camera(id="back")]
    (plan,) = plan_streams(spec.PipelineSpec(cameras=cameras, outputs=[output]))
    return OutputPipeline(plan, OverlayOptions(), {}, take, lambda *why: pytest.fail(str(why)))


def frame(clock_time):
    caps = Gst.Caps.from_string("video/x-raw, format=I420, width=64, height=48, framerate=15/1")
    return DetectedFrame("front", Gst.Buffer.new_allocate(None, 64 * 48 * 3 // 2, None), caps, 64, 48, clock_time, [])


def test_frames_that_are_older_than_their_pipeline_follow_one_another_all_the_same():
    times = []
    one = pipeline_of_a_recording(lambda sample: times.append(sample.get_buffer().pts), lambda *why: times.append(why))
    for number in range(3):
        one.push(frame(number))
        until(lambda count=number + 1: len(times) == count, "a frame")
    one.stop()
    assert times == sorted(set(times))


def test_a_frame_that_the_mixer_sends_twice_is_encoded_once():
    times = []
    one = tiled_pipeline_of_a_recording(lambda sample: times.append(sample.get_buffer().pts))
    mixed = one.pipeline.get_by_name("mixer").get_static_pad("src")
    sent = []

    def see(_pad, info):
        sent.append(info.get_buffer().copy_deep())
        return Gst.PadProbeReturn.OK

    mixed.add_probe(Gst.PadProbeType.BUFFER, see)
    one.push(frame(0))
    until(lambda: sent, "a mixed frame")
    mixed.push(sent[0])
    count = len(times)
    until(lambda: len(times) > count + 2, "frames after it")
    one.stop()
    assert times == sorted(set(times))


def test_a_mixer_that_was_held_up_goes_on_with_the_present_and_leaves_out_what_it_missed():
    one = tiled_pipeline_of_a_recording(lambda _sample: None)
    base_time = one.pipeline.get_base_time()
    times, goes_on = [], threading.Event()

    def hold_up(_pad, info):
        times.append(info.get_buffer().pts)
        if len(times) == 3:
            goes_on.wait(60)
        return Gst.PadProbeReturn.OK

    probe = one.raw_pad.add_probe(Gst.PadProbeType.BUFFER, hold_up)
    one.push(frame(0))
    until(lambda: len(times) == 3, "tiled frames")

    def running_time():
        return Gst.SystemClock.obtain().get_time() - base_time

    until(lambda: running_time() > times[2] + 2 * Gst.SECOND, "thirty frames to be missed")
    present = running_time() - Gst.SECOND
    goes_on.set()
    until(lambda: times[-1] > present, "the present")
    one.raw_pad.remove_probe(probe)
    one.stop()
    # One was on its way, and one or two tell the mixer.
    assert len([pts for pts in times[3:] if pts < present]) <= 4


def test_a_tile_that_is_to_go_dark_while_a_frame_of_its_camera_still_waits_goes_dark_after_it():
    one = tiled_pipeline_of_a_recording(lambda _sample: None)
    # The brightest pixel at the edge of the camera's tile in each mixed frame: text is in its middle.
    edges = []

    def see(_pad, info):
        buffer = info.get_buffer()
        edges.append(max(buffer.extract_dup(0, 64)))
        return Gst.PadProbeReturn.OK

    probe = one.raw_pad.add_probe(Gst.PadProbeType.BUFFER, see)
    # Nothing has begun to play: the frame waits.
    white = Gst.Buffer.new_wrapped(b"\xeb" * (64 * 48) + b"\x80" * (64 * 48 // 2))
    one.push(frame(0)._replace(buffer=white))
    one.set_tile_text("front", TileText("off until 07:00", dark=True))
    until(lambda: edges and edges[-1] < 40, "a dark tile")
    one.raw_pad.remove_probe(probe)
    one.stop()


def test_a_stream_that_cannot_be_painted_fails(monkeypatch):
    def paint(_tile, _frame, _pts):
        raise ValueError("no ink")

    monkeypatch.setattr(Tile, "_paint", paint)
    failures = []
    one = pipeline_of_a_recording(lambda _sample: None, lambda error, _debug: failures.append(error.message))
    one.push(frame(0))
    until(lambda: failures, "the failure")
    one.stop()


def test_a_stream_of_several_cameras_says_what_each_of_them_does(outputs, outlet):
    outputs.apply(specification(spec.LAYOUT_TILED))
    until(lambda: outlet.titles, "the configuration")
    outputs.set_tile_text("front", TileText("connecting"))
    outputs.set_tile_text("back", TileText("no signal since 12:03:11"))
    until(
        lambda: outlet.texts.get("/ds") == "Front door: connecting\nback: no signal since 12:03:11",
        "both cameras' news",
    )
    assert outlet.titles == {"/ds": ""}
