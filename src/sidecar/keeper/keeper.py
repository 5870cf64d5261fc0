"""The keeper's event loop: starts children, watches their heartbeats, collects their exits, and does what restart.py
decides.

One thread, asleep in poll() whenever there is nothing to do.
"""

import os
import select
import signal
import time
from typing import Callable, Iterable, List, Optional

from sidecar.keeper.child import Child
from sidecar.keeper.process import Command, Process, kill_group
from sidecar.keeper.restart import DumpStack, Kill, Limits, Wait
from sidecar.keeper.stderr_relay import StderrRelay
from sidecar.log import Log

# How long children may take to stop after SIGTERM, in seconds.
_STOP_SECONDS = 1.5
# If poll() returns this many seconds late, the keeper itself was not running.
_LATE_SECONDS = 1.0

_log = Log("keeper")


class Keeper:
    """Keeps one process of each command running until it is told to stop."""

    def __init__(
        self,
        commands: Iterable[Command],
        limits: Limits,
        relay: StderrRelay,
        lifeline: Optional[int] = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """relay: where the children's standard error is forwarded to.

        lifeline: a file descriptor whose end means the same as SIGTERM.
        """
        self._clock = clock
        self._children = [Child(command, clock(), limits, relay) for command in commands]
        self._relay = relay
        self._poll = select.poll()
        self._lifeline = lifeline
        # Why to stop; empty: nobody asked.
        self._stop = ""

    def run(self) -> None:
        """Returns when a signal or the lifeline has asked for the end and all children are gone. Main thread only."""
        wake, wake_write = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: self._ask_to_stop(signal.Signals(number).name))
        self._poll.register(wake, select.POLLIN)
        if self._lifeline is not None:
            self._poll.register(self._lifeline, select.POLLIN)
        _log.info("keeper started", pid=os.getpid(), children=[child.name for child in self._children])

        while not self._stop:
            self._sleep(self._act(), wake)
        self._end(wake)

    def _act(self) -> Optional[float]:
        """Carries out the due steps. Returns when the next one is due."""
        due: List[float] = []
        for child in self._children:
            while True:
                now = self._clock()
                step = child.next_step(now)
                if isinstance(step, Wait):
                    if step.until is not None:
                        due.append(step.until)
                    break
                if isinstance(step, DumpStack):
                    child.dump_stack(step, now)
                    continue
                if isinstance(step, Kill):
                    child.kill()
                    continue
                process = child.start(step, now)
                if process is not None:
                    self._poll.register(process.heartbeat, select.POLLIN)
                    self._poll.register(process.stderr, select.POLLIN)
        return min(due) if due else None

    def _sleep(self, until: Optional[float], wake: int) -> None:
        """Sleeps until a time or until something happens, and handles what happened."""
        # Rounded up: waking a little too early would turn the last millisecond into a busy loop.
        timeout = None if until is None else max(0, int((until - self._clock()) * 1000) + 1)
        relay_is_behind = self._relay.is_behind
        if relay_is_behind:
            self._poll.register(self._relay.descriptor, select.POLLOUT)
        ready = [descriptor for descriptor, _ in self._poll.poll(timeout)]
        now = self._clock()
        if until is not None and now - until > _LATE_SECONDS:
            _log.warning("keeper was not running; heartbeat timeouts start again", late_seconds=round(now - until, 1))
            for child in self._children:
                child.restart_timeouts(now)
        if relay_is_behind:
            self._poll.unregister(self._relay.descriptor)
            self._relay.write_backlog()
        if wake in ready:
            _drain(wake)
        if self._lifeline in ready and self._lifeline is not None and not os.read(self._lifeline, 4096):
            self._poll.unregister(self._lifeline)
            self._ask_to_stop("lifeline closed")
        for child in self._children:
            if child.process is not None:
                self._read(child, child.process, ready, now)
        self._reap(now)

    def _read(self, child: Child, process: Process, ready: List[int], now: float) -> None:
        if process.heartbeat in ready:
            beats = process.read_heartbeats()
            if beats is None:
                self._poll.unregister(process.heartbeat)
            elif beats:
                child.on_heartbeat(now)
        if process.stderr in ready:
            received = process.read_stderr()
            if received is None:
                self._poll.unregister(process.stderr)
            else:
                child.on_stderr(received)

    def _reap(self, now: float) -> None:
        """Collects every ended process: children, and orphans that this process has adopted."""
        for pid in _ended():
            child = next((child for child in self._children if child.process and child.process.pid == pid), None)
            if child is None:
                os.waitpid(pid, 0)
                continue
            assert child.process is not None
            for descriptor in (child.process.heartbeat, child.process.stderr):
                self._unregister(descriptor)
            child.reap(now, is_wanted=not self._stop)

    def _ask_to_stop(self, why: str) -> None:
        """Only sets a field: a signal handler calls this too, and may have interrupted a log call."""
        self._stop = self._stop or why

    def _end(self, wake: int) -> None:
        """Ends all children: SIGTERM, a bounded wait, SIGKILL."""
        _log.info("keeper is stopping", why=self._stop)
        deadline = self._clock() + _STOP_SECONDS
        for child in self._children:
            if child.process is not None:
                child.process.signal(signal.SIGTERM)
        while self._alive() and self._clock() < deadline:
            self._sleep(deadline, wake)
        for child in self._alive():
            _log.warning("child did not stop in time and is killed", child=child.name)
            if child.process is not None:
                kill_group(child.process.pid)
        # A process that SIGKILL does not end hangs in a driver and is left to the kernel.
        deadline = self._clock() + _STOP_SECONDS / 5
        while self._alive() and self._clock() < deadline:
            self._sleep(deadline, wake)
        _log.info("keeper stopped")

    def _alive(self) -> List[Child]:
        return [child for child in self._children if child.process is not None]

    def _unregister(self, descriptor: int) -> None:
        try:
            self._poll.unregister(descriptor)
        except KeyError:
            pass  # The child closed its end before it exited.


def _ended() -> Iterable[int]:
    """Numbers of the ended processes whose status is not collected, one after the other."""
    while True:
        try:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if info is None:
            return
        yield info.si_pid


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass  # Empty.
