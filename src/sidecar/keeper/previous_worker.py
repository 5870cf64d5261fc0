"""What the keeper tells a worker at its start: how the one before it ended, and whether it only keeps the place.

Two variables of its environment, each one line of JSON. The keeper writes them, the worker reads them.
"""

import json
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

_ENDED = "SLIPSTREAM_PREVIOUS"
_CRASH_LOOP = "SLIPSTREAM_CRASH_LOOP"


class Ended(NamedTuple):
    """How a worker ended."""

    # When, as time.time().
    at: float
    # One line, for example: exited with signal SIGSEGV after 12.3 s.
    how: str
    # What it said last that was no log line, oldest first. Holds no secret.
    last_lines: Tuple[str, ...]
    # Ends in a row, this one included.
    failures: int


class CrashLoop(NamedTuple):
    """Who gets this is a caretaker: it says what is so, and gives way when a worker is tried again."""

    # When, as time.time().
    next_attempt: float


def to_environment(ended: Optional[Ended], crash_loop: Optional[CrashLoop]) -> Dict[str, str]:
    """The variables for a process that is about to be started."""
    told = {_ENDED: ended, _CRASH_LOOP: crash_loop}
    return {name: json.dumps(fact._asdict()) for name, fact in told.items() if fact is not None}


def ended_before(environment: Mapping[str, str]) -> Optional[Ended]:
    """How the worker before this one ended. None: there was none, or nobody said."""
    told = _told(environment, _ENDED)
    return None if told is None else Ended(**told)._replace(last_lines=tuple(told["last_lines"]))


def crash_loop(environment: Mapping[str, str]) -> Optional[CrashLoop]:
    """None: this is a worker like any other."""
    told = _told(environment, _CRASH_LOOP)
    return None if told is None else CrashLoop(**told)


def _told(environment: Mapping[str, str], name: str) -> Optional[Dict[str, Any]]:
    text = environment.get(name)
    return None if not text else dict(json.loads(text))
