"""A graph leaves nothing behind, failures are reported and retried, and the engine takes little memory."""

import os
import shutil
import tempfile

from sidecar.tests.deepstream_sidecar import NANODET, make_bundle
from standins import scenario

# How long until() waits, in milliseconds.
_PATIENCE = 50000


class World:
    """An engine in this process, and its main loop. Without an outlet, streams are encoded and sent nowhere."""

    def __init__(self, cameras, bundle=None, replace=lambda: None):
        from sidecar.contract import spec
        from sidecar.gst import GLib
        from sidecar.worker.engines.deepstream.engine import DeepstreamEngine
        from sidecar.worker.engines.deepstream.machine import this_machine
        from sidecar.worker.processes import Processes
        from sidecar.worker.status.events import EventLog
        from sidecar.worker.status.store import StatusStore

        self.glib = GLib
        self.directory = tempfile.mkdtemp()
        environment = {"SLIPSTREAM_PLATFORM": "7.1/dgpu", "SLIPSTREAM_DATA_DIR": self.directory}
        os.environ.update(environment)
        self.store = StatusStore(EventLog())
        here = this_machine(environment, self.directory)
        self.engine = DeepstreamEngine(
            Processes(os.path.join(self.directory, "outlet.sock"), prebuild_module="standins.prebuild"),
            self.store,
            here,
            replace,
        )
        self.specification = spec.PipelineSpec(
            cameras=[
                spec.Camera(id="c%d" % number, uri="test://ball?width=320&height=180&rate=15")
                for number in range(cameras)
            ],
            models=[spec.Model(bundle_path=bundle or make_bundle(os.path.join(self.directory, "bundle")))],
            overlay=spec.Overlay(boxes=True, labels=True, counts=True, names=True),
            outputs=[
                spec.Output(
                    id="main",
                    encoding=spec.Encoding(width=640, height=360, bitrate=1000000, frame_rate=15),
                    rtsp=spec.RtspTarget(port=8554, path="/ds"),
                )
            ],
        )

    @property
    def runner(self):
        return self.engine._active.runner

    @property
    def graph(self):
        return self.runner.graph

    def apply(self):
        model, problems = self.engine.prepare(self.specification)
        assert model is not None, problems
        self.engine.apply(self.specification, model)

    def until(self, condition, what):
        loop = self.glib.MainLoop()
        done = []

        def look():
            if condition():
                done.append(True)
                loop.quit()
            return not done

        self.glib.timeout_add(20, look)
        timer = self.glib.timeout_add(_PATIENCE, loop.quit)
        loop.run()
        assert done, "not in time: %s; the state is %s" % (what, self.store.snapshot())
        self.glib.source_remove(timer)

    def until_inferred(self, frames):
        def inferred():
            state = self.store.snapshot()
            return bool(state.cameras) and min(one.counters.frames_inferred for one in state.cameras) >= frames

        self.until(inferred, "%d frames of each camera" % frames)

    def stop(self):
        self.engine.stop()
        shutil.rmtree(self.directory)


def leftovers():
    """How many graphs and runners are alive after some changes."""
    import gc
    import weakref

    world = World(2)
    graphs, gone = [], []
    for number in range(4):
        world.specification.outputs[0].encoding.width = 640 + 16 * number
        world.apply()
        # GObject's own weak reference: the Python object of a pipeline comes and goes. If it were asked while another
        # thread drops the pipeline, it would end the process.
        graphs.append(world.graph.pipeline.weak_ref(gone.append, number))
        runners = weakref.ref(world.runner)
        world.until_inferred(3)
    world.engine.stop()
    world.until(lambda: True, "a turn of the loop")
    world.engine = None
    gc.collect()
    return {"graphs": len(graphs) - len(gone), "runners": int(runners() is not None)}


def test_a_graph_that_was_replaced_leaves_nothing_behind():
    assert scenario.run(leftovers, "7.1/dgpu") == {"graphs": 0, "runners": 0}


def lost_gpu():
    from sidecar.gst import GLib, Gst

    replaced = []
    world = World(1, replace=lambda: replaced.append(True))
    world.apply()
    world.until_inferred(2)
    infer = world.graph.pipeline.get_by_name("infer")
    error = GLib.Error.new_literal(Gst.StreamError.quark(), "Failed to queue input batch for inferencing", 1)
    infer.post_message(Gst.Message.new_error(infer, error, "cudaErrorIllegalAddress: cuda error"))
    world.until(lambda: world.store.snapshot().pipeline.WhichOneof("state") == "failed", "the failure")
    failed = world.store.snapshot().pipeline.failed
    world.until(lambda: bool(replaced), "another process")
    world.stop()
    return [failed.reason, failed.detail]


def test_a_gpu_that_fails_under_a_running_graph_replaces_the_process():
    from sidecar.contract import state

    reason, detail = scenario.run(lost_gpu, "7.1/dgpu")
    assert reason == state.FAILURE_REASON_GPU
    assert detail.startswith("infer: Failed to queue input batch")


def failing_element():
    from sidecar.gst import GLib, Gst

    world = World(1)
    world.apply()
    world.until_inferred(2)
    first = world.runner
    error = GLib.Error.new_literal(Gst.StreamError.quark(), "something broke", 1)
    mux = first.graph.pipeline.get_by_name("mux")
    mux.post_message(Gst.Message.new_error(mux, error, ""))
    world.until(lambda: world.store.snapshot().pipeline.WhichOneof("state") == "failed", "the failure")
    world.until(lambda: world.store.snapshot().pipeline.WhichOneof("state") == "running", "another graph")
    again = world.runner is not first
    world.until_inferred(5)
    world.stop()
    return again


def test_a_graph_that_fails_is_replaced():
    assert scenario.run(failing_element, "7.1/dgpu")


def misfit():
    """A network whose outputs are not those that its bundle's decoder reads."""
    import onnx
    from onnx import TensorProto, helper

    directory = tempfile.mkdtemp()
    bundle = os.path.join(directory, "bundle")
    shutil.copytree(NANODET, bundle)
    config = os.path.join(bundle, "config_infer.txt")
    with open(config) as file:
        lines = [line for line in file if not line.startswith("output-blob-names")]
    with open(config, "w") as file:
        file.writelines(lines)
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 416, 416])
    other = helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 3, 416, 416])
    graph = helper.make_graph([helper.make_node("Identity", ["images"], ["other"])], "graph", [picture], [other])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, os.path.join(bundle, "network.onnx"))

    world = World(1, bundle)
    world.apply()
    world.until(lambda: world.store.snapshot().pipeline.WhichOneof("state") == "failed", "the failure")
    failed = world.store.snapshot().pipeline.failed
    world.stop()
    shutil.rmtree(directory)
    return [failed.reason, failed.detail]


def test_a_network_that_does_not_fit_its_bundle_fails_with_the_names_of_its_outputs():
    from sidecar.contract import state

    reason, detail = scenario.run(misfit, "7.1/dgpu")
    assert reason == state.FAILURE_REASON_MODEL
    assert "does not fit SlipstreamNanoDet: it needs one output of" in detail
    assert "the network's outputs are other 3x416x416" in detail


def failing_probe():
    from sidecar.worker.engines.deepstream.batch_probes import BatchProbes

    def after_models(self, buffer):
        raise ZeroDivisionError("a slip")

    BatchProbes.after_models = after_models
    world = World(1)
    world.apply()
    world.until(lambda: world.store.snapshot().pipeline.WhichOneof("state") == "failed", "the failure")
    failed = world.store.snapshot().pipeline.failed
    world.stop()
    return [failed.reason, failed.detail]


def test_an_exception_in_a_probe_is_reported_and_not_only_printed():
    from sidecar.contract import state

    assert scenario.run(failing_probe, "7.1/dgpu") == [
        state.FAILURE_REASON_INTERNAL,
        "ZeroDivisionError: a slip",
    ]


def vanishing_engine():
    import logging

    from sidecar.worker.engines.deepstream.graph_runner import GraphRunner

    def load(runner):
        raise FileNotFoundError("the TensorRT engine is gone")

    GraphRunner._load = load
    # The stack is logged, too.
    logging.disable(logging.CRITICAL)
    world = World(1)
    world.apply()
    world.until(lambda: world.store.snapshot().pipeline.WhichOneof("state") == "failed", "the failure")
    failed = world.store.snapshot().pipeline.failed
    world.stop()
    return [failed.reason, failed.detail, failed.HasField("next_attempt")]


def test_an_exception_after_the_build_of_a_tensorrt_engine_is_a_failure_that_is_retried():
    from sidecar.contract import state

    assert scenario.run(vanishing_engine, "7.1/dgpu") == [
        state.FAILURE_REASON_INTERNAL,
        "FileNotFoundError: the TensorRT engine is gone",
        True,
    ]


def memory():
    """Resident memory in MiB: with GStreamer alone, and with the engine and a running graph."""

    def resident():
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024

    from sidecar.worker.service import pipeline_service as service

    assert service
    before = resident()
    world = World(4)
    world.apply()
    world.until_inferred(30)
    after = resident()
    world.stop()
    return [before, after]


def test_the_engine_takes_little_memory():
    """More than on a device: the stand-ins' frames are in system memory."""
    before, after = scenario.run(memory, "7.1/dgpu")
    print("resident: %.0f MiB with gRPC and GStreamer, %.0f MiB with the engine and 4 cameras" % (before, after))
    assert after - before <= 120
