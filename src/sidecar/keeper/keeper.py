"""The keeper's shell: starts children, hears their heartbeats, collects their exits, and does what the policy says.

One thread, asleep in poll() whenever there is nothing to do.
"""

import os
import select
import signal
import subprocess
import time
from typing import Callable, Dict, Iterable, List, Optional, Union

from sidecar.keeper.policy import (
    Dying,
    Kill,
    Limits,
    Resting,
    Running,
    Start,
    State,
    Wait,
    after_exit,
    forgive,
    next_step,
    rest,
)
from sidecar.keeper.process import Command, Process, kill_group
from sidecar.log import Log

# How long children may take to stop after SIGTERM, in seconds.
_STOP_SECONDS = 1.5
# poll() that returns this much too late means that the keeper itself was not running, in seconds.
_LATE_SECONDS = 1.0

_log = Log("keeper")


class _Child:
    """A command and its process, if there is one."""

    def __init__(self, command: Command, now: float) -> None:
        self.command = command
        self.state: State = Resting(now, 0)
        self.process: Optional[Process] = None


class Keeper:
    """Keeps one process of each command running until it is told to stop."""

    def __init__(
        self,
        commands: Iterable[Command],
        limits: Limits,
        lifeline: Optional[int] = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """lifeline: a file descriptor whose end means the same as SIGTERM."""
        self._limits = limits
        self._clock = clock
        self._children = [_Child(command, clock()) for command in commands]
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
        _log.info("keeper started", pid=os.getpid(), children=[child.command.name for child in self._children])

        while not self._stop:
            self._sleep(self._act(), wake)
        self._end(wake)

    def _act(self) -> Optional[float]:
        """Takes the due steps. Returns when the next one is due."""
        due: List[float] = []
        for child in self._children:
            while True:
                now = self._clock()
                step = next_step(child.state, now, self._limits)
                if isinstance(step, Wait):
                    if step.until is not None:
                        due.append(step.until)
                    break
                if isinstance(step, Start):
                    self._start(child, now)
                else:
                    self._kill(child, step)
        return min(due) if due else None

    def _sleep(self, until: Optional[float], wake: int) -> None:
        """Sleeps until a time or until something happens, and notes what did."""
        # Rounded up: waking a little too early would turn the last millisecond into a busy loop.
        timeout = None if until is None else max(0, int((until - self._clock()) * 1000) + 1)
        ready = [descriptor for descriptor, _ in self._poll.poll(timeout)]
        now = self._clock()
        if until is not None and now - until > _LATE_SECONDS:
            _log.warning("keeper was not running; heartbeats are awaited anew", late_seconds=round(now - until, 1))
            for child in self._children:
                child.state = forgive(child.state, now)
        if wake in ready:
            _drain(wake)
        if self._lifeline in ready and self._lifeline is not None and not os.read(self._lifeline, 4096):
            self._poll.unregister(self._lifeline)
            self._ask_to_stop("end of the lifeline")
        for child in self._children:
            if child.process is not None and child.process.heartbeat in ready:
                self._hear(child, child.process, now)
        self._reap(now)

    def _start(self, child: _Child, now: float) -> None:
        assert isinstance(child.state, Resting)
        failures = child.state.failures
        try:
            process = Process(child.command)
        except (OSError, subprocess.SubprocessError) as error:
            # No memory, no process numbers, a missing file: each may pass.
            child.state = rest(failures, now, self._limits)
            self._log_replacement(child, now, "cannot be started", error=str(error))
            return
        child.process = process
        child.state = Running(process.pid, now, None, failures)
        self._poll.register(process.heartbeat, select.POLLIN)
        _log.info("child started", child=child.command.name, pid=process.pid, failures=failures)

    def _kill(self, child: _Child, step: Kill) -> None:
        assert isinstance(child.state, Running)
        assert child.process is not None
        _log.warning("child is killed", child=child.command.name, pid=child.state.pid, why=step.why)
        # SIGKILL at once: a main loop that hangs does not hear SIGTERM, and viewers wait.
        child.process.signal(signal.SIGKILL)
        child.state = Dying(*child.state)

    def _hear(self, child: _Child, process: Process, now: float) -> None:
        beats = process.beats()
        if beats is None:
            self._poll.unregister(process.heartbeat)
        elif beats and isinstance(child.state, Running):
            child.state = child.state._replace(last_beat=now)

    def _reap(self, now: float) -> None:
        """Collects every ended process: children, and orphans that fell to us."""
        for pid in _ended():
            child = next((child for child in self._children if child.process and child.process.pid == pid), None)
            if child is None:
                os.waitpid(pid, 0)
                continue
            assert child.process is not None
            assert isinstance(child.state, (Running, Dying))
            self._unregister(child.process)
            code = child.process.reap()
            child.process = None
            uptime = now - child.state.since
            child.state = after_exit(child.state, now, self._limits)
            if not self._stop:
                self._log_replacement(child, now, "exited", uptime_seconds=round(uptime, 1), **_outcome(code))

    def _log_replacement(self, child: _Child, now: float, what: str, **fields: Union[str, int, float]) -> None:
        assert isinstance(child.state, Resting)
        fields["child"] = child.command.name
        fields["failures"] = child.state.failures
        fields["next_start_seconds"] = round(child.state.until - now, 1)
        if child.state.failures >= self._limits.crash_loop:
            _log.error("child is in a crash loop: " + what, **fields)
        else:
            _log.warning("child " + what, **fields)

    def _ask_to_stop(self, why: str) -> None:
        """Only notes it: a signal handler calls this too, and may have interrupted a line that is being logged."""
        self._stop = self._stop or why

    def _end(self, wake: int) -> None:
        """Ends all children: asks, waits a bounded time, kills."""
        _log.info("keeper stops", why=self._stop)
        deadline = self._clock() + _STOP_SECONDS
        for child in self._children:
            if child.process is not None:
                child.process.signal(signal.SIGTERM)
        while self._alive() and self._clock() < deadline:
            self._sleep(deadline, wake)
        for child in self._alive():
            _log.warning("child did not stop and is killed", child=child.command.name)
            if child.process is not None:
                kill_group(child.process.pid)
        # A process that even SIGKILL does not end hangs in a driver. It is left to the kernel.
        deadline = self._clock() + _STOP_SECONDS / 5
        while self._alive() and self._clock() < deadline:
            self._sleep(deadline, wake)
        _log.info("keeper stopped")

    def _alive(self) -> List[_Child]:
        return [child for child in self._children if child.process is not None]

    def _unregister(self, process: Process) -> None:
        try:
            self._poll.unregister(process.heartbeat)
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


def _outcome(code: int) -> Dict[str, Union[str, int]]:
    return {"code": code} if code >= 0 else {"signal": signal.Signals(-code).name}


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass  # Empty.
