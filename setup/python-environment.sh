#!/usr/bin/env bash
# Usage: python-environment.sh LOCK...
# Creates .venv, a Python environment with access to the system's GStreamer bindings, and installs what the lock files list.
# Only Debian's own python3 can import those bindings; another python3 that comes first on PATH cannot.
set -euo pipefail
[ -x .venv/bin/python ] || /usr/bin/python3 -m venv --system-site-packages .venv
for lock in "$@"; do
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
done
.venv/bin/python -c 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst' || {
  echo "setup: /usr/bin/python3 cannot import GStreamer (python3-gst-1.0); has another Python replaced it?" >&2
  exit 1
}
