# Slipstream. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR)/src:$(CURDIR)/src/sidecar/gen:$(CURDIR)/test

PROTOS := $(wildcard proto/slipstream/v1/*.proto)
TYPESCRIPT := $(shell find src test bench -name '*.ts' -not -path '*/gen/*')
# The page's files that browsers get as they are.
PAGE := $(wildcard src/page/*.html src/page/*.css src/page/*.svg)

## help: print this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' $(MAKEFILE_LIST) | expand -t 28

## dev: install what is missing, then run on this machine with RTSPINPUT=rtsp://... or the demo camera
.PHONY: dev
dev: build/proto build/typescript
	@exec node dist/src/dev/main.js

## test: install what is missing, then run all checks and tests; tests of the images need a running Docker engine
.PHONY: test
test: check test-unit test-end-to-end test-chaos test-soak
	@if test/images/answers.sh; then $(MAKE) test-images; else \
		echo "test: skipping the tests of the images, no Docker engine answers; make test-images can start one"; fi
	@$(MAKE) test-nvidia

## check: check formatting, types, links between pages, the contract and Python 3.6 syntax; make lint is the same
.PHONY: check lint
check lint: build/typescript build/proto build/python-test
	@echo "lint: TypeScript"
	@biome ci --error-on-warnings
	@echo "lint: generated pages"
	@node dist/src/cli/settings/docs/settings-table.js | diff docs/settings.md - || { echo "run: make docs"; exit 1; }
	@node dist/src/cli/settings/docs/json-schema.js | diff docs/settings.schema.json - || { echo "run: make docs"; exit 1; }
	@node dist/src/cli/events/docs.js schema | diff docs/events.schema.json - || { echo "run: make docs"; exit 1; }
	@node dist/src/cli/events/docs.js asyncapi | diff docs/events.asyncapi.json - || { echo "run: make docs"; exit 1; }
	@for board in t4 nano; do node dist/src/cli/main.js settings lint --strict --target $$board examples/settings.$$board.json; done
	@node dist/src/cli/main.js settings lint --strict examples/settings.laptop.json examples/settings.fleet.json
	@echo "lint: links between pages"
	@node dist/test/support/page-links.js
	@echo "lint: contract"
	@buf lint
	@buf format --diff --exit-code >/dev/null
	@echo "lint: Python"
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check --quiet
	@.venv/bin/mypy
	@.venv/bin/vermin --target=3.6- --backport dataclasses --backport typing --violations --no-tips --eval-annotations \
		--exclude-regex '/(gen|tests)/' src/sidecar test/standins

## test-unit: run the unit tests of agent and sidecar
.PHONY: test-unit
test-unit: build/typescript build/proto build/python-test build/debian-test
	@echo "test: agent, command line, fleet, launcher and support"
	@node --test --test-reporter=dot $$(find dist/src dist/test/support dist/test/across dist/bench -name '*.test.js')
	@echo "test: sidecar"
	@# They wait more than they compute.
	@$(PYTHON) -m pytest --numprocesses $$(($$(nproc) + 1)) --dist worksteal

## test-agent: run the TypeScript unit tests; regular expressions select files (T) and tests in them (N): T=secrets/redact N=hides
.PHONY: test-agent
test-agent: build/typescript
	@files=$$(find dist/src dist/test/support dist/test/across dist/bench -name '*.test.js' | grep -E -- '$(or $(T),.)') || \
		{ echo "no test file matches '$(T)'" >&2; exit 1; }; \
		node --test --test-reporter=spec $${N:+--test-name-pattern="$$N"} $$files

## test-sidecar: run the unit tests of the sidecar; T selects some, as pytest -k does: T='keeper and signal'
.PHONY: test-sidecar
test-sidecar: build/python-test build/proto
	@$(PYTHON) -m pytest $(if $(T),-k '$(T)')

## test-end-to-end: test with a real agent, a real sidecar and real RTSP
.PHONY: test-end-to-end
test-end-to-end: build/typescript build/proto build/python-test build/debian-test build/fuzz/pyvenv.cfg
	@echo "test: end to end"
	@node --test --test-concurrency=1 --test-reporter=spec $$(find dist/test -maxdepth 1 -name '*.test.js' | sort)

## test-chaos: inject 25 faults, the same ones every time
.PHONY: test-chaos
test-chaos: build/typescript build/proto build/python-test build/debian-test
	@echo "test: chaos"
	@N=25 SEED=$(or $(SEED),25) node dist/bench/chaos/main.js

## test-soak: run for a minute with flapping cameras and viewers that come and go, and check that no process grows
.PHONY: test-soak
test-soak: build/typescript build/proto build/python-test build/debian-test
	@echo "test: soak"
	@MINUTES=1 node dist/bench/soak/main.js

## chaos: inject N random faults while viewers watch; SEED=n repeats a run, STRICT=1 uses the targets as bounds
.PHONY: chaos
chaos: build/typescript build/proto build/python-test build/debian-test
	@node dist/bench/chaos/main.js

## soak: run for MINUTES with flapping cameras and viewers that come and go, and plot memory and descriptors
.PHONY: soak
soak: build/typescript build/proto build/python-test build/debian-test
	@node dist/bench/soak/main.js

## bench: measure the time to the first frame, latency, CPU and memory; prints a table and writes JSON
.PHONY: bench
bench: build/typescript build/proto build/python-test
	@node dist/bench/main.js

## race: measure Slipstream beside what people use: ROUNDS=5 SECONDS=20 LOADS=640x360@15 CAMERAS=1,2 CPUS=0,1 ROBOFLOW=a Python with inference-cpu
.PHONY: race
race: build/typescript build/proto build/python-test build/debian-test build/race/pyvenv.cfg
	@taskset -c "$${CPUS:-0,1}" node dist/bench/race/main.js

# Environments of their own, beside Debian's GStreamer bindings: what is in them would change the versions of the sidecar's packages.
build/%/pyvenv.cfg: src/sidecar/requirements/cpu/%.lock build/debian
	@echo "setup: Python environment $*" >&2
	@rm -rf build/$*
	@/usr/bin/python3 -m venv --system-site-packages build/$*
	@build/$*/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $< || { rm -rf build/$*; exit 1; }
	@touch $@

## bench-fleet: measure how long it takes to plan a rollout over NODES (100000) nodes and to render the fleet page
.PHONY: bench-fleet
bench-fleet: build/typescript
	@NODES='$(NODES)' node dist/bench/fleet.js

## bench-page: measure how long a camera's frame takes until the page shows it in Chromium
.PHONY: bench-page
bench-page: build/typescript build/proto build/python-test build/debian-test
	@node dist/bench/page.js

## bench-events: measure the CPU that zones and lines take, and events a second through the queue to an MQTT broker
.PHONY: bench-events
bench-events: build/typescript build/debian-test
	@node dist/bench/events.js

## prebuild: on a board, build the TensorRT engine of BUNDLE for BATCH cameras ahead of time
.PHONY: prebuild
prebuild: build/python build/proto
	@$(PYTHON) -m sidecar.worker.engines.deepstream.prebuild --bundle "$(or $(BUNDLE),models/nanodet-coco)" --batch "$(or $(BATCH),1)"

## format: format the code and fix what the linters can fix
.PHONY: format
format: build/node build/python-test
	@biome check --write
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format --quiet
	@buf format --write

## docs: generate the pages that are made from the code
.PHONY: docs
docs: build/typescript
	@node dist/src/cli/settings/docs/settings-table.js >docs/settings.md
	@node dist/src/cli/settings/docs/json-schema.js >docs/settings.schema.json
	@node dist/src/cli/events/docs.js schema >docs/events.schema.json
	@node dist/src/cli/events/docs.js asyncapi >docs/events.asyncapi.json

## lock: write the lock files of the Python packages from their lists; LOCK_OPTIONS=--upgrade takes the newest that fit
.PHONY: lock
lock: build/python
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target build/uv \
		-r src/sidecar/requirements/cpu/lock.lock
	@setup/lock-requirements.sh build/uv/bin/uv $(LOCK_OPTIONS)

## proto: generate the contract's code
.PHONY: proto
proto: build/proto

## clean: remove what was built, but not what was installed
.PHONY: clean
clean:
	@rm -rf dist build/proto* build/typescript src/agent/sidecar/gen src/sidecar/gen .pytest_cache .mypy_cache .ruff_cache

## distclean: remove everything that is not in the repository
.PHONY: distclean
distclean: clean
	@rm -rf build node_modules .venv

# --- Set-up. Each step leaves a file in build/, so that make skips it when nothing has changed. ---

build/debian: setup/debian-packages.txt setup/debian-packages.sh
	@setup/debian-packages.sh $<
	@mkdir -p build && touch $@

build/debian-test: setup/debian-packages-test.txt setup/debian-packages.sh
	@setup/debian-packages.sh $<
	@mkdir -p build && touch $@

build/node: package.json package-lock.json
	@echo "setup: installing Node.js modules"
	@npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@mkdir -p build && touch $@

build/python: src/sidecar/requirements/cpu/run.lock src/sidecar/requirements/cpu/build.lock build/debian
	@echo "setup: installing the Python environment"
	@setup/python-environment.sh $(filter %.lock,$^)
	@mkdir -p build && touch $@

build/python-test: src/sidecar/requirements/cpu/test.lock src/sidecar/requirements/cpu/stubs.lock build/python
	@echo "setup: installing Python test tools"
	@setup/python-environment.sh $<
	@# The stubs declare that they need Python 3.12, but mypy reads them under any version.
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --ignore-requires-python \
		-r src/sidecar/requirements/cpu/stubs.lock
	@mkdir -p build && touch $@

build/proto: build/proto-typescript build/proto-python
	@touch $@

build/proto-typescript: $(PROTOS) buf.yaml buf.gen.yaml build/node
	@echo "setup: generating the contract's TypeScript code"
	@buf generate
	@mkdir -p build && touch $@

build/proto-python: $(PROTOS) build/python
	@echo "setup: generating the contract's Python code"
	@rm -rf src/sidecar/gen && mkdir -p src/sidecar/gen
	@$(PYTHON) -m grpc_tools.protoc -Iproto --python_out=src/sidecar/gen --pyi_out=src/sidecar/gen --grpc_python_out=src/sidecar/gen $(PROTOS)
	@mkdir -p build && touch $@

build/typescript: $(TYPESCRIPT) $(PAGE) tsconfig.json src/page/tsconfig.json build/proto-typescript
	@echo "setup: compiling TypeScript"
	@rm -rf dist && tsc && tsc --project src/page && cp $(PAGE) dist/src/page/
	@mkdir -p build && touch $@

include horizon/horizon.mk
include test/nvidia/nvidia.mk
