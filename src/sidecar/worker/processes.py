"""The other processes of the sidecar, as the worker knows them."""

from typing import NamedTuple


class Processes(NamedTuple):
    """How the worker reaches the outlet, and the Python modules of the processes that it starts itself."""

    outlet_socket: str
    window_module: str = "sidecar.window"
    prebuild_module: str = "sidecar.worker.engines.deepstream.prebuild"
