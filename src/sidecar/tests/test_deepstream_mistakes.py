"""Typical mistakes, planted: each fails on the stand-ins as on a device, and the engine reports why."""

import os
import shutil
import tempfile

import pytest

from sidecar.tests.deepstream_sidecar import ROOT, make_bundle
from standins import scenario

# How long the engine has to fail or to play, in milliseconds.
_PATIENCE = 50000

BOARDS = {"t4": "7.1/dgpu", "nano": "6.0.1/jetson", "orin-nano": "7.1/jetson no-encoder"}


def outcome(board, release, mistake):
    """How two cameras fare, one of them a file. Runs in a process of its own."""
    from sidecar.contract import spec
    from sidecar.gst import GLib
    from sidecar.worker.cameras import silence
    from sidecar.worker.cameras import state as camera_state
    from sidecar.worker.engines.deepstream import encoder_probe, engine
    from sidecar.worker.engines.deepstream import pipeline as elements
    from sidecar.worker.engines.deepstream.machine import this_machine
    from sidecar.worker.processes import Processes
    from sidecar.worker.status.events import EventLog
    from sidecar.worker.status.store import StatusStore

    # A busy machine must not look like a mistake.
    camera_state.FIRST_FRAME_SECONDS = silence.SILENCE_SECONDS = _PATIENCE / 1000

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
        models=[spec.Model(bundle_path=make_bundle(os.path.join(run_dir, "bundle")))],
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
    graph, encoders = one._active.runner.graph, one._encoders
    result = {"hardware": encoders.hardware, "refusals": encoders.refusals, "lost": ""}

    def look():
        state = watched.snapshot()
        lost = [one.lost.detail for one in state.cameras if one.WhichOneof("state") == "lost"]
        result["failed"] = state.pipeline.failed.detail
        result["largest batch"] = graph.probes.largest_batch
        result["lost"] = lost[0] if lost else ""
        inferred = [one.counters.frames_inferred for one in state.cameras]
        result["frames"] = graph.outputs["main", ""].frames
        if result["failed"] or lost or (min(inferred) > 30 and result["frames"] > 10):
            loop.quit()
        return True

    GLib.timeout_add(50, look)
    GLib.timeout_add(_PATIENCE, loop.quit)
    loop.run()
    one.stop()
    shutil.rmtree(run_dir)
    return result


def run(board, mistake):
    platform = BOARDS[board].split(" ")[0]
    return scenario.run(outcome, BOARDS[board], board, platform, mistake)


@pytest.mark.parametrize("board", sorted(BOARDS))
def test_without_a_mistake_everything_works(board):
    result = run(board, "none")
    assert result["failed"] == result["lost"] == ""
    assert result["largest batch"] == 2
    assert result["frames"] > 10
    assert result["hardware"] == ([] if board == "orin-nano" else ["H264", "H265"])


def test_bufapi_version_on_7_1_is_refused_by_the_decoder():
    result = run("t4", "bufapi-version")
    assert "nvv4l2decoder, property bufapi-version: it has no such property" in result["lost"]


def test_preset_level_on_a_t4_is_refused_by_the_encoder():
    result = run("t4", "preset-level")
    assert result["hardware"] == []
    assert "nvv4l2h264enc, property preset-level: it has no such property" in result["refusals"]["H264"]


def test_a_batch_size_of_1_never_gives_the_network_two_frames_at_once():
    assert run("t4", "batch-size 1")["largest batch"] == 1


def test_a_muxer_without_a_size_does_not_start():
    result = run("nano", "no size")
    assert result["failed"].startswith("mux: Output width not set")


def test_a_hardware_encoder_on_an_orin_nano_fails_at_its_first_frame():
    result = run("orin-nano", "hardware encoder")
    assert "/dev/v4l2-nvenc" in result["failed"]
