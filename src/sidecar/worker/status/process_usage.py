"""What the processes of the sidecar use, as the kernel says."""

import os
from typing import Iterator, Optional, Tuple

from sidecar.contract import state

_PROGRAMS = ("keeper", "worker", "outlet")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def fill_process_usage(whole: state.State) -> None:
    """Adds this process, its keeper and the keeper's other children. What cannot be read is left out."""
    for pid, name in _processes():
        try:
            fields = _read("/proc/%d/stat" % pid)
        except OSError:
            continue  # It has ended since.
        # The program's name, in brackets, may contain spaces.
        values = fields[fields.rindex(b")") + 2 :].split()
        whole.processes.add(
            name=name,
            memory_bytes=int(values[21]) * _PAGE,
            cpu_seconds=(int(values[11]) + int(values[12])) / _TICKS,
        )


def _processes() -> Iterator[Tuple[int, str]]:
    yield os.getpid(), "worker"
    keeper = os.getppid()
    # Started without a keeper: its parent and its siblings are no processes of the sidecar.
    if _program(keeper) != "keeper":
        return
    yield keeper, "keeper"
    try:
        children = _read("/proc/%d/task/%d/children" % (keeper, keeper)).split()
    except OSError:
        return  # A kernel without CONFIG_PROC_CHILDREN.
    for child in map(int, children):
        name = _program(child)
        if name is not None and child != os.getpid():
            yield child, name


def _program(pid: int) -> Optional[str]:
    """The program of the sidecar that a process runs: python -m sidecar.NAME."""
    try:
        arguments = _read("/proc/%d/cmdline" % pid).decode("utf-8", "replace").split("\0")
    except OSError:
        return None
    return next((name for name in _PROGRAMS if "sidecar.%s" % name in arguments), None)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
