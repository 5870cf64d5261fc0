"""The sidecar on stand-ins: python -m standins.keeper

The keeper is the shipped one. Its worker, and the processes that the worker starts, install the stand-ins first.
"""

from sidecar.keeper.__main__ import main

if __name__ == "__main__":
    main(worker_module="standins.worker")
