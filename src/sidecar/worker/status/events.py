"""Numbered events: kept for a while for a watcher that comes back, and given to every watcher at once."""

import queue
import threading
from collections import deque
from typing import Deque, List, Optional

from sidecar.contract import pipeline

# Events kept for a watcher that comes back, and messages queued for a slow one.
_KEPT = 1000
_WAITING = 512


class TooOldError(Exception):
    """The events asked for are no longer kept, or never were."""


class Watcher:
    """One reader of the events. take() is called on the reader's thread, the rest by EventLog."""

    def __init__(self, detections: bool) -> None:
        self._detections = detections
        self._messages: "queue.Queue[Optional[pipeline.WatchResponse]]" = queue.Queue(maxsize=_WAITING)
        self._overrun = False

    def take(self, timeout: float) -> Optional[pipeline.WatchResponse]:
        """The next message; None if none came within timeout seconds. Raises TooOldError if it was too slow."""
        try:
            message = self._messages.get(timeout=timeout)
        except queue.Empty:
            message = None
        if self._overrun:
            raise TooOldError("the watcher read too slowly, and events were lost")
        return message

    def wake(self) -> None:
        """Ends a take() that waits."""
        try:
            self._messages.put_nowait(None)
        except queue.Full:
            pass  # take() returns anyway

    def _put(self, message: pipeline.WatchResponse) -> None:
        if message.HasField("detections"):
            # Only fresh detections are useful: a slow reader gets fewer.
            if self._detections and self._messages.qsize() < _WAITING // 2:
                self._messages.put_nowait(message)
            return
        try:
            self._messages.put_nowait(message)
        except queue.Full:
            self._overrun = True


class EventLog:
    """All methods may be called on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: Deque[pipeline.WatchResponse] = deque(maxlen=_KEPT)
        self._watchers: List[Watcher] = []
        self.sequence = 0

    def publish(self, message: pipeline.WatchResponse) -> None:
        """Numbers a message, stamps it and hands it out. Detections share the number of the previous event."""
        message.time.GetCurrentTime()
        with self._lock:
            if not message.HasField("detections"):
                self.sequence += 1
                self._kept.append(message)
            message.sequence = self.sequence
            for watcher in self._watchers:
                watcher._put(message)

    def wanted(self) -> bool:
        """Whether anybody watches detections: making them takes time."""
        return any(watcher._detections for watcher in self._watchers)

    def watch(self, after: int, detections: bool) -> Watcher:
        """A watcher that first gets the kept events above after (0: none of them), then all new ones.

        Raises TooOldError if events above after are missing.
        """
        watcher = Watcher(detections)
        with self._lock:
            if after:
                oldest = self._kept[0].sequence if self._kept else self.sequence + 1
                if after > self.sequence or after + 1 < oldest:
                    raise TooOldError("events after %d are not kept; the oldest is %d" % (after, oldest))
                for message in self._kept:
                    if message.sequence > after:
                        watcher._put(message)
            self._watchers.append(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers.remove(watcher)
