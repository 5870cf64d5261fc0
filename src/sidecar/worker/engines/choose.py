"""Which engine this worker has: SLIPSTREAM_ENGINE is auto, cpu or deepstream."""

import os
import signal
from typing import Mapping

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.worker.board import Board  # noqa: E402
from sidecar.worker.engines.engine import Engine  # noqa: E402

VARIABLE = "SLIPSTREAM_ENGINE"
CHOICES = ("auto", "cpu", "deepstream")

_STANDINS = "SLIPSTREAM_STANDINS"


def choose_engine(environment: Mapping[str, str], run_dir: str, board: Board) -> Engine:
    """The engine that is named, or with auto the GPU's if nvinfer is there. On the loop thread, after Gst.init().

    An engine's libraries are imported with it: neither image has those of the other. Raises ValueError for a name that
    there is not.
    """
    wanted = environment.get(VARIABLE) or "auto"
    if wanted not in CHOICES:
        raise ValueError("%s=%r: it is one of %s" % (VARIABLE, wanted, ", ".join(CHOICES)))
    install_standins(environment)
    outlet_socket = os.path.join(run_dir, "outlet.sock")
    if wanted == "deepstream" or (wanted == "auto" and Gst.ElementFactory.find("nvinfer") is not None):
        from sidecar.worker.engines.deepstream.engine import DeepstreamEngine
        from sidecar.worker.engines.deepstream.machine import this_machine

        return DeepstreamEngine(outlet_socket, board, this_machine(environment, run_dir), _end_this_process)
    from sidecar.worker.engines.cpu.engine import CpuEngine

    return CpuEngine(outlet_socket, board)


def _end_this_process() -> None:
    """As if somebody had asked it to: in good order. The keeper starts another."""
    os.kill(os.getpid(), signal.SIGTERM)


def install_standins(environment: Mapping[str, str]) -> None:
    """Where SLIPSTREAM_STANDINS says so, software stands in for NVIDIA's elements, for tests and for development."""
    if environment.get(_STANDINS):
        from sidecar import standins

        standins.install_from_environment(environment)
