#!/usr/bin/env bash
# Usage: engine.sh COMMAND...
# Runs a command with a Docker engine that can build: one that runs already, or one of its own that it stops at the end.
# The command finds in its environment:
#   DOCKER, DOCKER_HOST   a client that can use BuildKit, and where the engine listens
#   IMAGES_CACHE          a directory that outlives this run
#   IMAGES_SKIP           set where there can be no engine: why
set -euo pipefail

export IMAGES_CACHE=${IMAGES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipstream/images}
export DOCKER_BUILDKIT=1
mkdir -p "$IMAGES_CACHE"

skip() {
  export IMAGES_SKIP=$1
  exec "${command[@]}"
}

# A client from version 23 on builds only with its buildx plugin; Debian's older one can do without.
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
  # Engines before 27 leave it to their host; containers reach nothing without it.
  sysctl -q -w net.ipv4.ip_forward=1
  dockerd --data-root "$IMAGES_CACHE/docker" --exec-root "$run/exec" --pidfile "$run/dockerd.pid" \
    --host "unix://$run/docker.sock" --log-level warn >"$log" 2>&1 &
  own+=($!)
  export DOCKER_HOST=unix://$run/docker.sock
  for _ in $(seq 300); do
    if "$DOCKER" info >/dev/null 2>&1; then
      # A run that was cut off leaves containers, which come back with the engine.
      "$DOCKER" ps --all --quiet | xargs --no-run-if-empty "$DOCKER" rm --force >/dev/null
      return
    fi
    kill -0 "${own[0]}" 2>/dev/null || break
    sleep 0.1
  done
  why="no Docker engine comes up: $(grep -v '^$' "$log" | tail -n 1)"
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
  # One engine at a time may have the cache.
  exec {lock}>"$IMAGES_CACHE/lock"
  flock "$lock"
  run=$(mktemp -d /run/slipstream-engine.XXXXXX)
  trap 'stop; rm -rf "$run"' EXIT
  start "$run" {lock}>&- || skip "$why"
fi
"${command[@]}"
