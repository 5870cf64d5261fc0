"""The engine of a placeholder worker: it reports the crash loop of the real one, until that is started again."""

import time
from typing import Mapping, Optional, Sequence

from sidecar.contract import state
from sidecar.keeper.previous_worker import CrashLoop, PreviousWorker, crash_loop, previous_worker
from sidecar.worker.engines.unavailable import UnavailableEngine
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import StatusStore


def placeholder_engine(
    environment: Mapping[str, str], name: str, processes: Processes, store: StatusStore
) -> Optional[UnavailableEngine]:
    """None: this worker is no placeholder. name: the engine of the real worker."""
    loop = crash_loop(environment)
    if loop is None:
        return None
    text = "failing again and again, next try at %s" % time.strftime("%H:%M:%S", time.localtime(loop.next_attempt))
    return UnavailableEngine(name, failed(loop, previous_worker(environment)), text, processes, store)


def failed(loop: CrashLoop, ended: Optional[PreviousWorker]) -> state.PipelineStatus.Failed:
    """The state of the pipeline. Pure."""
    detail = "the worker keeps crashing"
    if ended is not None:
        detail = "the worker failed %d times in a row; the last one %s" % (ended.failures, ended.how)
        cause = _cause(ended.last_lines)
        if cause:
            detail += "; it said: " + cause
    status = state.PipelineStatus.Failed(reason=state.FAILURE_REASON_CRASH_LOOP, detail=detail)
    status.next_attempt.FromNanoseconds(int(loop.next_attempt * 1e9))
    return status


def _cause(last_lines: Sequence[str]) -> str:
    """The most telling line: the first when Python crashes, the last after an uncaught exception."""
    fatal = [line for line in last_lines if line.startswith("Fatal Python error")]
    return (fatal or list(last_lines) or [""])[-1]
