# NVIDIA's real elements on a machine with a GPU: see docs/nvidia.md.

## test-nvidia: test engine deepstream on NVIDIA's real decoder, converter and encoders, if there is a GPU
.PHONY: test-nvidia
test-nvidia:
	@test/nvidia/run.sh

## nvidia-bundle: make the file that test-nvidia needs on a machine without network
.PHONY: nvidia-bundle
nvidia-bundle: build/proto
	@test/nvidia/bundle.sh build/nvidia
