# Open Horizon: images, publishing, rollouts, and commands for a node. Included by the Makefile.

# `hzn` reads horizon/hzn.json itself, so that commands typed by hand use the same values.
hzn-json = $(shell sed -n 's/^ *"$(1)": "\(.*\)",\{0,1\}$$/\1/p' horizon/hzn.json)
# A board that needs other images than its architecture has a service of its own: BOARD=orin-nano.
BOARD ?=
ifneq ($(filter-out orin-nano,$(BOARD)),)
$(error BOARD is "$(BOARD)": orin-nano, or empty for a T4 or a Nano)
endif
PACKAGE_NAME := $(call hzn-json,SERVICE_NAME)
SERVICE_NAME ?= $(PACKAGE_NAME)$(addprefix -,$(BOARD))
SERVICE_POLICY ?= horizon/service.policy$(addprefix .,$(BOARD)).json
# package.json is the source of the version. `make version` writes it to the files that cannot read it; tests compare them.
SERVICE_VERSION ?= $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
PREVIOUS_VERSION ?= $(call hzn-json,PREVIOUS_VERSION)
# The rings that `make publish` covers: ROLLOUT_RINGS='<= 1'.
ROLLOUT_RINGS ?= $(call hzn-json,ROLLOUT_RINGS)
# Names of secrets that settings refer to: NAME, or NAME=NAME_AT_THE_HUB.
SECRETS ?=
DOCKER_IMAGE_BASE ?= $(if $(DOCKER_HUB_ID),$(DOCKER_HUB_ID)/$(SERVICE_NAME),$(call hzn-json,DOCKER_IMAGE_BASE)$(addprefix -,$(BOARD)))
DEPLOYMENT_POLICY_NAME ?= policy-$(SERVICE_NAME)
PATTERN_NAME ?= pattern-$(SERVICE_NAME)
# Describes such a board instead of this machine, for many identical nodes: NODE_BOARD=t4.
NODE_BOARD ?=
NODE_POLICY ?= build/horizon/node.policy$(addprefix .,$(NODE_BOARD)).json
# Nodes of ring 1 get a new version first.
NODE_RING ?= 2
OVERWRITE ?= no
DOCKER ?= docker
# Further arguments of `docker build`: --build-arg DEEPSTREAM_IMAGE=..., --secret id=certificates,src=...
BUILD_ARGS ?=
ARCH ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
ARCHES := amd64 arm64
DOCKERFILE := Dockerfile.$(ARCH)
ifeq ($(BOARD),orin-nano)
ARCH := arm64
ARCHES := arm64
# It has the T4's DeepStream, whose image exists for arm64 too.
DOCKERFILE := Dockerfile.amd64
endif

HORIZON_VARIABLES := HZN_ORG_ID HZN_EXCHANGE_URL ARCH SERVICE_NAME SERVICE_VERSION PREVIOUS_VERSION ROLLOUT_RINGS SECRETS \
	DOCKER_IMAGE_BASE SERVICE_POLICY DEPLOYMENT_POLICY_NAME PATTERN_NAME NODE_POLICY NODE_RING OVERWRITE DOCKER
image = $(DOCKER_IMAGE_BASE)-$(1)_$(ARCH):$(SERVICE_VERSION)
service = $(HZN_ORG_ID)/$(SERVICE_NAME)_$(SERVICE_VERSION)_$(ARCH)
# For the environment of recipes; nothing else needs these variables there.
with-variables = $(foreach name,$(HORIZON_VARIABLES),$(name)='$($(name))')

# Stops a recipe at its start if a variable is not set.
need = @[ -n '$($(1))' ] || { echo "$(1) is not set: $(2)" >&2; exit 1; }
need-org = $(call need,HZN_ORG_ID,the organisation in the Exchange$(,) as in HZN_ORG_ID=myorg)
need-hzn = @command -v hzn >/dev/null || { echo "hzn is not installed: it comes with the Horizon agent's packages" >&2; exit 1; }
need-exchange = $(call need,HZN_EXCHANGE_URL,the URL of the Exchange)
need-login = $(call need,HZN_EXCHANGE_USER_AUTH,user:password in the Exchange)
, := ,

## init: create the volumes, so that they survive the end of an agreement and a new registration
.PHONY: init
init:
	@for volume in models data agent; do $(DOCKER) volume create slipstream-$$volume >/dev/null; done

## version: set the version of the package: VERSION=0.2.0
.PHONY: version
version: build/typescript
	$(call need,VERSION,the new version$(,) as in VERSION=0.2.0)
	@node dist/src/fleet/publish/write-version.js '$(VERSION)'

## build: build both images for ARCH
.PHONY: build
build:
	@setup/pins.sh check >&2 || true
	@pins=$$(setup/pins.sh arguments $(or $(BOARD),$(ARCH))) || exit 1; for program in agent sidecar; do \
		echo "build: $$program for $(ARCH)"; \
		$(DOCKER) build --platform linux/$(ARCH) --file $(DOCKERFILE) --target $$program --build-arg VERSION=$(SERVICE_VERSION) \
			--tag $(DOCKER_IMAGE_BASE)-$${program}_$(ARCH):$(SERVICE_VERSION) $$pins $(BUILD_ARGS) .; \
	done

## pins: name the base images and wheels in setup/pins.txt that have no digest; make pin looks the digests up
.PHONY: pins pin
pins:
	@setup/pins.sh check
pin:
	@DOCKER='$(DOCKER)' setup/pins.sh fill

## build-all-arches: build both images for amd64 and arm64
.PHONY: build-all build-all-arches
build-all build-all-arches:
	@for arch in $(ARCHES); do $(MAKE) build ARCH=$$arch; done

## push: push both images of ARCH to their registry
.PHONY: push
push:
	@for program in agent sidecar; do $(DOCKER) push $(DOCKER_IMAGE_BASE)-$${program}_$(ARCH):$(SERVICE_VERSION); done

## run: run both containers on this machine as Horizon runs them: RTSPINPUT=rtsp://...
.PHONY: run
run: build/typescript
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" $(filter-out HZN_ORG_ID=%,$(with-variables)) node dist/src/dev/run.js start

## stop: stop both containers; the volumes stay
.PHONY: stop
stop: build/typescript
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" $(filter-out HZN_ORG_ID=%,$(with-variables)) node dist/src/dev/run.js stop

## log: follow the logs of both containers
.PHONY: log
log:
	@$(DOCKER) logs --follow slipstream-sidecar & $(DOCKER) logs --follow slipstream-agent; wait

## attach: open a shell in the sidecar's container
.PHONY: attach
attach:
	@$(DOCKER) exec --interactive --tty slipstream-sidecar bash

## dev-hzn: run the package with `hzn dev` and the settings in horizon/userinput.json; make dev-hzn-stop stops it
.PHONY: dev-hzn dev-hzn-stop
dev-hzn:
	$(need-hzn)
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" HZN_EXCHANGE_URL="$${HZN_EXCHANGE_URL:-none}" \
		$(filter-out HZN_ORG_ID=% HZN_EXCHANGE_URL=%,$(with-variables)) hzn dev service start -S -f horizon/userinput.json
dev-hzn-stop:
	$(need-hzn)
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" HZN_EXCHANGE_URL="$${HZN_EXCHANGE_URL:-none}" \
		$(filter-out HZN_ORG_ID=% HZN_EXCHANGE_URL=%,$(with-variables)) hzn dev service stop -f horizon/userinput.json

## check-package: print every variable, the definition as hzn reads it, and what is wrong with the package
.PHONY: check-package
check-package: build/typescript
	@$(foreach name,$(HORIZON_VARIABLES) BUILD_ARGS,echo '$(name)=$($(name))';)
	@$(with-variables) node dist/src/fleet/main.js print
	@$(with-variables) node dist/src/cli/main.js definition lint service.definition.json $(SERVICE_POLICY)

## user-input: generate the definition's userInput from the settings
.PHONY: user-input
user-input: build/typescript
	@node dist/src/fleet/publish/user-input.js
	@biome check --write --log-level=error service.definition.json

## publish: publish service, service policy and deployment policy; push the images first
.PHONY: publish publish-only
publish publish-only: publish-service publish-service-policy publish-deployment-policy

## publish-service: publish the service of ARCH, with its images by digest; OVERWRITE=yes replaces other content
.PHONY: publish-service
publish-service: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@$(with-variables) node dist/src/fleet/main.js publish-service

## publish-service-policy: publish what the service of ARCH requires of a node
.PHONY: publish-service-policy
publish-service-policy:
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@$(with-variables) hzn exchange service addpolicy -f $(SERVICE_POLICY) $(service)

## publish-deployment-policy: publish which nodes get which version, with PREVIOUS_VERSION to fall back to
.PHONY: publish-deployment-policy
publish-deployment-policy: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	$(if $(SECRETS),$(call need,HZN_AGBOT_URL,hzn looks for the secrets at the agreement bot))
	@$(with-variables) node dist/src/fleet/main.js publish-deployment-policy

# Variables of the rollout targets. MAY_FAIL: how many nodes may be unproven at a promotion. PROVEN_AFTER: minutes.
ROLLOUT_VARIABLES := VERSION RING MAY_FAIL PROVEN_AFTER DRY_RUN CONFIRM
with-rollout = $(with-variables) $(foreach name,$(ROLLOUT_VARIABLES),$(name)='$($(name))')

define rollout
$(need-org)
$(need-exchange)
$(need-login)
@$(with-rollout) node dist/src/fleet/main.js $@
endef

## canary: roll out the published VERSION to the nodes up to RING (1); asks first, DRY_RUN=1 only prints the steps
.PHONY: canary
canary: build/typescript
	$(rollout)

## promote: roll out the new version to the nodes up to RING, or to all, if the nodes that have it have proven it
.PHONY: promote
promote: build/typescript
	$(rollout)

## rollback: return all nodes to the old version
.PHONY: rollback
rollback: build/typescript
	$(rollout)

## fleet-status: show which nodes run which version, by ring, and which need attention
.PHONY: fleet-status
fleet-status: build/typescript
	$(rollout)

# The nodes that already have an object report whether it has passed there; MAY_FAIL as for versions.
need-mms = $(call need,HZN_FSS_CSSURL,the URL of the hub's Model Management Service)
with-object = $(with-rollout) PACKAGE_NAME='$(PACKAGE_NAME)' $(foreach name,MODEL MODEL_KEYS FILE OBJECT OBJECT_VERSION,$(name)='$($(name))')

define publish-object
$(need-org)
$(need-hzn)
$(need-exchange)
$(need-mms)
$(need-login)
@$(with-object) node dist/src/fleet/main.js $@
endef

## publish-model: lint MODEL, an archive of `slipstream model pack`, and publish it to ROLLOUT_RINGS, if it has passed where it is
.PHONY: publish-model
publish-model: build/typescript
	$(publish-object)

## publish-settings: lint the settings document FILE, and publish it to ROLLOUT_RINGS as OBJECT (settings), if it has passed where it is
.PHONY: publish-settings
publish-settings: build/typescript
	$(publish-object)

## remove-settings: remove OBJECT (settings) from the hub: nodes return to what they had before; remove-model: OBJECT=NAME-VERSION
.PHONY: remove-settings remove-model
remove-settings remove-model:
	$(need-org)
	$(need-hzn)
	$(need-mms)
	$(need-login)
	$(if $(filter remove-model,$@),$(call need,OBJECT,the model$(,) as in OBJECT=nanodet-coco-1.0.0))
	@hzn mms object delete -t slipstream-$(@:remove-%=%) -i $(or $(OBJECT),settings)

## verify-hub: try publishing, rollout, rollback, settings, a model and a secret on the hub in the environment, as slipstream-verify
.PHONY: verify-hub
verify-hub: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@node dist/src/fleet/verify-hub/verify.js

## record-hub: record for the tests what a real hub answers to these targets; touches only slipstream-verify there
.PHONY: record-hub
record-hub: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	$(need-mms)
	@node dist/src/fleet/verify-hub/record.js
	@biome check --write --log-level=error src/fleet/verify-hub/recording.json

## simulate-rollout: roll out good and bad releases to NODES (1000) simulated nodes with the real trials; SEED repeats a run
.PHONY: simulate-rollout
simulate-rollout: build/typescript
	@NODES='$(NODES)' SEED='$(SEED)' node dist/bench/rollout.js

## publish-pattern: publish the pattern with both architectures
.PHONY: publish-pattern
publish-pattern:
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@$(with-variables) hzn exchange pattern publish -f horizon/pattern.json -p $(PATTERN_NAME)

## remove: remove deployment policy, service policy and service of ARCH from the Exchange
.PHONY: remove remove-service remove-service-policy remove-deployment-policy remove-pattern
remove: remove-deployment-policy remove-service-policy remove-service
remove-service:
	$(need-org)
	$(need-hzn)
	@hzn exchange service remove -f $(service)
remove-service-policy:
	$(need-org)
	$(need-hzn)
	@hzn exchange service removepolicy -f $(service)
# A rollout may leave either of the two.
remove-deployment-policy:
	$(need-org)
	$(need-hzn)
	@for name in $(DEPLOYMENT_POLICY_NAME) $(DEPLOYMENT_POLICY_NAME)-b; do \
		hzn exchange deployment listpolicy $(HZN_ORG_ID)/$$name >/dev/null 2>&1 || continue; \
		hzn exchange deployment removepolicy -f $(HZN_ORG_ID)/$$name; \
	done
remove-pattern:
	$(need-org)
	$(need-hzn)
	@hzn exchange pattern remove -f $(HZN_ORG_ID)/$(PATTERN_NAME)

## node-policy: describe this node in NODE_POLICY; NODE_RING for a node without a ring, NODE_BOARD=t4 for other nodes
.PHONY: node-policy
node-policy: build/typescript
	@mkdir -p $(dir $(NODE_POLICY))
	@node dist/src/cli/main.js node-policy --out $(NODE_POLICY) --ring $(NODE_RING) $(addprefix --board ,$(NODE_BOARD))

# Horizon cancels an agreement that does not run after ten minutes.
AGENT_WAIT ?= 660

## agent-run: register this node with its policy, and report its agreements until the service runs or AGENT_WAIT seconds pass
.PHONY: agent-run
agent-run: node-policy
	$(need-org)
	$(need-hzn)
	@$(with-variables) hzn register --policy $(NODE_POLICY) --input-file $(if $(NODE_INPUT),$(NODE_INPUT),horizon/userinput.json)
	@$(with-variables) AGENT_WAIT='$(AGENT_WAIT)' node dist/src/fleet/main.js agent-run

## agent-stop: unregister this node and remove it from the Exchange; KEEP_NODE=yes keeps it there
.PHONY: agent-stop
agent-stop:
	$(need-hzn)
	@hzn unregister -f $(if $(filter yes,$(KEEP_NODE)),,-r)

## pre-pull: on a node, pull the images of VERSION before its upgrade, which stops the old version first
.PHONY: pre-pull
pre-pull: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	@$(with-variables) VERSION='$(VERSION)' node dist/src/fleet/main.js pre-pull

## hzn-env: print the variables of the package's files, for hzn typed by hand: eval "$$(make hzn-env)"
.PHONY: hzn-env
hzn-env:
	@$(foreach name,$(filter-out HZN_%,$(HORIZON_VARIABLES)),echo "export $(name)='$($(name))'";)

## deploy-check: show which version a T4, a Nano and an Orin Nano would get, or why none
.PHONY: deploy-check
deploy-check: build/typescript
	@for board in t4:amd64 nano:arm64 orin-nano:arm64; do \
		node="$${board%:*}"; suffix=; [ "$$node" != orin-nano ] || suffix=orin-nano; \
		echo "$$node:"; \
		HZN_ORG_ID="$${HZN_ORG_ID:-local}" PREVIOUS_VERSION="$${PREVIOUS_VERSION:-0.0.0}" \
			SERVICE_NAME="$(PACKAGE_NAME)$${suffix:+-$$suffix}" node dist/src/cli/main.js policy explain \
			--node "horizon/node.policy.$$node.json" --arch "$${board#*:}" --deployment deployment.policy.json \
			--service-policy "horizon/service.policy$${suffix:+.$$suffix}.json"; \
	done

## test-images: build both images for both architectures on stand-ins of their bases, and run them as Horizon does; as root it starts a Docker engine if none answers
.PHONY: test-images
test-images: build/typescript build/python-test
	@echo "test: images"
	@nice test/images/engine.sh node --test --test-reporter=spec dist/test/images/requirements.test.js dist/test/images/images.test.js
