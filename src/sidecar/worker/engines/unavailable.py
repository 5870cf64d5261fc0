"""The engine of a worker that can run nothing: it reports why to the agent and to viewers, instead of crashing."""

from typing import Any, List, Optional, Tuple

from sidecar.contract import pipeline, spec, state
from sidecar.worker.check import check
from sidecar.worker.engines.engine import Engine, EngineInfo, Preview
from sidecar.worker.outputs.outputs import Outputs
from sidecar.worker.outputs.plan import CODEC_NAMES, plan_streams
from sidecar.worker.problem import ERROR, Problem
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import StatusStore

# After this the process is replaced, to find what was installed meanwhile: a driver, a plugin.
TRY_AGAIN_SECONDS = 60


class UnavailableEngine(Engine):
    """Refuses every specification, and serves standby pictures for its streams."""

    def __init__(
        self, name: str, failed: state.PipelineStatus.Failed, text: str, processes: Processes, store: StatusStore
    ):
        """failed: the state of the pipeline from now on; its detail says what is missing and what to do.

        text: the same for viewers, in a few words.
        """
        self._name = name
        self._text = text
        self.unavailable = failed.detail
        self._outputs = Outputs(processes, store, on_ports=lambda _: None, count=lambda _key, _status: None)
        store.set_pipeline(state.PipelineStatus(failed=failed))

    def info(self) -> EngineInfo:
        return EngineInfo(engine=self._name)

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities()

    def show_standby(self, specification: spec.PipelineSpec) -> None:
        """Serves standby pictures for a refused specification, unless its outputs are wrong."""
        problems = check(specification, pipeline.Capabilities(codecs=list(CODEC_NAMES)))
        if any(problem.severity == ERROR and problem.path.startswith("outputs") for problem in problems):
            return
        plans = plan_streams(specification)
        self._outputs.serve(plans)
        for one in plans:
            self._outputs.set_standby_text(one.key, self._text)

    def prepare(self, specification: spec.PipelineSpec) -> Tuple[Optional[Any], List[Problem]]:
        raise AssertionError("nothing is prepared where nothing can run")

    def apply(self, specification: spec.PipelineSpec, model: Any) -> List[pipeline.Change]:
        raise AssertionError("nothing is applied where nothing can run")

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        return None

    def stop(self) -> None:
        self._outputs.stop()
