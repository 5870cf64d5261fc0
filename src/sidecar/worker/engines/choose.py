"""Which engine this worker has: SLIPSTREAM_ENGINE is auto, cpu or deepstream."""

import os
import signal
import time
from typing import Mapping

from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.outlet.protocol import SOCKET_NAME
from sidecar.worker.engines.engine import Engine
from sidecar.worker.engines.placeholder import caretaker
from sidecar.worker.engines.unavailable import TRY_AGAIN_SECONDS, UnavailableEngine
from sidecar.worker.status.store import Board

VARIABLE = "SLIPSTREAM_ENGINE"
CHOICES = ("auto", "cpu", "deepstream")

_STANDINS = "SLIPSTREAM_STANDINS"
_PLATFORM = "SLIPSTREAM_PLATFORM"


def choose_engine(environment: Mapping[str, str], run_dir: str, board: Board) -> Engine:
    """The engine that is named, or with auto the GPU's if nvinfer is there. On the loop thread, after Gst.init().

    An engine's libraries are imported with it: neither image has those of the other. A name that there is not, or not
    here, gives an engine that refuses everything and says why; so does a caretaker's environment.
    """
    wanted = environment.get(VARIABLE) or "auto"
    outlet_socket = os.path.join(run_dir, SOCKET_NAME)
    place_keeper = caretaker(environment, wanted, outlet_socket, board)
    if place_keeper is not None:
        return place_keeper

    def unavailable(why: str) -> Engine:
        failed = state.PipelineStatus.Failed(reason=state.FAILURE_REASON_ELEMENT, detail=why)
        failed.next_attempt.FromNanoseconds(int((time.time() + TRY_AGAIN_SECONDS) * 1e9))
        return UnavailableEngine(wanted, failed, "cannot run: " + why, outlet_socket, board)

    if wanted not in CHOICES:
        return unavailable("%s is %r; allowed: %s" % (VARIABLE, wanted, ", ".join(CHOICES)))
    environment = with_standins(environment)
    nvinfer = Gst.ElementFactory.find("nvinfer") is not None
    if wanted == "deepstream" and not nvinfer:
        return unavailable(
            "GStreamer has no nvinfer; does this run in DeepStream's image, with nvidia as Docker's default runtime?"
        )
    if wanted != "cpu" and nvinfer:
        from sidecar.worker.engines.deepstream.engine import DeepstreamEngine
        from sidecar.worker.engines.deepstream.machine import this_machine

        return DeepstreamEngine(outlet_socket, board, this_machine(environment, run_dir), _end_this_process)
    from sidecar.worker.engines.cpu.engine import CpuEngine

    return CpuEngine(outlet_socket, board)


def _end_this_process() -> None:
    """As if somebody had asked it to: in good order. The keeper starts another."""
    os.kill(os.getpid(), signal.SIGTERM)


def with_standins(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Where SLIPSTREAM_STANDINS says so, software stands in for NVIDIA's elements, for tests and for development.

    Returns the environment; with stand-ins it says of which platform they are, unless it does already.
    """
    if not environment.get(_STANDINS):
        return environment
    from sidecar import standins

    standins.install_from_environment(environment)
    return {_PLATFORM: environment[_STANDINS].split()[0], **environment}
