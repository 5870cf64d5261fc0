"""Process 1 of the sidecar: python -m sidecar.keeper.

SLIPSTREAM_RUN_DIR    directory of the sockets, made if it is missing. Default /run/slipstream.
SLIPSTREAM_LIFELINE   stdin: the end of standard input means the same as SIGTERM.
LOG_LEVEL             debug, info, warn or error. Default info.
"""

import os
import sys

from sidecar import log
from sidecar.keeper.keeper import Keeper
from sidecar.keeper.previous_worker import PreviousWorkerFile
from sidecar.keeper.process import Command, adopt_orphans
from sidecar.keeper.restart import Limits
from sidecar.keeper.stderr_relay import StderrRelay

# Their threads are many, and most do little: with an arena of memory for each, they would keep what they once needed.
# numpy would start a thread for linear algebra on each processor of the machine, whatever the container's share of it.
_CHILD_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# It computes little, and viewers wait for it. No real-time class: who reaches its port could then starve the machine.
_OUTLET_NICENESS = -10
_LIMITS = Limits()


def main(worker_module: str = "sidecar.worker", limits: Limits = _LIMITS) -> None:
    """Returns when the sidecar was asked to stop and has stopped. worker_module: what the worker's process runs."""
    relay = StderrRelay(sys.stderr.fileno())
    log.configure(os.environ.get("LOG_LEVEL", "info"), relay)
    env = dict(os.environ, **_CHILD_ENVIRONMENT)
    env.setdefault("SLIPSTREAM_RUN_DIR", "/run/slipstream")
    lifeline = sys.stdin.fileno() if env.pop("SLIPSTREAM_LIFELINE", "") == "stdin" else None
    previous_worker_file = PreviousWorkerFile(env["SLIPSTREAM_RUN_DIR"])
    adopt_orphans()
    commands = [
        Command(
            "outlet",
            [sys.executable, "-m", "sidecar.outlet"],
            env,
            niceness=_OUTLET_NICENESS,
        ),
        Command(
            "worker",
            [sys.executable, "-m", worker_module],
            env,
            has_placeholder=True,
            previous_worker_file=previous_worker_file,
        ),
    ]
    Keeper(commands, limits, relay, lifeline).run()


if __name__ == "__main__":
    main()
