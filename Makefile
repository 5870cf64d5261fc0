# Slipstream. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR)/src:$(CURDIR)/src/sidecar/gen

PROTOS := $(wildcard proto/slipstream/v1/*.proto)
TYPESCRIPT := $(shell find src test bench -name '*.ts' -not -path '*/gen/*')

## help: list the targets
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | column -t -s ':'

# --- what must be there before anything runs; each step is a file, so that a step with nothing to do costs nothing ---

build/debian: setup/debian-packages.txt setup/debian-packages.sh
	@setup/debian-packages.sh $<
	@mkdir -p build && touch $@

build/debian-test: setup/debian-packages-test.txt setup/debian-packages.sh
	@setup/debian-packages.sh $<
	@mkdir -p build && touch $@

build/node: package.json package-lock.json
	@echo "setup: node modules"
	@npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p build && touch $@

build/python: src/sidecar/requirements/cpu.txt src/sidecar/requirements/build.txt build/debian
	@echo "setup: Python environment"
	@setup/python-environment.sh $(filter %.txt,$^)
	@mkdir -p build && touch $@

build/python-test: src/sidecar/requirements/test.txt build/python
	@echo "setup: Python test tools"
	@setup/python-environment.sh $<
	@mkdir -p build && touch $@

build/proto: $(PROTOS) buf.yaml buf.gen.yaml build/node build/python
	@echo "setup: generated code of the contract"
	@buf generate
	@rm -rf src/sidecar/gen && mkdir -p src/sidecar/gen
	@$(PYTHON) -m grpc_tools.protoc -Iproto --python_out=src/sidecar/gen --pyi_out=src/sidecar/gen --grpc_python_out=src/sidecar/gen $(PROTOS)
	@mkdir -p build && touch $@

build/typescript: $(TYPESCRIPT) tsconfig.json build/proto
	@echo "setup: TypeScript"
	@rm -rf dist && tsc
	@mkdir -p build && touch $@
