"""The ancestor's mistakes, planted: each fails on the stand-ins as it would on a device, and the engine says why."""

import os
import shutil
import tempfile

import pytest

from sidecar.tests.deepstream_sidecar import ROOT, make_bundle
from standins import scenario

# What the engine must come to within, in milliseconds.
_PATIENCE = 50000

BOARDS = {"t4": "7.1/dgpu", "nano": "6.0.1/jetson", "orin-nano": "7.1/jetson no-encoder"}


def outcome(board, release, mistake):
    """What becomes of two cameras, one of them a file. Runs in a process of its own."""
    from sidecar.contract import spec
    from sidecar.gst import GLib
    from sidecar.worker.cameras import state as camera_state
    from sidecar.worker.engines.deepstream import encoder_probe, engine
    from sidecar.worker.engines.deepstream import pipeline as elements
    from sidecar.worker.engines.deepstream.machine import this_machine
    from sidecar.worker.processes import Processes
    from sidecar.worker.status.events import EventLog
    from sidecar.worker.status.store import StatusStore

    # A busy machine is none of these mistakes.
    camera_state.FIRST_FRAME_SECONDS = camera_state.SILENCE_SECONDS = _PATIENCE / 1000

    def with_more(name, **more):
        right = getattr(elements, name)
        for module in (elements, encoder_probe):
            setattr(module, name, lambda *values: {**right(*values), **more})

    def without(name, *names):
        right = getattr(elements, name)
        setattr(elements, name, lambda *values: {key: one for key, one in right(*values).items() if key not in names})

    if mistake == "bufapi-version":
        with_more("decoder_settings", **{"bufapi-version": True})
    elif mistake == "preset-level":
        with_more("encoder_settings", **{"preset-level": 1})
    elif mistake == "batch-size 1":
        with_more("mux_settings", **{"batch-size": 1})
    elif mistake == "no size":
        without("mux_settings", "width", "height")
    elif mistake == "hardware encoder":
        engine.probe_encoders = lambda _elements: encoder_probe.Encoders(["H264", "H265"], {})
    else:
        assert mistake == "none"

    run_dir = tempfile.mkdtemp()
    environment = {"SLIPSTREAM_PLATFORM": "%s/%s" % (release, board), "SLIPSTREAM_DATA_DIR": run_dir}
    os.environ.update(environment)
    loop = GLib.MainLoop()
    watched = StatusStore(EventLog())
    one = engine.DeepstreamEngine(
        Processes(os.path.join(run_dir, "outlet.sock"), prebuild_module="standins.prebuild"),
        watched,
        this_machine(environment, run_dir),
        lambda: None,
    )
    film = "file://%s/footage/demo.mp4" % ROOT
    specification = spec.PipelineSpec(
        cameras=[spec.Camera(id="film", uri=film), spec.Camera(id="test", uri="test://ball?rate=25")],
        model=spec.Model(bundle_path=make_bundle(os.path.join(run_dir, "bundle"))),
        outputs=[
            spec.Output(
                id="main",
                encoding=spec.Encoding(width=640, height=180, bitrate=1000000, frame_rate=25),
                rtsp=spec.RtspTarget(port=8554, path="/ds"),
            )
        ],
    )
    model, problems = one.prepare(specification)
    assert model is not None, problems
    one.apply(specification, model)
    graph, encoders = one._active.runner.graph, one._tools.encoders
    told = {"hardware": encoders.hardware, "refusals": encoders.refusals, "lost": ""}

    def look():
        state = watched.snapshot()
        lost = [one.lost.detail for one in state.cameras if one.WhichOneof("state") == "lost"]
        told["failed"] = state.pipeline.failed.detail
        told["fullest"] = graph.probes.largest_batch
        told["lost"] = lost[0] if lost else ""
        inferred = [one.counters.frames_inferred for one in state.cameras]
        told["frames"] = graph.outputs["main", ""].frames
        if told["failed"] or lost or (min(inferred) > 30 and told["frames"] > 10):
            loop.quit()
        return True

    GLib.timeout_add(50, look)
    GLib.timeout_add(_PATIENCE, loop.quit)
    loop.run()
    one.stop()
    shutil.rmtree(run_dir)
    return told


def run(board, mistake):
    platform = BOARDS[board].split(" ")[0]
    return scenario.run(outcome, BOARDS[board], board, platform, mistake)


@pytest.mark.parametrize("board", sorted(BOARDS))
def test_without_a_mistake_everything_works(board):
    told = run(board, "none")
    assert told["failed"] == told["lost"] == ""
    assert told["fullest"] == 2
    assert told["frames"] > 10
    assert told["hardware"] == ([] if board == "orin-nano" else ["H264", "H265"])


def test_bufapi_version_on_7_1_is_refused_by_the_decoder():
    told = run("t4", "bufapi-version")
    assert "nvv4l2decoder, property bufapi-version: it has no such property" in told["lost"]


def test_preset_level_on_a_t4_is_refused_by_the_encoder():
    told = run("t4", "preset-level")
    assert told["hardware"] == []
    assert "nvv4l2h264enc, property preset-level: it has no such property" in told["refusals"]["H264"]


def test_a_batch_size_of_1_never_gives_the_network_two_frames_at_once():
    assert run("t4", "batch-size 1")["fullest"] == 1


def test_a_muxer_without_a_size_does_not_start():
    told = run("nano", "no size")
    assert told["failed"].startswith("mux: Output width not set")


def test_a_hardware_encoder_on_an_orin_nano_fails_at_its_first_frame():
    told = run("orin-nano", "hardware encoder")
    assert "/dev/v4l2-nvenc" in told["failed"]
