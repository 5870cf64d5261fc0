"""Engine deepstream: NVIDIA's elements, all cameras in one batch."""

import threading
import time
from functools import partial
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from sidecar.chain import ChainError
from sidecar.contract import pipeline, spec, state
from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.timer import Timer, attempt, every
from sidecar.worker.cameras.addresses import SCHEMES
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.cameras.text import TileText, standby_text
from sidecar.worker.check_process import WhenAbandoned, never_abandoned
from sidecar.worker.engines.deepstream.batch_probes import BatchProbes, live_settings
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.changes import changed_bitrates, live_changes, rebuild_changes, structure
from sidecar.worker.engines.deepstream.detection_reporter import DetectionReporter
from sidecar.worker.engines.deepstream.elements import Elements, is_mux_new
from sidecar.worker.engines.deepstream.encoder_probe import probe_encoders
from sidecar.worker.engines.deepstream.graph import Graph, GraphTools
from sidecar.worker.engines.deepstream.graph_failure import GraphFailure, retry_delay
from sidecar.worker.engines.deepstream.graph_runner import GraphRunner
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.model import LoadedModel, fingerprint, load_model
from sidecar.worker.engines.deepstream.output_branch import OutputBranch
from sidecar.worker.engines.deepstream.prebuild import prebuild_command
from sidecar.worker.engines.deepstream.standby_text import pipeline_text
from sidecar.worker.engines.deepstream.tensor_decoder import TensorMismatchError
from sidecar.worker.engines.engine import Engine, EngineInfo, Preview
from sidecar.worker.engines.overlay import Shapes
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.outputs import Outputs
from sidecar.worker.outputs.plan import plan_streams
from sidecar.worker.problem import Problem, error, has_errors
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import OutputKey, StatusStore

# A graph that has run this long resets the count of failures in a row.
_HEALTHY_SECONDS = 60.0
# How often the files of a bundle that failed are checked for changes.
_FILE_CHECK_SECONDS = 2.0
# How long stop() waits for the cameras' sources.
_STOP_SECONDS = 1.0


class _Active(NamedTuple):
    """What was applied last, and the graph that runs it."""

    specification: spec.PipelineSpec
    model: LoadedModel
    # See structure().
    structure: Tuple[object, ...]
    runner: GraphRunner
    # When the graph took over, on the monotonic clock.
    began: float


class DeepstreamEngine(Engine[LoadedModel]):
    """One graph for everything. A change of its structure takes another graph; the rest changes while frames flow."""

    def __init__(self, processes: Processes, store: StatusStore, machine: Machine, replace: Callable[[], None]) -> None:
        """Probes the encoders, and waits for that: a moment, or seconds where CUDA is slow to start.

        replace: asks for another process in place of this one.
        """
        self._store = store
        self._replace_process = replace
        self._machine = machine
        self._processes = processes
        catalogue = Catalogue(machine.platform.release, machine.platform.kind, new_mux=is_mux_new())
        self._elements = Elements(machine.platform, catalogue)
        self._encoders = probe_encoders(self._elements)
        self._outputs = Outputs(processes, store, self._on_ports, self._count_frames, self._elements.window_sinks)
        reporter = DetectionReporter(store.publish_detections, store.events.wanted)
        self._tools = GraphTools(
            machine.run_dir,
            self._elements,
            self._encoders.hardware,
            store,
            reporter,
            SourceCloser(),
            self._outputs.take,
        )
        self._active: Optional[_Active] = None
        # What viewers read while a stream has no frames: about the whole graph (empty: it plays), and by camera id.
        self._pipeline_text = ""
        self._camera_texts: Dict[str, TileText] = {}
        self._shapes: Shapes = {}
        # Failures in a row before the active graph.
        self._failures = 0
        # Of the next attempt, and of the checks of a failed bundle's files.
        self._retry_timer: Optional[Timer] = None
        self._file_timer: Optional[Timer] = None
        # TensorRT engines that were rebuilt because they did not load. This process does not rebuild them again.
        self._rebuilt: Set[str] = set()
        # The GPU failed under a graph that had played. Within a process, CUDA does not recover from that.
        self._is_gpu_lost = False

    def info(self) -> EngineInfo:
        platform = self._machine.platform
        return EngineInfo("deepstream", platform.board, platform.release, platform.gpu)

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities(
            codecs=self._encoders.codecs(), trackers=self._elements.trackers(), sources=list(SCHEMES)
        )

    def prepare(
        self, specification: spec.PipelineSpec, when_abandoned: WhenAbandoned = never_abandoned
    ) -> Tuple[Optional[LoadedModel], List[Problem]]:
        return load_model(specification, self._machine, self._elements.catalogue, self._encoders)

    def apply(self, specification: spec.PipelineSpec, model: LoadedModel) -> List[pipeline.Change]:
        wanted = structure(specification, model)
        active = self._active
        before = spec.PipelineSpec() if active is None else active.specification
        if active is not None and active.structure == wanted and self._set_bitrates(active, specification):
            changes = live_changes(before, specification)
            self._activate(active._replace(specification=specification, model=model))
            self._outputs.update(plan_streams(specification))
            for controller, camera in zip(active.runner.graph.controllers, specification.cameras):
                controller.update(camera)
            return changes
        new = self._build(specification, model)
        self._failures = 0
        self._replace_graph(new)
        return rebuild_changes(before, specification)

    def pipelines(self) -> List[Gst.Pipeline]:
        return [] if self._active is None else [self._active.runner.graph.pipeline]

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        output = self._output((output_id, camera_id))
        return None if output is None else output.preview(max_frame_rate)

    def encoded_pad(self, output_id: str, camera_id: str) -> Optional[Gst.Pad]:
        output = self._output((output_id, camera_id))
        return None if output is None else output.encoded_pad()

    def controller(self, camera_id: str) -> Optional[CameraController]:
        controllers = [] if self._active is None else self._active.runner.graph.controllers
        return next((one for one in controllers if one.camera.id == camera_id), None)

    def show_zones(self, shapes: Shapes) -> None:
        self._shapes = shapes
        if self._active is not None:
            self._activate(self._active)

    def stop(self) -> None:
        self._set_retry(None)
        if self._active is not None:
            runner = self._active.runner
            self._active = None
            runner.stop(then=lambda: None)
            runner.wait()
            self._tools.closer.wait(_STOP_SECONDS)
        self._tools.reporter.stop()
        self._outputs.stop()

    def _build(self, specification: spec.PipelineSpec, model: LoadedModel) -> _Active:
        """Builds a graph, and does not start it. Raises ChainError; the active graph is not touched."""
        active = self._active
        if active is not None and active.runner.has_rebuilt:
            self._rebuilt.add(active.model.tensorrt_engine.path)
        earlier = None if active is None else active.runner.graph
        graph = Graph(specification, model, earlier, self._tools, self._set_camera_text, self._on_probe_failed)
        command = partial(prebuild_command, self._processes.prebuild_module, model.bundle.directory, graph.batch)
        may_rebuild = model.tensorrt_engine.path not in self._rebuilt
        runner = GraphRunner(graph, model.tensorrt_engine, command, may_rebuild, self._set_status, self._on_failed)
        return _Active(specification, model, structure(specification, model), runner, time.monotonic())

    def _replace_graph(self, new: _Active) -> None:
        """Stops the active graph, and starts another in its place."""
        self._set_retry(None)
        before = self._active
        self._activate(new)
        graph = new.runner.graph
        cameras = [slot.camera_id for slot in graph.slots]
        for slot in [] if before is None else before.runner.graph.slots:
            if slot.camera_id not in cameras:
                self._store.remove_camera(slot.camera_id)
        for slot in graph.slots:
            self._store.add_camera(slot.camera_id, slot.stats.fill)
        # RTP streams restart: the outlet is told, and answers with their ports.
        self._outputs.serve(plan_streams(new.specification))
        for controller in graph.controllers:
            controller.announce()
        self._store.order_cameras(tuple(cameras))

        def start() -> None:
            # Yet another graph may have taken over while the one before was stopped.
            if self._active is not None and self._active.runner is new.runner:
                new.runner.start()

        if before is None:
            start()
        else:
            before.runner.stop(then=start)

    def _activate(self, new: _Active) -> None:
        """Applies what can change while frames flow."""
        self._active = new
        new.runner.graph.probes.settings = live_settings(
            new.specification, new.model.interval(new.specification), self._shapes
        )

    @staticmethod
    def _set_bitrates(active: _Active, specification: spec.PipelineSpec) -> bool:
        """Whether every bit rate that differs could be changed while frames flow."""
        outputs = active.runner.graph.outputs
        changed = changed_bitrates(active.specification, specification)
        return all(outputs[one.key].set_bitrate(one.encoding) for one in changed)

    def _on_ports(self, ports: Dict[OutputKey, int]) -> None:
        for key, port in ports.items():
            output = self._output(key)
            if output is not None:
                output.set_rtp_port(port)

    def _on_failed(self, why: GraphFailure) -> None:
        """The active graph has failed, and is stopped."""
        assert self._active is not None, "it is the one that failed"
        has_played = self._active.runner.has_played
        self._is_gpu_lost = why.reason == state.FAILURE_REASON_GPU and has_played
        if has_played and time.monotonic() - self._active.began > _HEALTHY_SECONDS:
            self._failures = 0
        delay = retry_delay(why, self._failures)
        self._failures += 1
        failed = state.PipelineStatus.Failed(reason=why.reason, detail=why.detail)
        if delay is not None:
            failed.next_attempt.FromNanoseconds(int((time.time() + delay) * 1e9))
        self._set_status(state.PipelineStatus(failed=failed))
        self._set_retry(delay)
        self._file_timer = every(int(_FILE_CHECK_SECONDS * 1000), self._check_files)

    def _on_probe_failed(self, probes: BatchProbes, why: Exception) -> None:
        """Either a defect of this engine, or a network that does not fit its bundle. Each frame raises it again."""
        active = self._active
        if active is None or active.runner.graph.probes is not probes or not active.runner.is_playing:
            return
        if isinstance(why, TensorMismatchError):
            active.runner.fail(GraphFailure(state.FAILURE_REASON_MODEL, str(why)))
            return
        detail = "%s: %s" % (type(why).__name__, why)
        Log("engine").error("probe failed", err=detail)
        active.runner.fail(GraphFailure(state.FAILURE_REASON_INTERNAL, detail))

    def _set_retry(self, delay: Optional[float]) -> None:
        """None: there will be no attempt, and no check of files."""
        for timer in (self._retry_timer, self._file_timer):
            if timer is not None:
                timer.stop()
        self._file_timer = None
        self._retry_timer = None if delay is None else attempt(int(delay * 1000), self._retry)

    def _retry(self) -> None:
        assert self._active is not None, "it is the one that failed"
        if self._is_gpu_lost:
            self._replace_process()
        else:
            self._rebuild(self._active.model)

    def _rebuild(self, model: LoadedModel) -> None:
        """Replaces a graph that failed by another for the same specification."""
        assert self._active is not None, "it is the one that failed"
        try:
            new = self._build(self._active.specification, model)
        except ChainError as why:
            self._on_failed(GraphFailure(state.FAILURE_REASON_ELEMENT, str(why)))
        else:
            self._replace_graph(new)

    def _check_files(self) -> None:
        """A bundle that failed is loaded again as soon as its files change."""
        active = self._active
        assert active is not None, "it is the one that failed"
        if fingerprint(active.specification.model.bundle_path) == active.model.fingerprint:
            return

        def load() -> None:
            try:
                model, problems = self.prepare(active.specification)
            except Exception as why:  # whatever it is, the files are checked again
                detail = "%s: %s" % (type(why).__name__, why)
                model, problems = None, [error("model-does-not-load", "model.bundle_path", detail)]
            MainLoop.post(self._on_reloaded, active.runner, model, problems)

        threading.Thread(target=load, name="model-loader", daemon=True).start()
        self._set_retry(None)

    def _on_reloaded(self, failed: GraphRunner, model: Optional[LoadedModel], problems: List[Problem]) -> None:
        active = self._active
        if active is None or active.runner is not failed:
            return  # Another graph has taken over.
        if model is None or has_errors(problems):
            detail = "; ".join("%s: %s" % (one.path, one.message) for one in problems)
            # It is loaded again when its files change once more.
            current = fingerprint(active.specification.model.bundle_path)
            self._active = active._replace(model=active.model._replace(fingerprint=current))
            self._on_failed(GraphFailure(state.FAILURE_REASON_MODEL, detail, is_transient=False))
            return
        self._failures = 0
        self._rebuild(model)

    def _set_status(self, status: state.PipelineStatus) -> None:
        self._store.set_pipeline(status)
        self._pipeline_text = pipeline_text(status, time.strftime("%H:%M:%S"))
        self._set_standby_texts()

    def _set_camera_text(self, camera_id: str, text: TileText) -> None:
        self._camera_texts[camera_id] = text
        self._set_standby_texts()

    def _set_standby_texts(self) -> None:
        if self._active is not None:
            for one in plan_streams(self._active.specification):
                standby = standby_text(one.cameras, self._camera_texts)
                if self._pipeline_text:
                    standby = TileText(self._pipeline_text)
                self._outputs.set_standby_text(one.key, standby.text, standby.holds)

    def _count_frames(self, key: OutputKey, status: state.OutputStatus) -> None:
        """Called on any thread."""
        output = self._output(key)
        if output is not None:
            status.frames = output.frames

    def _output(self, key: OutputKey) -> Optional[OutputBranch]:
        """Called on any thread."""
        active = self._active
        return None if active is None else active.runner.graph.outputs.get(key)
