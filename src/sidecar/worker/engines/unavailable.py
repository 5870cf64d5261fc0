"""The engine of a worker that can run nothing: it reports why to the agent and to viewers, instead of crashing.

A worker has it where its engine cannot run, and while it is the placeholder of one that keeps crashing.
"""

import time
from typing import List, Mapping, Optional, Sequence, Tuple

from sidecar.contract import pipeline, spec, state
from sidecar.gst import Gst
from sidecar.keeper.previous_worker import CrashLoop, PreviousWorker, crash_loop, previous_worker
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.check import check
from sidecar.worker.check_process import WhenAbandoned, never_abandoned
from sidecar.worker.engines.engine import Engine, EngineInfo, Preview
from sidecar.worker.engines.overlay import Shapes
from sidecar.worker.outputs.outputs import Outputs
from sidecar.worker.outputs.plan import CODEC_NAMES, plan_streams
from sidecar.worker.problem import ERROR, Problem
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import StatusStore

# After this the process is replaced, to find what was installed meanwhile: a driver, a plugin.
TRY_AGAIN_SECONDS = 60


class UnavailableEngine(Engine[None]):
    """Refuses every specification, and serves standby pictures for its streams."""

    def __init__(
        self, name: str, failed: state.PipelineStatus.Failed, text: str, processes: Processes, store: StatusStore
    ):
        """name: of the engine that would run here. text: what the standby pictures say, in a few words.

        failed: the state of the pipeline from now on; its detail says what is missing and what to do.
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
        """Serves nothing if the outputs themselves are wrong."""
        problems = check(specification, pipeline.Capabilities(codecs=list(CODEC_NAMES)))
        if any(problem.severity == ERROR and problem.path.startswith("outputs") for problem in problems):
            return
        plans = plan_streams(specification)
        self._outputs.serve(plans)
        for one in plans:
            self._outputs.set_standby_text(one.key, self._text)

    def prepare(
        self, specification: spec.PipelineSpec, when_abandoned: WhenAbandoned = never_abandoned
    ) -> Tuple[None, List[Problem]]:
        raise AssertionError("nothing can be prepared: the engine is unavailable")

    def apply(self, specification: spec.PipelineSpec, model: None) -> List[pipeline.Change]:
        raise AssertionError("nothing can be applied: the engine is unavailable")

    def pipelines(self) -> List[Gst.Pipeline]:
        return []

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        return None

    def encoded_pad(self, output_id: str, camera_id: str) -> Optional[Gst.Pad]:
        return None

    def controller(self, camera_id: str) -> Optional[CameraController]:
        return None

    def show_zones(self, shapes: Shapes) -> None:
        """Standby pictures show none."""

    def stop(self) -> None:
        self._outputs.stop()


def placeholder_engine(
    environment: Mapping[str, str], name: str, processes: Processes, store: StatusStore
) -> Optional[UnavailableEngine]:
    """The engine of a placeholder worker; None: this worker is none. name: the engine of the worker that crashes."""
    loop = crash_loop(environment)
    if loop is None:
        return None
    text = "failing again and again, next try at %s" % time.strftime("%H:%M:%S", time.localtime(loop.next_attempt))
    failed = crash_loop_failure(loop, previous_worker(environment))
    return UnavailableEngine(name, failed, text, processes, store)


def crash_loop_failure(loop: CrashLoop, ended: Optional[PreviousWorker]) -> state.PipelineStatus.Failed:
    """The state of the pipeline while its worker keeps crashing. Pure."""
    detail = "the worker keeps crashing"
    if ended is not None:
        detail = "the worker failed %d times in a row; the last one %s" % (ended.failures, ended.how)
        cause = _most_telling(ended.last_lines)
        if cause:
            detail += "; it said: " + cause
    failed = state.PipelineStatus.Failed(reason=state.FAILURE_REASON_CRASH_LOOP, detail=detail)
    failed.next_attempt.FromNanoseconds(int(loop.next_attempt * 1e9))
    return failed


def _most_telling(last_lines: Sequence[str]) -> str:
    """The first line when Python itself crashed, the last one after an uncaught exception."""
    fatal = [line for line in last_lines if line.startswith("Fatal Python error")]
    return (fatal or list(last_lines) or [""])[-1]
