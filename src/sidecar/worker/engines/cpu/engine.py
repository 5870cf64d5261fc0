"""Engine cpu: GStreamer's software elements and ONNX Runtime, on any machine."""

import time
from itertools import zip_longest
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from sidecar.contract import detection, pipeline, spec, state
from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.timer import Timer, attempt
from sidecar.worker.cameras.addresses import SCHEMES
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.check_process import WhenAbandoned, never_abandoned
from sidecar.worker.data_limit import DataLimit
from sidecar.worker.engines.cpu.camera_source import CpuCameraSource
from sidecar.worker.engines.cpu.frame_detector import MOST_CPU_SECONDS, FrameDetector, SharedDetector
from sidecar.worker.engines.cpu.frame_processor import FrameProcessor
from sidecar.worker.engines.cpu.inference_threads import InferenceThreads
from sidecar.worker.engines.cpu.model import ModelLoader, Models
from sidecar.worker.engines.cpu.outputs import CpuOutputs
from sidecar.worker.engines.cpu.picture import take_picture
from sidecar.worker.engines.cpu.preview import CpuPreview
from sidecar.worker.engines.engine import Engine, EngineInfo, Picture, Preview
from sidecar.worker.engines.hiding import Hider
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.overlay import Shapes
from sidecar.worker.engines.shared_elements import available_codecs
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.problem import Problem
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import StatusStore
from sidecar.worker.thread_priority import own_threads

# How long stop() waits, in seconds, for all cameras together: their pipelines send last messages while they end.
_STOP_SECONDS = 2.0
# When a network that failed on a frame is tried again: it may be good for all others.
_MODEL_RETRY_SECONDS = 30


class _Camera(NamedTuple):
    """A camera of the active specification."""

    controller: CameraController
    source: CpuCameraSource
    processor: FrameProcessor
    detector: FrameDetector


class CpuEngine(Engine[Models]):
    """A pipeline for each camera, the same networks for all of them, and a pipeline for each stream."""

    def __init__(self, processes: Processes, store: StatusStore, replace: Callable[[], None]) -> None:
        """replace: asks for another process in place of this one."""
        self._replace_process = replace
        own_threads()
        self._store = store
        self._loader = ModelLoader()
        self._detector = SharedDetector(self._on_model_failed, self._on_model_hangs)
        self._threads = InferenceThreads()
        self._data_limit = DataLimit()
        # The next attempt with a network that failed.
        self._retry: Optional[Timer] = None
        self._models: Models = ()
        self._model_specs: List[spec.Model] = []
        self._is_tracked = False
        self._outputs = CpuOutputs(processes, store)
        self._cameras: Dict[str, _Camera] = {}
        self._closer = SourceCloser()

    def info(self) -> EngineInfo:
        return EngineInfo(engine="cpu")

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities(
            codecs=available_codecs(), trackers=[spec.TRACKER_ALGORITHM_IOU], sources=list(SCHEMES)
        )

    def prepare(
        self, specification: spec.PipelineSpec, when_abandoned: WhenAbandoned = never_abandoned
    ) -> Tuple[Optional[Models], List[Problem]]:
        return self._loader.load(specification, self._models, when_abandoned)

    def apply(self, specification: spec.PipelineSpec, model: Models) -> List[pipeline.Change]:
        self._data_limit.set_cameras(len(specification.cameras))
        changes = self._apply_models(specification, model)
        changes += self._outputs.apply(specification)
        wanted = {camera.id: camera for camera in specification.cameras}
        changes += self._apply_cameras(wanted)
        self._store.order_cameras(tuple(wanted))
        return changes

    def pipelines(self) -> List[Gst.Pipeline]:
        cameras = [camera.source.pipeline for camera in self._cameras.values()]
        return [one for one in cameras if one is not None] + self._outputs.pipelines()

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        raw_pad = self._outputs.raw_pad((output_id, camera_id))
        return None if raw_pad is None else CpuPreview(raw_pad, max_frame_rate)

    def encoded_pad(self, output_id: str, camera_id: str) -> Optional[Gst.Pad]:
        return self._outputs.encoded_pad((output_id, camera_id))

    def controller(self, camera_id: str) -> Optional[CameraController]:
        camera = self._cameras.get(camera_id)
        return None if camera is None else camera.controller

    def picture(self, camera_id: str, pts: int, area: Optional[detection.Box]) -> Optional[Picture]:
        camera = self._cameras.get(camera_id)
        if camera is None:
            return None
        return take_picture(camera.processor.recent, pts, area)

    def show_zones(self, shapes: Shapes) -> None:
        self._outputs.show_zones(shapes)

    def stop(self) -> None:
        self._cancel_retry()
        for camera_id in list(self._cameras):
            self._close(camera_id)
        self._outputs.stop()
        self._detector.stop()
        self._threads.stop()
        self._data_limit.stop()
        self._closer.wait(_STOP_SECONDS)

    def _apply_models(self, specification: spec.PipelineSpec, models: Models) -> List[pipeline.Change]:
        wanted, is_tracked = list(specification.models), bool(specification.tracker.algorithm)
        changes = [
            pipeline.Change(path="models[%d].%s" % (index, name), effect=pipeline.EFFECT_LIVE)
            for index, (before, after) in enumerate(zip_longest(self._model_specs, wanted, fillvalue=spec.Model()))
            for name in ("bundle_path", "interval", "threshold", "classes")
            if _value(before, name) != _value(after, name)
        ]
        if is_tracked != self._is_tracked:
            changes.append(pipeline.Change(path="tracker", effect=pipeline.EFFECT_LIVE))
        self._is_tracked = is_tracked
        self._models = models
        self._model_specs = wanted
        self._detector.configure(models, wanted, is_tracked)
        if not self._detector.is_paused:
            self._cancel_retry()
            self._store.set_pipeline(state.PipelineStatus(running=state.PipelineStatus.Running()))
        return changes

    def _on_model_failed(self, detail: str) -> None:
        """The cameras are shown on, without detections, until the network is tried again."""
        Log("engine").error("model failed", detail=detail)
        failed = state.PipelineStatus.Failed(reason=state.FAILURE_REASON_MODEL, detail=detail)
        failed.next_attempt.FromNanoseconds(int((time.time() + _MODEL_RETRY_SECONDS) * 1e9))
        self._store.set_pipeline(state.PipelineStatus(failed=failed))
        self._retry = attempt(_MODEL_RETRY_SECONDS * 1000, self._on_retry)

    def _on_model_hangs(self) -> None:
        """Nothing ends a thread but the end of its process."""
        detail = "an inference does not end within %g s of processor time; the worker is replaced" % MOST_CPU_SECONDS
        Log("engine").error("inference hangs", detail=detail)
        self._cancel_retry()
        failed = state.PipelineStatus.Failed(reason=state.FAILURE_REASON_MODEL, detail=detail)
        self._store.set_pipeline(state.PipelineStatus(failed=failed))
        self._replace_process()

    def _on_retry(self) -> None:
        self._store.set_pipeline(state.PipelineStatus(running=state.PipelineStatus.Running()))
        self._detector.resume()

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.stop()

    def _apply_cameras(self, wanted: Dict[str, spec.Camera]) -> List[pipeline.Change]:
        changes: Dict[str, "pipeline.Effect"] = {}
        for camera_id, camera in list(self._cameras.items()):
            before, after = camera.controller.camera, wanted.get(camera_id)
            if after is None or _connection(before) != _connection(after):
                self._close(camera_id)
                if after is not None and _privacy(before) != _privacy(after):
                    self._outputs.forget_frame(camera_id)
                changes["cameras[%s]" % camera_id] = pipeline.EFFECT_REBUILD
            elif before != after:
                camera.controller.update(after)
                camera.detector.still_interval = _still_interval(after)
                if before.still_interval != after.still_interval:
                    changes["cameras[%s].still_interval" % camera_id] = pipeline.EFFECT_LIVE
                if _off(before) != _off(after):
                    changes["cameras[%s].off" % camera_id] = pipeline.EFFECT_LIVE
        for camera_id, one in wanted.items():
            if camera_id not in self._cameras:
                self._open(one)
                changes["cameras[%s]" % camera_id] = pipeline.EFFECT_REBUILD
        return [pipeline.Change(path=path, effect=effect) for path, effect in changes.items()]

    def _open(self, camera: spec.Camera) -> None:
        hider = Hider(camera.hiding) if camera.HasField("hiding") else None
        detector = FrameDetector(self._detector, frozenset() if hider is None else hider.classes)
        detector.still_interval = _still_interval(camera)
        processor = FrameProcessor(
            camera.id,
            detector,
            self._threads,
            Masks(camera.masks) if camera.masks else None,
            hider,
            self._outputs.deliver,
            self._store.publish_detections,
            self._store.events.wanted,
        )
        source = CpuCameraSource(
            camera, processor, lambda text: self._outputs.set_tile_text(camera.id, text), self._closer
        )
        controller = CameraController(camera, source, processor.stats, processor.freeze_detector, self._store)
        self._cameras[camera.id] = _Camera(controller, source, processor, detector)
        self._store.add_camera(camera.id, processor.stats.fill)
        controller.start()

    def _close(self, camera_id: str) -> None:
        camera = self._cameras.pop(camera_id)
        camera.controller.stop()
        camera.source.close()
        self._store.remove_camera(camera_id)


def _value(model: spec.Model, name: str) -> Any:
    if name == "classes":
        return list(model.classes)
    return getattr(model, name) if name == "bundle_path" or model.HasField(name) else None


def _connection(camera: spec.Camera) -> spec.Camera:
    """A camera without what changes while it is connected: a name is only drawn, off is a state, and detection has the
    rest."""
    bare = spec.Camera()
    bare.CopyFrom(camera)
    for field in ("name", "off", "still_interval"):
        bare.ClearField(field)
    return bare


def _still_interval(camera: spec.Camera) -> float:
    return camera.still_interval.ToMilliseconds() / 1000.0


def _privacy(camera: spec.Camera) -> Tuple[List[spec.Polygon], spec.Hiding]:
    """What earlier frames of the camera may lack."""
    return list(camera.masks), camera.hiding


def _off(camera: spec.Camera) -> Optional[spec.CameraOff]:
    return camera.off if camera.HasField("off") else None
