"""Whether the machine keeps a child from running. Such a child is late through no fault of its own, and if it were
killed the machine would have to read and compute even more.

Judged by what the main thread, which beats, has waited for: pages to be read back from disk, as happens again and again
when memory is short, and a CPU.
"""

import os
from typing import NamedTuple

# Each takes milliseconds, or a tenth of a second on a slow disk. A main thread that runs has none.
_MAJOR_FAULTS_PER_SECOND = 4.0
# Part of the time that it waits for a CPU.
_QUEUED_SHARE = 0.5
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Waits(NamedTuple):
    """What a main thread has waited for since its start, and how long it ran."""

    # Pages read back.
    major_faults: int = 0
    # Seconds in which it could have run and had no CPU, up to when it had one last.
    queued: float = 0.0
    # Seconds on a CPU.
    ran: float = 0.0
    # It runs now, or waits for a CPU.
    is_runnable: bool = False


def read_waits(pid: int) -> Waits:
    """Reads it of a process. Nothing, if the kernel does not say or the process is gone."""
    thread = "/proc/%d/task/%d/" % (pid, pid)
    try:
        with open(thread + "stat") as stat, open(thread + "schedstat") as schedstat:
            # From the third field on, see proc(5).
            fields = stat.read().rpartition(")")[2].split()
            queued = int(schedstat.read().split()[1]) / 1e9
            return Waits(
                int(fields[9]), queued, (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND, fields[0] == "R"
            )
    except (OSError, ValueError, IndexError):
        return Waits()


def is_starved(before: Waits, after: Waits, seconds: float) -> bool:
    """Whether so many seconds passed mostly in waiting."""
    faults = after.major_faults - before.major_faults
    queued = after.queued - before.queued
    if after.is_runnable:
        queued = max(queued, seconds - (after.ran - before.ran))
    return faults >= _MAJOR_FAULTS_PER_SECOND * seconds or queued >= _QUEUED_SHARE * seconds
