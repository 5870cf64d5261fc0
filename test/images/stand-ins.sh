#!/usr/bin/env bash
# Usage: stand-ins.sh ARCH            (amd64 or arm64; inside engine.sh)
# Builds stand-ins for the base images once, without a registry: Debian 12 in place of NVIDIA's image, and Debian 12 with
# Node.js in place of Node's image. Their tags are slipstream-stand-in/deepstream:ARCH and slipstream-stand-in/node:ARCH.
# DEBIAN_MIRROR           mirror of Debian's packages
# DEBIAN_SECURITY_MIRROR  mirror of its security updates
set -euo pipefail

arch=$1
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=${DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
node=24.21.0
npm=11.21.1
declare -A node_arch=([amd64]=x64 [arm64]=arm64)

# Stand-ins from another version of these files are rebuilt.
recipe=$(cat "$0" test/images/stand-in.Dockerfile | sha256sum | cut -d ' ' -f 1)
made() {
  [ "$("$DOCKER" image inspect --format '{{.Config.Labels.recipe}}' "slipstream-stand-in/$1:$arch" 2>/dev/null)" = "$recipe" ]
}

if ! made deepstream || ! made node; then
  root=$IMAGES_CACHE/root.$arch
  if [ ! -e "$root.tar" ]; then
    echo "stand-ins: Debian for $arch" >&2
    rm -rf "$root"
    debootstrap --arch "$arch" --variant minbase --include ca-certificates bookworm "$root" "$mirror" >"$root.log" 2>&1 || {
      tail -n 5 "$root.log" >&2
      exit 1
    }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" --numeric-owner -cf "$root.tar.part" .
    mv "$root.tar.part" "$root.tar"
    rm -rf "$root"
  fi
  echo "stand-ins: Node.js $node for $arch" >&2
  context=$(mktemp -d)
  trap 'rm -rf "$context"' EXIT
  ln "$root.tar" "$context/root.tar" 2>/dev/null || cp "$root.tar" "$context/root.tar"
  printf 'deb %s main\n' "$mirror bookworm" "$mirror bookworm-updates" "$security bookworm-security" >"$context/sources.list"
  # Node.js from the npm registry, which has a package with the executable for each platform.
  (cd "$context" && npm pack --silent "node-linux-${node_arch[$arch]}@$node" "npm@$npm" >/dev/null)
  mkdir -p "$context/local/bin" "$context/local/lib/node_modules/npm"
  tar -C "$context/local/bin" --strip-components 2 -xzf "$context/node-linux-${node_arch[$arch]}-$node.tgz" package/bin/node
  tar -C "$context/local/lib/node_modules/npm" --strip-components 1 -xzf "$context/npm-$npm.tgz"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$context/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$context/local/bin/npx"
  for target in deepstream node; do
    "$DOCKER" build --quiet --platform "linux/$arch" --target "$target" --label "recipe=$recipe" --tag "slipstream-stand-in/$target:$arch" \
      --file test/images/stand-in.Dockerfile "$context" >/dev/null
  done
fi
