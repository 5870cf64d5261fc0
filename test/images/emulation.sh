#!/usr/bin/env bash
# Enables emulation of arm64 in the kernel, or says in one line why that is impossible.
set -euo pipefail

table=/proc/sys/fs/binfmt_misc
[ "$(uname -m)" = aarch64 ] && exit 0
grep -qs enabled "$table/qemu-aarch64" && exit 0
if ! command -v update-binfmts >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "arm64 is not emulated here: install qemu-user-static and binfmt-support, and enable them as root" >&2
  exit 1
fi
[ -e "$table/register" ] || mount -t binfmt_misc binfmt_misc "$table" 2>/dev/null || {
  echo "arm64 cannot be emulated here: this kernel has no binfmt_misc" >&2
  exit 1
}
update-binfmts --enable qemu-aarch64 >/dev/null
