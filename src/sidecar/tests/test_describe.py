"""A pipeline as the list of its elements, in the log and as DOT."""

import json

import pytest

from sidecar import log
from sidecar.chain import Chain, make, request_pad
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.tests.main_loop import turn_until
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame
from sidecar.worker.engines.cpu.output_pipeline import OutputPipeline
from sidecar.worker.engines.describe import branches, log_playing
from sidecar.worker.engines.overlay import OverlayOptions
from sidecar.worker.outputs.plan import plan_streams


@pytest.fixture
def pipeline():
    Gst.init(None)
    pipeline = Gst.Pipeline.new("output-main")
    yield pipeline
    pipeline.set_state(Gst.State.NULL)


def test_a_chain_is_one_line_with_the_names_that_were_given(pipeline):
    chain = Chain(pipeline)
    chain.add("videotestsrc")
    chain.add("queue", "freshest")
    chain.add("fakesink")
    assert branches(pipeline) == ["videotestsrc -> queue (freshest) -> fakesink"]


def test_branches_end_and_begin_where_elements_have_several_neighbours(pipeline):
    mixer = make("compositor", "mixer")
    pipeline.add(mixer)
    for _ in range(2):
        chain = Chain(pipeline)
        chain.add("videotestsrc")
        chain.into(request_pad(mixer, "sink_%u"), "mixer")
    split = Chain(pipeline, after=mixer).add("tee", "split")
    for _ in range(2):
        branch = Chain(pipeline, after=split)
        branch.add("queue")
        branch.add("fakesink")
    assert branches(pipeline) == [
        "videotestsrc -> compositor (mixer)",
        "videotestsrc -> compositor (mixer)",
        "compositor (mixer) -> tee (split)",
        "tee (split) -> queue -> fakesink",
        "tee (split) -> queue -> fakesink",
    ]


def test_plain_bins_are_looked_into_and_those_of_plugins_are_not(pipeline):
    container = Gst.Bin.new("inside")
    inner = Chain(container)
    inner.add("identity", "first")
    inner.add("identity", "last")
    for name, element in (("sink", inner.elements[0]), ("src", inner.elements[1])):
        container.add_pad(Gst.GhostPad.new(name, element.get_static_pad(name)))
    chain = Chain(pipeline)
    chain.add("videotestsrc")
    chain.append(container, "inside")
    chain.add("autovideosink")
    assert branches(pipeline) == ["videotestsrc -> identity (first) -> identity (last) -> autovideosink"]


def test_caps_stand_where_they_change(pipeline):
    chain = Chain(pipeline)
    chain.add("videotestsrc")
    chain.caps("video/x-raw, format=I420, width=64, height=48, framerate=5/1")
    chain.add("x264enc")
    chain.add("fakesink")
    pipeline.set_state(Gst.State.PAUSED)
    assert pipeline.get_state(5 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS
    assert branches(pipeline) == [
        "videotestsrc [video/x-raw, I420, 64x48, 5/1] -> capsfilter -> x264enc"
        " [video/x-h264, byte-stream, 64x48, 5/1] -> fakesink"
    ]


def test_what_plays_is_logged_at_level_debug_and_written_as_dot_without_a_password(pipeline, tmp_path, capsys):
    source = make("rtspsrc", "camera", location="rtsp://10.0.0.9/live", user_id="eve", user_pw="hunter2")
    pipeline.add(source)
    log.configure("debug")
    try:
        log_playing(pipeline, {"SLIPSTREAM_DOT_DIR": str(tmp_path)})
        log_playing(pipeline, {"SLIPSTREAM_DOT_DIR": str(tmp_path / "missing")})
    finally:
        log.configure("info")
    log_playing(pipeline, {})
    first, second, third = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert first["message"] == second["message"] == "pipeline plays"
    assert (first["level"], first["pipeline"]) == ("debug", "output-main")
    assert first["elements"] == ["rtspsrc (camera)"]
    assert (third["level"], third["message"]) == ("warn", "cannot write a pipeline as DOT")
    dot = (tmp_path / "output-main.dot").read_text()
    assert "camera" in dot
    assert "hunter2" not in dot


def test_a_link_in_the_directory_of_dot_files_does_not_lead_to_another_file(pipeline, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "output-main.dot").symlink_to(victim)
    log_playing(pipeline, {"SLIPSTREAM_DOT_DIR": str(tmp_path)})
    assert victim.read_text() == "mine"
    assert "digraph" in (tmp_path / "output-main.dot").read_text()


def frame(camera_id, pts):
    caps = Gst.Caps.from_string("video/x-raw, format=I420, width=64, height=48, framerate=0/1")
    return DetectedFrame(camera_id, Gst.Buffer.new_allocate(None, 64 * 48 * 3 // 2, None), caps, 64, 48, pts, [])


@pytest.mark.parametrize(
    ("target", "end", "expected"),
    [
        (
            {"rtsp": spec.RtspTarget(port=8554, path="/ds")},
            9,
            "rtph264pay [application/x-rtp, H264] -> udpsink (loopback)",
        ),
        ({"file": spec.FileTarget(path="yard.mkv")}, lambda _sample: None, "capsfilter -> appsink"),
    ],
)
def test_the_output_pipeline_of_engine_cpu_is_what_its_file_says(target, end, expected):
    Gst.init(None)
    encoding = spec.Encoding(width=128, height=48, bitrate=1000000, frame_rate=5)
    cameras = [spec.Camera(id="one"), spec.Camera(id="two")]
    (plan,) = plan_streams(
        spec.PipelineSpec(cameras=cameras, outputs=[spec.Output(id="main", encoding=encoding, **target)])
    )
    errors = []
    one = OutputPipeline(
        plan, OverlayOptions(names=True), {"two": TileText("off")}, end, lambda *why: errors.append(why)
    )
    try:
        one.push(frame("one", 0))
        # Both tiles have got a frame, and one has left the encoder.
        turn_until(
            lambda: errors or (one.frames >= 2 and "appsrc -> " not in " ".join(branches(one.pipeline))),
            lambda: branches(one.pipeline),
            30,
        )
        described = branches(one.pipeline)
    finally:
        one.stop()
    tile = " [video/x-raw, I420, 64x48, 0/1] -> videoscale -> capsfilter -> painter -> compositor (mixer)"
    assert one.pipeline.get_name() == "output-main"
    assert described[:2] == ["appsrc" + tile] * 2
    assert described[2].startswith(
        "compositor (mixer) [video/x-raw, I420, 128x48, 5/1] -> capsfilter -> x264enc (encoder) [video/x-h264, "
    )
    assert described[2].endswith(expected)
