"""The one module that imports pyds: reads a batch's metadata as plain numbers, and adds objects and drawings to it.

Everything here runs on a streaming thread, in a pad probe, while the probe holds the buffer. API: pyds 1.1.1
(DeepStream 6.0.1) to 1.2, in which list entries must be cast and a list ends with StopIteration.
"""

import ctypes
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np
import pyds

from sidecar.gst import Gst
from sidecar.worker.engines.overlay import class_colour, label_text
from sidecar.worker.inference.postprocess import Object

# object_id of an object without a track id.
_UNTRACKED = 2**64 - 1

# Texts, rectangles or lines that one display meta holds at most; pyds does not check it.
_MOST_ELEMENTS = 16
_BORDER_PIXELS = 3
_EDGE_PIXELS = 2
_FONT = "Sans"
_TYPES = {0: np.float32, 1: np.float16, 2: np.int8, 3: np.int32, 4: np.int64, 5: np.uint8}


class DetectedObject(NamedTuple):
    """One object; the box is in pixels of the muxer's frames."""

    class_id: int
    label: str
    # Negative: the network or the tracker does not say.
    confidence: float
    left: float
    top: float
    width: float
    height: float
    # None: not tracked.
    track_id: Optional[int]


class Line(NamedTuple):
    """A line of text to draw; x, y is its top left corner."""

    text: str
    x: int
    y: int
    font_size: int


class Box(NamedTuple):
    """An outline to draw, in the colour of a class."""

    left: float
    top: float
    width: float
    height: float
    class_id: int


class Edge(NamedTuple):
    """A straight white line to draw, between two points within the frame."""

    x1: int
    y1: int
    x2: int
    y2: int


class Fill(NamedTuple):
    """A black rectangle to draw. Its opacity is from 0, which is invisible, to 1, which hides what is behind it."""

    left: float
    top: float
    width: float
    height: float
    opacity: float


class Frame:
    """One frame of a batch."""

    __slots__ = ("_batch", "_meta", "pts", "slot", "wall_time")

    def __init__(self, batch: Any, meta: Any) -> None:
        self._batch = batch
        self._meta = meta
        # The number of the muxer's sink pad.
        self.slot: int = meta.pad_index
        # Nanoseconds on the camera's time line, and since the epoch (0: not known).
        self.pts: int = meta.buf_pts
        self.wall_time: int = meta.ntp_timestamp

    @property
    def inferred(self) -> bool:
        """False: nvinfer skipped it (interval)."""
        return bool(self._meta.bInferDone)

    def objects(self) -> List[DetectedObject]:
        """The frame's objects by confidence, the highest first; equal ones in the order in which they were added.
        NVIDIA's functions add at the head of the list, and reverse a list when they copy it (seen with 9.0)."""
        found = []
        for meta in self._object_metas():
            place = meta.rect_params
            track_id = meta.object_id
            found.append(
                DetectedObject(
                    meta.class_id,
                    meta.obj_label,
                    meta.confidence,
                    place.left,
                    place.top,
                    place.width,
                    place.height,
                    None if track_id == _UNTRACKED else track_id,
                )
            )
        found.reverse()
        return sorted(found, key=lambda one: -one.confidence)

    def keep(self, wanted: Callable[[str, float], bool]) -> None:
        """Removes the objects for which wanted(label, confidence) is false."""
        # Collected first: the list must not change while it is iterated.
        unwanted = [meta for meta in self._object_metas() if not wanted(meta.obj_label, meta.confidence)]
        for meta in unwanted:
            pyds.nvds_remove_obj_meta_from_frame(self._meta, meta)

    def clear(self) -> None:
        """Removes all objects."""
        self.keep(lambda _label, _confidence: False)

    def add(self, objects: Iterable[Object]) -> None:
        """Adds objects as nvinfer adds its own, with the number of the component."""
        for one in objects:
            meta = pyds.nvds_acquire_obj_meta_from_pool(self._batch)
            meta.unique_component_id = 1
            meta.class_id = one.class_id
            meta.confidence = one.confidence
            meta.object_id = _UNTRACKED
            meta.obj_label = one.label
            # nvtracker uses the detector's box, nvdsosd the other.
            for place in (meta.rect_params, meta.detector_bbox_info.org_bbox_coords):
                place.left, place.top, place.width, place.height = one.left, one.top, one.width, one.height
            pyds.nvds_add_obj_meta_to_frame(self._meta, meta, None)  # type: ignore[arg-type]  # the stubs know no none

    def mark_inferred(self) -> None:
        """Called where the network's output is decoded here: nvinfer then leaves this unset, and nvtracker needs it."""
        self._meta.bInferDone = 1

    def set_look(self, boxes: bool, labels: bool, font_size: int) -> None:
        """What nvdsosd draws of the objects: outlines, and labels with the track id.

        nvdsosd's display-bbox would switch off the rectangles of draw() too (gst_nvds_osd_transform_ip() of 9.0).
        """
        for meta in self._object_metas():
            place, text = meta.rect_params, meta.text_params
            if boxes:
                _outline(place, meta.class_id)
            else:
                place.border_width = 0
            if labels:
                track_id = None if meta.object_id == _UNTRACKED else meta.object_id
                label = label_text(meta.class_id, meta.obj_label, meta.confidence, track_id)
                above = int(place.top) - 2 * font_size
                _write(text, Line(label, max(0, int(place.left)), above if above > 0 else int(place.top), font_size))
            else:
                text.display_text = ""
                text.set_bg_clr = 0

    def clear_drawings(self) -> None:
        """Removes everything that draw() has added."""
        for data in list(_items(self._meta.display_meta_list)):
            pyds.nvds_remove_display_meta_from_frame(self._meta, pyds.NvDsDisplayMeta.cast(data))

    def draw(
        self, lines: Sequence[Line], boxes: Sequence[Box], fills: Sequence[Fill] = (), edges: Sequence[Edge] = ()
    ) -> None:
        """Has nvdsosd draw texts, outlines, filled rectangles and straight lines on the frame."""
        rectangles: List[Union[Fill, Box]] = [*fills, *boxes]
        for begin in range(0, max(len(lines), len(rectangles), len(edges)), _MOST_ELEMENTS):
            display = pyds.nvds_acquire_display_meta_from_pool(self._batch)
            some = slice(begin, begin + _MOST_ELEMENTS)
            some_lines, some_rectangles, some_edges = lines[some], rectangles[some], edges[some]
            display.num_labels, display.num_rects = len(some_lines), len(some_rectangles)
            display.num_lines = len(some_edges)
            for index, line in enumerate(some_lines):
                _write(display.text_params[index], line)
            for index, one in enumerate(some_rectangles):
                place = display.rect_params[index]
                place.left, place.top, place.width, place.height = one[:4]
                if isinstance(one, Box):
                    _outline(place, one.class_id)
                else:
                    _fill(place, one.opacity)
            for index, edge in enumerate(some_edges):
                drawn = display.line_params[index]
                drawn.x1, drawn.y1, drawn.x2, drawn.y2 = edge
                drawn.line_width = _EDGE_PIXELS
                drawn.line_color.set(1.0, 1.0, 1.0, 1.0)
            pyds.nvds_add_display_meta_to_frame(self._meta, display)

    def tensors(self) -> Optional[Dict[str, "np.ndarray"]]:
        """The network's outputs for this frame, as views that are valid while the probe runs. None: there are none."""
        for data in _items(self._meta.frame_user_meta_list):
            user = pyds.NvDsUserMeta.cast(data)
            if user.base_meta.meta_type == pyds.NvDsMetaType.NVDSINFER_TENSOR_OUTPUT_META:
                found = pyds.NvDsInferTensorMeta.cast(user.user_meta_data)
                layers = [pyds.get_nvds_LayerInfo(found, index) for index in range(found.num_output_layers)]
                return {layer.layerName: _tensor(layer) for layer in layers}
        return None

    def _object_metas(self) -> Iterator[Any]:
        return (pyds.NvDsObjectMeta.cast(data) for data in _items(self._meta.obj_meta_list))


def frames(buffer: Gst.Buffer) -> List[Frame]:
    """The frames of a batch. Empty for a buffer without metadata."""
    batch = pyds.gst_buffer_get_nvds_batch_meta(hash(buffer))
    if batch is None:
        return []
    return [Frame(batch, pyds.NvDsFrameMeta.cast(data)) for data in _items(batch.frame_meta_list)]


def _items(node: Any) -> Iterator[Any]:
    while node is not None:
        yield node.data
        try:
            node = node.next
        except StopIteration:
            return


def _tensor(layer: Any) -> "np.ndarray":
    shape = tuple(int(size) for size in layer.inferDims.d[: layer.inferDims.numDims])
    kind = np.dtype(_TYPES[int(layer.dataType)])
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    memory = (ctypes.c_uint8 * size).from_address(pyds.get_ptr(layer.buffer))
    return np.ndarray(shape, kind, memory)  # type: ignore[arg-type]  # any buffer will do


def _outline(place: Any, class_id: int) -> None:
    place.border_width = _BORDER_PIXELS
    red, green, blue = class_colour(class_id)
    place.border_color.set(red / 255.0, green / 255.0, blue / 255.0, 1.0)


def _fill(place: Any, opacity: float) -> None:
    place.border_width = 0
    place.has_bg_color = 1
    place.bg_color.set(0.0, 0.0, 0.0, opacity)


def _write(text: Any, line: Line) -> None:
    text.display_text = line.text
    text.x_offset, text.y_offset = line.x, line.y
    text.font_params.font_name = _FONT
    text.font_params.font_size = line.font_size
    text.font_params.font_color.set(1.0, 1.0, 1.0, 1.0)
    text.set_bg_clr = 1
    text.text_bg_clr.set(0.0, 0.0, 0.0, 0.6)
