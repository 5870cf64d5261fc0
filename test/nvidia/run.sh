#!/usr/bin/env bash
# Usage: run.sh [TEST... | throughput | python ARGUMENT...]
# Runs the tests in this folder (test_elements, ...) and the measurements, or some of them, or Python, with the bundle's
# GStreamer and NVIDIA's real elements. On a machine that cannot run them, it prints why in one line and succeeds. With
# BUNDLE=none it uses what is installed, as in the sidecar's image on a board: there test_engine runs all of engine deepstream.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
  echo "test-nvidia: $(cat test/nvidia/test_*.py | grep -c '    def test_') tests skipped: $1"
  exit 0
}

[ -d src/sidecar/gen/slipstream ] || skip "there is no src/sidecar/gen; run make proto, or copy it from where that was run"
if [ "${BUNDLE:-}" = none ]; then
  python=${SLIPSTREAM_PYTHON:-python3}
  export PYTHONPATH=src:src/sidecar/gen:test:test/support:test/nvidia${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1
else
  [ "$(uname -m)" = x86_64 ] || skip "NVIDIA publishes these elements for x86-64 only, this is $(uname -m)"
  compgen -G '/dev/nvidia[0-9]*' >/dev/null || skip "there is no NVIDIA GPU (/dev/nvidia0)"
  bundle=build/nvidia/bundle.tar.xz
  [ -f $bundle ] || skip "there is no $bundle; run make nvidia-bundle, on Debian 12 with network"

  root=$PWD/build/nvidia/root
  if [ ! -d "$root" ] || [ $bundle -nt "$root" ]; then
    rm -rf "$root" "$root.part"
    mkdir -p "$root.part"
    tar -C "$root.part" -xJf $bundle
    touch "$root.part"
    mv "$root.part" "$root"
  fi
  libraries=$root/usr/lib/x86_64-linux-gnu
  export LD_LIBRARY_PATH=$root/nvidia:$libraries:$libraries/blas:$libraries/lapack:$root/lib/x86_64-linux-gnu:/usr/local/nvidia/lib64:/usr/local/cuda/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  missing=$(ldd "$root"/nvidia/libgstnvvideo*.so "$root"/nvidia/v4l_plugins/*.so | awk '/not found/ {print $1}' | sort -u | xargs)
  [ -z "$missing" ] || skip "there is no $missing; it comes with the driver (580 or newer) or with CUDA 13"

  export GST_PLUGIN_SYSTEM_PATH=$libraries/gstreamer-1.0 GST_PLUGIN_PATH=$root/nvidia
  export GST_PLUGIN_SCANNER=$libraries/gstreamer1.0/gstreamer-1.0/gst-plugin-scanner GST_REGISTRY=$root/registry.bin
  export LIBV4L2_PLUGIN_DIR=$root/nvidia/v4l_plugins GI_TYPELIB_PATH=$libraries/girepository-1.0
  export PYTHONHOME=$root/usr PYTHONPATH=src:src/sidecar/gen:test:test/support:test/nvidia PYTHONDONTWRITEBYTECODE=1
  python=$root/usr/bin/python3.11
fi

measure() { "$python" -c "import throughput; throughput.main()"; }
case ${1:-} in
  "")
    "$python" -m unittest discover --verbose --start-directory test/nvidia
    measure
    ;;
  throughput) measure ;;
  python) shift && exec "$python" "$@" ;;
  *) exec "$python" -m unittest --verbose "$@" ;;
esac
