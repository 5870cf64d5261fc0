"""What the keeper does next with a child: a pure function of the child's state and the time.

Times are seconds of one monotonic clock.
"""

from typing import NamedTuple, Optional, Union


class Limits(NamedTuple):
    """How patient the keeper is, in seconds."""

    # From the start of a child to its first heartbeat.
    start: float = 30.0
    # From one heartbeat to the next.
    silence: float = 5.0
    # From being asked where it hangs to being killed.
    last_words: float = 0.2
    # Before the first replacement; doubles with each failure in a row.
    first_delay: float = 0.2
    longest_delay: float = 30.0
    # A child that lived this long has made good for the failures before it.
    healthy: float = 60.0
    # Failures in a row from which on the child is said to be in a crash loop. It is still replaced, slowly; until then
    # a caretaker may be there.
    crash_loop: int = 6


class Resting(NamedTuple):
    """No process: the next one is due at a time."""

    until: float
    # In a row.
    failures: int
    # There was a caretaker, and it is gone: nobody is there for the rest of this time.
    had_caretaker: bool = False


class Running(NamedTuple):
    """A process that is thought well of."""

    pid: int
    since: float
    # None: it has not beaten yet.
    last_beat: Optional[float]
    failures: int


class Dying(NamedTuple):
    """A process that hangs, and is not reaped yet. It is not replaced before: it may hold the port or the GPU."""

    pid: int
    since: float
    last_beat: Optional[float]
    failures: int
    # One line.
    why: str
    # It was asked where it hangs, and is killed at this time. None: it was killed.
    kill_at: Optional[float]


class Caretaking(NamedTuple):
    """A process that keeps the place and says what is so, until the next start is due. Its own end is no failure."""

    pid: int
    since: float
    last_beat: Optional[float]
    failures: int
    # When the next start is due.
    until: float


class Leaving(NamedTuple):
    """A caretaker that was killed and is not reaped yet."""

    pid: int
    failures: int
    until: float


State = Union[Resting, Running, Dying, Caretaking, Leaving]


class Start(NamedTuple):
    """Start a process."""


class StartCaretaker(NamedTuple):
    """Start a process that keeps the place until a time."""

    until: float


class Ask(NamedTuple):
    """Ask the process where it hangs: nobody will know later."""

    why: str


class Kill(NamedTuple):
    """Kill the process."""

    why: str


class Wait(NamedTuple):
    """Nothing to do before a time. None: before something happens."""

    until: Optional[float]


Step = Union[Start, StartCaretaker, Ask, Kill, Wait]


def next_step(state: State, now: float, limits: Limits, has_caretaker: bool = False) -> Step:
    """What is to be done with a child now. has_caretaker: it can be started as one."""
    if isinstance(state, Resting):
        if now >= state.until:
            return Start()
        if has_caretaker and state.failures >= limits.crash_loop and not state.had_caretaker:
            return StartCaretaker(state.until)
        return Wait(state.until)
    if isinstance(state, Leaving):
        return Wait(None)
    if isinstance(state, Dying):
        if state.kill_at is None:
            return Wait(None)
        return Kill(state.why) if now >= state.kill_at else Wait(state.kill_at)
    if isinstance(state, Caretaking) and now >= state.until:
        return Kill("the next start is due")
    if state.last_beat is None:
        deadline, why = state.since + limits.start, "no heartbeat since its start"
    else:
        deadline, why = state.last_beat + limits.silence, "heartbeat stopped"
    if now > deadline:
        return Ask(why) if isinstance(state, Running) else Kill(why)
    return Wait(min(deadline, state.until) if isinstance(state, Caretaking) else deadline)


def asked(state: Running, why: str, now: float, limits: Limits) -> Dying:
    """What a process is from the moment it was asked where it hangs."""
    return Dying(state.pid, state.since, state.last_beat, state.failures, why, now + limits.last_words)


def killed(state: Union[Dying, Caretaking]) -> Union[Dying, Leaving]:
    """What a process is from the moment it was killed."""
    if isinstance(state, Caretaking):
        return Leaving(state.pid, state.failures, state.until)
    return state._replace(kill_at=None)


def after_exit(state: Union[Running, Dying, Caretaking, Leaving], now: float, limits: Limits) -> Resting:
    """The rest that follows an exit. Every exit is a failure, nobody asked for it; but for a caretaker's."""
    if isinstance(state, (Caretaking, Leaving)):
        return Resting(state.until, state.failures, had_caretaker=True)
    # Judged by the last heartbeat, so that the time a child hung before it was killed does not count as health.
    was_healthy = state.last_beat is not None and state.last_beat - state.since >= limits.healthy
    return rest(0 if was_healthy else state.failures, now, limits)


def rest(failures_before: int, now: float, limits: Limits) -> Resting:
    """The rest that follows one more failure."""
    delay = min(limits.longest_delay, limits.first_delay * 2.0 ** min(failures_before, 32))
    return Resting(now + delay, failures_before + 1)


def forgive(state: State, now: float) -> State:
    """Starts the patience anew: the keeper itself was not running, for example in a frozen container."""
    if not isinstance(state, (Running, Caretaking)):
        return state
    return state._replace(since=now) if state.last_beat is None else state._replace(last_beat=now)
