"""The receiver of a stream that does not go to the outlet: a recorder or a window."""

import abc
from typing import Callable, NamedTuple, Optional, Union

from sidecar.contract import state
from sidecar.gst import Gst


class Waiting(NamedTuple):
    """No frame was delivered yet, or none is any more."""


class Serving(NamedTuple):
    """A frame was really delivered."""


class Failed(NamedTuple):
    """Nothing can be delivered."""

    reason: "state.OutputFailedReason"
    # One line: what, where and what to do.
    detail: str
    # Until the next attempt. None: there is none.
    retry_seconds: Optional[float]


Phase = Union[Waiting, Serving, Failed]
OnPhase = Callable[[Phase], None]
# Called with each frame on a streaming thread; never waits.
Take = Callable[[Gst.Sample], None]


class Receiver(abc.ABC):
    """Made and stopped on the loop thread."""

    @property
    @abc.abstractmethod
    def path(self) -> str:
        """The path of the file; empty for others. Read on any thread."""

    @property
    @abc.abstractmethod
    def dropped(self) -> int:
        """Dropped frames. Read on any thread."""

    @abc.abstractmethod
    def take(self, sample: Gst.Sample) -> None:
        """Takes a frame. Called on a streaming thread, and never waits."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Takes no more frames, and ends by itself. Does not wait."""

    @abc.abstractmethod
    def wait(self, seconds: float) -> None:
        """Waits for its end, this long at most. Called after stop(), before the process ends."""
