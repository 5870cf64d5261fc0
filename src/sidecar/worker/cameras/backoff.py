"""The delay before a lost camera is tried again. It grows, with jitter: a fleet must not hit one recorder in step."""

from typing import Callable

from sidecar.contract import state

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 30.0
# More would overflow after a thousand attempts.
_DOUBLINGS = 10
# Cameras lock an account after a few wrong passwords, often for half an hour.
_FIRST_REFUSED_SECONDS = 60.0
_LONGEST_REFUSED_SECONDS = 900.0


def retry_delay(reason: state.CameraLostReason, attempts: int, random: Callable[[], float]) -> float:
    """Seconds until the next attempt.

    attempts is the number of failures in a row (1 or more), random a source of 0 to 1.
    """
    doubled = 2.0 ** min(attempts - 1, _DOUBLINGS)
    if reason == state.CAMERA_LOST_REASON_AUTH_FAILED:
        return min(_LONGEST_REFUSED_SECONDS, _FIRST_REFUSED_SECONDS * doubled) * (0.5 + random())
    ceiling = min(_LONGEST_SECONDS, _FIRST_SECONDS * doubled)
    # The first quarter of the span is left out: an attempt right after a failure finds the same failure.
    return ceiling * (0.25 + 0.75 * random())
