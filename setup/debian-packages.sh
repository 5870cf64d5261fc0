#!/usr/bin/env bash
# Usage: debian-packages.sh LIST
# Installs the missing Debian packages of a list (one name per line). Without root or passwordless sudo, it prints the
# command to run and fails.
set -euo pipefail
mapfile -t wanted <"$1"
missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ]; then
  as_root=(env DEBIAN_FRONTEND=noninteractive bash -c)
elif sudo -n true 2>/dev/null; then
  as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive bash -c)
else
  echo "setup: Debian packages are missing. Run this command, then make again:" >&2
  echo "  sudo sh -c '$install'" >&2
  exit 1
fi
echo "setup: installing Debian packages: ${missing[*]}"
log=$(mktemp)
"${as_root[@]}" "$install" >"$log" 2>&1 || { tail -n 20 "$log" >&2; rm -f "$log"; exit 1; }
rm -f "$log"
