# Open Horizon: images, publishing, and the node's side. Included by the Makefile.

# What `hzn` itself reads too, so that a command typed by hand does the same.
hzn-json = $(shell sed -n 's/^ *"$(1)": "\(.*\)",\{0,1\}$$/\1/p' horizon/hzn.json)
# A board whose images are other than those of its architecture is a service of its own: BOARD=orin-nano.
BOARD ?=
ifneq ($(filter-out orin-nano,$(BOARD)),)
$(error BOARD is $(BOARD): orin-nano, or nothing for a T4 and a Nano)
endif
PACKAGE_NAME := $(call hzn-json,SERVICE_NAME)
SERVICE_NAME ?= $(PACKAGE_NAME)$(addprefix -,$(BOARD))
SERVICE_POLICY ?= horizon/service.policy$(addprefix .,$(BOARD)).json
# package.json is the source of the version; what cannot read it is written by `make version` and compared by tests.
SERVICE_VERSION ?= $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
PREVIOUS_VERSION ?= $(call hzn-json,PREVIOUS_VERSION)
# The nodes that `make publish` means, by their ring: ROLLOUT_RINGS='<= 1'.
ROLLOUT_RINGS ?= $(call hzn-json,ROLLOUT_RINGS)
# Names of secrets that settings refer to; NAME, or NAME=WHAT THE HUB CALLS IT.
SECRETS ?=
DOCKER_IMAGE_BASE ?= $(if $(DOCKER_HUB_ID),$(DOCKER_HUB_ID)/$(SERVICE_NAME),$(call hzn-json,DOCKER_IMAGE_BASE)$(addprefix -,$(BOARD)))
DEPLOYMENT_POLICY_NAME ?= policy-$(SERVICE_NAME)
PATTERN_NAME ?= pattern-$(SERVICE_NAME)
# A node policy that is no look at this machine but says what such a board is, for the many that are alike: NODE_BOARD=t4.
NODE_BOARD ?=
NODE_POLICY ?= build/horizon/node.policy$(addprefix .,$(NODE_BOARD)).json
# Ring 1 is for the nodes that a new version comes to first.
NODE_RING ?= 2
OVERWRITE ?= no
DOCKER ?= docker
# More arguments of `docker build`: --build-arg DEEPSTREAM_IMAGE=..., --secret id=certificates,src=...
BUILD_ARGS ?=
ARCH ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
ARCHES := amd64 arm64
DOCKERFILE := Dockerfile.$(ARCH)
ifeq ($(BOARD),orin-nano)
ARCH := arm64
ARCHES := arm64
# Its DeepStream is the T4's, whose image is there for arm64 too.
DOCKERFILE := Dockerfile.amd64
override BUILD_ARGS += --build-arg \
	PYDS=https://github.com/NVIDIA-AI-IOT/deepstream_python_apps/releases/download/v1.2.0/pyds-1.2.0-cp310-cp310-linux_aarch64.whl
endif

HORIZON_VARIABLES := HZN_ORG_ID HZN_EXCHANGE_URL ARCH SERVICE_NAME SERVICE_VERSION PREVIOUS_VERSION ROLLOUT_RINGS SECRETS \
	DOCKER_IMAGE_BASE SERVICE_POLICY DEPLOYMENT_POLICY_NAME PATTERN_NAME NODE_POLICY NODE_RING OVERWRITE DOCKER
image = $(DOCKER_IMAGE_BASE)-$(1)_$(ARCH):$(SERVICE_VERSION)
service = $(HZN_ORG_ID)/$(SERVICE_NAME)_$(SERVICE_VERSION)_$(ARCH)
# Only the recipes of this file need them in their environment.
with-variables = $(foreach name,$(HORIZON_VARIABLES),$(name)='$($(name))')

# A sentence for each thing that may be missing, before anything is done.
need = @[ -n '$($(1))' ] || { echo "$(1) is not set: $(2)" >&2; exit 1; }
need-org = $(call need,HZN_ORG_ID,the organisation in the Exchange$(,) as in HZN_ORG_ID=myorg)
need-hzn = @command -v hzn >/dev/null || { echo "hzn is not installed: it comes with the Horizon agent's packages" >&2; exit 1; }
need-exchange = $(call need,HZN_EXCHANGE_URL,the address of the Exchange)
need-login = $(call need,HZN_EXCHANGE_USER_AUTH,user:password in the Exchange)
, := ,

## init: make the volumes that are to outlive an agreement and a new registration
.PHONY: init
init:
	@for volume in data agent; do $(DOCKER) volume create slipstream-$$volume >/dev/null; done

## version: give the package another version: VERSION=0.2.0
.PHONY: version
version: build/typescript
	$(call need,VERSION,the new version$(,) as in VERSION=0.2.0)
	@node dist/src/fleet/publish/write-version.js '$(VERSION)'

## build: both images for ARCH
.PHONY: build
build:
	@for half in agent sidecar; do \
		echo "build: $$half for $(ARCH)"; \
		$(DOCKER) build --platform linux/$(ARCH) --file $(DOCKERFILE) --target $$half --build-arg VERSION=$(SERVICE_VERSION) \
			--tag $(DOCKER_IMAGE_BASE)-$${half}_$(ARCH):$(SERVICE_VERSION) $(BUILD_ARGS) .; \
	done

## build-all-arches: both images for amd64 and arm64
.PHONY: build-all build-all-arches
build-all build-all-arches:
	@for arch in $(ARCHES); do $(MAKE) build ARCH=$$arch; done

## push: both images of ARCH to their registry
.PHONY: push
push:
	@for half in agent sidecar; do $(DOCKER) push $(DOCKER_IMAGE_BASE)-$${half}_$(ARCH):$(SERVICE_VERSION); done

## run: the two containers on this machine as Horizon runs them: RTSPINPUT=rtsp://...
.PHONY: run
run: build/typescript
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" $(filter-out HZN_ORG_ID=%,$(with-variables)) node dist/src/dev/run.js start

## stop: end them; the volumes stay
.PHONY: stop
stop: build/typescript
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" $(filter-out HZN_ORG_ID=%,$(with-variables)) node dist/src/dev/run.js stop

## log: follow what both containers say
.PHONY: log
log:
	@$(DOCKER) logs --follow slipstream-sidecar & $(DOCKER) logs --follow slipstream-agent; wait

## attach: a shell in the sidecar's container
.PHONY: attach
attach:
	@$(DOCKER) exec --interactive --tty slipstream-sidecar bash

## dev-hzn: run by `hzn dev`, with the settings in horizon/userinput.json; make dev-hzn-stop ends it
.PHONY: dev-hzn dev-hzn-stop
dev-hzn:
	$(need-hzn)
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" HZN_EXCHANGE_URL="$${HZN_EXCHANGE_URL:-none}" \
		$(filter-out HZN_ORG_ID=% HZN_EXCHANGE_URL=%,$(with-variables)) hzn dev service start -S -f horizon/userinput.json
dev-hzn-stop:
	$(need-hzn)
	@HZN_ORG_ID="$${HZN_ORG_ID:-local}" HZN_EXCHANGE_URL="$${HZN_EXCHANGE_URL:-none}" \
		$(filter-out HZN_ORG_ID=% HZN_EXCHANGE_URL=%,$(with-variables)) hzn dev service stop -f horizon/userinput.json

## check-package: every variable, the definition as hzn reads it, and what is wrong with the package
.PHONY: check-package
check-package: build/typescript
	@$(foreach name,$(HORIZON_VARIABLES) BUILD_ARGS,echo '$(name)=$($(name))';)
	@$(with-variables) node dist/src/fleet/main.js print
	@$(with-variables) node dist/src/cli/main.js definition lint service.definition.json $(SERVICE_POLICY)

## user-input: write the definition's userInput anew from the settings
.PHONY: user-input
user-input: build/typescript
	@node dist/src/fleet/publish/user-input.js
	@biome check --write --log-level=error service.definition.json

## publish: service, service policy and deployment policy; the images must have been pushed
.PHONY: publish publish-only
publish publish-only: publish-service publish-service-policy publish-deployment-policy

## publish-service: the service of ARCH, with its images by digest; OVERWRITE=yes replaces other content
.PHONY: publish-service
publish-service: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@$(with-variables) node dist/src/fleet/main.js publish-service

## publish-service-policy: what the service of ARCH asks of a node
.PHONY: publish-service-policy
publish-service-policy:
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@$(with-variables) hzn exchange service addpolicy -f $(SERVICE_POLICY) $(service)

## publish-deployment-policy: who gets which version, with PREVIOUS_VERSION to go back to
.PHONY: publish-deployment-policy
publish-deployment-policy: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	$(if $(SECRETS),$(call need,HZN_AGBOT_URL,hzn looks for the secrets at the agreement bot))
	@$(with-variables) node dist/src/fleet/main.js publish-deployment-policy

# Of the rollout's targets: MAY_FAIL nodes may stand against a promotion; PROVEN_AFTER is in minutes.
ROLLOUT_VARIABLES := VERSION RING MAY_FAIL PROVEN_AFTER DRY_RUN CONFIRM
with-rollout = $(with-variables) $(foreach name,$(ROLLOUT_VARIABLES),$(name)='$($(name))')

define rollout
$(need-org)
$(need-exchange)
$(need-login)
@$(with-rollout) node dist/src/fleet/main.js $@
endef

## canary: give VERSION, which is published, to the nodes up to RING (1); tells what it does first, DRY_RUN=1 only tells
.PHONY: canary
canary: build/typescript
	$(rollout)

## promote: give the new version to the nodes up to RING, or to all, if it has proven itself on those that have it
.PHONY: promote
promote: build/typescript
	$(rollout)

## rollback: give the old version to all nodes again
.PHONY: rollback
rollback: build/typescript
	$(rollout)

## fleet-status: who runs which version, ring by ring, and who needs a look
.PHONY: fleet-status
fleet-status: build/typescript
	$(rollout)

# Who has an object already says whether it has passed there; MAY_FAIL as for versions.
need-mms = $(call need,HZN_FSS_CSSURL,the address of the hub's Model Management Service)
with-object = $(with-rollout) PACKAGE_NAME='$(PACKAGE_NAME)' $(foreach name,MODEL MODEL_KEYS FILE OBJECT OBJECT_VERSION,$(name)='$($(name))')

define publish-object
$(need-org)
$(need-hzn)
$(need-exchange)
$(need-mms)
$(need-login)
@$(with-object) node dist/src/fleet/main.js $@
endef

## publish-model: send MODEL, an archive of `slipstream model pack`, to the nodes of ROLLOUT_RINGS, if it has passed where it is; the linter looks at it first
.PHONY: publish-model
publish-model: build/typescript
	$(publish-object)

## publish-settings: send the settings document FILE to the nodes of ROLLOUT_RINGS, as OBJECT (settings); the linter looks at it first
.PHONY: publish-settings
publish-settings: build/typescript
	$(publish-object)

## remove-settings: take OBJECT (settings) back: nodes go on with what counted before; remove-model takes OBJECT=NAME-VERSION
.PHONY: remove-settings remove-model
remove-settings remove-model:
	$(need-org)
	$(need-hzn)
	$(need-mms)
	$(need-login)
	$(if $(filter remove-model,$@),$(call need,OBJECT,the model$(,) as in OBJECT=nanodet-coco-1.0.0))
	@hzn mms object delete -t slipstream-$(@:remove-%=%) -i $(or $(OBJECT),settings)

## verify-hub: publish, roll out, go back, send settings, a model and a secret on the hub that the environment names, as slipstream-verify
.PHONY: verify-hub
verify-hub: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@node dist/src/fleet/verify-hub/verify.js

## record-hub: keep what a real hub answers to all that these targets send, for the tests; touches nothing there but slipstream-verify
.PHONY: record-hub
record-hub: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	$(need-mms)
	@node dist/src/fleet/verify-hub/record.js
	@biome check --write --log-level=error src/fleet/verify-hub/recording.json

## simulate-rollout: releases good and bad go out to NODES (1000) simulated nodes that run the real trials; SEED repeats a run
.PHONY: simulate-rollout
simulate-rollout: build/typescript
	@NODES='$(NODES)' SEED='$(SEED)' node dist/bench/rollout.js

## publish-pattern: the pattern with both architectures
.PHONY: publish-pattern
publish-pattern:
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	$(need-login)
	@$(with-variables) hzn exchange pattern publish -f horizon/pattern.json -p $(PATTERN_NAME)

## remove: deployment policy, service policy and service of ARCH
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
# A rollout may have left either of the two.
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

## node-policy: write what this node is into NODE_POLICY; NODE_RING for a node that has no ring yet, NODE_BOARD=t4 for other nodes
.PHONY: node-policy
node-policy: build/typescript
	@mkdir -p $(dir $(NODE_POLICY))
	@node dist/src/cli/main.js node-policy --out $(NODE_POLICY) --ring $(NODE_RING) $(addprefix --board ,$(NODE_BOARD))

# Horizon itself gives an agreement ten minutes to run.
AGENT_WAIT ?= 660

## agent-run: register this node with its policy, then tell what comes of it until the service runs, for AGENT_WAIT seconds at most
.PHONY: agent-run
agent-run: node-policy
	$(need-org)
	$(need-hzn)
	@$(with-variables) hzn register --policy $(NODE_POLICY) --input-file $(if $(NODE_INPUT),$(NODE_INPUT),horizon/userinput.json)
	@$(with-variables) AGENT_WAIT='$(AGENT_WAIT)' node dist/src/fleet/main.js agent-run

## agent-stop: unregister this node and take it out of the Exchange; KEEP_NODE=yes leaves it there, for a node that comes back
.PHONY: agent-stop
agent-stop:
	$(need-hzn)
	@hzn unregister -f $(if $(filter yes,$(KEEP_NODE)),,-r)

## pre-pull: on a node, pull the images of VERSION before it gets them: an upgrade stops the old version first
.PHONY: pre-pull
pre-pull: build/typescript
	$(need-org)
	$(need-hzn)
	$(need-exchange)
	@$(with-variables) VERSION='$(VERSION)' node dist/src/fleet/main.js pre-pull

## hzn-env: what hzn reads in the package's files, for hzn typed by hand: eval "$$(make hzn-env)"
.PHONY: hzn-env
hzn-env:
	@$(foreach name,$(filter-out HZN_%,$(HORIZON_VARIABLES)),echo "export $(name)='$($(name))'";)

## deploy-check: would this package come to a T4, a Nano and an Orin Nano, and why not
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

## test-images: build both images for both architectures on stand-ins of their bases, and run them as Horizon does; where no Docker engine answers, root gets one for the time of the tests
.PHONY: test-images
test-images: build/typescript build/python-test
	@echo "test: images"
	@nice test/images/engine.sh node --test --test-reporter=spec dist/test/images/images.test.js
