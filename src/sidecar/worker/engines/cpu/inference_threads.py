"""Threads that infer the frames of all cameras, as many at a time as there are processors.

A network runs on the thread that calls it, alone: two threads for one inference end it 10 to 20 % sooner, and take
30 to 45 % more processor time than two inferences side by side (nanodet-coco on two processors).
"""

import threading
from collections import deque
from typing import Callable, Deque, Optional

from sidecar.worker.processors import processors
from sidecar.worker.thread_priority import INFERENCE, lower_this_thread


class InferenceThreads:
    """Runs what it is given in the order of submit(). For any thread."""

    def __init__(self, count: Optional[int] = None) -> None:
        # More inferences at a time than processors would only make each of them, and the encoder, late.
        self.count = count or processors()
        self._work: Deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._is_stopped = False
        for number in range(self.count):
            # Daemon threads: the process does not wait for an inference that does not end.
            threading.Thread(target=self._run, name="inference-%d" % number, daemon=True).start()

    def submit(self, work: Callable[[], None]) -> None:
        """Runs work, which raises nothing, on the next thread that is idle. Never waits for one."""
        with self._changed:
            self._work.append(work)
            self._changed.notify()

    def stop(self) -> None:
        """Ends the threads, each after what it is doing. Waits for none."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _run(self) -> None:
        lower_this_thread(INFERENCE)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped or self._work)
                if self._is_stopped:
                    return
                work = self._work.popleft()
            work()
            # What it was about, a frame perhaps, is not held until there is more work.
            del work
