#!/bin/sh
# Usage: image-user.sh agent|sidecar        (in the image of that half, as root)
# Creates the user that the half runs as, the directories of the volumes, and leaves no program that gives privileges.
set -eu

groupadd --gid 10000 slipstream
case $1 in
  agent) useradd --uid 10001 --gid slipstream --no-create-home agent ;;
  # The group video owns camera devices and, on Jetson, the GPU.
  sidecar) useradd --uid 10002 --gid slipstream --groups video --create-home sidecar ;;
esac
# A new volume takes owner and mode from the directory in the image that starts first, so both images have the same.
# The agent opens files in the sidecar's run directory by name, and the sidecar reads the models.
install -d -o 10002 -g 10000 -m 0710 /run/slipstream
install -d -o 10002 -g 10000 -m 0700 /var/lib/slipstream
install -d -o 10001 -g 10000 -m 0750 /var/lib/slipstream-models
install -d -o 10001 -g 10000 -m 0700 /var/lib/slipstream-agent
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
