"""Who takes the frames of a picture that does not go to the outlet: a recorder or a window."""

import abc
from typing import Callable, NamedTuple, Optional, Union

from sidecar.contract import state
from sidecar.gst import Gst


class Waiting(NamedTuple):
    """No frame has left yet, or none does any more."""


class Serving(NamedTuple):
    """A frame has really left."""


class Failed(NamedTuple):
    """Nothing leaves."""

    reason: "state.OutputFailedReason"
    # One line: what, where and what to do.
    detail: str
    # Until it is tried again. None: it is not.
    retry_seconds: Optional[float]


Phase = Union[Waiting, Serving, Failed]
Tell = Callable[[Phase], None]
# Called with each frame on a streaming thread; never waits.
Take = Callable[[Gst.Sample], None]


class Receiver(abc.ABC):
    """Made and stopped on the loop thread."""

    @property
    @abc.abstractmethod
    def path(self) -> str:
        """Of a file; empty for others. Read on any thread."""

    @property
    @abc.abstractmethod
    def dropped(self) -> int:
        """Frames given up. Read on any thread."""

    @abc.abstractmethod
    def take(self, sample: Gst.Sample) -> None:
        """A frame. Called on a streaming thread, and never waits."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Takes no more, and comes to its end by itself. Does not wait."""

    @abc.abstractmethod
    def wait(self, seconds: float) -> None:
        """After stop(), before the process ends: gives it so long to come to its end."""
