"""Engine cpu: GStreamer's software elements and ONNX Runtime, on any machine."""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from sidecar.contract import pipeline, spec, state
from sidecar.worker.cameras.addresses import SCHEMES
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.engines.cpu.camera_source import CpuCameraSource
from sidecar.worker.engines.cpu.intake import Intake
from sidecar.worker.engines.cpu.pictures import Pictures
from sidecar.worker.engines.cpu.preview import PicturePreview
from sidecar.worker.engines.cpu.vision import Eye, Vision
from sidecar.worker.engines.engine import Engine, EngineInfo, Preview
from sidecar.worker.engines.masks import masks_of
from sidecar.worker.engines.software_encoder import available_codecs
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.inference.bundle import Bundle, load_bundle
from sidecar.worker.inference.detector import Detector, ModelError
from sidecar.worker.problem import Problem, error
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import StatusStore

# The last messages to the cameras go out while the pipelines end: that is waited for, so many seconds for all together.
_STOP_SECONDS = 2.0


class LoadedModel(NamedTuple):
    """What prepare() made ready for apply()."""

    bundle: Bundle
    # Size and time of change of the network's file: a file with new content is loaded again.
    stamp: Tuple[int, float]
    detector: Detector


class _Camera(NamedTuple):
    """A camera of the specification in force."""

    controller: CameraController
    source: CpuCameraSource


class CpuEngine(Engine):
    """Cameras, one shared model and the pictures."""

    def __init__(self, processes: Processes, store: StatusStore) -> None:
        self._store = store
        self._vision = Vision()
        self._model: Optional[LoadedModel] = None
        self._model_spec = spec.Model()
        self._pictures = Pictures(processes, store)
        self._cameras: Dict[str, _Camera] = {}
        self._closer = SourceCloser()

    def info(self) -> EngineInfo:
        return EngineInfo(engine="cpu")

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities(codecs=available_codecs(), trackers=[], sources=list(SCHEMES))

    def prepare(self, specification: spec.PipelineSpec) -> Tuple[Optional[LoadedModel], List[Problem]]:
        model = specification.model
        current = self._model
        bundle, problems = load_bundle(model.bundle_path)
        if bundle is None:
            return None, problems
        problems = problems + _misfits(model, bundle)
        stamp = _stamp(bundle)
        if current is not None and (current.bundle, current.stamp) == (bundle, stamp):
            return current, problems
        try:
            return LoadedModel(bundle, stamp, Detector(bundle)), problems
        except ModelError as why:
            return None, [*problems, error("model-does-not-load", "model.bundle_path", str(why))]

    def apply(self, specification: spec.PipelineSpec, model: LoadedModel) -> List[pipeline.Change]:
        changes = self._apply_model(specification.model, model)
        changes += self._pictures.apply(specification)
        wanted = {camera.id: camera for camera in specification.cameras}
        changes += self._apply_cameras(wanted)
        self._store.order_cameras(tuple(wanted))
        self._store.set_pipeline(state.PipelineStatus(running=state.PipelineStatus.Running()))
        return changes

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        picture = self._pictures.picture((output_id, camera_id))
        return None if picture is None else PicturePreview(picture.raw_pad, max_frame_rate)

    def stop(self) -> None:
        for camera_id in list(self._cameras):
            self._close(camera_id)
        self._pictures.stop()
        self._closer.wait(_STOP_SECONDS)

    def _apply_model(self, wanted: spec.Model, model: LoadedModel) -> List[pipeline.Change]:
        changes = [
            pipeline.Change(path="model.%s" % name, effect=pipeline.EFFECT_LIVE)
            for name in ("bundle_path", "interval", "threshold", "classes")
            if _value(self._model_spec, name) != _value(wanted, name)
        ]
        self._model = model
        self._model_spec = wanted
        self._vision.configure(model.detector, model.bundle.config.interval, wanted)
        return changes

    def _apply_cameras(self, wanted: Dict[str, spec.Camera]) -> List[pipeline.Change]:
        changes: Dict[str, "pipeline.Effect"] = {}
        for camera_id, camera in list(self._cameras.items()):
            before, after = camera.controller.camera, wanted.get(camera_id)
            if after is None or _reconnects(before, after):
                self._close(camera_id)
                changes["cameras[%s]" % camera_id] = pipeline.EFFECT_REBUILD
            elif before != after:
                camera.controller.update(after)
                if _off(before) != _off(after):
                    changes["cameras[%s].off" % camera_id] = pipeline.EFFECT_LIVE
        for camera_id, one in wanted.items():
            if camera_id not in self._cameras:
                self._open(one)
                changes["cameras[%s]" % camera_id] = pipeline.EFFECT_REBUILD
        return [pipeline.Change(path=path, effect=effect) for path, effect in changes.items()]

    def _open(self, one: spec.Camera) -> None:
        intake = Intake(
            one.id,
            Eye(self._vision),
            masks_of(one),
            self._pictures.deliver,
            self._store.publish_detections,
            self._store.events.wanted,
        )
        line = CpuCameraSource(one, intake, lambda note: self._pictures.note(one.id, note), self._closer)
        controller = CameraController(one, line, intake.stats, intake.freeze_detector, self._store)
        self._cameras[one.id] = _Camera(controller, line)
        self._store.add_camera(one.id, intake.stats.fill)
        controller.start()

    def _close(self, camera_id: str) -> None:
        camera = self._cameras.pop(camera_id)
        camera.controller.stop()
        camera.source.close()
        self._store.remove_camera(camera_id)


def _stamp(bundle: Bundle) -> Tuple[int, float]:
    status = os.stat(bundle.config.network_path)
    return status.st_size, status.st_mtime


def _value(model: spec.Model, name: str) -> Any:
    if name == "classes":
        return list(model.classes)
    return getattr(model, name) if name == "bundle_path" or model.HasField(name) else None


def _reconnects(before: spec.Camera, after: spec.Camera) -> bool:
    """Whether the difference needs a new line; a name only changes the picture, and off is a state."""
    alike = spec.Camera()
    alike.CopyFrom(after)
    alike.name = before.name
    alike.ClearField("off")
    if before.HasField("off"):
        alike.off.CopyFrom(before.off)
    return bool(alike != before)


def _off(camera: spec.Camera) -> Optional[spec.CameraOff]:
    return camera.off if camera.HasField("off") else None


def _misfits(model: spec.Model, bundle: Bundle) -> List[Problem]:
    return [
        error(
            "unknown-class",
            "model.classes[%d]" % index,
            "the model has no class %r; it has: %s" % (label, ", ".join(bundle.labels)),
        )
        for index, label in enumerate(model.classes)
        if label not in bundle.labels
    ]
