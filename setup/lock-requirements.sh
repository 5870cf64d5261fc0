#!/usr/bin/env bash
# Usage: lock-requirements.sh UV [OPTIONS...]
# Writes the lock file of each list of Python packages, for the Python and the platform of its image. Versions that still fit stay;
# OPTIONS go to `uv pip compile`, for example --upgrade.
set -euo pipefail
uv=$1
shift

lock() { # FOLDER LIST PYTHON PLATFORM OPTIONS...
  local folder=src/sidecar/requirements/$1 list=$2 python=$3 platform=$4
  shift 4
  echo "lock: $folder/$list.txt"
  "$uv" pip compile --quiet --no-annotate --custom-compile-command "make lock" --generate-hashes \
    --only-binary :all: --emit-build-options --python-version "$python" --python-platform "$platform" "$@" \
    "$folder/$list.txt" --output-file "$folder/$list.lock"
}

while read -r folder python platform; do
  lock "$folder" pip "$python" "$platform" "$@"
  lock "$folder" run "$python" "$platform" "$@"
  # What two lists need, they need in the same version.
  lock "$folder" build "$python" "$platform" --constraints "src/sidecar/requirements/$folder/run.lock" "$@"
  lock "$folder" test "$python" "$platform" --constraints "src/sidecar/requirements/$folder/run.lock" "$@"
done <<END
cpu 3.11 x86_64-manylinux_2_28
dgpu 3.10 x86_64-manylinux_2_28
nano 3.6 aarch64-manylinux2014
END
lock cpu race 3.11 x86_64-manylinux_2_28 "$@"
lock cpu fuzz 3.11 x86_64-manylinux_2_28 "$@"
lock cpu lock 3.11 x86_64-manylinux_2_28 "$@"
# The stubs declare that they need Python 3.12, but mypy reads them under any version.
lock cpu stubs 3.12 x86_64-manylinux_2_28 --no-deps "$@"
