"""Where the engine runs, and where it keeps what it writes."""

from typing import Mapping, NamedTuple

from sidecar.worker.engines.deepstream.catalogue import boards
from sidecar.worker.engines.deepstream.engine_cache import DATA_DIR
from sidecar.worker.engines.deepstream.facts import read_facts
from sidecar.worker.engines.deepstream.platform import Platform, identify


class Machine(NamedTuple):
    """This machine."""

    platform: Platform
    # For what lives as long as the container, and for what outlives it.
    run_dir: str
    data_dir: str


def this_machine(environment: Mapping[str, str], run_dir: str) -> Machine:
    """SLIPSTREAM_DATA_DIR: the volume, default /var/lib/slipstream. Raises ValueError for a variable that cannot be
    read."""
    platform = identify(read_facts(environment), boards())
    return Machine(platform, run_dir, environment.get("SLIPSTREAM_DATA_DIR", DATA_DIR))
