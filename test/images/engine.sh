#!/usr/bin/env bash
# Usage: engine.sh COMMAND...
# Runs a command with a Docker engine that can build: a running one, or one that this script starts and stops.
# The command gets these variables:
#   DOCKER, DOCKER_HOST   a client that supports BuildKit, and the address of the engine
#   IMAGES_CACHE          a directory that outlives this run
#   IMAGES_SKIP           why there is no engine; unset if there is one
set -euo pipefail

export IMAGES_CACHE=${IMAGES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipstream/images}
export DOCKER_BUILDKIT=1
mkdir -p "$IMAGES_CACHE"

skip() {
  export IMAGES_SKIP=$1
  exec "${command[@]}"
}

# Clients from version 23 on need the buildx plugin to build; Debian's older client does not.
client() {
  local candidate
  for candidate in docker /usr/bin/docker; do
    "$candidate" buildx version >/dev/null 2>&1 && break
    [[ $("$candidate" --version 2>/dev/null) =~ version\ (20|19)\. ]] && break
    candidate=
  done
  [ -n "$candidate" ] && command -v "$candidate"
}

stop() {
  local pid
  for pid in "${own[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${own[@]}"; do wait "$pid" 2>/dev/null || true; done
}

start() {
  local run=$1 log=$IMAGES_CACHE/dockerd.log
  mountpoint -q /sys/fs/cgroup || cgroupfs-mount
  # Engines before 27 do not enable forwarding themselves, and containers have no network without it.
  sysctl -q -w net.ipv4.ip_forward=1
  dockerd --data-root "$IMAGES_CACHE/docker" --exec-root "$run/exec" --pidfile "$run/dockerd.pid" \
    --host "unix://$run/docker.sock" --log-level warn >"$log" 2>&1 &
  own+=($!)
  export DOCKER_HOST=unix://$run/docker.sock
  for _ in $(seq 300); do
    if "$DOCKER" info >/dev/null 2>&1; then
      # Containers of an interrupted run start again with the engine.
      "$DOCKER" ps --all --quiet | xargs --no-run-if-empty "$DOCKER" rm --force >/dev/null
      return
    fi
    kill -0 "${own[0]}" 2>/dev/null || break
    sleep 0.1
  done
  why="the Docker engine does not start: $(grep -v '^$' "$log" | tail -n 1)"
  return 1
}

command=("$@")
own=()
why=
if [ "$(id -u)" -eq 0 ] && ! test/images/answers.sh; then
  setup/debian-packages.sh setup/debian-packages-images.txt || true
fi
DOCKER=$(client) || skip "no Docker client here can build"
export DOCKER
if ! "$DOCKER" info >/dev/null 2>&1; then
  command -v dockerd >/dev/null || skip "no Docker engine runs here, and none is installed"
  [ "$(id -u)" -eq 0 ] || skip "no Docker engine runs here, and only root can start one"
  # Only one engine at a time may use the cache.
  exec {lock}>"$IMAGES_CACHE/lock"
  flock "$lock"
  run=$(mktemp -d /run/slipstream-engine.XXXXXX)
  trap 'stop; rm -rf "$run"' EXIT
  start "$run" {lock}>&- || skip "$why"
fi
"${command[@]}"
