"""The window process on stand-ins."""

import sys

import standins
from sidecar.window.__main__ import main

if __name__ == "__main__":
    standins.install_from_environment()
    sys.exit(main())
