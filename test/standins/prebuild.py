"""Builds a TensorRT engine on stand-ins."""

import sys

import standins
from sidecar.worker.engines.deepstream.prebuild import main

if __name__ == "__main__":
    standins.install_from_environment()
    sys.exit(main())
