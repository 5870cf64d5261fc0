"""One command that is kept running: its state, its process if there is one, and how the process before it ended."""

import signal
import subprocess
import time
from typing import Dict, Optional, Union

from sidecar.keeper.previous_worker import CrashLoop, Ended, to_environment
from sidecar.keeper.process import Command, Process
from sidecar.keeper.restart import (
    Ask,
    Caretaking,
    Dying,
    Leaving,
    Limits,
    Resting,
    Running,
    Start,
    StartCaretaker,
    State,
    Step,
    after_exit,
    asked,
    forgive,
    killed,
    next_step,
    rest,
)
from sidecar.keeper.stderr_relay import Relay
from sidecar.keeper.stderr_tail import LastWords
from sidecar.log import Log
from sidecar.stack_dump import WHERE_SIGNAL

_log = Log("keeper")


class Child:
    """Takes the steps that the policy names. Methods are called on the keeper's one thread."""

    def __init__(self, command: Command, now: float, limits: Limits, relay: Relay) -> None:
        """relay: where the child's standard error goes on to."""
        self.name = command.name
        self.process: Optional[Process] = None
        self._command = command
        self._limits = limits
        self._relay = relay
        self._state: State = Resting(now, 0)
        self._words = LastWords()
        self._ended: Optional[Ended] = None

    def next_step(self, now: float) -> Step:
        """What is to be done now."""
        return next_step(self._state, now, self._limits, self._command.has_caretaker)

    def start(self, step: Union[Start, StartCaretaker], now: float) -> Optional[Process]:
        """Starts a process, as a caretaker if that is the step. None: it cannot be started."""
        assert isinstance(self._state, Resting)
        failures = self._state.failures
        is_caretaker = isinstance(step, StartCaretaker)
        waits_until = CrashLoop(_wall(self._state.until, now)) if is_caretaker else None
        try:
            process = Process(self._command, to_environment(self._ended, waits_until))
        except (OSError, subprocess.SubprocessError) as error:
            # No memory, no process numbers, a missing file: each may pass.
            if is_caretaker:
                self._state = self._state._replace(had_caretaker=True)
                _log.warning("caretaker cannot be started", child=self.name, error=str(error))
                return None
            self._state = rest(failures, now, self._limits)
            self._note(Ended(time.time(), "could not be started: %s" % error, (), self._state.failures))
            self._log_replacement(now, "cannot be started", error=str(error))
            return None
        self.process = process
        self._words = LastWords()
        if is_caretaker:
            self._state = Caretaking(process.pid, now, None, failures, self._state.until)
            _log.info("caretaker started", child=self.name, pid=process.pid, failures=failures)
        else:
            self._state = Running(process.pid, now, None, failures)
            _log.info("child started", child=self.name, pid=process.pid, failures=failures)
        return process

    def ask(self, step: Ask, now: float) -> None:
        """Asks the process where it hangs."""
        assert isinstance(self._state, Running)
        assert self.process is not None
        _log.warning("child is killed", child=self.name, pid=self._state.pid, why=step.why)
        self.process.signal(WHERE_SIGNAL)
        self._state = asked(self._state, step.why, now, self._limits)

    def kill(self) -> None:
        """Kills the process."""
        assert isinstance(self._state, (Dying, Caretaking))
        assert self.process is not None
        # Not SIGTERM: a main loop that hangs does not hear it, and viewers wait.
        self.process.signal(signal.SIGKILL)
        self._state = killed(self._state)

    def beat(self, now: float) -> None:
        """The process has given a sign of life."""
        if isinstance(self._state, (Running, Caretaking)):
            self._state = self._state._replace(last_beat=now)

    def said(self, received: bytes) -> None:
        """The process has written this to its standard error."""
        self._relay.hand_on(self._words.take(received))

    def forgive(self, now: float) -> None:
        """The keeper itself was not running."""
        self._state = forgive(self._state, now)

    def reap(self, now: float, is_wanted: bool) -> None:
        """Collects the process, which has ended. is_wanted: another one will follow."""
        assert self.process is not None
        process, self.process = self.process, None
        code = process.reap()
        # One pipe full at most: a process that left the group may still write to it.
        self.said(process.said() or b"")
        process.close()
        self._relay.hand_on(self._words.end())
        before, self._state = self._state, after_exit(_alive(self._state), now, self._limits)
        if isinstance(before, (Running, Dying)):
            seconds = now - before.since
            self._note(Ended(time.time(), _how(before, code, seconds), self._words.lines(), self._state.failures))
            if is_wanted:
                self._log_replacement(now, "exited", uptime_seconds=round(seconds, 1), **_outcome(code))
        elif is_wanted and isinstance(before, Caretaking):
            _log.warning("caretaker exited", child=self.name, **_outcome(code))

    def _note(self, ended: Ended) -> None:
        self._ended = ended
        if self._command.ended_file is not None:
            self._command.ended_file.write(ended)

    def _log_replacement(self, now: float, what: str, **fields: Union[str, int, float]) -> None:
        assert isinstance(self._state, Resting)
        fields["child"] = self.name
        fields["failures"] = self._state.failures
        fields["next_start_seconds"] = round(self._state.until - now, 1)
        if self._state.failures >= self._limits.crash_loop:
            _log.error("child is in a crash loop: " + what, **fields)
        else:
            _log.warning("child " + what, **fields)


def _alive(state: State) -> Union[Running, Dying, Caretaking, Leaving]:
    assert not isinstance(state, Resting)
    return state


def _how(state: Union[Running, Dying], code: int, seconds: float) -> str:
    if isinstance(state, Dying):
        return "was killed after %.1f s: %s" % (seconds, state.why)
    outcome = _outcome(code)
    return "exited with %s after %.1f s" % (" ".join("%s %s" % one for one in outcome.items()), seconds)


def _outcome(code: int) -> Dict[str, Union[str, int]]:
    return {"code": code} if code >= 0 else {"signal": signal.Signals(-code).name}


def _wall(moment: float, now: float) -> float:
    """A moment of the monotonic clock, as time.time()."""
    return time.time() + moment - now
