#!/usr/bin/env bash
# Succeeds if a Docker engine answers and the client can build images. Installs and starts nothing.
set -euo pipefail
docker=${DOCKER:-docker}
"$docker" info >/dev/null 2>&1
# Clients from version 23 on need the buildx plugin to build.
"$docker" buildx version >/dev/null 2>&1 || [[ $("$docker" --version) =~ version\ (20|19)\. ]]
