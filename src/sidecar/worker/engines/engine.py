"""The interface between an engine and the rest of the worker."""

import abc
import queue
from typing import Generic, List, NamedTuple, Optional, Tuple, TypeVar

import grpc

from sidecar.contract import detection, pipeline, spec
from sidecar.gst import Gst
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.check_process import WhenAbandoned, never_abandoned
from sidecar.worker.engines.overlay import Shapes
from sidecar.worker.problem import Problem

# What prepare() makes ready and apply() takes.
Model = TypeVar("Model")


class EngineInfo(NamedTuple):
    """The engine and its machine, for the agent; empty where there is no such thing."""

    engine: str
    board: str = ""
    deepstream_release: str = ""
    gpu: str = ""


class Preview(abc.ABC):
    """JPEG images of one stream, encoded only while somebody watches. Made and stopped on the loop thread."""

    def __init__(self) -> None:
        # A reader that is further behind gets the newest images.
        self._jpegs: "queue.Queue[bytes]" = queue.Queue(maxsize=2)

    def offer(self, jpeg: bytes) -> None:
        """Hands an image to the reader. Called on one streaming thread, which never waits."""
        if self._jpegs.full():
            try:
                self._jpegs.get_nowait()
            except queue.Empty:
                pass  # The reader was faster.
        self._jpegs.put_nowait(jpeg)

    def take(self, timeout: float) -> Optional[bytes]:
        """The next image; None if none came within timeout seconds. Called on any thread."""
        try:
            return self._jpegs.get(timeout=timeout)
        except queue.Empty:
            return None

    @abc.abstractmethod
    def stop(self) -> None:
        """Ends it."""


class PictureError(Exception):
    """There is no picture now. It holds the status of the call and one line for a person."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Picture(NamedTuple):
    """One frame on its way to a JPEG image."""

    preview: Preview
    pts: int


class Engine(abc.ABC, Generic[Model]):
    """Runs one specification at a time. Methods are called on the loop thread unless they say otherwise."""

    # Why nothing can run here, in one line. None: this engine works.
    unavailable: Optional[str] = None

    @abc.abstractmethod
    def info(self) -> EngineInfo:
        """Called on any thread."""

    @abc.abstractmethod
    def capabilities(self) -> pipeline.Capabilities:
        """What this engine can do on this machine. Called on any thread."""

    @abc.abstractmethod
    def prepare(
        self, specification: spec.PipelineSpec, when_abandoned: WhenAbandoned = never_abandoned
    ) -> Tuple[Optional[Model], List[Problem]]:
        """Reads and loads the model, which takes a moment, and finds the problems that only this engine can find.

        Gives up when nobody waits for the answer any more: see check_process.py.
        Never called on the loop thread; changes nothing that runs. Returns no model if the specification cannot run.
        """

    @abc.abstractmethod
    def apply(self, specification: spec.PipelineSpec, model: Model) -> List[pipeline.Change]:
        """Applies the specification by the smallest change, and returns what it did.

        Raises ChainError if an element is missing or refuses: then the active specification stays active.
        """

    @abc.abstractmethod
    def pipelines(self) -> List[Gst.Pipeline]:
        """The pipelines that exist now. Each has a name of its own."""

    @abc.abstractmethod
    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        """JPEG images of a stream from now on; None if there is no such stream."""

    @abc.abstractmethod
    def encoded_pad(self, output_id: str, camera_id: str) -> Optional[Gst.Pad]:
        """Where the encoded frames of a stream pass, parsed; None if there is no such stream, or it is not encoded."""

    @abc.abstractmethod
    def controller(self, camera_id: str) -> Optional[CameraController]:
        """Of a camera of the active specification; None if there is no such camera."""

    def picture(self, camera_id: str, pts: int, area: Optional[detection.Box]) -> "Optional[Picture]":
        """See TakePicture of the contract. None if there is no such camera. Raises PictureError."""
        raise PictureError(grpc.StatusCode.UNIMPLEMENTED, "this engine keeps no frames")

    @abc.abstractmethod
    def show_zones(self, shapes: Shapes) -> None:
        """Draws these zones and lines from the next frames on, in place of those before."""

    def show_standby(self, specification: spec.PipelineSpec) -> None:
        """Serves standby pictures for a specification that was refused because the engine is unavailable."""
        raise AssertionError("this engine is available")

    @abc.abstractmethod
    def stop(self) -> None:
        """Returns when no pipeline is left."""
