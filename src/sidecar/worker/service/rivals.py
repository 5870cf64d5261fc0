"""Tells that two agents control one worker: each applies its own specification again as soon as the other has."""

from collections import deque
from typing import Deque, NamedTuple

# Generations in a row that are two in turns, and the seconds within which that happens. A trial that is rolled back
# makes three.
_IN_TURNS = 5
_WITHIN_SECONDS = 600.0


class _Applied(NamedTuple):
    generation: str
    # Monotonic time.
    at: float


class Rivals:
    """For one thread at a time."""

    def __init__(self) -> None:
        self._applied: Deque[_Applied] = deque(maxlen=_IN_TURNS)

    def observe(self, generation: str, now: float) -> bool:
        """Notes that a generation was applied. Returns whether it and another one have been applied in turns."""
        self._applied.append(_Applied(generation, now))
        generations = [one.generation for one in self._applied]
        return (
            len(generations) == _IN_TURNS
            and len(set(generations)) == 2
            and all(one != other for one, other in zip(generations, generations[1:]))
            and now - self._applied[0].at <= _WITHIN_SECONDS
        )
