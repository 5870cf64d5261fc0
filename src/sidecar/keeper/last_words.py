"""What a child said last: its standard error cut into lines, and the newest of them that are no log lines. Pure."""

import json
import re
from collections import deque
from typing import Deque, Tuple

from sidecar.log import redact

# Lines kept, and the bytes of each.
_LINES = 20
_LINE_BYTES = 500
# A longer line is handed on in pieces of this many bytes.
_PIECE_BYTES = 8192

# Colours and other commands to a terminal.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# The beginning of an address whose end was cut off: a login may be in it.
_CUT_ADDRESS = re.compile(r"://[^\s/]*\Z")


class LastWords:
    """Takes a child's standard error as it comes. Holds a bounded part of it, however much that is."""

    def __init__(self) -> None:
        self._rest = b""
        # What comes belongs to a line whose beginning was handed on already.
        self._continues = False
        self._kept: Deque[bytes] = deque(maxlen=_LINES)

    def take(self, received: bytes) -> bytes:
        """Notes what came. Returns what is to be handed on: whole lines, and long ones piece by piece."""
        lines = (self._rest + received).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._end_line(line)
        done = b"".join(line + b"\n" for line in lines)
        if len(self._rest) >= _PIECE_BYTES:
            if not self._continues:
                self._keep(self._rest)
            self._continues = True
            done, self._rest = done + self._rest, b""
        return done

    def end(self) -> bytes:
        """The child is gone. Returns what is left to be handed on."""
        rest, self._rest = self._rest, b""
        if not rest:
            return b"\n" if self._continues else b""
        self._end_line(rest)
        return rest + b"\n"

    def lines(self) -> Tuple[str, ...]:
        """The last lines, oldest first, without secrets."""
        return tuple(_plain(line) for line in self._kept)

    def _end_line(self, line: bytes) -> None:
        if not self._continues:
            self._keep(line)
        self._continues = False

    def _keep(self, line: bytes) -> None:
        if line.strip() and not _is_log_line(line):
            self._kept.append(line[:_PIECE_BYTES])


def _is_log_line(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        found = json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return False
    return isinstance(found, dict) and "level" in found


def _plain(line: bytes) -> str:
    text = _ESCAPES.sub("", line.decode("utf-8", "replace"))
    text = "".join(c if c.isprintable() else " " for c in text).strip()
    # Hidden before it is cut: half an address is no longer known for one.
    text = redact(text)
    if len(line) >= _PIECE_BYTES:
        text = _CUT_ADDRESS.sub("://***", text)
    return _cut(text)


def _cut(text: str) -> str:
    return text.encode("utf-8")[:_LINE_BYTES].decode("utf-8", "ignore")
