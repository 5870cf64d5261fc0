"""The probes around nvinfer and nvtracker: which batches are inferred, and what becomes of the objects.

They run on streaming threads, do arithmetic and hand over. What may change while frames flow is replaced as a whole.
"""

import time
from collections import deque
from functools import partial
from typing import Callable, Deque, List, NamedTuple, Optional, Sequence, Tuple

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.deepstream import meta
from sidecar.worker.engines.deepstream.camera_slot import CameraSlot
from sidecar.worker.engines.deepstream.detection_reporter import DetectionReporter, FrameObjects
from sidecar.worker.engines.deepstream.tensor_decoder import TensorDecoder
from sidecar.worker.engines.overlay import OverlayOptions, Shape, Shapes, label_text, overlay_options
from sidecar.worker.inference.bundle import ClassifierOutput
from sidecar.worker.inference.postprocess import Attribute, DetectionFilter, Object, detection_filter

_INFERENCES_UNDER_WAY = 8


class LiveSettings(NamedTuple):
    """What may change while frames flow."""

    # Frames of each camera that are skipped between two that are inferred.
    interval: int
    filter: DetectionFilter
    overlay: OverlayOptions
    # The cameras' names, and their zones and lines, by slot.
    names: Tuple[str, ...]
    shapes: Tuple[Tuple[Shape, ...], ...]


def live_settings(specification: spec.PipelineSpec, interval: int, shapes: Shapes) -> LiveSettings:
    """interval: see LiveSettings. Pure."""
    return LiveSettings(
        interval,
        detection_filter(specification.models[0]),
        overlay_options(specification.overlay),
        tuple(camera.name or camera.id for camera in specification.cameras),
        tuple(shapes.get(camera.id, ()) for camera in specification.cameras),
    )


class ModelInGraph(NamedTuple):
    """What the probes must know of a model."""

    name: str
    # gie-unique-id.
    id: int
    # None: nvinfer decodes the network's outputs itself.
    decoder: Optional[TensorDecoder]
    is_classifier: bool
    # What a classifier's outputs say, as far as that is known.
    attributes: Tuple[ClassifierOutput, ...]
    # What the specification asks for.
    filter: DetectionFilter


class BatchProbes:
    """The probes of one graph."""

    def __init__(
        self,
        slots: List[CameraSlot],
        mux_size: Tuple[int, int],
        models: Sequence[ModelInGraph],
        tracked: bool,
        settings: LiveSettings,
        reporter: DetectionReporter,
    ) -> None:
        """slots: by the number of the muxer's pad. models: in the order of the specification."""
        # Has nvinfer infer the next batch, or skip it. Called on its streaming thread.
        self.switch_inference: Callable[[bool], None] = lambda _on: None
        self.settings = settings
        # Frames in the largest batch so far.
        self.largest_batch = 0
        self.slots = slots
        self.mux_size = mux_size
        self._first, self._others = models[0], list(models[1:])
        self._numbers = {one.id: number for number, one in enumerate(models)}
        self._models = models
        self._tracked = tracked
        self._reporter = reporter
        self._font_size = max(10, mux_size[1] // 48)
        self._started: Deque[Tuple[int, float]] = deque(maxlen=_INFERENCES_UNDER_WAY)

    def before_inference(self, buffer: Gst.Buffer) -> None:
        """At nvinfer's sink pad. Decides whether nvinfer infers this batch.

        nvinfer's own interval counts batches: of two cameras whose frames arrive in turn, each in a batch of its own,
        it would infer one and never the other.
        """
        self._started.append((buffer.pts, time.monotonic()))
        slots = {self.slots[frame.slot] for frame in meta.frames(buffer)}
        is_due = any(slot.skipped >= self.settings.interval for slot in slots)
        for slot in slots:
            slot.skipped = 0 if is_due else slot.skipped + 1
        self.switch_inference(is_due)

    def after_inference(self, buffer: Gst.Buffer) -> None:
        """At nvinfer's source pad, before the tracker. Only the wanted objects go on."""
        settings = self.settings
        batch = meta.frames(buffer)
        self.largest_batch = max(self.largest_batch, len(batch))
        self._count_seconds(buffer.pts, batch)
        for frame in batch:
            if not self.slots[frame.slot].is_live():
                frame.clear()
                continue
            if self._first.decoder is not None:
                self._decode(frame, self._first.decoder, settings)
            elif settings.filter != DetectionFilter():
                frame.keep(lambda label, confidence: _passes(settings.filter, label, confidence))
            if not self._tracked:
                self._carry_over(frame, settings.filter)

    def before_other_models(self, buffer: Gst.Buffer) -> None:
        """Behind the tracker, if there is one, and in front of the nvinfers that work on objects."""
        for frame in meta.frames(buffer):
            slot = self.slots[frame.slot]
            if not slot.is_live():
                frame.clear()
            slot.note_inferred(frame.pts, frame.inferred)

    def after_other_model(self, number: int, buffer: Gst.Buffer) -> None:
        """Behind an nvinfer that works on objects. number: its model's place in the specification."""
        model = self._models[number]
        if model.is_classifier:
            return
        for frame in meta.frames(buffer):
            decoder = model.decoder
            if decoder is not None:
                frame.add_within(model.id, partial(decoder, wanted=model.filter))
            else:
                frame.keep(lambda label, confidence: _passes(model.filter, label, confidence), model.id)

    def after_models(self, buffer: Gst.Buffer) -> None:
        """Behind the last of tracker and nvinfers. The objects are now those that viewers and the agent get."""
        settings = self.settings
        for frame in meta.frames(buffer):
            slot = self.slots[frame.slot]
            inferred = slot.was_inferred(frame.pts) if self._others else frame.inferred
            if not slot.is_live():
                # The tracker may have repeated earlier objects.
                frame.clear()
                continue
            found = [self._object(one) for one in frame.objects()]
            objects = [slot.with_unique_track_id(one) for one in found]
            slot.stats.on_processed(inferred)
            slot.objects, slot.seen_at = objects, time.monotonic()
            labels = [label_text(*one[:3], one.track_id, one.attributes) for one in found]
            frame.set_look(settings.overlay.boxes, labels if settings.overlay.labels else None, self._font_size)
            if self._reporter.wanted():
                times = frame.wall_time, frame.pts
                report = FrameObjects(slot.camera_id, *slot.frame_size, self.mux_size, *times, inferred, objects)
                self._reporter.put(report)

    def _object(self, one: meta.DetectedObject) -> Object:
        """Boxes stay in pixels of the muxer's frames."""
        said = sorted(
            (self._numbers[label.component_id], label) for label in one.labels if label.component_id in self._numbers
        )
        attributes = [
            self._attribute(self._models[number], label)
            for number, label in said
            if _is_said(self._models[number], label)
        ]
        return Object(*one[:8], tuple(attributes), self._numbers.get(one.component_id, 0))

    @staticmethod
    def _attribute(model: ModelInGraph, said: meta.ClassifierLabel) -> Attribute:
        name = model.attributes[said.output].name if said.output < len(model.attributes) else model.name
        return Attribute(name, said.label, min(1.0, said.confidence))

    def _decode(self, frame: meta.Frame, decoder: TensorDecoder, settings: LiveSettings) -> None:
        tensors = frame.tensors()
        if tensors is not None:
            frame.mark_inferred()
            frame.add(decoder(tensors, self.mux_size, settings.filter), self._first.id)

    def _carry_over(self, frame: meta.Frame, wanted: DetectionFilter) -> None:
        """Without a tracker, a frame that nvinfer skipped gets the objects of the last one that it inferred."""
        slot = self.slots[frame.slot]
        if frame.inferred:
            slot.last_inferred = [self._object(one) for one in frame.objects()]
        else:
            kept = [one for one in slot.last_inferred if _passes(wanted, one.label, one.confidence)]
            frame.add(kept, self._first.id)

    def _count_seconds(self, pts: int, batch: List[meta.Frame]) -> None:
        """Divides nvinfer's time for a batch among its cameras. nvinfer queues batches, which the PTS identifies."""
        while self._started:
            started_pts, moment = self._started.popleft()
            if started_pts == pts:
                spent = (time.monotonic() - moment) / max(1, len(batch))
                for frame in batch:
                    if frame.inferred or self._first.decoder is not None:
                        self.slots[frame.slot].stats.seconds += spent
                return


def _is_said(model: ModelInGraph, said: meta.ClassifierLabel) -> bool:
    classes = model.filter.classes
    return said.label != "" and (classes is None or said.label in classes)


def _passes(wanted: DetectionFilter, label: str, confidence: float) -> bool:
    if wanted.classes is not None and label not in wanted.classes:
        return False
    # A negative confidence is not a low one, but unknown.
    return wanted.threshold is None or confidence < 0 or confidence >= wanted.threshold
