"""Which of the worker's threads go first where processors are short: a stream's, then the cameras', then inferences.

All compete for the same processors. With equal shares, twenty threads that decode and infer leave too little to the one
that mixes and encodes a tiled stream, and viewers see a few frames a second of many that were decoded.

A thread's niceness is its own on Linux, and counts among the threads of this process and its container. It can be
raised without a privilege, and not be lowered again: so threads of streams keep that of the process.
"""

import contextlib
import os
import threading

from sidecar.gst import GLib

# Above that of the process.
DECODING = 5
INFERENCE = 10
_HIGHEST = 19


def own_threads() -> None:
    """GStreamer's tasks get threads of their own from now on, not such as another task has left. Once in a process."""
    GLib.ThreadPool.set_max_unused_threads(0)


def lower_this_thread(niceness: int) -> None:
    """Lets threads go first that have a lower niceness. Called on the thread; not on the process's first one."""
    if threading.get_ident() == threading.main_thread().ident:
        return
    # A sandbox may refuse it. Then all threads are equal, which is no reason to do without this one.
    with contextlib.suppress(OSError):
        wanted = min(_HIGHEST, os.getpriority(os.PRIO_PROCESS, os.getpid()) + niceness)
        # 0: this thread.
        os.setpriority(os.PRIO_PROCESS, 0, wanted)
