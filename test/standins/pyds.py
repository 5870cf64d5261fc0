"""A stand-in for NVIDIA's pyds: the metadata structures and functions that an engine needs, as in pyds 1.1.1 to 1.2.

It is as strict as the real one, so that code does not first fail on a device: unknown fields, and floats in integer
fields, are refused, list data must be cast, a list ends with StopIteration, and texts are read through get_string.
"""

import ctypes
import enum
import threading
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, TypeVar

from standins import batch as _batch
from standins import native

_UNTRACKED = 2**64 - 1
_MOST_ELEMENTS = 16

_T = TypeVar("_T")


class NvDsMetaType(enum.IntEnum):
    NVDS_INVALID_META = -1
    NVDS_BATCH_META = 1
    NVDS_FRAME_META = 2
    NVDS_OBJ_META = 3
    NVDS_DISPLAY_META = 4
    NVDS_CLASSIFIER_META = 5
    NVDS_LABEL_INFO_META = 6
    NVDS_USER_META = 7
    NVDSINFER_TENSOR_OUTPUT_META = 12
    NVDS_START_USER_META = 8193


class NvDsInferDataType(enum.IntEnum):
    FLOAT = 0
    HALF = 1
    INT8 = 2
    INT32 = 3


class _Capsule:
    """An untyped C pointer: only cast and get_ptr can read its target."""

    __slots__ = ("_owner", "_target")

    def __init__(self, target: Any, owner: Any = None) -> None:
        self._target = target
        self._owner = owner


def pointer(address: int, owner: Any) -> _Capsule:
    """An untyped pointer to memory that an object owns. For the stand-ins; the real pyds has no such function."""
    return _Capsule(address, owner)


class GList:
    """One node of a list. At the last node, next raises StopIteration, as in pyds."""

    __slots__ = ("_index", "_items")

    def __init__(self, items: List[Any], index: int) -> None:
        self._items = items
        self._index = index

    @property
    def data(self) -> _Capsule:
        return _Capsule(self._items[self._index])

    @property
    def next(self) -> "GList":
        if self._index + 1 >= len(self._items):
            raise StopIteration
        return GList(self._items, self._index + 1)


def _integer(value: Any) -> int:
    # As pybind11 does: every index is an integer, and a float is not.
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise TypeError("incompatible type %s, an integer is needed" % type(value).__name__)
    return int(value.__index__())


def _unsigned(value: Any) -> int:
    number = _integer(value)
    if not 0 <= number < 2**32:
        raise TypeError("incompatible type, an unsigned integer is needed, not %d" % number)
    return number


def _float(value: Any) -> float:
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError("incompatible type %s, a number is needed" % type(value).__name__)
    return float(value)


def _label(value: Any) -> str:
    """A char array of 128 bytes, with the terminating NUL."""
    if not isinstance(value, str):
        raise TypeError("incompatible type %s, a str is needed" % type(value).__name__)
    return value.encode()[:127].decode(errors="ignore")


def _any(value: Any) -> Any:
    return value


def _untyped(value: Any) -> _Capsule:
    return value if isinstance(value, _Capsule) else _Capsule(value)


class _Struct:
    """A C structure: fields with their checks, nested structures that are created at their first use, and lists."""

    _fields: Dict[str, Tuple[Callable[[Any], Any], Any]] = {}
    _nested: Dict[str, Callable[[], Any]] = {}
    _lists: Tuple[str, ...] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        field = self._fields.get(name)
        if field is None:
            raise AttributeError("%s has no field %s that can be set" % (type(self).__name__, name))
        self.__dict__[name] = field[0](value)

    def __getattr__(self, name: str) -> Any:
        # Only called for what has not been set.
        if name in self._fields:
            value = self._fields[name][1]
        elif name in self._nested:
            value = self.__dict__[name] = self._nested[name]()
        elif name in self._lists:
            items = self.items(name)
            return GList(items, 0) if items else None
        else:
            raise AttributeError("%s has no field %s" % (type(self).__name__, name))
        return value

    def items(self, name: str) -> List[Any]:
        """The items of a list. For the stand-ins; real structures have no such method."""
        found: List[Any] = self.__dict__.setdefault("_items_" + name, [])
        return found

    @classmethod
    def cast(cls: Type[_T], data: Any) -> _T:
        if isinstance(data, _Capsule) and isinstance(data._target, cls):
            return data._target
        raise TypeError("cast(): incompatible argument %r for %s" % (data, cls.__name__))


_INT: Tuple[Callable[[Any], Any], Any] = (_integer, 0)
_FLOAT: Tuple[Callable[[Any], Any], Any] = (_float, 0.0)


class NvDsBaseMeta(_Struct):
    _fields = {"meta_type": (_any, NvDsMetaType.NVDS_INVALID_META), "uContext": (_any, None)}

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "batch_meta":
            # Weak: a batch holds its frames. Otherwise it would outlive its buffer until the next garbage collection.
            self.__dict__["_batch"] = weakref.ref(value)
        else:
            super().__setattr__(name, value)

    @property
    def batch_meta(self) -> Optional["NvDsBatchMeta"]:
        reference = self.__dict__.get("_batch")
        batch: Optional[NvDsBatchMeta] = None if reference is None else reference()
        return batch


def _base(meta_type: NvDsMetaType) -> Callable[[], NvDsBaseMeta]:
    def make() -> NvDsBaseMeta:
        meta = NvDsBaseMeta()
        meta.meta_type = meta_type
        return meta

    return make


class NvOSD_ColorParams(_Struct):  # noqa: N801
    _fields = {"red": _FLOAT, "green": _FLOAT, "blue": _FLOAT, "alpha": _FLOAT}

    def set(self, red: float, green: float, blue: float, alpha: float) -> None:
        self.red, self.green, self.blue, self.alpha = red, green, blue, alpha


class NvOSD_RectParams(_Struct):  # noqa: N801
    _fields = {
        "left": _FLOAT,
        "top": _FLOAT,
        "width": _FLOAT,
        "height": _FLOAT,
        "border_width": _INT,
        "has_bg_color": _INT,
        "has_color_info": _INT,
        "color_id": _INT,
        "reserved": _INT,
    }
    _nested = {"border_color": NvOSD_ColorParams, "bg_color": NvOSD_ColorParams}


class _TextFields(_Struct):
    """A structure with C strings, which are assigned as str and read as addresses."""

    _texts: Tuple[str, ...] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._texts:
            super().__setattr__(name, value)
            return
        if not isinstance(value, str):
            raise TypeError("incompatible type %s, a str is needed" % type(value).__name__)
        kept = self.__dict__["_kept_" + name] = ctypes.create_string_buffer(value.encode())
        self.__dict__[name] = ctypes.addressof(kept)


class NvOSD_FontParams(_TextFields):  # noqa: N801
    _texts = ("font_name",)
    _fields = {"font_name": _INT, "font_size": _INT}
    _nested = {"font_color": NvOSD_ColorParams}


class NvOSD_TextParams(_TextFields):  # noqa: N801
    _texts = ("display_text",)
    _fields = {"display_text": _INT, "x_offset": _INT, "y_offset": _INT, "set_bg_clr": _INT}
    _nested = {"font_params": NvOSD_FontParams, "text_bg_clr": NvOSD_ColorParams}


class NvOSD_LineParams(_Struct):  # noqa: N801
    _fields = dict.fromkeys(("x1", "y1", "x2", "y2", "line_width"), (_unsigned, 0))
    _nested = {"line_color": NvOSD_ColorParams}


class _Array:
    """A fixed array of structures, which are created at their first use."""

    def __init__(self, kind: Callable[[], Any]) -> None:
        self._kind = kind
        self._made: Dict[int, Any] = {}

    def __len__(self) -> int:
        return _MOST_ELEMENTS

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < _MOST_ELEMENTS:
            raise IndexError("a display meta holds %d elements of a kind" % _MOST_ELEMENTS)
        if index not in self._made:
            self._made[index] = self._kind()
        return self._made[index]


def _count(value: Any) -> int:
    count = _integer(value)
    if not 0 <= count <= _MOST_ELEMENTS:
        # The real one writes beyond its array.
        raise ValueError("a display meta holds at most %d elements of a kind" % _MOST_ELEMENTS)
    return count


class NvDsDisplayMeta(_Struct):
    _fields = {"num_rects": (_count, 0), "num_labels": (_count, 0), "num_lines": (_count, 0)}
    _nested = {
        "base_meta": _base(NvDsMetaType.NVDS_DISPLAY_META),
        "rect_params": lambda: _Array(NvOSD_RectParams),
        "text_params": lambda: _Array(NvOSD_TextParams),
        "line_params": lambda: _Array(NvOSD_LineParams),
    }


class NvBbox_Coords(_Struct):  # noqa: N801
    _fields = {"left": _FLOAT, "top": _FLOAT, "width": _FLOAT, "height": _FLOAT}


class NvDsComp_BboxInfo(_Struct):  # noqa: N801
    _nested = {"org_bbox_coords": NvBbox_Coords}


class NvDsUserMeta(_Struct):
    _fields = {"user_meta_data": (_untyped, None)}
    _nested = {"base_meta": _base(NvDsMetaType.NVDS_USER_META)}


class NvDsObjectMeta(_Struct):
    _fields = {
        "parent": (_any, None),
        "unique_component_id": _INT,
        "class_id": _INT,
        "object_id": (_integer, _UNTRACKED),
        "confidence": _FLOAT,
        "tracker_confidence": _FLOAT,
        "obj_label": (_label, ""),
    }
    _nested = {
        "base_meta": _base(NvDsMetaType.NVDS_OBJ_META),
        "rect_params": NvOSD_RectParams,
        "text_params": NvOSD_TextParams,
        "detector_bbox_info": NvDsComp_BboxInfo,
        "tracker_bbox_info": NvDsComp_BboxInfo,
    }
    _lists = ("classifier_meta_list", "obj_user_meta_list")


class NvDsFrameMeta(_Struct):
    _fields = {
        "pad_index": _INT,
        "batch_id": _INT,
        "frame_num": _INT,
        "buf_pts": _INT,
        "ntp_timestamp": _INT,
        "source_id": _INT,
        "num_surfaces_per_frame": (_integer, 1),
        "source_frame_width": _INT,
        "source_frame_height": _INT,
        "surface_type": _INT,
        "surface_index": _INT,
        "bInferDone": _INT,
    }
    _nested = {"base_meta": _base(NvDsMetaType.NVDS_FRAME_META)}
    _lists = ("obj_meta_list", "display_meta_list", "frame_user_meta_list")

    @property
    def num_obj_meta(self) -> int:
        return len(self.items("obj_meta_list"))


class NvDsBatchMeta(_Struct):
    _fields = {"max_frames_in_batch": _INT}
    _nested = {"base_meta": _base(NvDsMetaType.NVDS_BATCH_META), "meta_mutex": threading.RLock}
    _lists = ("frame_meta_list", "batch_user_meta_list")

    @property
    def num_frames_in_batch(self) -> int:
        return len(self.items("frame_meta_list"))


class NvDsInferDims(_Struct):
    _fields = {"numDims": _INT, "numElements": _INT, "d": (_any, ())}


class NvDsInferLayerInfo(_Struct):
    _fields = {
        "dataType": (_any, NvDsInferDataType.FLOAT),
        "bindingIndex": _INT,
        "layerName": (_any, ""),
        "buffer": (_any, None),
        "isInput": _INT,
    }
    _nested = {"inferDims": NvDsInferDims}

    @property
    def dims(self) -> NvDsInferDims:
        dims: NvDsInferDims = self.inferDims
        return dims


class NvDsInferNetworkInfo(_Struct):
    _fields = {"width": _INT, "height": _INT, "channels": _INT}


class NvDsInferTensorMeta(_Struct):
    _fields = {"unique_id": _INT, "gpu_id": _INT}
    _nested = {"network_info": NvDsInferNetworkInfo}

    @property
    def num_output_layers(self) -> int:
        return len(self.items("layers"))

    def output_layers_info(self, index: int) -> NvDsInferLayerInfo:
        layer: NvDsInferLayerInfo = self.items("layers")[index]
        return layer


def gst_buffer_get_nvds_batch_meta(buffer: int) -> Optional[NvDsBatchMeta]:
    """The batch metadata of a buffer, given hash(buffer)."""
    found: Optional[NvDsBatchMeta] = _batch.find(buffer)
    return found


def nvds_create_batch_meta(max_batch_size: int) -> NvDsBatchMeta:
    meta = NvDsBatchMeta()
    meta.max_frames_in_batch = max_batch_size
    return meta


def get_string(ptr: int) -> str:
    return ctypes.string_at(ptr).decode() if ptr else ""


def get_ptr(ptr: Any) -> int:
    """The address behind an untyped pointer, such as the buffer of a layer."""
    target = ptr._target if isinstance(ptr, _Capsule) else ptr
    return target if isinstance(target, int) else id(target)


def get_nvds_LayerInfo(data: Any, index: int) -> NvDsInferLayerInfo:  # noqa: N802
    """A layer of a tensor meta, which may be cast or not."""
    meta = data._target if isinstance(data, _Capsule) else data
    layer: NvDsInferLayerInfo = meta.output_layers_info(index)
    return layer


def nvds_acquire_meta_lock(batch_meta: NvDsBatchMeta) -> None:
    batch_meta.meta_mutex.acquire()


def nvds_release_meta_lock(batch_meta: NvDsBatchMeta) -> None:
    batch_meta.meta_mutex.release()


def _acquired(kind: Callable[[], Any], batch_meta: NvDsBatchMeta) -> Any:
    if not isinstance(batch_meta, NvDsBatchMeta):
        raise TypeError("incompatible argument %r, an NvDsBatchMeta is needed" % (batch_meta,))
    meta = kind()
    meta.base_meta.batch_meta = batch_meta
    return meta


def nvds_acquire_frame_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsFrameMeta:
    meta: NvDsFrameMeta = _acquired(NvDsFrameMeta, batch_meta)
    return meta


def nvds_acquire_obj_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsObjectMeta:
    meta: NvDsObjectMeta = _acquired(NvDsObjectMeta, batch_meta)
    return meta


def nvds_acquire_display_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsDisplayMeta:
    meta: NvDsDisplayMeta = _acquired(NvDsDisplayMeta, batch_meta)
    return meta


def nvds_acquire_user_meta_from_pool(batch_meta: NvDsBatchMeta) -> NvDsUserMeta:
    meta: NvDsUserMeta = _acquired(NvDsUserMeta, batch_meta)
    return meta


def nvds_add_frame_meta_to_batch(batch_meta: NvDsBatchMeta, frame_meta: NvDsFrameMeta) -> None:
    batch_meta.items("frame_meta_list").append(frame_meta)


# The newest is first (libnvds_meta of 9.0).
def nvds_add_obj_meta_to_frame(
    frame_meta: NvDsFrameMeta, obj_meta: NvDsObjectMeta, obj_parent: Optional[NvDsObjectMeta]
) -> None:
    obj_meta.parent = obj_parent
    frame_meta.items("obj_meta_list").insert(0, obj_meta)


def nvds_add_display_meta_to_frame(frame_meta: NvDsFrameMeta, display_meta: NvDsDisplayMeta) -> None:
    frame_meta.items("display_meta_list").insert(0, display_meta)


def nvds_add_user_meta_to_frame(frame_meta: NvDsFrameMeta, user_meta: NvDsUserMeta) -> None:
    frame_meta.items("frame_user_meta_list").append(user_meta)


def nvds_add_user_meta_to_batch(batch_meta: NvDsBatchMeta, user_meta: NvDsUserMeta) -> None:
    batch_meta.items("batch_user_meta_list").append(user_meta)


def nvds_remove_obj_meta_from_frame(frame_meta: NvDsFrameMeta, obj_meta: NvDsObjectMeta) -> None:
    frame_meta.items("obj_meta_list").remove(obj_meta)


def nvds_remove_display_meta_from_frame(frame_meta: NvDsFrameMeta, display_meta: NvDsDisplayMeta) -> None:
    frame_meta.items("display_meta_list").remove(display_meta)


def nvds_remove_frame_meta_from_batch(batch_meta: NvDsBatchMeta, frame_meta: NvDsFrameMeta) -> None:
    batch_meta.items("frame_meta_list").remove(frame_meta)


def nvds_remove_user_meta_from_frame(frame_meta: NvDsFrameMeta, user_meta: NvDsUserMeta) -> None:
    frame_meta.items("frame_user_meta_list").remove(user_meta)


def nvds_clear_obj_meta_list(frame_meta: NvDsFrameMeta, meta_list: Optional[GList]) -> None:
    del frame_meta.items("obj_meta_list")[:]


def nvds_clear_display_meta_list(frame_meta: NvDsFrameMeta, meta_list: Optional[GList]) -> None:
    del frame_meta.items("display_meta_list")[:]


def configure_source_for_ntp_sync(src_elem: int) -> None:
    """Has no effect: stand-ins get no RTCP sender reports."""


def gst_element_send_nvevent_new_stream_reset(gst_element: int, source_id: int) -> int:
    """Sends a serialized event to one of an element's sink pads, and so waits for that pad's streaming thread.

    Like the real one (bindfunctions.cpp of 1.2.0), it holds Python's lock meanwhile: it hangs for ever if that thread
    is in a Python probe. Nothing here has a state that the reset would clear.
    """
    native.send_stream_reset(gst_element, source_id)
    return 1
