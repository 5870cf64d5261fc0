"""The engine of a worker that can run nothing: it says why to everybody who asks, viewers too, instead of crashing."""

from typing import Any, List, Optional, Tuple

from sidecar.contract import pipeline, spec, state
from sidecar.worker.check import check
from sidecar.worker.engines.engine import Engine, EngineInfo, Preview
from sidecar.worker.outputs.outputs import Outputs
from sidecar.worker.outputs.plan import CODEC_NAMES, plan_streams
from sidecar.worker.problem import ERROR, Problem
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import StatusStore

# After this a new process looks for what has come meanwhile: a driver, a plugin.
TRY_AGAIN_SECONDS = 60


class UnavailableEngine(Engine):
    """Every specification is refused, and the pictures that it asks for are standby pictures."""

    def __init__(
        self, name: str, failed: state.PipelineStatus.Failed, words: str, processes: Processes, store: StatusStore
    ):
        """failed: the state of the pipeline from now on; its detail says what is missing and what to do.

        words: the same for viewers, in few words.
        """
        self._name = name
        self._words = words
        self.unavailable = failed.detail
        self._outputs = Outputs(processes, store, on_ports=lambda _: None, count=lambda _key, _status: None)
        store.set_pipeline(state.PipelineStatus(failed=failed))

    def info(self) -> EngineInfo:
        return EngineInfo(engine=self._name)

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities()

    def show(self, specification: spec.PipelineSpec) -> None:
        """Tells the viewers of a refused specification. What is wrong with its outputs shows nothing."""
        problems = check(specification, pipeline.Capabilities(codecs=list(CODEC_NAMES)))
        if any(problem.severity == ERROR and problem.path.startswith("outputs") for problem in problems):
            return
        plans = plan_streams(specification)
        self._outputs.serve(plans)
        for one in plans:
            self._outputs.say(one.key, self._words)

    def prepare(self, specification: spec.PipelineSpec) -> Tuple[Optional[Any], List[Problem]]:
        raise AssertionError("nothing is prepared where nothing can run")

    def apply(self, specification: spec.PipelineSpec, model: Any) -> List[pipeline.Change]:
        raise AssertionError("nothing is applied where nothing can run")

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        return None

    def stop(self) -> None:
        self._outputs.stop()
