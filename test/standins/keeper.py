"""The sidecar on stand-ins: python -m standins.keeper

The keeper itself is unchanged. The worker, and the processes that it starts, install the stand-ins first.
"""

from sidecar.keeper.__main__ import main

if __name__ == "__main__":
    main(worker_module="standins.worker")
