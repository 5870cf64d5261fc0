"""One command that is kept running: its state, its process if there is one, and how the previous process ended."""

import signal
import subprocess
import time
from typing import Dict, Optional, Union

from sidecar.keeper.previous_worker import CrashLoop, PreviousWorker, to_environment
from sidecar.keeper.process import Command, Process
from sidecar.keeper.restart import (
    BackingOff,
    DumpStack,
    EndingPlaceholder,
    Hanging,
    Kill,
    Limits,
    Placeholder,
    Running,
    Start,
    StartPlaceholder,
    State,
    Step,
    after_exit,
    after_kill,
    after_stack_dump,
    back_off,
    next_step,
    restart_timeouts,
)
from sidecar.keeper.starvation import StarvationWatch, read_waits
from sidecar.keeper.stderr_relay import StderrRelay
from sidecar.keeper.stderr_tail import StderrTail
from sidecar.log import Log
from sidecar.stack_dump import DUMP_SIGNAL

_log = Log("keeper")


class Child:
    """Carries out the steps that restart.py decides. Methods are called on the keeper's one thread."""

    def __init__(self, command: Command, now: float, limits: Limits, relay: StderrRelay) -> None:
        """relay: where the child's standard error is forwarded to."""
        self.name = command.name
        self.process: Optional[Process] = None
        self._command = command
        self._limits = limits
        self._relay = relay
        self._state: State = BackingOff(now, 0)
        self._stderr = StderrTail()
        self._previous: Optional[PreviousWorker] = None
        self._starvation = StarvationWatch(limits.heartbeat, now)
        self._starvation_logged = False

    def next_step(self, now: float) -> Step:
        """What is to be done now."""
        step = next_step(self._state, now, self._limits, self._command.has_placeholder)
        if isinstance(step, (DumpStack, Kill)) and self._is_starved(now):
            step = next_step(self._state, now, self._limits, self._command.has_placeholder, is_starved=True)
        return step

    def start(self, step: Union[Start, StartPlaceholder], now: float) -> Optional[Process]:
        """Starts a process, or a placeholder if that is the step. None: it cannot be started."""
        assert isinstance(self._state, BackingOff)
        failures = self._state.failures
        is_placeholder = isinstance(step, StartPlaceholder)
        crash_loop = CrashLoop(_wall_clock(self._state.until, now)) if is_placeholder else None
        try:
            process = Process(self._command, to_environment(self._previous, crash_loop))
        except (OSError, subprocess.SubprocessError) as error:
            # No memory, no process numbers, a missing file: each may pass.
            if is_placeholder:
                self._state = self._state._replace(had_placeholder=True)
                _log.warning("placeholder cannot be started", child=self.name, error=str(error))
                return None
            self._state = back_off(failures, now, self._limits)
            self._remember(PreviousWorker(time.time(), "could not be started: %s" % error, (), self._state.failures))
            self._log_restart(now, "cannot be started", error=str(error))
            return None
        self.process = process
        self._stderr = StderrTail()
        self._starvation = StarvationWatch(self._limits.heartbeat, now)
        self._starvation_logged = False
        if is_placeholder:
            self._state = Placeholder(process.pid, now, None, failures, self._state.until)
            _log.info("placeholder started", child=self.name, pid=process.pid, failures=failures)
        else:
            self._state = Running(process.pid, now, None, failures)
            _log.info("child started", child=self.name, pid=process.pid, failures=failures)
        return process

    def dump_stack(self, step: DumpStack, now: float) -> None:
        """Asks the process for the stack at which it hangs."""
        assert isinstance(self._state, Running)
        assert self.process is not None
        _log.warning("child hangs and is killed", child=self.name, pid=self._state.pid, why=step.why)
        self.process.signal(DUMP_SIGNAL)
        self._state = after_stack_dump(self._state, step.why, now, self._limits)

    def kill(self) -> None:
        """Kills the process."""
        assert isinstance(self._state, (Hanging, Placeholder))
        assert self.process is not None
        # Not SIGTERM: a main loop that hangs does not handle it, and viewers wait.
        self.process.signal(signal.SIGKILL)
        self._state = after_kill(self._state)

    def on_heartbeat(self, now: float) -> None:
        if isinstance(self._state, (Running, Placeholder)):
            self._state = self._state._replace(last_beat=now)
            self._starvation.restart(now, read_waits(self._state.pid))
            self._starvation_logged = False

    def on_stderr(self, received: bytes) -> None:
        """The process has written this to its standard error."""
        self._relay.forward(self._stderr.take(received))

    def restart_timeouts(self, now: float) -> None:
        """The keeper itself was not running."""
        self._state = restart_timeouts(self._state, now)
        if isinstance(self._state, (Running, Placeholder)):
            self._starvation.restart(now, read_waits(self._state.pid))

    def reap(self, now: float, is_wanted: bool) -> None:
        """Collects the process, which has ended. is_wanted: another one will follow."""
        assert self.process is not None
        process, self.process = self.process, None
        code = process.reap()
        # One pipe full at most: a process that left the group may still write to it.
        self.on_stderr(process.read_stderr() or b"")
        process.close()
        self._relay.forward(self._stderr.end())
        before, self._state = self._state, after_exit(_with_process(self._state), now, self._limits)
        if isinstance(before, (Running, Hanging)):
            seconds = now - before.since
            how = _how(before, code, seconds)
            self._remember(PreviousWorker(time.time(), how, self._stderr.lines(), self._state.failures))
            if is_wanted:
                self._log_restart(now, "exited", uptime_seconds=round(seconds, 1), **_outcome(code))
        elif is_wanted and isinstance(before, Placeholder):
            _log.warning("placeholder exited", child=self.name, **_outcome(code))

    def _is_starved(self, now: float) -> bool:
        """Whether the machine keeps the process from running."""
        if not isinstance(self._state, (Running, Placeholder)):
            return False
        pid, before = self._state.pid, self._starvation.waits
        starved = self._starvation.is_starved(now, lambda: read_waits(pid))
        if starved and not self._starvation_logged:
            self._starvation_logged = True
            waits = self._starvation.waits
            silent_seconds = now - (self._state.since if self._state.last_beat is None else self._state.last_beat)
            _log.warning(
                "child is late because memory or CPU is short; waiting longer",
                child=self.name,
                silent_seconds=round(silent_seconds, 1),
                pages_read_back=waits.major_faults - before.major_faults,
                waited_for_cpu_seconds=round(waits.queued - before.queued, 1),
            )
        return starved

    def _remember(self, previous: PreviousWorker) -> None:
        self._previous = previous
        if self._command.previous_worker_file is not None:
            self._command.previous_worker_file.write(previous)

    def _log_restart(self, now: float, what: str, **fields: Union[str, int, float]) -> None:
        assert isinstance(self._state, BackingOff)
        fields["child"] = self.name
        fields["failures"] = self._state.failures
        fields["next_start_seconds"] = round(self._state.until - now, 1)
        if self._state.failures >= self._limits.crash_loop:
            _log.error("child is in a crash loop: " + what, **fields)
        else:
            _log.warning("child " + what, **fields)


def _with_process(state: State) -> Union[Running, Hanging, Placeholder, EndingPlaceholder]:
    assert not isinstance(state, BackingOff)
    return state


def _how(state: Union[Running, Hanging], code: int, seconds: float) -> str:
    if isinstance(state, Hanging):
        return "was killed after %.1f s: %s" % (seconds, state.why)
    outcome = _outcome(code)
    return "exited with %s after %.1f s" % (" ".join("%s %s" % one for one in outcome.items()), seconds)


def _outcome(code: int) -> Dict[str, Union[str, int]]:
    return {"code": code} if code >= 0 else {"signal": signal.Signals(-code).name}


def _wall_clock(moment: float, now: float) -> float:
    """A moment of the monotonic clock, as time.time()."""
    return time.time() + moment - now
