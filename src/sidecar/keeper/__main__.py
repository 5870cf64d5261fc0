"""Process 1 of the sidecar: python -m sidecar.keeper.

SLIPSTREAM_RUN_DIR    directory of the sockets, made if it is missing. Default /run/slipstream.
SLIPSTREAM_LIFELINE   stdin: the end of standard input means the same as SIGTERM.
LOG_LEVEL             debug, info, warn or error. Default info.
"""

import os
import sys

from sidecar import log
from sidecar.keeper.keeper import Keeper
from sidecar.keeper.policy import Limits
from sidecar.keeper.process import Command, adopt_orphans


def main() -> None:
    log.configure(os.environ.get("LOG_LEVEL", "info"))
    env = dict(os.environ)
    run_dir = env.setdefault("SLIPSTREAM_RUN_DIR", "/run/slipstream")
    try:
        os.makedirs(run_dir, exist_ok=True)
    except OSError as error:
        # The children say the same each time they cannot make their sockets, and are tried again.
        log.Log("keeper").error("cannot make the directory of the sockets", path=run_dir, err=str(error))
    lifeline = sys.stdin.fileno() if env.pop("SLIPSTREAM_LIFELINE", "") == "stdin" else None
    adopt_orphans()
    commands = [Command(name, [sys.executable, "-m", "sidecar." + name], env) for name in ("outlet", "worker")]
    Keeper(commands, Limits(), lifeline).run()


if __name__ == "__main__":
    main()
