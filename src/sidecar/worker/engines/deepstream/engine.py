"""Engine deepstream: NVIDIA's elements, all cameras in one batch."""

import threading
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from sidecar.chain import ChainError
from sidecar.contract import pipeline, spec, state
from sidecar.gst import GLib, Gst
from sidecar.log import Log
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.cameras.text import standby_picture_text
from sidecar.worker.check_process import WhenAbandoned, never_abandoned
from sidecar.worker.engines.deepstream import source
from sidecar.worker.engines.deepstream.assembly import Assembly, Says, Tools, assemble
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.changes import (
    Structure,
    changed_bitrates,
    live_changes,
    rebuild_changes,
    structure,
)
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.encoders import probe_encoders
from sidecar.worker.engines.deepstream.graph import is_mux_new
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.model import LoadedModel, files_stamp, load_model
from sidecar.worker.engines.deepstream.reporter import Reporter
from sidecar.worker.engines.deepstream.run import Failure
from sidecar.worker.engines.deepstream.standby_words import pipeline_text
from sidecar.worker.engines.deepstream.vision import MisfitError, Vision, settings_of
from sidecar.worker.engines.engine import Engine, EngineInfo, Preview
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.outputs import Outputs
from sidecar.worker.outputs.plan import plan_streams
from sidecar.worker.problem import Problem, has_errors
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import OutputKey, StatusStore

# Before a graph that failed is built anew, in seconds: the first time, and at most; each failure in a row doubles it. A
# TensorRT engine takes minutes of the whole GPU.
_DELAYS = (2.0, 60.0)
_DELAYS_OF_BUILDS = (60.0, 3600.0)
# How long stop() waits for the cameras' sources, in seconds.
_STOP_SECONDS = 1.0
# How often the files of a bundle that does not run are looked at, in seconds.
_LOOK_AT_FILES = 2.0
# A graph that ran this long has made good for the failures before it.
_HEALTHY = 60.0


class _InForce(NamedTuple):
    """What was applied last, and the graph that it has."""

    specification: spec.PipelineSpec
    model: LoadedModel
    structure: Structure
    assembly: Assembly
    # When the graph was put in place, on the monotonic clock.
    began: float


class DeepstreamEngine(Engine[LoadedModel]):
    """One graph for everything. What changes its structure builds it anew; the rest changes while frames flow."""

    def __init__(self, processes: Processes, store: StatusStore, machine: Machine, replace: Callable[[], None]) -> None:
        """Probes the encoders, for which it waits: a moment, or seconds where CUDA is slow to start.

        replace: asks for another process in place of this one.
        """
        self._store = store
        self._replace_process = replace
        catalogue = Catalogue(machine.platform.release, machine.platform.kind, new_mux=is_mux_new())
        elements = Elements(machine.platform, catalogue)
        reporter = Reporter(store.publish_detections, store.events.wanted)
        self._outputs = Outputs(processes, store, self._on_ports, self._count, elements.window_sinks)
        encoders = probe_encoders(elements)
        self._tools = Tools(
            machine, processes, catalogue, elements, encoders, store, reporter, SourceCloser(), take=self._outputs.take
        )
        self._says = Says(self._on_camera_said, self._show, self._on_failed, self._on_probe_failed)
        # Why there are no pictures: of the graph itself, empty if it plays; and by camera id.
        self._headline = ""
        self._notes: Dict[str, str] = {}
        self._in_force: Optional[_InForce] = None
        # Failures in a row before the graph in force. The timers of the next attempt, and of the next look at the files
        # of a bundle that failed; 0: none.
        self._failures = 0
        self._retry = 0
        self._look = 0
        # Engines that were built anew because they did not load: not again within this process.
        self._rebuilt: Set[str] = set()
        # The GPU has failed under a graph that played. CUDA does not recover from that within a process.
        self._gpu_is_lost = False

    def info(self) -> EngineInfo:
        platform = self._tools.machine.platform
        return EngineInfo("deepstream", platform.board, platform.release, platform.gpu)

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities(
            codecs=self._tools.encoders.codecs(),
            trackers=self._tools.elements.trackers(),
            sources=list(source.SCHEMES),
        )

    def prepare(
        self, specification: spec.PipelineSpec, when_abandoned: WhenAbandoned = never_abandoned
    ) -> Tuple[Optional[LoadedModel], List[Problem]]:
        return load_model(specification, self._tools.machine, self._tools.catalogue, self._tools.encoders)

    def apply(self, specification: spec.PipelineSpec, model: LoadedModel) -> List[pipeline.Change]:
        wanted = structure(specification, model.bundle, model.engine)
        current = self._in_force
        before = spec.PipelineSpec() if current is None else current.specification
        if current is not None and current.structure == wanted and self._set_bitrates(current, specification):
            changes = live_changes(before, specification)
            self._take_over(current._replace(specification=specification, model=model))
            self._outputs.update(plan_streams(specification))
            for camera, one in zip(current.assembly.run.cameras, specification.cameras):
                camera.controller.update(one)
            return changes
        assembly = self._assemble(specification, model)
        self._failures = 0
        self._put_in_place(_InForce(specification, model, wanted, assembly, time.monotonic()))
        return rebuild_changes(before, specification)

    def pipelines(self) -> List[Gst.Pipeline]:
        return [] if self._in_force is None else [self._in_force.assembly.run.graph.pipeline]

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        if self._in_force is None:
            return None
        picture = self._in_force.assembly.run.graph.pictures.get((output_id, camera_id))
        return None if picture is None else picture.preview(max_frame_rate)

    def stop(self) -> None:
        self._plan_retry(None)
        if self._in_force is not None:
            run = self._in_force.assembly.run
            self._in_force = None
            run.stop(then=lambda: None)
            run.wait()
            self._tools.closer.wait(_STOP_SECONDS)
        self._tools.reporter.stop()
        self._outputs.stop()

    def _assemble(self, specification: spec.PipelineSpec, model: LoadedModel) -> Assembly:
        current = None if self._in_force is None else self._in_force.assembly
        all_stats: Dict[str, CameraStats] = {} if current is None else current.all_stats
        earlier = [] if current is None else [camera.controller for camera in current.run.cameras]
        if self._in_force is not None and self._in_force.assembly.run.has_rebuilt:
            self._rebuilt.add(self._in_force.model.engine.path)
        may_rebuild = model.engine.path not in self._rebuilt
        return assemble(specification, model, all_stats, earlier, may_rebuild, self._tools, self._says)

    def _put_in_place(self, new: _InForce) -> None:
        """The graph in force gives way to another."""
        self._plan_retry(None)
        before = self._in_force
        self._take_over(new)
        run, all_stats = new.assembly.run, new.assembly.all_stats
        for camera_id in () if before is None else before.assembly.all_stats.keys() - all_stats.keys():
            self._store.remove_camera(camera_id)
        for camera_id, stats in all_stats.items():
            self._store.add_camera(camera_id, stats.fill)
        # RTP streams begin anew: the outlet is told, and says the ports.
        self._outputs.serve(plan_streams(new.specification))
        for camera in run.cameras:
            camera.controller.announce()
        self._store.order_cameras(tuple(all_stats))

        def start() -> None:
            # Another change may have come while the graph before was taken down.
            if self._in_force is not None and self._in_force.assembly.run is run:
                run.start()

        if before is None:
            start()
        else:
            before.assembly.run.stop(then=start)

    def _take_over(self, new: _InForce) -> None:
        """Puts in force what changes while frames flow."""
        self._in_force = new
        graph = new.assembly.run.graph
        new.assembly.vision.settings = settings_of(new.specification, new.model.interval(new.specification))
        for picture in graph.pictures.values():
            picture.show(new.specification.overlay.boxes)

    def _set_bitrates(self, current: _InForce, specification: spec.PipelineSpec) -> bool:
        """Whether all bit rates that differ could be changed while frames flow."""
        pictures = current.assembly.run.graph.pictures
        changed = changed_bitrates(current.specification, specification)
        return all(pictures[one.key].set_bitrate(one.encoding) for one in changed)

    def _on_ports(self, ports: Dict[OutputKey, int]) -> None:
        if self._in_force is not None:
            for key, port in ports.items():
                picture = self._in_force.assembly.run.graph.pictures.get(key)
                if picture is not None:
                    picture.set_rtp_port(port)

    def _on_failed(self, why: Failure) -> None:
        """The graph in force has failed and is taken down."""
        assert self._in_force is not None, "it is the one that failed"
        self._gpu_is_lost = why.reason == state.FAILURE_REASON_GPU and self._in_force.assembly.run.played
        if time.monotonic() - self._in_force.began > _HEALTHY and self._in_force.assembly.run.played:
            self._failures = 0
        delay = retry_delay(why, self._failures)
        self._failures += 1
        failed = state.PipelineStatus.Failed(reason=why.reason, detail=why.detail)
        if delay is not None:
            failed.next_attempt.FromNanoseconds(int((time.time() + delay) * 1e9))
        self._show(state.PipelineStatus(failed=failed))
        self._plan_retry(delay)
        self._look = GLib.timeout_add(int(_LOOK_AT_FILES * 1000), self._look_at_files)

    def _on_probe_failed(self, vision: Vision, why: Exception) -> None:
        """A defect of ours, or a network that is not what its bundle says. The same comes with every frame."""
        current = self._in_force
        if current is None or current.assembly.vision is not vision or not current.assembly.run.playing:
            return
        if isinstance(why, MisfitError):
            current.assembly.run.fail(Failure(state.FAILURE_REASON_MODEL, str(why)))
            return
        detail = "%s: %s" % (type(why).__name__, why)
        Log("engine").error("a probe failed", err=detail)
        current.assembly.run.fail(Failure(state.FAILURE_REASON_INTERNAL, detail))

    def _plan_retry(self, delay: Optional[float]) -> None:
        """None: no retry, and no look at files."""
        for timer in (self._retry, self._look):
            if timer:
                GLib.source_remove(timer)
        self._look = 0
        self._retry = 0 if delay is None else GLib.timeout_add(int(delay * 1000), self._try_again)

    def _try_again(self) -> bool:
        self._retry = 0
        current = self._in_force
        assert current is not None, "something failed, so something was applied"
        if self._gpu_is_lost:
            self._replace_process()
            return bool(GLib.SOURCE_REMOVE)
        try:
            assembly = self._assemble(current.specification, current.model)
        except ChainError as why:
            self._on_failed(Failure(state.FAILURE_REASON_ELEMENT, str(why)))
        else:
            self._put_in_place(current._replace(assembly=assembly, began=time.monotonic()))
        return bool(GLib.SOURCE_REMOVE)

    def _look_at_files(self) -> bool:
        """A bundle that does not run is read anew as soon as its files change."""
        current = self._in_force
        assert current is not None, "something failed, so something was applied"
        if files_stamp(current.specification.model.bundle_path) == current.model.stamp:
            return bool(GLib.SOURCE_CONTINUE)
        self._look = 0
        self._plan_retry(None)

        def load() -> None:
            MainLoop.post(self._on_model_loaded, current.assembly, *self.prepare(current.specification))

        threading.Thread(target=load, name="model-loader", daemon=True).start()
        return bool(GLib.SOURCE_REMOVE)

    def _on_model_loaded(self, failed: Assembly, model: Optional[LoadedModel], problems: List[Problem]) -> None:
        before = self._in_force
        # Another graph may have taken the place of the one that failed.
        if before is None or before.assembly is not failed:
            return
        if model is None or has_errors(problems):
            detail = "; ".join("%s: %s" % (one.path, one.message) for one in problems)
            # It is read again when its files change once more.
            stamp = files_stamp(before.specification.model.bundle_path)
            self._in_force = before._replace(model=before.model._replace(stamp=stamp))
            self._on_failed(Failure(state.FAILURE_REASON_MODEL, detail, is_passing=False))
            return
        self._failures = 0
        wanted = structure(before.specification, model.bundle, model.engine)
        try:
            assembly = self._assemble(before.specification, model)
        except ChainError as why:
            self._on_failed(Failure(state.FAILURE_REASON_ELEMENT, str(why)))
        else:
            self._put_in_place(
                before._replace(model=model, structure=wanted, assembly=assembly, began=time.monotonic())
            )

    def _show(self, status: state.PipelineStatus) -> None:
        self._store.set_pipeline(status)
        self._headline = pipeline_text(status, time.strftime("%H:%M:%S"))
        self._say()

    def _on_camera_said(self, camera_id: str, text: str) -> None:
        self._notes[camera_id] = text
        self._say()

    def _say(self) -> None:
        """What stands in place of pictures that have no frames."""
        if self._in_force is not None:
            for one in plan_streams(self._in_force.specification):
                self._outputs.set_standby_text(
                    one.key, self._headline or standby_picture_text(one.cameras, self._notes)
                )

    def _count(self, key: OutputKey, status: state.OutputStatus) -> None:
        """Called on any thread."""
        current = self._in_force
        picture = None if current is None else current.assembly.run.graph.pictures.get(key)
        if picture is not None:
            status.frames = picture.frames


def retry_delay(why: Failure, failures: int) -> Optional[float]:
    """Seconds until a graph that failed is built anew, after so many failures in a row before this one.

    None: not before something has changed. Pure.
    """
    if not why.is_passing:
        return None
    first, longest = _DELAYS_OF_BUILDS if why.in_build else _DELAYS
    return min(longest, first * 2.0 ** min(failures, 16))
