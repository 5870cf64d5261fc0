"""When the keeper starts, kills and restarts a child: a pure function of the child's state and the time.

Times are seconds of one monotonic clock.
"""

from typing import NamedTuple, Optional, Union


class Limits(NamedTuple):
    """The keeper's timeouts, in seconds."""

    # From the start of a child to its first heartbeat.
    first_heartbeat: float = 30.0
    # From one heartbeat to the next.
    heartbeat: float = 5.0
    # So many times as long for a child that the machine keeps from running: see keeper/starvation.py.
    patience: float = 6.0
    # From asking a child that hangs for its stack to killing it.
    stack_dump: float = 0.2
    # Before the restart of a child that did not run for long; doubles with each failure in a row.
    first_delay: float = 0.2
    longest_delay: float = 30.0
    # A child that ran this long is restarted at once, with a failure count of zero again.
    healthy: float = 60.0
    # With this many failures in a row the child is in a crash loop. It is still restarted, slowly; a placeholder may
    # run in the meantime.
    crash_loop: int = 6


class BackingOff(NamedTuple):
    """No process runs until the next start is due."""

    until: float
    # In a row.
    failures: int
    # There was a placeholder, and it has ended: there is no other before the next start.
    had_placeholder: bool = False


class Running(NamedTuple):
    """A process that is believed to work."""

    pid: int
    since: float
    # None: no heartbeat yet.
    last_beat: Optional[float]
    failures: int


class Hanging(NamedTuple):
    """A process that hangs and is not reaped yet. It is not replaced before that: it may hold the port or the GPU."""

    pid: int
    since: float
    last_beat: Optional[float]
    failures: int
    # One line.
    why: str
    # It was asked for its stack and is killed at this time. None: it was killed.
    kill_at: Optional[float]


class Placeholder(NamedTuple):
    """A placeholder runs until the next start is due. Its own end is no failure."""

    pid: int
    since: float
    last_beat: Optional[float]
    failures: int
    # When the next start is due.
    until: float


class EndingPlaceholder(NamedTuple):
    """A placeholder that was killed and is not reaped yet."""

    pid: int
    failures: int
    until: float


State = Union[BackingOff, Running, Hanging, Placeholder, EndingPlaceholder]


class Start(NamedTuple):
    """Start a process."""


class StartPlaceholder(NamedTuple):
    """Start a placeholder, which runs until a time."""

    until: float


class DumpStack(NamedTuple):
    """Ask the process for the stack at which it hangs, before it is killed."""

    why: str


class Kill(NamedTuple):
    """Kill the process."""

    why: str


class Wait(NamedTuple):
    """Nothing to do before a time. None: before something happens."""

    until: Optional[float]


Step = Union[Start, StartPlaceholder, DumpStack, Kill, Wait]


def next_step(
    state: State, now: float, limits: Limits, has_placeholder: bool = False, is_starved: bool = False
) -> Step:
    """What is to be done with a child now.

    has_placeholder: its command can run as a placeholder too. is_starved: the machine keeps it from running.
    """
    if isinstance(state, BackingOff):
        if now >= state.until:
            return Start()
        if has_placeholder and state.failures >= limits.crash_loop and not state.had_placeholder:
            return StartPlaceholder(state.until)
        return Wait(state.until)
    if isinstance(state, EndingPlaceholder):
        return Wait(None)
    if isinstance(state, Hanging):
        if state.kill_at is None:
            return Wait(None)
        return Kill(state.why) if now >= state.kill_at else Wait(state.kill_at)
    if isinstance(state, Placeholder) and now >= state.until:
        return Kill("the next start is due")
    patience = limits.patience if is_starved else 1.0
    if state.last_beat is None:
        deadline, why = state.since + patience * limits.first_heartbeat, "no heartbeat since its start"
    else:
        deadline, why = state.last_beat + patience * limits.heartbeat, "heartbeat stopped"
    if now > deadline:
        return DumpStack(why) if isinstance(state, Running) else Kill(why)
    if is_starved:
        # Whether it still is must be seen before the end of all patience.
        deadline = min(deadline, now + limits.heartbeat)
    return Wait(min(deadline, state.until) if isinstance(state, Placeholder) else deadline)


def after_stack_dump(state: Running, why: str, now: float, limits: Limits) -> Hanging:
    """The state of a process from the moment it was asked for its stack."""
    return Hanging(state.pid, state.since, state.last_beat, state.failures, why, now + limits.stack_dump)


def after_kill(state: Union[Hanging, Placeholder]) -> Union[Hanging, EndingPlaceholder]:
    """The state of a process from the moment it was killed."""
    if isinstance(state, Placeholder):
        return EndingPlaceholder(state.pid, state.failures, state.until)
    return state._replace(kill_at=None)


def after_exit(
    state: Union[Running, Hanging, Placeholder, EndingPlaceholder], now: float, limits: Limits
) -> BackingOff:
    """The back-off after an exit. Every exit is a failure, since nobody asked for it, except a placeholder's."""
    if isinstance(state, (Placeholder, EndingPlaceholder)):
        return BackingOff(state.until, state.failures, had_placeholder=True)
    # Judged by the last heartbeat, so that the time a child hung before it was killed does not count as health.
    was_healthy = state.last_beat is not None and state.last_beat - state.since >= limits.healthy
    # At once: viewers wait, and it is no crash loop.
    return BackingOff(now, 1) if was_healthy else back_off(state.failures, now, limits)


def back_off(failures_before: int, now: float, limits: Limits) -> BackingOff:
    """The back-off after one more failure."""
    delay = min(limits.longest_delay, limits.first_delay * 2.0 ** min(failures_before, 32))
    return BackingOff(now + delay, failures_before + 1)


def restart_timeouts(state: State, now: float) -> State:
    """Starts the timeouts again: the keeper itself was not running, for example in a frozen container."""
    if not isinstance(state, (Running, Placeholder)):
        return state
    return state._replace(since=now) if state.last_beat is None else state._replace(last_beat=now)
