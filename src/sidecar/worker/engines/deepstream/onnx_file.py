"""An ONNX file's batch, and the files that hold its weights, read without its weights or a library for them."""

import mmap
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

# Field numbers of onnx.proto: ModelProto, GraphProto, TensorProto, ValueInfoProto, TypeProto, TensorShapeProto.
_MODEL_GRAPH = 7
_GRAPH_INITIALIZER, _GRAPH_INPUT = 5, 11
_INITIALIZER_NAME, _INITIALIZER_EXTERNAL = 8, 13
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_VALUE_NAME = 1
_VALUE_TO_DIMENSIONS = (2, 1, 2, 1)
_DIMENSION_VALUE = 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Field(NamedTuple):
    number: int
    # Where its content lies; for a number, value is it.
    start: int
    end: int
    value: int


def fixed_batch(path: str) -> Optional[int]:
    """None: any number, or the file cannot be read as ONNX, which TensorRT will say."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _batch(data)
    except (OSError, ValueError):
        return None


def external_files(path: str) -> List[str]:
    """Files that hold weights of an ONNX network, sorted, as it names them: relative to its own directory. Empty where
    the file cannot be read as ONNX."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return sorted(set(_locations(data)))
    except (OSError, ValueError):
        return []


def _locations(data: mmap.mmap) -> Iterator[str]:
    graph = _first(data, 0, len(data), _MODEL_GRAPH)
    for tensor in () if graph is None else _fields(data, graph.start, graph.end):
        if tensor.number != _GRAPH_INITIALIZER:
            continue
        for entry in _fields(data, tensor.start, tensor.end):
            if entry.number != _INITIALIZER_EXTERNAL:
                continue
            key = _first(data, entry.start, entry.end, _ENTRY_KEY)
            value = _first(data, entry.start, entry.end, _ENTRY_VALUE)
            if key is not None and value is not None and data[key.start : key.end] == b"location":
                yield data[value.start : value.end].decode(errors="surrogateescape")


def _batch(data: mmap.mmap) -> Optional[int]:
    graph = _first(data, 0, len(data), _MODEL_GRAPH)
    if graph is None:
        return None
    names: Dict[bytes, bool] = {}
    inputs = []
    for field in _fields(data, graph.start, graph.end):
        if field.number == _GRAPH_INITIALIZER:
            name = _first(data, field.start, field.end, _INITIALIZER_NAME)
            names[b"" if name is None else data[name.start : name.end]] = True
        elif field.number == _GRAPH_INPUT:
            inputs.append(field)
    for one in inputs:
        name = _first(data, one.start, one.end, _VALUE_NAME)
        # Old exporters list the weights among the inputs.
        if name is None or data[name.start : name.end] in names:
            continue
        inner: Optional[_Field] = one
        for number in _VALUE_TO_DIMENSIONS:
            inner = None if inner is None else _first(data, inner.start, inner.end, number)
        size = None if inner is None else _first(data, inner.start, inner.end, _DIMENSION_VALUE)
        return size.value if size is not None and size.value > 0 else None
    return None


def _first(data: mmap.mmap, start: int, end: int, number: int) -> Optional[_Field]:
    return next((field for field in _fields(data, start, end) if field.number == number), None)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[_Field]:
    """The fields of one protobuf message. Raises ValueError for what is none."""
    while start < end:
        tag, start = _varint(data, start, end)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("no protobuf message")
        value, length = 0, {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
        if wire == _VARINT:
            value, start = _varint(data, start, end)
        elif wire == _BYTES:
            length, start = _varint(data, start, end)
        elif not length:
            raise ValueError("no protobuf message")
        if start + length > end:
            raise ValueError("the message is cut short")
        yield _Field(number, start, start + length, value)
        start += length


def _varint(data: mmap.mmap, start: int, end: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if start >= end:
            break
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
    raise ValueError("the number is cut short")
