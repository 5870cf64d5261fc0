"""Whether the machine keeps a child from running. Such a child is late through no fault of its own, and if it were
killed the machine would have to read and compute even more.

Judged by what the main thread, which beats, has waited for: pages to be read back from disk, as happens again and again
when memory is short, and a CPU.
"""

import os
from typing import Callable, NamedTuple

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


class StarvationWatch:
    """Judges the time since the last heartbeat, and once that was starved, one span after the other.

    So a child that hangs after hours of starvation is found as soon as any other that hangs.
    """

    def __init__(self, span: float, now: float) -> None:
        """Of a process that starts now. span: seconds for which a verdict of starvation holds."""
        self._span = span
        self._holds_until = now
        self._since = now
        # What the process had waited for by then.
        self.waits = Waits()

    def restart(self, now: float, waits: Waits) -> None:
        """There was a heartbeat, or nobody has watched until now."""
        self._holds_until = now
        self._since = now
        self.waits = waits

    def is_starved(self, now: float, read: Callable[[], Waits]) -> bool:
        """Whether the process is kept from running. Asked when its heartbeat is late. read: its read_waits."""
        if now < self._holds_until:
            return True
        waits = read()
        if not is_starved(self.waits, waits, now - self._since):
            return False
        self.restart(now, waits)
        self._holds_until = now + self._span
        return True
