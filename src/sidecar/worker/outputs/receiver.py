"""Receives the frames of a stream that does not go to the outlet: the interface of recorders and windows."""

import abc
from typing import Callable, NamedTuple, Optional, Union

from sidecar.contract import state
from sidecar.gst import Gst


class Waiting(NamedTuple):
    """No frame has been delivered yet, or none is any more."""


class Serving(NamedTuple):
    """A frame has been delivered: it is on the disk, or on the screen."""


class Failed(NamedTuple):
    """Nothing can be delivered."""

    reason: "state.OutputFailedReason"
    # One line: what, where and what to do.
    detail: str
    # Until the next attempt. None: there will be none.
    retry_seconds: Optional[float]


Phase = Union[Waiting, Serving, Failed]
OnPhase = Callable[[Phase], None]
# Called with each frame on a streaming thread; never waits.
Take = Callable[[Gst.Sample], None]


class Receiver(abc.ABC):
    """Made and stopped on the loop thread."""

    # Path of the file that is written, or was written last; empty if there is none. Read on any thread.
    path = ""

    @property
    @abc.abstractmethod
    def dropped(self) -> int:
        """How many frames were dropped. Read on any thread."""

    @abc.abstractmethod
    def take(self, sample: Gst.Sample) -> None:
        """Takes a frame. Called on a streaming thread, and never waits."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Takes no more frames, and ends by itself. Does not wait for that."""

    @abc.abstractmethod
    def wait(self, seconds: float) -> None:
        """Waits for the end at most so many seconds. Called after stop(), before the process ends."""
