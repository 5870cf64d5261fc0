"""The contract's gRPC service, on top of one engine: checks, applies, and reports what happens."""

import os
import threading
import time
from typing import Any, Iterator, List, Optional, Tuple

import grpc

from sidecar.chain import ChainError
from sidecar.contract import pipeline, pipeline_grpc, spec, state
from sidecar.gst import Gst
from sidecar.keeper.previous_worker import PreviousWorker
from sidecar.log import Log
from sidecar.version import VERSION
from sidecar.worker.check import check
from sidecar.worker.engines.engine import Engine, Preview
from sidecar.worker.engines.unavailable import UnavailableEngine
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.recording.check import unusable_folders
from sidecar.worker.outputs.recording.folder import recordings_dir
from sidecar.worker.problem import ERROR, NOTICE, WARNING, Problem, error, has_errors
from sidecar.worker.status.events import TooOldError
from sidecar.worker.status.store import StatusStore

# How long the loop thread may take for a change: it closes cameras and rebuilds streams.
_LOOP_SECONDS = 20.0
_SNAPSHOT_SECONDS = 5.0
_DEFAULT_HEARTBEAT_SECONDS = 2.0
_SHORTEST_HEARTBEAT_SECONDS = 0.1
_DEFAULT_PREVIEW_RATE = 5
_HIGHEST_PREVIEW_RATE = 30


_SEVERITIES = {
    ERROR: pipeline.SEVERITY_ERROR,
    WARNING: pipeline.SEVERITY_WARNING,
    NOTICE: pipeline.SEVERITY_NOTICE,
}


class PipelineService(pipeline_grpc.PipelineServicer):  # type: ignore[misc]
    """Methods are called on gRPC's threads; what touches GStreamer is run on the loop thread."""

    def __init__(
        self,
        engine: Engine,
        store: StatusStore,
        loop: MainLoop,
        instance_id: str,
        previous_worker: Optional[PreviousWorker] = None,
    ) -> None:
        """previous_worker: None if this is the first."""
        self._engine = engine
        self._previous_worker = previous_worker
        self._store = store
        self._loop = loop
        self._instance_id = instance_id
        self._log = Log("service")
        # One change at a time: loading a model takes a while, and happens outside the loop thread.
        self._applying = threading.Lock()
        self._active: Optional[pipeline.ApplyResponse] = None

    def Connect(  # noqa: N802
        self, request: pipeline.ConnectRequest, context: grpc.ServicerContext
    ) -> pipeline.ConnectResponse:
        self._log.info("agent connected", version=request.agent_version)
        info = self._engine.info()
        return pipeline.ConnectResponse(
            instance_id=self._instance_id,
            sidecar_version=VERSION,
            engine=info.engine,
            board=info.board,
            deepstream_release=info.deepstream_release,
            gpu=info.gpu,
            gstreamer_version=Gst.version_string().split(" ")[-1],
            capabilities=self._engine.capabilities(),
            previous=None if self._previous_worker is None else _to_previous_worker(self._previous_worker),
        )

    def Check(  # noqa: N802
        self, request: pipeline.CheckRequest, context: grpc.ServicerContext
    ) -> pipeline.CheckResponse:
        _, problems = self._examine(request.spec)
        return pipeline.CheckResponse(problems=[_to_contract(problem) for problem in problems])

    def Apply(  # noqa: N802
        self, request: pipeline.ApplyRequest, context: grpc.ServicerContext
    ) -> pipeline.ApplyResponse:
        with self._applying:
            if not request.generation:
                no_name = error("no-generation", "generation", "the generation has no name")
                return self._refuse([no_name], state.FAILURE_REASON_ELEMENT)
            if self._active is not None and self._active.generation == request.generation:
                return pipeline.ApplyResponse(
                    generation=request.generation, accepted=True, problems=self._active.problems
                )
            if isinstance(self._engine, UnavailableEngine):
                return self._refuse_unavailable(self._engine, request.spec)
            if self._active is None:
                loading = state.PipelineStatus.Loading(phase=state.LOADING_PHASE_MODEL)
                self._store.set_pipeline(state.PipelineStatus(loading=loading))
            model, problems = self._examine(request.spec)
            if model is None or has_errors(problems):
                of_model = model is None or any(problem.path.startswith("model") for problem in problems)
                return self._refuse(problems, state.FAILURE_REASON_MODEL if of_model else state.FAILURE_REASON_ELEMENT)
            ready = model
            try:
                changes = self._loop.call(lambda: self._engine.apply(request.spec, ready), _LOOP_SECONDS)
            except ChainError as why:
                return self._refuse([*problems, error("element", "spec", str(why))], state.FAILURE_REASON_ELEMENT)
            self._store.generation = request.generation
            response = pipeline.ApplyResponse(
                generation=request.generation,
                accepted=True,
                problems=[_to_contract(problem) for problem in problems],
                changes=changes,
            )
            self._active = response
            self._log.info("specification applied", generation=request.generation, changes=len(changes))
            return response

    def Watch(  # noqa: N802
        self, request: pipeline.WatchRequest, context: grpc.ServicerContext
    ) -> Iterator[pipeline.WatchResponse]:
        if request.after_sequence and request.instance_id != self._instance_id:
            context.abort(
                grpc.StatusCode.OUT_OF_RANGE, "after_sequence belongs to another instance; start again with 0"
            )
        interval = _DEFAULT_HEARTBEAT_SECONDS
        if request.HasField("heartbeat_interval"):
            interval = max(_SHORTEST_HEARTBEAT_SECONDS, request.heartbeat_interval.ToMilliseconds() / 1000.0)
        try:
            watcher = self._store.events.watch(request.after_sequence, request.detections)
        except TooOldError as why:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "%s; start again with 0" % why)
            return
        context.add_callback(watcher.wake)
        try:
            yield self._whole_state()
            due = time.monotonic() + interval
            while context.is_active():
                message = watcher.take(max(0.0, due - time.monotonic()))
                if message is not None:
                    yield message
                if time.monotonic() >= due:
                    yield self._whole_state()
                    due = time.monotonic() + interval
        except TooOldError as why:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "%s; start again with 0" % why)
        finally:
            self._store.events.leave(watcher)

    def TakeSnapshot(  # noqa: N802
        self, request: pipeline.TakeSnapshotRequest, context: grpc.ServicerContext
    ) -> pipeline.TakeSnapshotResponse:
        preview = self._preview(request.output_id, request.camera_id, _HIGHEST_PREVIEW_RATE, context)
        try:
            jpeg = preview.take(_SNAPSHOT_SECONDS)
        finally:
            self._loop.call(preview.stop, _LOOP_SECONDS)
        if jpeg is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "no frame came within %g s" % _SNAPSHOT_SECONDS)
        response = pipeline.TakeSnapshotResponse(jpeg=jpeg)
        response.time.GetCurrentTime()
        return response

    def WatchPreview(  # noqa: N802
        self, request: pipeline.WatchPreviewRequest, context: grpc.ServicerContext
    ) -> Iterator[pipeline.WatchPreviewResponse]:
        rate = min(request.max_frame_rate or _DEFAULT_PREVIEW_RATE, _HIGHEST_PREVIEW_RATE)
        preview = self._preview(request.output_id, request.camera_id, rate, context)
        try:
            while context.is_active():
                jpeg = preview.take(0.5)
                if jpeg is not None:
                    response = pipeline.WatchPreviewResponse(jpeg=jpeg)
                    response.time.GetCurrentTime()
                    yield response
        finally:
            self._loop.call(preview.stop, _LOOP_SECONDS)

    def _preview(self, output_id: str, camera_id: str, rate: float, context: Any) -> Preview:
        preview = self._loop.call(lambda: self._engine.preview(output_id, camera_id, rate), _LOOP_SECONDS)
        if preview is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no output %r for camera %r" % (output_id, camera_id))
            raise AssertionError("abort always raises")
        return preview

    def _examine(self, specification: spec.PipelineSpec) -> Tuple[Optional[Any], List[Problem]]:
        """All problems of a specification, and its model if that loads."""
        if self._engine.unavailable is not None:
            return None, [error("engine-unavailable", "engine", self._engine.unavailable)]
        problems = check(specification, self._engine.capabilities())
        model = None
        if specification.model.bundle_path:
            model, of_model = self._engine.prepare(specification)
            problems = problems + of_model + unusable_folders(specification, recordings_dir(os.environ))
        return model, problems

    def _refuse_unavailable(
        self, engine: UnavailableEngine, specification: spec.PipelineSpec
    ) -> pipeline.ApplyResponse:
        _, problems = self._examine(specification)
        self._loop.call(lambda: engine.show_standby(specification), _LOOP_SECONDS)
        return pipeline.ApplyResponse(accepted=False, problems=[_to_contract(problem) for problem in problems])

    def _refuse(self, problems: List[Problem], reason: "state.FailureReason") -> pipeline.ApplyResponse:
        generation = "" if self._active is None else self._active.generation
        if self._active is None:
            self._store.set_pipeline(
                state.PipelineStatus(
                    failed=state.PipelineStatus.Failed(
                        reason=reason,
                        detail="the specification was refused: %s"
                        % "; ".join("%s: %s" % (p.path, p.message) for p in problems if p.severity == ERROR),
                    )
                )
            )
        return pipeline.ApplyResponse(
            generation=generation, accepted=False, problems=[_to_contract(problem) for problem in problems]
        )

    def _whole_state(self) -> pipeline.WatchResponse:
        response = pipeline.WatchResponse(sequence=self._store.events.sequence, state=self._store.snapshot())
        response.time.GetCurrentTime()
        return response


def _to_previous_worker(ended: PreviousWorker) -> pipeline.PreviousWorker:
    previous = pipeline.PreviousWorker(how=ended.how, last_lines=ended.last_lines, failures=ended.failures)
    previous.ended.FromNanoseconds(int(ended.at * 1e9))
    return previous


def _to_contract(problem: Problem) -> pipeline.Problem:
    return pipeline.Problem(
        severity=_SEVERITIES[problem.severity], code=problem.code, path=problem.path, message=problem.message
    )
