# NVIDIA's real elements on a machine with a GPU: docs/nvidia.md.

## test-nvidia: engine deepstream on NVIDIA's real decoder and converter, where there is a GPU
.PHONY: test-nvidia
test-nvidia:
	@test/nvidia/run.sh

## nvidia-bundle: what test-nvidia needs, in one file for a machine without network
.PHONY: nvidia-bundle
nvidia-bundle: build/proto
	@test/nvidia/bundle.sh build/nvidia
