"""CameraSlot: a camera's fixed position at the muxer, and what the graph's threads share about the camera."""

from typing import List, Optional

from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.deepstream.meta import DetectedObject
from sidecar.worker.inference.postprocess import Object

_NEVER_INFERRED = 1 << 30
# Trackers count objects from 0 or 1. The bits above these hold the number of the connection.
_TRACK_BITS = 40


class CameraSlot:
    """tile_text and connections are written on the loop thread, the rest on streaming threads."""

    def __init__(self, camera_id: str, stats: CameraStats) -> None:
        self.camera_id = camera_id
        self.stats = stats
        # Why the camera sends no fresh frames; without text: it does.
        self.tile_text = TileText("")
        # The camera's own frame size, in pixels.
        self.frame_size = (0, 0)
        # How often the camera was connected.
        self.connections = 0
        # Frames since the last one that nvinfer inferred.
        self.skipped = _NEVER_INFERRED
        # The objects of that frame, for those that nvinfer skips.
        self.last_inferred: List[Object] = []
        # The objects of the last frame, in pixels of the muxer's frames, and its time on the monotonic clock.
        self.objects: List[DetectedObject] = []
        self.seen_at = 0.0

    def is_live(self) -> bool:
        """Whether frames of this slot are shown. False: they are of a connection that has ended."""
        return not self.tile_text.text

    def set_frame_size(self, width: int, height: int) -> None:
        """Called on the source's streaming thread, before the first frame of that size."""
        self.frame_size = (width, height)

    def shown_track_id(self, one: DetectedObject) -> Optional[int]:
        """What the label says: the tracker's own number."""
        return None if one.track_id is None else one.track_id & ((1 << _TRACK_BITS) - 1)

    def with_unique_track_id(self, one: DetectedObject) -> DetectedObject:
        """An object with a track id that no object of another connection has."""
        if one.track_id is None:
            return one
        track_id = self.connections << _TRACK_BITS | one.track_id & ((1 << _TRACK_BITS) - 1)
        return one._replace(track_id=track_id)
