"""The keeper's standard error: nothing ever waits for its reader.

What cannot be written at once is queued up to a bound; beyond it whole lines are dropped, and their number is written.
"""

import os
import select
from collections import deque
from typing import Deque

# Queued at most, in bytes.
_LARGEST_BACKLOG = 1024 * 1024
# A pipe that is ready takes so much at once (limits.h: PIPE_BUF).
_AT_ONCE = 4096


class StderrRelay:
    """Writes to a descriptor that others write to as well, and whose mode is therefore left as it is."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)
        self._backlog: Deque[bytes] = deque()
        self._backlog_bytes = 0
        self._dropped_lines = 0

    @property
    def is_behind(self) -> bool:
        """Whether something is queued: write_backlog() is to be called when the descriptor is ready."""
        return bool(self._backlog) or self._dropped_lines > 0

    def write(self, text: str) -> None:
        """As a text stream: for the keeper's own log."""
        self.forward(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Nothing is buffered."""

    def forward(self, lines: bytes) -> None:
        """Writes as much as the descriptor takes; queues the rest, or drops it if too much is queued."""
        if not lines:
            return
        if self._backlog_bytes + len(lines) > _LARGEST_BACKLOG:
            self._dropped_lines += lines.count(b"\n")
        else:
            self._append(lines)
        self.write_backlog()

    def write_backlog(self) -> None:
        """Writes what is queued for as long as the descriptor takes it."""
        while self._is_ready():
            if not self._backlog:
                if not self._dropped_lines:
                    return
                self._append(b"(%d lines were dropped here: nothing read them)\n" % self._dropped_lines)
                self._dropped_lines = 0
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
            # The reader is gone, or the disk behind it is full: nothing that is queued will ever be read.
            return len(piece)
