"""Walks the fields of protobuf messages in a file that may hold anything: within bounds, without reading contents."""

import os
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, Tuple

# More than any network that fits on a board: the largest exports have some ten thousand nodes.
_MOST_FIELDS = 1000000
_MOST_NODES = 100000
_LONGEST_TEXT = 16 * 1024
_MOST_TEXT = 64 * 1024 * 1024
# Bytes that are read at once.
_BLOCK = 16 * 1024

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class OnnxError(Exception):
    """The file is no ONNX network. The message completes "it ..."."""


class Field(NamedTuple):
    """One field of a message."""

    number: int
    # Where its content is. A number is in value instead, and start equals end.
    start: int
    end: int
    value: int


class ProtobufFile:
    """Reads one file. The bounds apply to all of its messages together.

    The file is not mapped into memory: if it were truncated meanwhile, the kernel would end the process.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Raises OSError, and OnnxError for an empty file."""
        self._descriptor = file.fileno()
        self._length = os.fstat(self._descriptor).st_size
        if not self._length:
            raise OnnxError("is empty")
        # What was read last, and where in the file it begins.
        self._block = b""
        self._block_start = 0
        self._fields = 0
        self._nodes = 0
        self._text = 0

    def fields(self, message: Optional[Field] = None) -> Iterator[Field]:
        """The fields of a message, or of the whole file. Raises OnnxError."""
        start, end = (0, self._length) if message is None else (message.start, message.end)
        while start < end:
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                raise OnnxError("has more than %d parts, as no network has" % _MOST_FIELDS)
            tag, start = self._varint(start, end)
            number, wire = tag >> 3, tag & 7
            if number == 0:
                raise OnnxError("is no ONNX file")
            value, length = 0, {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
            if wire == _VARINT:
                value, start = self._varint(start, end)
            elif wire == _BYTES:
                length, start = self._varint(start, end)
            elif not length:
                raise OnnxError("is no ONNX file")
            if start + length > end:
                raise OnnxError("is cut short, or no ONNX file")
            yield Field(number, start, start + length, value)
            start += length

    def find(self, message: Optional[Field], *path: int) -> Optional[Field]:
        """The last field with a number, and in it the last one with the next number. Repeated scalars: the last
        counts."""
        for number in path:
            if message is None:
                return None
            found = None
            for field in self.fields(message):
                if field.number == number:
                    found = field
            message = found
        return message

    def text(self, field: Field) -> str:
        length = field.end - field.start
        self._text += length
        if length > _LONGEST_TEXT or self._text > _MOST_TEXT:
            raise OnnxError("has longer names than a network has")
        return os.pread(self._descriptor, length, field.start).decode("utf-8", "replace")

    def numbers(self, field: Field) -> List[int]:
        """The numbers of a repeated field: one, or several that are packed."""
        if field.start == field.end:
            return [field.value]
        if field.end - field.start > _LONGEST_TEXT:
            return []  # Weights, not parameters.
        numbers, start = [], field.start
        while start < field.end:
            value, start = self._varint(start, field.end)
            numbers.append(value)
        return numbers

    def count_node(self) -> None:
        """Called for each node. Raises OnnxError for too many."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise OnnxError("has more than %d nodes, as no network has" % _MOST_NODES)

    def _varint(self, start: int, end: int) -> Tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if start >= end:
                break
            byte = self._byte(start)
            start += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, start
        raise OnnxError("is cut short, or no ONNX file")

    def _byte(self, at: int) -> int:
        index = at - self._block_start
        if not 0 <= index < len(self._block):
            self._block, self._block_start, index = os.pread(self._descriptor, _BLOCK, at), at, 0
            if not self._block:
                raise OnnxError("is being replaced")
        return self._block[index]
