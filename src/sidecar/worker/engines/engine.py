"""What an engine is to the rest of the worker."""

import abc
from typing import Any, List, NamedTuple, Optional, Tuple

from sidecar.contract import pipeline, spec
from sidecar.worker.problem import Problem


class EngineInfo(NamedTuple):
    """What the agent learns about the engine and its machine; empty where there is no such thing."""

    engine: str
    board: str = ""
    deepstream_release: str = ""
    gpu: str = ""


class Preview(abc.ABC):
    """JPEG images of one stream, encoded only while somebody looks. Made and stopped on the loop thread."""

    @abc.abstractmethod
    def take(self, timeout: float) -> Optional[bytes]:
        """The next JPEG; None if none came within timeout seconds. Called on any thread."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Ends it."""


class Engine(abc.ABC):
    """Methods are called on the loop thread unless they say otherwise."""

    # Why nothing can run here, in one line. None: this engine works.
    unavailable: Optional[str] = None

    @abc.abstractmethod
    def info(self) -> EngineInfo:
        """Called on any thread."""

    @abc.abstractmethod
    def capabilities(self) -> pipeline.Capabilities:
        """What this engine can do on this machine. Called on any thread."""

    @abc.abstractmethod
    def prepare(self, specification: spec.PipelineSpec) -> Tuple[Optional[Any], List[Problem]]:
        """Reads and loads the model, which takes a moment, and finds what only this engine can find.

        Never called on the loop thread; touches nothing active. Returns what apply() needs, None if it cannot run.
        """

    @abc.abstractmethod
    def apply(self, specification: spec.PipelineSpec, model: Any) -> List[pipeline.Change]:
        """Applies the specification by the smallest change, and returns what it did.

        Raises ChainError if an element is missing or refuses: then the active specification stays active.
        """

    @abc.abstractmethod
    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        """JPEG images of a stream from now on; None if there is no such stream."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Returns when no pipeline is left."""
