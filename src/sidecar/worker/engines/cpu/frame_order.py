"""The frames of one camera while they are inferred: several at a time, and delivered in their order.

A frame that cannot go on at once waits. Only one waits: a fresher one takes its place. Where frames are delivered at
once, what is found on one is for those that follow.
"""

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Generic, Optional, TypeVar

from sidecar.worker.engines.cpu.inference_threads import InferenceThreads

Frame = TypeVar("Frame")

# Least time between two inferences of a camera that are under way together, as a share of what spaces them evenly:
# frames would come out in bursts otherwise. Less than 1, so that no processor is idle when one ends a little sooner.
_SPACING = 0.7
# Share of the newest inference in the average.
_DURATION_WEIGHT = 0.2
# How long clear() waits, in seconds, for the one frame that is being delivered.
_PATIENCE_SECONDS = 0.25


class _Entry(Generic[Frame]):
    """A frame on its way."""

    def __init__(self, frame: Frame, clears: int, is_due: bool, is_delivered: bool = False) -> None:
        self.frame = frame
        # How often clear() had been called when the frame came: tells those of an earlier connection.
        self.clears = clears
        # It is to be inferred, or is being inferred.
        self.is_due = is_due
        # It has been delivered; what infer() returns for it follows later.
        self.is_delivered = is_delivered
        # What infer() returned.
        self.found: Any = None


class FrameOrder(Generic[Frame]):
    """add() is called on the camera's streaming thread, clear() on the loop thread."""

    def __init__(
        self,
        threads: InferenceThreads,
        infer: Callable[[Frame], Any],
        deliver: Callable[[Frame, Any, bool, int], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """infer: called on the inference threads, for several frames at a time. deliver: gets each frame, and what
        infer returned for it or None, in the order of add(), one call at a time. It may take as long as inferences for
        a frame that was inferred, which it gets on an inference thread; the frames behind that one wait meanwhile. It
        gets all others on any thread. Its third argument tells that the frame has been delivered before, without what
        infer returned; its last is what clears was when the frame came."""
        self._threads = threads
        self._infer = infer
        self._deliver = deliver
        self._now = now
        # Held for moments only, never while a frame is inferred or delivered.
        self._lock = threading.Lock()
        self._delivered = threading.Condition(self._lock)
        # The frames that went on, in their order: those that are inferred, and those behind them.
        self._entries: Deque[_Entry[Frame]] = deque()
        # One more than are inferred: a frame that is not inferred may follow one that is.
        self._most = threads.count + 1
        self._waiting: Optional[_Entry[Frame]] = None
        # The frame that is inferred after it was delivered: one at a time.
        self._behind: Optional[_Entry[Frame]] = None
        # _run() and _resume() are waiting for an inference thread.
        self._is_submitted = False
        self._is_resume_submitted = False
        self._is_delivering = False
        # When the newest inference began, and how long they take, in seconds.
        self._began_at = 0.0
        self._duration = 0.0
        self._error: Optional[Exception] = None
        # Frames that were not delivered, and are not on their way.
        self.dropped = 0
        # How often clear() was called.
        self.clears = 0

    def add(self, frame: Frame, is_due: bool, at_once: bool = False) -> None:
        """Takes a frame, and drops one that still waits. is_due: infer it. at_once: deliver it before it is inferred.
        Raises what infer or deliver has raised for an earlier frame."""
        with self._lock:
            error, self._error = self._error, None
            if error is not None:
                raise error
            before, self._waiting = self._waiting, None
            if before is not None:
                is_due = is_due or before.is_due
                self.dropped += not before.is_delivered
            if not at_once:
                self._waiting = _Entry(frame, self.clears, is_due)
            else:
                if len(self._entries) < self._most:
                    self._entries.append(_Entry(frame, self.clears, False))
                else:
                    self.dropped += 1
                if is_due:
                    self._waiting = _Entry(frame, self.clears, True, is_delivered=True)
        self._go_on(is_streaming_thread=True)

    def drop(self) -> None:
        """Counts a frame that is not added, or was delivered in vain. Called on any thread."""
        with self._lock:
            self.dropped += 1

    def clear(self) -> None:
        """Forgets all frames: none is delivered any more. Does not wait for inferences, which may go on."""
        with self._lock:
            self.clears += 1
            waiting = [] if self._waiting is None else [self._waiting]
            self.dropped += sum(not entry.is_delivered for entry in [*self._entries, *waiting])
            self._waiting = self._behind = None
            self._entries.clear()
            self._error = None
            self._delivered.wait_for(lambda: not self._is_delivering, _PATIENCE_SECONDS)

    def _go_on(self, is_streaming_thread: bool = False) -> None:
        """Lets the waiting frame go on, and delivers what nothing holds up any more."""
        while True:
            with self._lock:
                self._take_waiting()
                if self._is_delivering or not self._entries or self._entries[0].is_due:
                    return
                if is_streaming_thread and self._entries[0].found is not None:
                    # The models behind the first would hold up the decoder, and whoever stops the camera.
                    if not self._is_resume_submitted:
                        self._is_resume_submitted = True
                        self._threads.submit(self._resume)
                    return
                entry = self._entries.popleft()
                self._is_delivering = True
            failure: Optional[Exception] = None
            try:
                self._deliver(entry.frame, entry.found, entry.is_delivered, entry.clears)
            except Exception as error:  # told on the streaming thread, which ends the camera's connection
                failure = error
            with self._lock:
                self._note(failure, entry)
                self._is_delivering = False
                self._delivered.notify_all()

    def _resume(self) -> None:
        """On an inference thread."""
        with self._lock:
            self._is_resume_submitted = False
        self._go_on()

    def _note(self, failure: Optional[Exception], entry: _Entry[Frame]) -> None:
        """For the next add(), unless the frame is of an earlier connection. Called with the lock."""
        if failure is not None and entry.clears == self.clears:
            self._error = failure

    def _take_waiting(self) -> None:
        """Lets the waiting frame go on if it can. Called with the lock."""
        waiting = self._waiting
        if waiting is None or not self._has_room(waiting):
            return
        if not waiting.is_due:
            self._waiting = None
            self._entries.append(waiting)
        elif not self._is_submitted and self._is_spaced(waiting):
            # It waits on until a thread is idle, and may be replaced meanwhile.
            self._is_submitted = True
            self._threads.submit(self._run)

    def _has_room(self, waiting: _Entry[Frame]) -> bool:
        return self._behind is None if waiting.is_delivered else len(self._entries) < self._most

    def _is_spaced(self, waiting: _Entry[Frame]) -> bool:
        """Whether an inference may begin: one that may not is asked about again with the next frame, or when the one
        before it ends."""
        if waiting.is_delivered or not any(entry.is_due for entry in self._entries):
            return True
        return self._now() - self._began_at >= _SPACING * self._duration / self._threads.count

    def _run(self) -> None:
        """Infers the waiting frame. On an inference thread."""
        with self._lock:
            self._is_submitted = False
            entry = self._waiting
            if entry is None or not entry.is_due or not self._has_room(entry):
                return
            self._waiting = None
            if entry.is_delivered:
                self._behind = entry
            else:
                self._entries.append(entry)
            began = self._began_at = self._now()
        failure: Optional[Exception] = None
        try:
            entry.found = self._infer(entry.frame)
        except Exception as error:  # told on the streaming thread, which ends the camera's connection
            failure = error
        with self._lock:
            self._note(failure, entry)
            entry.is_due = False
            self._duration += (self._now() - began - self._duration) * (_DURATION_WEIGHT if self._duration else 1)
            if self._behind is entry:
                self._behind = None
                self._entries.append(entry)
        self._go_on()
