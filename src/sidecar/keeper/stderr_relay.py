"""Standard error as the keeper uses it: nobody ever waits for its reader.

What cannot be written at once waits, up to a bound; then whole lines are left out, and how many is said.
"""

import os
import select
from collections import deque
from typing import Deque

# What waits at most, in bytes.
_LARGEST_BACKLOG = 1024 * 1024
# A pipe that is ready takes so much at once (limits.h: PIPE_BUF).
_AT_ONCE = 4096


class Relay:
    """Writes to a descriptor that others write to as well, and whose mode is therefore left as it is."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)
        self._backlog: Deque[bytes] = deque()
        self._backlog_bytes = 0
        self._left_out = 0

    @property
    def is_behind(self) -> bool:
        """Whether something waits: write_on() is to be called when the descriptor is ready."""
        return bool(self._backlog) or self._left_out > 0

    def write(self, text: str) -> None:
        """As a text stream: for the keeper's own log."""
        self.hand_on(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Nothing is held back."""

    def hand_on(self, lines: bytes) -> None:
        """Writes as much as is taken; keeps the rest, or leaves it out where too much waits."""
        if not lines:
            return
        if self._backlog_bytes + len(lines) > _LARGEST_BACKLOG:
            self._left_out += lines.count(b"\n")
        else:
            self._append(lines)
        self.write_on()

    def write_on(self) -> None:
        """Writes what waits for as long as it is taken."""
        while self._is_ready():
            if not self._backlog:
                if not self._left_out:
                    return
                self._append(b"(%d lines were left out here: nobody read them)\n" % self._left_out)
                self._left_out = 0
            first = self._backlog.popleft()
            self._backlog_bytes -= len(first)
            written = self._try(first[:_AT_ONCE])
            if written < len(first):
                self._backlog.appendleft(first[written:])
                self._backlog_bytes += len(first) - written

    def _append(self, lines: bytes) -> None:
        self._backlog.append(lines)
        self._backlog_bytes += len(lines)

    def _is_ready(self) -> bool:
        return bool(self._ready.poll(0))

    def _try(self, piece: bytes) -> int:
        try:
            return os.write(self.descriptor, piece)
        except BlockingIOError:
            return 0
        except OSError:
            # The reader is gone, or the disk behind it is full: nothing that waits will ever be read.
            return len(piece)
