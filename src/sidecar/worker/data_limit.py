"""A limit for the memory of this process: a single huge allocation fails at once instead of taking all there is.

rtspsrc allocates what a camera says is the length of its answer, as GStreamer's RTSP connection does in every release,
and gives the camera up if that fails. Measured on engine cpu with cameras of 1280x720: 420 MB of data with one camera,
105 MB more with each other. CUDA maps far more than it uses: not for a process that has it.
"""

import os
import resource

from sidecar.log import Log
from sidecar.timer import every

# In bytes: what the process may have without a camera, and more with each; and what it may grow by between two looks.
_BASE = 1 << 30
_PER_CAMERA = 1 << 28
_GROWTH = 1 << 30
_LOOK_MILLISECONDS = 1000


class DataLimit:
    """All methods are called on the loop thread."""

    def __init__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_DATA)
        self._most = _BASE
        self._timer = every(_LOOK_MILLISECONDS, self._on_timer)

    def set_cameras(self, count: int) -> None:
        """Called before the cameras are opened."""
        self._most = _BASE + count * _PER_CAMERA
        self._on_timer()

    def stop(self) -> None:
        """Ends the limit."""
        self._timer.stop()
        resource.setrlimit(resource.RLIMIT_DATA, self._before)

    def _on_timer(self) -> None:
        try:
            wanted = data_limit(self._most, _data_bytes())
            if self._before[1] != resource.RLIM_INFINITY:
                wanted = min(wanted, self._before[1])
            resource.setrlimit(resource.RLIMIT_DATA, (wanted, self._before[1]))
        except (OSError, ValueError) as why:
            Log("worker").warning("cannot limit the memory of this process", err=str(why))


def data_limit(most: int, used: int) -> int:
    """The limit for a process that may have so many bytes and has so many now. Pure."""
    # Never so low that nothing can be allocated: what is there already has a reason.
    return max(min(most, used + _GROWTH), used + _PER_CAMERA)


def _data_bytes() -> int:
    """What counts for RLIMIT_DATA: private memory that can be written, and stacks."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
