"""How many processors this process may keep busy: those that the kernel gives it, and no more than the CPU quota of its
container pays for."""

import math
import os
from typing import Iterable, Iterator, Optional, Tuple

_CGROUPS = "/sys/fs/cgroup"


def processors(proc: str = "/proc/self/cgroup", cgroups: str = _CGROUPS) -> int:
    """Reads it for this process. proc, cgroups: the file that names its control groups, and where these are mounted."""
    directories = list(_directories(_read(proc) or "", cgroups))
    v2 = [_read(os.path.join(one, "cpu.max")) for one in directories]
    v1 = [
        (_read(os.path.join(one, "cpu.cfs_quota_us")), _read(os.path.join(one, "cpu.cfs_period_us")))
        for one in directories
    ]
    return usable_processors(len(os.sched_getaffinity(0)), v2, v1)


def usable_processors(
    allowed: int, v2: Iterable[Optional[str]], v1: Iterable[Tuple[Optional[str], Optional[str]]]
) -> int:
    """allowed: by the process's affinity. v2: the text of each cpu.max that applies to it. v1: of each pair of
    cpu.cfs_quota_us and cpu.cfs_period_us. None: there is no such file. A part of a processor
    counts as one. Pure."""
    texts = [*v2, *("%s %s" % pair for pair in v1)]
    shares = [share for share in map(_share, texts) if share is not None]
    return max(1, min([allowed, *(math.ceil(share) for share in shares)]))


def _share(text: Optional[str]) -> Optional[float]:
    """text: a quota and its period in microseconds. None: there is no limit ("max" in v2, -1 in v1)."""
    try:
        quota, period = (int(field) for field in (text or "").split())
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _directories(own: str, mounted: str) -> Iterator[str]:
    """Where quotas of this process may stand: in its own control groups and in those around them, of which a container
    sees its own as the root. own: the text of /proc/self/cgroup."""
    for line in own.splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if "cpu" in controllers.split(","):
            root = os.path.join(mounted, controllers)
        elif number == "0":
            root = mounted
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for count in range(len(parts) + 1):
            yield os.path.join(root, *parts[:count])


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return None
