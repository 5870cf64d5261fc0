"""nvtracker: gives objects their track ids by the overlap of their boxes from frame to frame."""

from typing import Any, Dict, List, NamedTuple, Tuple

from sidecar.gst import Gst, GstBase
from standins import batch, pyds
from standins.element import Standin

_Box = Tuple[float, float, float, float]

_LEAST_OVERLAP = 0.3
_FRAMES_KEPT = 30

# The low-level libraries of the SDK, with the first and the last release that has them.
_LIBRARIES = (
    ("libnvds_mot_klt.so", "5.0", "5.1"),
    ("libnvds_mot_iou.so", "5.0", "5.1"),
    ("libnvds_nvdcf.so", "5.0", "5.1"),
    ("libnvds_nvmultiobjecttracker.so", "6.0", None),
)


class _Track(NamedTuple):
    number: int
    box: _Box
    last_seen: int
    class_id: int
    label: str


class Tracker(Standin):
    """nvtracker. In frames without inference it repeats the objects where they were last."""

    gst_class = GstBase.BaseTransform

    def build(self) -> None:
        self.set_in_place(True)
        self._tracks: Dict[int, List[_Track]] = {}
        self._next = 0

    def do_start(self) -> bool:
        self._tracks, self._next = {}, 0
        library = self.values["ll-lib-file"] or ""
        here = [
            name
            for name, first, last in _LIBRARIES
            if not self.options.before(first) and (last is None or not self.options.later_than(last))
        ]
        if library.rsplit("/", 1)[-1] in here:
            return True
        self.fail("Failed to initialize low level lib.", debug="Failed to open low-level lib at %s" % library)
        return False

    def do_transform_ip(self, buffer: Gst.Buffer) -> Gst.FlowReturn:
        meta = batch.find(hash(buffer))
        if meta is None:
            return Gst.FlowReturn.OK
        for frame in meta.items("frame_meta_list"):
            if frame.bInferDone:
                self._follow(frame)
            else:
                self._repeat(meta, frame)
        return Gst.FlowReturn.OK

    def _follow(self, frame: pyds.NvDsFrameMeta) -> None:
        free = [
            track
            for track in self._tracks.get(frame.source_id, [])
            if frame.frame_num - track.last_seen <= _FRAMES_KEPT
        ]
        kept: List[_Track] = []
        for found in frame.items("obj_meta_list"):
            box = _box(found.rect_params)
            candidates = [track for track in free if track.class_id == found.class_id]
            best = max(candidates, key=lambda track: _overlap(track.box, box), default=None)
            if best is not None and _overlap(best.box, box) >= _LEAST_OVERLAP:
                free.remove(best)
                number = best.number
            else:
                number, self._next = self._next, self._next + 1
            kept.append(_Track(number, box, frame.frame_num, found.class_id, found.obj_label))
            self._mark(found, number)
        self._tracks[frame.source_id] = kept + free

    def _repeat(self, meta: pyds.NvDsBatchMeta, frame: pyds.NvDsFrameMeta) -> None:
        tracks = self._tracks.get(frame.source_id, [])
        newest = max((track.last_seen for track in tracks), default=0)
        for track in tracks:
            if track.last_seen == newest and frame.frame_num - newest <= _FRAMES_KEPT:
                found = pyds.nvds_acquire_obj_meta_from_pool(meta)
                found.class_id, found.obj_label, found.confidence = track.class_id, track.label, -0.1
                rectangle = found.rect_params
                rectangle.left, rectangle.top, rectangle.width, rectangle.height = track.box
                rectangle.border_width = 3
                rectangle.border_color.set(1.0, 0.0, 0.0, 1.0)
                self._mark(found, track.number)
                pyds.nvds_add_obj_meta_to_frame(frame, found, None)

    def _mark(self, found: Any, number: int) -> None:
        found.object_id = number
        found.tracker_confidence = -0.1
        place, box = found.tracker_bbox_info.org_bbox_coords, _box(found.rect_params)
        place.left, place.top, place.width, place.height = box
        if self.values["display-tracking-id"]:
            found.text_params.display_text = ("%s %d" % (found.obj_label, number)).strip()


def _box(place: Any) -> _Box:
    return place.left, place.top, place.width, place.height


def _overlap(one: _Box, other: _Box) -> float:
    """Intersection over union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (one[2] * one[3] + other[2] * other[3] - common)
