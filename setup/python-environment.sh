#!/usr/bin/env bash
# Usage: python-environment.sh REQUIREMENTS...
# Makes .venv, a Python environment that sees the system's GStreamer bindings, and installs the requirements into it.
# Debian's own python3 owns those bindings: another python3 that comes first on PATH does not see them.
set -euo pipefail
[ -x .venv/bin/python ] || /usr/bin/python3 -m venv --system-site-packages .venv
for requirements in "$@"; do
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
done
.venv/bin/python -c 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst' || {
  echo "setup: /usr/bin/python3 does not see GStreamer (python3-gst-1.0); is another Python in its place?" >&2
  exit 1
}
