"""What is learnt about RTSP cameras from one connection to the next. Used on the loop thread."""

from typing import Dict, Optional, Tuple

from sidecar.contract import spec

# Less than a camera has until its first frame, see state.py: rtspsrc tells which of the two was late.
FIRST_ANSWER_SECONDS = 9
MOST_ANSWER_SECONDS = 36
# With more than these everything is learnt again.
_MOST_CAMERAS = 256


class RtspHabits:
    """What one camera does that its description does not tell."""

    def __init__(self) -> None:
        # Connections that it ended when it was asked for a parameter.
        self.get_parameter_refusals = 0
        # Set on the threads of rtspsrc.
        self.refuses_options = False
        # It refuses to send a second stream of video beside the first.
        self.sends_one_stream = False
        # How long it may take to answer: twice as long after each answer that was too late.
        self.answer_seconds = FIRST_ANSWER_SECONDS
        # The transport for the next connection, after it refused the other. None: the specification's.
        self.transport: Optional["spec.Transport"] = None
        # Refusals of a transport since it sent its stream over one.
        self.transport_refusals = 0


_habits: Dict[Tuple[str, int], RtspHabits] = {}


def habits_of(camera: spec.Camera) -> RtspHabits:
    """Of a camera's address; another transport in the specification begins anew."""
    if len(_habits) >= _MOST_CAMERAS:
        _habits.clear()
    return _habits.setdefault((camera.uri, int(camera.transport)), RtspHabits())
