"""The worker on stand-ins."""

import sys

import standins
from sidecar.worker.__main__ import main

if __name__ == "__main__":
    standins.install_from_environment()
    sys.exit(main(window_module="standins.window", prebuild_module="standins.prebuild"))
