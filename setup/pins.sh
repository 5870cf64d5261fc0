#!/usr/bin/env bash
# Usage: pins.sh arguments BOARD   prints the arguments of `docker build` for a board: amd64, arm64 or orin-nano
#        pins.sh check             names what has no digest, and fails if anything has none
#        pins.sh fill              looks up the digests that are missing, which takes Docker and the registries
# PINS   the file. Default: setup/pins.txt
set -euo pipefail
pins=${PINS:-setup/pins.txt}

# What a digest is to Docker, and to pip.
pinned() { # WHAT DIGEST
  case $1@$2 in
    *@-) echo "$1" ;;
    https://*) echo "$1#sha256=${2#sha256:}" ;;
    *) echo "$1@$2" ;;
  esac
}

look_up() { # BOARDS WHAT
  local docker=${DOCKER:-docker} platform=linux/arm64
  case $2 in
    https://*) curl --fail --silent --show-error --location "$2" | sha256sum | sed 's/^\(\S*\) .*/sha256:\1/' ;;
    *)
      [[ $1 != *amd64* ]] || platform=linux/amd64
      # Of an image for several platforms, it is the digest of their list.
      "$docker" pull --platform "$platform" "$2" | sed -n 's/^Digest: //p'
      ;;
  esac
}

case $1 in
  arguments)
    while read -r boards argument what digest; do
      [[ ,$boards, != *,$2,* ]] || echo "--build-arg $argument=$(pinned "$what" "$digest")"
    done < <(grep -v '^#' "$pins")
    ;;
  check)
    ! awk '!/^#/ && $4 == "-" { print "not pinned: " $3 ": make pin"; found = 1 } END { exit !found }' "$pins"
    ;;
  fill)
    while read -r boards argument what digest; do
      [ "$digest" = - ] || continue
      echo "pin: $what"
      digest=$(look_up "$boards" "$what" </dev/null)
      [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "no digest of $what found: '$digest'" >&2; exit 1; }
      sed -i "s|^$boards $argument $what -\$|$boards $argument $what $digest|" "$pins"
    done < <(grep -v '^#' "$pins")
    ;;
  *) sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2 ;;
esac
