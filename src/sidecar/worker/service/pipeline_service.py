"""The contract's gRPC service: has one engine check and apply specifications, and reports what happens."""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import Any, Callable, Generic, Iterator, List, Optional, Tuple, TypeVar, Union

import grpc

from sidecar.chain import ChainError
from sidecar.contract import pipeline, pipeline_grpc, spec, state
from sidecar.gst import Gst
from sidecar.hide_addresses import secrets_in_address
from sidecar.keeper.previous_worker import PreviousWorker
from sidecar.log import Log
from sidecar.redact import add_secrets, login_secrets, redact
from sidecar.version import VERSION
from sidecar.worker.check import MOST_MODELS, check
from sidecar.worker.check_process import WhenAbandoned
from sidecar.worker.engines.describe import branches
from sidecar.worker.engines.engine import Engine, Model, PictureError, Preview
from sidecar.worker.engines.overlay import Shape, Shapes
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.recording.folder import recordings_dir, unusable_folders
from sidecar.worker.outputs.video import Video
from sidecar.worker.problem import ERROR, NOTICE, WARNING, Problem, error, has_errors
from sidecar.worker.service.rivals import Rivals
from sidecar.worker.status.events import TooOldError
from sidecar.worker.status.process_usage import fill_process_usage
from sidecar.worker.status.store import StatusStore

# How long the loop thread may take for a change, in which it closes cameras and rebuilds streams.
_LOOP_SECONDS = 20.0
_SNAPSHOT_SECONDS = 5.0
_DEFAULT_HEARTBEAT_SECONDS = 2.0
_SHORTEST_HEARTBEAT_SECONDS = 0.1
# Without a frame for so long, WatchVideo looks whether its stream has another pipeline.
_VIDEO_SECONDS = 1.0
_DEFAULT_PREVIEW_RATE = 5
_HIGHEST_PREVIEW_RATE = 30
# Calls of Watch, WatchPreview, WatchVideo, TakeSnapshot and TakePicture at a time: each holds a thread of gRPC while
# it lives.
MOST_STREAMS = 12

# Of ShowZones.
_MOST_CAMERAS = 256
_MOST_SHAPES = 64
_MOST_POINTS = 64
_LONGEST_TEXT = 100

_TWO_AGENTS = Problem(
    WARNING,
    "two-agents",
    "generation",
    "this specification and another one are applied in turns: two agents control this worker; stop one of them",
)

_SEVERITIES = {
    ERROR: pipeline.SEVERITY_ERROR,
    WARNING: pipeline.SEVERITY_WARNING,
    NOTICE: pipeline.SEVERITY_NOTICE,
}


_T = TypeVar("_T")
_Method = TypeVar("_Method", bound=Callable[..., Any])


def _on_a_thread_of_its_own(method: _Method) -> _Method:
    """However many other calls wait for a thread, those of this method do not. They are answered one after another."""
    # gRPC looks for this attribute of what it calls.
    method.experimental_thread_pool = ThreadPoolExecutor(  # type: ignore[attr-defined]
        max_workers=1, thread_name_prefix="grpc-" + method.__name__
    )
    return method


class PipelineService(pipeline_grpc.PipelineServicer, Generic[Model]):  # type: ignore[misc]
    """Methods are called on gRPC's threads; the loop thread runs what touches GStreamer."""

    def __init__(
        self,
        engine: Engine[Model],
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
        self._streams = threading.BoundedSemaphore(MOST_STREAMS)
        self._rivals = Rivals()
        # The answer for the active generation.
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

    @_on_a_thread_of_its_own
    def Check(  # noqa: N802
        self, request: pipeline.CheckRequest, context: grpc.ServicerContext
    ) -> pipeline.CheckResponse:
        _, problems = self._examine(request.spec, context.add_callback)
        return pipeline.CheckResponse(problems=_to_contract(problems))

    @_on_a_thread_of_its_own
    def Apply(  # noqa: N802
        self, request: pipeline.ApplyRequest, context: grpc.ServicerContext
    ) -> pipeline.ApplyResponse:
        with self._applying:
            if not request.generation:
                return self._refuse([error("no-generation", "generation", "the generation has no name")])
            if self._active is not None and self._active.generation == request.generation:
                return pipeline.ApplyResponse(
                    generation=request.generation, accepted=True, problems=self._active.problems
                )
            if self._engine.unavailable is not None:
                _, problems = self._examine(request.spec, context.add_callback)
                self._on_loop(lambda: self._engine.show_standby(request.spec), context)
                return pipeline.ApplyResponse(problems=_to_contract(problems))
            if self._active is None:
                loading = state.PipelineStatus.Loading(phase=state.LOADING_PHASE_MODEL)
                self._store.set_pipeline(state.PipelineStatus(loading=loading))
            model, problems = self._examine(request.spec, context.add_callback)
            if model is None or has_errors(problems):
                is_model = model is None or any(problem.path.startswith("model") for problem in problems)
                return self._refuse(problems, state.FAILURE_REASON_MODEL if is_model else state.FAILURE_REASON_ELEMENT)
            ready = model
            try:
                return self._on_loop(lambda: self._apply(request, ready, problems), context)
            except ChainError as why:
                return self._refuse([*problems, error("element", "spec", str(why))])

    def _apply(self, request: pipeline.ApplyRequest, model: Model, problems: List[Problem]) -> pipeline.ApplyResponse:
        """Called on the loop thread. Whoever waits for it may have given up: what it did is noted here."""
        if self._active is not None and self._active.generation == request.generation:
            return self._active
        changes = self._engine.apply(request.spec, model)
        if self._rivals.observe(request.generation, time.monotonic()):
            problems = [*problems, _TWO_AGENTS]
            self._log.warning("two agents control this worker", generation=request.generation)
        self._store.generation = request.generation
        self._active = pipeline.ApplyResponse(
            generation=request.generation, accepted=True, problems=_to_contract(problems), changes=changes
        )
        self._log.info("specification applied", generation=request.generation, changes=len(changes))
        return self._active

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
        with self._stream(context):
            try:
                watcher = self._store.events.watch(request.after_sequence, request.detections)
            except TooOldError as why:
                context.abort(grpc.StatusCode.OUT_OF_RANGE, "%s; start again with 0" % why)
                return
            context.add_callback(watcher.wake)
            try:
                due = 0.0
                while context.is_active():
                    if time.monotonic() >= due:
                        yield self._whole_state()
                        due = time.monotonic() + interval
                    message = watcher.take(max(0.0, due - time.monotonic()))
                    if message is not None:
                        yield message
            except TooOldError as why:
                context.abort(grpc.StatusCode.OUT_OF_RANGE, "%s; start again with 0" % why)
            finally:
                self._store.events.leave(watcher)

    def TakeSnapshot(  # noqa: N802
        self, request: pipeline.TakeSnapshotRequest, context: grpc.ServicerContext
    ) -> pipeline.TakeSnapshotResponse:
        with self._preview(request.output_id, request.camera_id, _HIGHEST_PREVIEW_RATE, context) as preview:
            jpeg = preview.take(_SNAPSHOT_SECONDS)
        if jpeg is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "no frame came within %g s" % _SNAPSHOT_SECONDS)
        response = pipeline.TakeSnapshotResponse(jpeg=jpeg)
        response.time.GetCurrentTime()
        return response

    def TakePicture(  # noqa: N802
        self, request: pipeline.TakePictureRequest, context: grpc.ServicerContext
    ) -> pipeline.TakePictureResponse:
        area = request.area if request.HasField("area") else None
        with self._stream(context):
            try:
                picture = self._on_loop(
                    lambda: self._engine.picture(request.camera_id, request.pts, area),
                    context,
                    undo=lambda made: None if made is None else made.preview.stop(),
                )
            except PictureError as why:
                context.abort(why.code, str(why))
                raise AssertionError("abort always raises") from why
            except ChainError as why:
                context.abort(grpc.StatusCode.UNAVAILABLE, str(why))
                raise AssertionError("abort always raises") from why
            if picture is None:
                context.abort(grpc.StatusCode.NOT_FOUND, "there is no camera %r" % request.camera_id)
                raise AssertionError("abort always raises")
            try:
                jpeg = picture.preview.take(_SNAPSHOT_SECONDS)
            finally:
                self._loop.post(picture.preview.stop)
        if jpeg is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the frame was not encoded within %g s" % _SNAPSHOT_SECONDS)
        return pipeline.TakePictureResponse(jpeg=jpeg, pts=picture.pts)

    def WatchPreview(  # noqa: N802
        self, request: pipeline.WatchPreviewRequest, context: grpc.ServicerContext
    ) -> Iterator[pipeline.WatchPreviewResponse]:
        rate = min(request.max_frame_rate or _DEFAULT_PREVIEW_RATE, _HIGHEST_PREVIEW_RATE)
        with self._preview(request.output_id, request.camera_id, rate, context) as preview:
            while context.is_active():
                jpeg = preview.take(0.5)
                if jpeg is not None:
                    response = pipeline.WatchPreviewResponse(jpeg=jpeg)
                    response.time.GetCurrentTime()
                    yield response

    def WatchVideo(  # noqa: N802
        self, request: pipeline.WatchVideoRequest, context: grpc.ServicerContext
    ) -> Iterator[pipeline.WatchVideoResponse]:
        with self._stream(context):
            video: Optional[Video] = None
            try:
                while context.is_active():
                    frame = None if video is None else video.take(_VIDEO_SECONDS)
                    if frame is None:
                        # It has none at present, or another pipeline has taken its place.
                        video = self._on_loop(partial(self._follow, request, video), context, undo=_stop)
                        if video is None:
                            message = "there is no encoded output %r for camera %r"
                            context.abort(grpc.StatusCode.NOT_FOUND, message % (request.output_id, request.camera_id))
                    else:
                        yield frame
            finally:
                self._loop.post(_stop, video)

    def _follow(self, request: pipeline.WatchVideoRequest, before: Optional[Video]) -> Optional[Video]:
        """Called on the loop thread."""
        pad = self._engine.encoded_pad(request.output_id, request.camera_id)
        if before is not None:
            if before.pad is pad:
                return before
            before.stop()
        return None if pad is None else Video(pad)

    def RestartCamera(  # noqa: N802
        self, request: pipeline.RestartCameraRequest, context: grpc.ServicerContext
    ) -> pipeline.RestartCameraResponse:
        def restart() -> bool:
            controller = self._engine.controller(request.camera_id)
            if controller is not None:
                controller.restart()
            return controller is not None

        if not self._on_loop(restart, context):
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no camera %r" % request.camera_id)
        return pipeline.RestartCameraResponse()

    def ShowZones(  # noqa: N802
        self, request: pipeline.ShowZonesRequest, context: grpc.ServicerContext
    ) -> pipeline.ShowZonesResponse:
        shapes = {one.camera_id: tuple(_to_shape(shape) for shape in one.shapes) for one in request.cameras}
        if not _are_drawable(shapes):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "too many shapes, points or characters, or a point outside")
        self._on_loop(lambda: self._engine.show_zones(shapes), context)
        return pipeline.ShowZonesResponse()

    def DescribePipeline(  # noqa: N802
        self, request: pipeline.DescribePipelineRequest, context: grpc.ServicerContext
    ) -> pipeline.DescribePipelineResponse:
        def describe() -> List[pipeline.PipelineElements]:
            running = self._engine.pipelines()
            return [pipeline.PipelineElements(name=one.get_name(), branches=branches(one)) for one in running]

        return pipeline.DescribePipelineResponse(pipelines=self._on_loop(describe, context))

    def _on_loop(self, function: Callable[[], _T], context: Any, undo: Callable[[_T], None] = lambda _: None) -> _T:
        """Runs a function on the loop thread. Aborts a call that takes too long; see MainLoop.call() for undo."""
        try:
            return self._loop.call(function, _LOOP_SECONDS, undo)
        except FutureTimeoutError:
            self._log.error("the main loop is busy, and a call is given up", seconds=_LOOP_SECONDS)
            context.abort(
                grpc.StatusCode.UNAVAILABLE, "the main loop is busy for more than %g s; try again" % _LOOP_SECONDS
            )
            raise AssertionError("abort always raises") from None

    @contextlib.contextmanager
    def _stream(self, context: Any) -> Iterator[None]:
        """For as long as a call holds a thread. Aborts one for which there is none."""
        if not self._streams.acquire(blocking=False):
            message = (
                "%d calls of Watch, WatchPreview, WatchVideo, TakeSnapshot and TakePicture are under way, which is the"
                " most; end one of them"
            )
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message % MOST_STREAMS)
        try:
            yield
        finally:
            self._streams.release()

    @contextlib.contextmanager
    def _preview(self, output_id: str, camera_id: str, rate: float, context: Any) -> Iterator[Preview]:
        with self._stream(context):
            preview = self._on_loop(lambda: self._engine.preview(output_id, camera_id, rate), context, undo=_stop)
            if preview is None:
                context.abort(grpc.StatusCode.NOT_FOUND, "there is no output %r for camera %r" % (output_id, camera_id))
                raise AssertionError("abort always raises")
            try:
                yield preview
            finally:
                self._loop.post(preview.stop)

    def _examine(
        self, specification: spec.PipelineSpec, when_abandoned: WhenAbandoned
    ) -> Tuple[Optional[Model], List[Problem]]:
        """All problems of a specification, and its model if that can be loaded."""
        _remember_secrets(specification)
        if self._engine.unavailable is not None:
            return None, [error("engine-unavailable", "engine", self._engine.unavailable)]
        problems = check(specification, self._engine.capabilities())
        model = None
        if 0 < len(specification.models) <= MOST_MODELS and all(one.bundle_path for one in specification.models):
            model, found = self._engine.prepare(specification, when_abandoned)
            problems = problems + found + unusable_folders(specification, recordings_dir(os.environ))
        return model, problems

    def _refuse(
        self, problems: List[Problem], reason: "state.FailureReason" = state.FAILURE_REASON_ELEMENT
    ) -> pipeline.ApplyResponse:
        """The active generation stays active. reason: why the pipeline has failed if there is none."""
        if self._active is None:
            errors = "; ".join("%s: %s" % (one.path, one.message) for one in problems if one.severity == ERROR)
            failed = state.PipelineStatus.Failed(reason=reason, detail="the specification was refused: %s" % errors)
            self._store.set_pipeline(state.PipelineStatus(failed=failed))
        generation = "" if self._active is None else self._active.generation
        return pipeline.ApplyResponse(generation=generation, accepted=False, problems=_to_contract(problems))

    def _whole_state(self) -> pipeline.WatchResponse:
        response = pipeline.WatchResponse(sequence=self._store.events.sequence, state=self._store.snapshot())
        fill_process_usage(response.state)
        response.time.GetCurrentTime()
        return response


def _stop(one: Union[Preview, Video, None]) -> None:
    if one is not None:
        one.stop()


def _to_shape(shape: pipeline.Shape) -> Shape:
    return Shape(tuple((point.x, point.y) for point in shape.points), shape.text)


def _are_drawable(shapes: Shapes) -> bool:
    """Whether they stay within the contract's bounds."""
    return len(shapes) <= _MOST_CAMERAS and all(
        len(of_camera) <= _MOST_SHAPES
        and all(
            2 <= len(shape.points) <= _MOST_POINTS
            and len(shape.text) <= _LONGEST_TEXT
            and all(0 <= x <= 1 and 0 <= y <= 1 for x, y in shape.points)
            for shape in of_camera
        )
        for of_camera in shapes.values()
    )


def _to_previous_worker(ended: PreviousWorker) -> pipeline.PreviousWorker:
    previous = pipeline.PreviousWorker(how=ended.how, last_lines=ended.last_lines, failures=ended.failures)
    previous.ended.FromNanoseconds(int(ended.at * 1e9))
    return previous


def _to_contract(problems: List[Problem]) -> List[pipeline.Problem]:
    return [
        pipeline.Problem(
            severity=_SEVERITIES[one.severity], code=one.code, path=redact(one.path), message=redact(one.message)
        )
        for one in problems
    ]


def _remember_secrets(specification: spec.PipelineSpec) -> None:
    """From now on no text of this process holds a password of the specification."""
    for camera in specification.cameras:
        add_secrets(secrets_in_address(camera.uri))
        add_secrets(login_secrets(camera.credentials.username, camera.credentials.password))
    for output in specification.outputs:
        for user in output.rtsp.users:
            add_secrets(login_secrets(user.username, user.password))
