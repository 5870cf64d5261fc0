"""What becomes of each batch behind nvinfer and nvtracker: decoded, filtered, counted and reported.

The probes run on streaming threads. They do arithmetic and hand over; what may change while frames flow is replaced as
a whole.
"""

import time
from collections import deque
from typing import Callable, Deque, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

import numpy as np

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.deepstream import meta
from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.reporter import Reporter, SeenFrame
from sidecar.worker.inference.decoders import REGISTRY, DecoderError
from sidecar.worker.inference.geometry import place
from sidecar.worker.inference.postprocess import DetectionFilter, Object, Postprocessor

_INFERENCES_UNDER_WAY = 8
_NEVER_LOOKED = 1 << 30
# A tracker counts its objects from 0 or 1. Above so many bits stands the number of the connection.
_TRACK_BITS = 40


class Look(NamedTuple):
    """What is drawn. The outlines of nvinfer's objects are nvdsosd's own switch."""

    boxes: bool
    labels: bool
    counts: bool
    names: bool


class Settings(NamedTuple):
    """What may change while frames flow."""

    # Frames of a camera that are not looked at between two that are.
    interval: int
    filter: DetectionFilter
    look: Look
    # Names on the tiles, by camera.
    names: Tuple[str, ...]


class Seat:
    """A camera's place in the batch. note is written on the loop thread, the rest on streaming threads."""

    def __init__(self, camera_id: str, stats: CameraStats) -> None:
        self.camera_id = camera_id
        self.stats = stats
        # Why the camera sends no fresh frames; without text: it does.
        self.note = TileText("")
        # Of the camera's own frames, in pixels.
        self.frame_size = (0, 0)
        # How often the camera was connected: an object of another connection is another object.
        self.connections = 0
        # Frames since the last that nvinfer looked at.
        self.skipped = _NEVER_LOOKED
        # What was found last, for the frames that nvinfer skips.
        self.last: List[Object] = []
        # What the last frame shows, in pixels of the muxer's picture, and when that was on the monotonic clock.
        self.objects: List[meta.SeenObject] = []
        self.seen_at = 0.0

    @property
    def is_seen(self) -> bool:
        """Whether a frame in this place is to be seen: not one of a connection that has ended."""
        return not self.note.text

    def set_frame_size(self, width: int, height: int) -> None:
        """Called on the source's streaming thread, before the first frame of that size."""
        self.frame_size = (width, height)

    def identified(self, one: meta.SeenObject) -> meta.SeenObject:
        """An object with a number that no object of another connection of the camera has."""
        if one.track_id is None:
            return one
        number = self.connections << _TRACK_BITS | one.track_id & ((1 << _TRACK_BITS) - 1)
        return one._replace(track_id=number)


class MisfitError(Exception):
    """A network's outputs are not those that its decoder reads. The message is one line: what, where, what to do."""


class OutputDecoder:
    """A network's raw tensors to objects, by the decoders that engine cpu has too."""

    def __init__(self, bundle: NvinferBundle, mux_size: Tuple[int, int]) -> None:
        """Raises DecoderError."""
        shared = bundle.decoded_here
        assert shared is not None, "only for networks of which nvinfer hands out the tensors"
        config = shared.config
        if config.dimensions is None:
            raise DecoderError("infer-dims is missing; set it in [property]")
        width, height = config.dimensions.width, config.dimensions.height
        self._decoder = REGISTRY[config.decoder](shared.directory, len(shared.labels), width, height)
        self._postprocess = Postprocessor(shared, self._decoder)
        self._where = "%s does not fit %s" % (config.network_path, config.decoder)
        self._fits = False
        self._geometry = place(mux_size[0], mux_size[1], width, height, config.keep_shape, config.centred)

    def __call__(self, tensors: Dict[str, "np.ndarray"], wanted: DetectionFilter) -> List[Object]:
        """Boxes are in pixels of the muxer's picture. Raises MisfitError."""
        if not self._fits:
            mismatch = self._decoder.mismatch({name: tensor.shape for name, tensor in tensors.items()})
            if mismatch is not None:
                raise MisfitError("%s: %s; is num-detected-classes right?" % (self._where, mismatch))
            self._fits = True
        return self._postprocess(tensors, self._geometry, wanted)


class Vision:
    """The probes of one graph."""

    def __init__(
        self,
        seats: List[Seat],
        mux_size: Tuple[int, int],
        decoder: Optional[OutputDecoder],
        tracked: bool,
        settings: Settings,
        reporter: Reporter,
    ) -> None:
        """seats: by the number of the muxer's pad. decoder: None: nvinfer finds the objects itself."""
        self._infer_next: Callable[[bool], None] = lambda _is_due: None
        self.settings = settings
        # Frames in the fullest batch so far.
        self.fullest = 0
        self.seats = seats
        self.mux_size = mux_size
        self._decoder = decoder
        self._tracked = tracked
        self._reporter = reporter
        self._font_size = max(10, mux_size[1] // 48)
        self._entered: Deque[Tuple[int, float]] = deque(maxlen=_INFERENCES_UNDER_WAY)

    def control(self, infer_next: Callable[[bool], None]) -> None:
        """infer_next: called on nvinfer's streaming thread with whether it looks at the batch that comes next."""
        self._infer_next = infer_next

    def on_entering(self, buffer: Gst.Buffer) -> None:
        """At nvinfer's sink. Decides whether nvinfer looks at this batch.

        nvinfer's own interval counts batches: with two cameras whose frames come in turn, each in a batch of its own,
        it would look at one of them and never at the other.
        """
        self._entered.append((buffer.pts, time.monotonic()))
        seats = {self.seats[frame.source] for frame in meta.frames(buffer)}
        is_due = any(seat.skipped >= self.settings.interval for seat in seats)
        for seat in seats:
            seat.skipped = 0 if is_due else seat.skipped + 1
        self._infer_next(is_due)

    def on_inferred(self, buffer: Gst.Buffer) -> None:
        """At nvinfer's source, before the tracker: nothing but the wanted objects goes on."""
        settings = self.settings
        batch = meta.frames(buffer)
        self.fullest = max(self.fullest, len(batch))
        self._share_time(buffer.pts, batch)
        for frame in batch:
            if not self.seats[frame.source].is_seen:
                frame.clear()
                continue
            if self._decoder is not None:
                self._decode(frame, self._decoder, settings)
            elif settings.filter != DetectionFilter():
                frame.keep(lambda label, confidence: _passes(settings.filter, label, confidence))
            if not self._tracked:
                self._carry_over(frame, settings.filter)

    def on_seen(self, buffer: Gst.Buffer) -> None:
        """Behind the tracker: what is known now is what the viewers and the agent get."""
        settings = self.settings
        for frame in meta.frames(buffer):
            seat = self.seats[frame.source]
            if not seat.is_seen:
                # The tracker may repeat what it knew.
                frame.clear()
                continue
            objects = [seat.identified(one) for one in frame.objects()]
            inferred = frame.inferred
            seat.stats.on_processed(inferred)
            seat.objects, seat.seen_at = objects, time.monotonic()
            if not settings.look.labels and objects:
                frame.hide_labels()
            if self._reporter.wanted():
                self._reporter.put(
                    SeenFrame(
                        seat.camera_id,
                        *seat.frame_size,
                        self.mux_size,
                        frame.wall_time,
                        frame.pts,
                        inferred,
                        objects,
                    )
                )

    def _decode(self, frame: meta.Frame, decoder: OutputDecoder, settings: Settings) -> None:
        tensors = frame.tensors()
        if tensors is None:
            return
        frame.mark_inferred()
        frame.add(decoder(tensors, settings.filter), self._font_size)

    def _carry_over(self, frame: meta.Frame, wanted: DetectionFilter) -> None:
        """Without a tracker, a frame that nvinfer skipped shows what the one before did."""
        seat = self.seats[frame.source]
        if frame.inferred:
            seat.last = [Object(*one[:7]) for one in frame.objects()]
        else:
            frame.add([one for one in seat.last if _passes(wanted, one.label, one.confidence)], self._font_size)

    def _share_time(self, pts: int, batch: List[meta.Frame]) -> None:
        """nvinfer has a queue inside: a batch is known again by its time."""
        while self._entered:
            entered_pts, moment = self._entered.popleft()
            if entered_pts == pts:
                spent = (time.monotonic() - moment) / max(1, len(batch))
                for frame in batch:
                    if frame.inferred or self._decoder is not None:
                        self.seats[frame.source].stats.seconds += spent
                return


def settings_of(specification: spec.PipelineSpec, interval: int) -> Settings:
    """interval: see Settings. Pure."""
    model, overlay = specification.model, specification.overlay
    classes: Optional[FrozenSet[str]] = frozenset(model.classes) if model.classes else None
    threshold = model.threshold if model.HasField("threshold") else None
    return Settings(
        interval,
        DetectionFilter(threshold, classes),
        Look(overlay.boxes, overlay.labels, overlay.counts, overlay.names),
        tuple(camera.name or camera.id for camera in specification.cameras),
    )


def _passes(wanted: DetectionFilter, label: str, confidence: float) -> bool:
    if wanted.classes is not None and label not in wanted.classes:
        return False
    # A confidence that is not known, which is negative, is no low one.
    return wanted.threshold is None or confidence < 0 or confidence >= wanted.threshold
