#!/usr/bin/env bash
# Succeeds if a Docker engine answers here, to a client that can build. Installs and starts nothing.
set -euo pipefail
docker=${DOCKER:-docker}
"$docker" info >/dev/null 2>&1
# From version 23 on a client builds only with its buildx plugin.
"$docker" buildx version >/dev/null 2>&1 || [[ $("$docker" --version) =~ version\ (20|19)\. ]]
