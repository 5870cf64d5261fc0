"""The probes around nvinfer and nvtracker: which batches are inferred, and what becomes of the objects.

They run on streaming threads, do arithmetic and hand over. What may change while frames flow is replaced as a whole.
"""

import time
from collections import deque
from typing import Callable, Deque, FrozenSet, List, NamedTuple, Optional, Tuple

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.deepstream import meta
from sidecar.worker.engines.deepstream.camera_slot import CameraSlot
from sidecar.worker.engines.deepstream.detection_reporter import DetectionReporter, FrameObjects
from sidecar.worker.engines.deepstream.tensor_decoder import TensorDecoder
from sidecar.worker.engines.overlay import OverlayOptions, Shape, Shapes, overlay_options
from sidecar.worker.inference.postprocess import DetectionFilter, Object

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
    model = specification.model
    classes: Optional[FrozenSet[str]] = frozenset(model.classes) if model.classes else None
    threshold = model.threshold if model.HasField("threshold") else None
    return LiveSettings(
        interval,
        DetectionFilter(threshold, classes),
        overlay_options(specification.overlay),
        tuple(camera.name or camera.id for camera in specification.cameras),
        tuple(shapes.get(camera.id, ()) for camera in specification.cameras),
    )


class BatchProbes:
    """The probes of one graph."""

    def __init__(
        self,
        slots: List[CameraSlot],
        mux_size: Tuple[int, int],
        decoder: Optional[TensorDecoder],
        tracked: bool,
        settings: LiveSettings,
        reporter: DetectionReporter,
    ) -> None:
        """slots: by the number of the muxer's pad. decoder: None: nvinfer decodes the network's outputs itself."""
        # Has nvinfer infer the next batch, or skip it. Called on its streaming thread.
        self.switch_inference: Callable[[bool], None] = lambda _on: None
        self.settings = settings
        # Frames in the largest batch so far.
        self.largest_batch = 0
        self.slots = slots
        self.mux_size = mux_size
        self._decoder = decoder
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
            if self._decoder is not None:
                self._decode(frame, self._decoder, settings)
            elif settings.filter != DetectionFilter():
                frame.keep(lambda label, confidence: _passes(settings.filter, label, confidence))
            if not self._tracked:
                self._carry_over(frame, settings.filter)

    def after_tracking(self, buffer: Gst.Buffer) -> None:
        """Behind the tracker, if there is one. The objects are now those that viewers and the agent get."""
        settings = self.settings
        for frame in meta.frames(buffer):
            slot = self.slots[frame.slot]
            if not slot.is_live():
                # The tracker may have repeated earlier objects.
                frame.clear()
                continue
            objects = [slot.with_unique_track_id(one) for one in frame.objects()]
            slot.stats.on_processed(frame.inferred)
            slot.objects, slot.seen_at = objects, time.monotonic()
            frame.set_look(settings.overlay.boxes, settings.overlay.labels, self._font_size)
            if self._reporter.wanted():
                times = frame.wall_time, frame.pts
                report = FrameObjects(slot.camera_id, *slot.frame_size, self.mux_size, *times, frame.inferred, objects)
                self._reporter.put(report)

    def _decode(self, frame: meta.Frame, decoder: TensorDecoder, settings: LiveSettings) -> None:
        tensors = frame.tensors()
        if tensors is not None:
            frame.mark_inferred()
            frame.add(decoder(tensors, settings.filter))

    def _carry_over(self, frame: meta.Frame, wanted: DetectionFilter) -> None:
        """Without a tracker, a frame that nvinfer skipped gets the objects of the last one that it inferred."""
        slot = self.slots[frame.slot]
        if frame.inferred:
            slot.last_inferred = [Object(*one[:7]) for one in frame.objects()]
        else:
            kept = [one for one in slot.last_inferred if _passes(wanted, one.label, one.confidence)]
            frame.add(kept)

    def _count_seconds(self, pts: int, batch: List[meta.Frame]) -> None:
        """Divides nvinfer's time for a batch among its cameras. nvinfer queues batches, which the PTS identifies."""
        while self._started:
            started_pts, moment = self._started.popleft()
            if started_pts == pts:
                spent = (time.monotonic() - moment) / max(1, len(batch))
                for frame in batch:
                    if frame.inferred or self._decoder is not None:
                        self.slots[frame.slot].stats.seconds += spent
                return


def _passes(wanted: DetectionFilter, label: str, confidence: float) -> bool:
    if wanted.classes is not None and label not in wanted.classes:
        return False
    # A negative confidence is not a low one, but unknown.
    return wanted.threshold is None or confidence < 0 or confidence >= wanted.threshold
