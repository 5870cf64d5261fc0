"""The tail of a child's standard error: it is cut into lines, and the newest that are no log lines are kept. Pure."""

import json
import re
from collections import deque
from typing import Deque, Tuple

from sidecar.redact import redact

# Lines kept, and the bytes of each.
_LINES = 20
_LINE_BYTES = 500
# A longer line is forwarded in pieces of this many bytes.
_PIECE_BYTES = 8192

# Colours and other commands to a terminal.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# The beginning of an address whose end was cut off: a login may be in it.
_CUT_ADDRESS = re.compile(r"://[^\s/]*\Z")


class StderrTail:
    """Takes a child's standard error as it arrives. Holds a bounded part of it, however much arrives."""

    def __init__(self) -> None:
        self._rest = b""
        # What arrives next belongs to a line whose beginning was forwarded already.
        self._continues = False
        self._kept: Deque[bytes] = deque(maxlen=_LINES)

    def take(self, received: bytes) -> bytes:
        """Takes more. Returns what is to be forwarded, without secrets: whole lines, long ones piece by piece."""
        lines = (self._rest + received).split(b"\n")
        self._rest = lines.pop()
        done = b"".join(self._end_line(line) + b"\n" for line in lines)
        if len(self._rest) >= _PIECE_BYTES:
            if not self._continues:
                self._keep(self._rest)
            self._continues = True
            done, self._rest = done + _redacted(self._rest), b""
        return done

    def end(self) -> bytes:
        """The child is gone. Returns what is left to be forwarded."""
        rest, self._rest = self._rest, b""
        if not rest:
            return b"\n" if self._continues else b""
        return self._end_line(rest) + b"\n"

    def lines(self) -> Tuple[str, ...]:
        """The last lines, oldest first, without secrets."""
        return tuple(_plain(line) for line in self._kept)

    def _end_line(self, line: bytes) -> bytes:
        continues, self._continues = self._continues, False
        # A log line has passed the redactor, before its quotes were doubled.
        if not continues and _is_log_line(line):
            return line
        if not continues:
            self._keep(line)
        return _redacted(line)

    def _keep(self, line: bytes) -> None:
        if line.strip():
            self._kept.append(line[:_PIECE_BYTES])


def _is_log_line(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        found = json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return False
    # Our own log lines are ASCII; whatever else looks like one may hold commands to a terminal.
    return isinstance(found, dict) and "level" in found and all(32 <= byte < 127 for byte in line)


def _redacted(line: bytes) -> bytes:
    text = redact(_ESCAPES.sub("", line.decode("utf-8", "replace")))
    if len(line) >= _PIECE_BYTES:
        text = _CUT_ADDRESS.sub("://***", text)
    return text.encode("utf-8")


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
