"""The engine of a worker whose engine is not to be had: it says why to everybody who asks, instead of crashing."""

from typing import Any, List, Optional, Tuple

from sidecar.contract import pipeline, spec
from sidecar.worker.engines.engine import Engine, Facts, Preview
from sidecar.worker.problem import Problem


class UnavailableEngine(Engine):
    """Every specification is refused."""

    def __init__(self, name: str, why: str) -> None:
        """why: one line, what is missing and what to do."""
        self._name = name
        self.unavailable = why

    def facts(self) -> Facts:
        return Facts(engine=self._name)

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities()

    def prepare(self, specification: spec.PipelineSpec) -> Tuple[Optional[Any], List[Problem]]:
        raise AssertionError("nothing is prepared where nothing can run")

    def apply(self, specification: spec.PipelineSpec, model: Any) -> List[pipeline.Change]:
        raise AssertionError("nothing is applied where nothing can run")

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        return None

    def stop(self) -> None:
        pass
