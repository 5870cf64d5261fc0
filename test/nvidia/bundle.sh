#!/usr/bin/env bash
# Usage: bundle.sh FOLDER
# Makes FOLDER/bundle.tar.xz: GStreamer and Python of Debian 12, what the sidecar and the stand-ins need, and the real
# elements that NVIDIA publishes on PyPI (decoder, converter, encoders; x86-64, CUDA 13). It is for `make test-nvidia` on a
# machine with a GPU, but without these and without network. Runs on Debian 12; installs nothing.
set -euo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd)
packages=(
  gir1.2-glib-2.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0 gir1.2-gstreamer-1.0 gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly libblas3 libblkid1 libbrotli1 libbsd0 libbz2-1.0
  libcairo-gobject2 libcairo2 libdw1 libelf1 libexpat1 libffi8 libfontconfig1 libfreetype6 libgfortran5
  libgirepository-1.0-1 libglib2.0-0 libgraphene-1.0-0 libgstreamer-plugins-bad1.0-0 libgstreamer-plugins-base1.0-0
  libgstreamer1.0-0 libgstrtspserver-1.0-0 libgudev-1.0-0 libjpeg62-turbo liblapack3 liblzma5 libmd0 libmount1 liborc-0.4-0
  libpcre2-8-0 libpixman-1-0 libpng16-16 libpython3.11 libpython3.11-minimal libpython3.11-stdlib libquadmath0 libselinux1
  libssl3 libudev1 libunwind8 libv4l-0 libv4lconvert0 libx11-6 libx264-164 libxau6 libxcb-render0 libxcb-shm0 libxcb1
  libxdmcp6 libxext6 libxrender1 python3-cairo python3-gi python3-gi-cairo python3-gst-1.0 python3-numpy python3.11-minimal zlib1g
)
# The GStreamer plugins that the sidecar, the cameras and the measurements use.
plugins=" app coreelements isomp4 jpeg jpegformat multifile playback rtp rtpmanager rtsp tcp typefindfunctions udp
  videoconvertscale videoparsersbad videotestsrc x264 "
nvidia=nvidia-deepstream-videodecode-cu13==9.0.2
mapfile -t wheels < <(grep -E '^(grpcio|grpcio-health-checking|protobuf)==' src/sidecar/requirements/cpu/run.txt)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{debs,root,wheels}
(cd "$work/debs" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}")
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/root"; done
root=$work/root
for library in "$root"/usr/lib/x86_64-linux-gnu/gstreamer-1.0/*.so; do
  name=${library##*/libgst}
  [[ $plugins =~ [[:space:]]${name%.so}[[:space:]] ]] || rm "$library"
done
find "$root" -type d -path '*numpy*' -name tests -prune -exec rm -rf {} +
rm -rf "$root"/etc "$root"/usr/{include,share} "$root"/usr/lib/python3.11/{dist-packages,test,idlelib,lib2to3}

fetch="python3 -m pip download -q --no-deps -d $work/wheels"
$fetch "$nvidia"
$fetch --only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
  --platform manylinux2014_x86_64 "${wheels[@]}" typing-extensions
for wheel in "$work"/wheels/*.whl; do
  case $wheel in
    */nvidia_*) unzip -q "$wheel" -d "$work/nvidia" && mv "$work"/nvidia/nvidia/deepstream_videodecode/_libs "$root/nvidia" ;;
    *) unzip -q "$wheel" -d "$root/usr/lib/python3/dist-packages" ;;
  esac
done
tar -C "$root" -c . | xz -T0 -9 >"$out/bundle.tar.xz.part"
mv "$out/bundle.tar.xz.part" "$out/bundle.tar.xz"
du -h "$out/bundle.tar.xz"
