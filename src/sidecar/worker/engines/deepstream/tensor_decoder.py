"""Decodes a network's raw tensors to objects, by the decoders that engine cpu uses too."""

from typing import Dict, List, Tuple

import numpy as np

from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.inference.decoders import REGISTRY, DecoderError
from sidecar.worker.inference.geometry import place
from sidecar.worker.inference.postprocess import DetectionFilter, Object, Postprocessor, is_finite


class TensorMismatchError(Exception):
    """The network's outputs are not those that its decoder reads, or hold NaN or infinity.

    The message is one line: what, where, what to do.
    """


class TensorDecoder:
    """For a bundle whose tensors nvinfer hands out (network-type 100)."""

    def __init__(self, bundle: NvinferBundle, mux_size: Tuple[int, int]) -> None:
        """Raises DecoderError."""
        shared = bundle.decoded_here
        assert shared is not None, "nvinfer decodes the outputs of other networks"
        config = shared.config
        if config.dimensions is None:
            raise DecoderError("infer-dims is missing; set it in [property]")
        width, height = config.dimensions.width, config.dimensions.height
        self._decoder = REGISTRY[config.decoder](shared.directory, len(shared.labels), width, height)
        self._postprocess = Postprocessor(shared, self._decoder)
        self._network_path = config.network_path
        self._mismatch = "%s does not fit %s" % (config.network_path, config.decoder)
        self._is_checked = False
        self._geometry = place(mux_size[0], mux_size[1], width, height, config.keep_shape, config.centred)

    def __call__(self, tensors: Dict[str, "np.ndarray"], wanted: DetectionFilter) -> List[Object]:
        """Boxes are in pixels of the muxer's frames. Raises TensorMismatchError."""
        if not self._is_checked:
            mismatch = self._decoder.mismatch({name: tensor.shape for name, tensor in tensors.items()})
            if mismatch is not None:
                raise TensorMismatchError("%s: %s; is num-detected-classes right?" % (self._mismatch, mismatch))
            self._is_checked = True
        for name in sorted(self._decoder.outputs()):
            if not is_finite(tensors[name]):
                # No threshold lets NaN pass: the network would find nothing, and nobody would know.
                message = "%s gives NaN or infinity in its output %s; export it anew"
                raise TensorMismatchError(message % (self._network_path, name))
        return self._postprocess(tensors, self._geometry, wanted)
