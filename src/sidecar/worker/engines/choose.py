"""Chooses the worker's engine: SLIPSTREAM_ENGINE is auto, cpu or deepstream."""

import os
import signal
import time
from typing import Any, Mapping

from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.worker.engines.engine import Engine
from sidecar.worker.engines.unavailable import TRY_AGAIN_SECONDS, UnavailableEngine, placeholder_engine
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import StatusStore

VARIABLE = "SLIPSTREAM_ENGINE"
CHOICES = ("auto", "cpu", "deepstream")


def choose_engine(
    environment: Mapping[str, str], run_dir: str, processes: Processes, store: StatusStore
) -> Engine[Any]:
    """The engine that is named; with auto, deepstream if nvinfer is installed. On the loop thread, after Gst.init().

    An engine's libraries are imported with it: neither image has those of the other. A placeholder, an unknown name and
    an engine that cannot run here give an UnavailableEngine.
    """
    wanted = environment.get(VARIABLE) or "auto"
    placeholder = placeholder_engine(environment, wanted, processes, store)
    if placeholder is not None:
        return placeholder

    def unavailable(why: str) -> UnavailableEngine:
        failed = state.PipelineStatus.Failed(reason=state.FAILURE_REASON_ELEMENT, detail=why)
        failed.next_attempt.FromNanoseconds(int((time.time() + TRY_AGAIN_SECONDS) * 1e9))
        return UnavailableEngine(wanted, failed, "cannot run: " + why, processes, store)

    if wanted not in CHOICES:
        return unavailable("%s is %r; allowed: %s" % (VARIABLE, wanted, ", ".join(CHOICES)))
    has_nvinfer = Gst.ElementFactory.find("nvinfer") is not None
    if wanted == "deepstream" and not has_nvinfer:
        return unavailable(
            "GStreamer has no nvinfer; does this run in DeepStream's image, with nvidia as Docker's default runtime?"
        )
    if wanted != "cpu" and has_nvinfer:
        from sidecar.worker.engines.deepstream.engine import DeepstreamEngine
        from sidecar.worker.engines.deepstream.machine import this_machine

        return DeepstreamEngine(processes, store, this_machine(environment, run_dir), _end_this_process)
    from sidecar.worker.engines.cpu.engine import CpuEngine

    return CpuEngine(processes, store, _end_this_process)


def _end_this_process() -> None:
    """Ends the worker gracefully, as SIGTERM from outside would. The keeper starts another."""
    os.kill(os.getpid(), signal.SIGTERM)
