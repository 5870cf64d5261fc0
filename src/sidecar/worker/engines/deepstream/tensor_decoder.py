"""Decodes a network's raw tensors to objects, by the decoders that engine cpu uses too."""

from typing import Dict, List, Optional, Tuple

import numpy as np

from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.inference.decoders import REGISTRY, BoundDecoder, DecoderError
from sidecar.worker.inference.geometry import place
from sidecar.worker.inference.nvinfer_config import NvinferConfig
from sidecar.worker.inference.postprocess import DetectionFilter, Object, Postprocessor, is_finite


class TensorMismatchError(Exception):
    """The network's outputs are not those that its decoder reads, or hold NaN or infinity.

    The message is one line: what, where, what to do.
    """


class TensorDecoder:
    """For a bundle whose tensors nvinfer hands out."""

    def __init__(self, bundle: NvinferBundle) -> None:
        """Raises DecoderError."""
        shared = bundle.decoded_here
        assert shared is not None, "nvinfer decodes the outputs of other networks"
        config = shared.config
        width, height = _input_size(bundle, config)
        self._bundle = shared
        self._decoder = REGISTRY[config.decoder](shared.directory, len(shared.labels), width, height)
        self._input_size = width, height
        # The first frame shows which outputs the network has.
        self._bound: Optional[BoundDecoder] = None
        self._postprocess: Optional[Postprocessor] = None

    def __call__(
        self, tensors: Dict[str, "np.ndarray"], size: Tuple[int, int], wanted: DetectionFilter
    ) -> List[Object]:
        """size: of what the network was given, a frame of the muxer or an object, in whose pixels the boxes are. Raises
        TensorMismatchError."""
        config = self._bundle.config
        try:
            if self._bound is None or self._postprocess is None:
                self._bound = self._decoder.bind(tensors)
                self._postprocess = Postprocessor(self._bundle, self._bound)
            for name in self._bound.outputs:
                if not is_finite(tensors[name]):
                    # No threshold lets NaN pass: the network would find nothing, and nobody would know.
                    message = "%s gives NaN or infinity in its output %s; export it anew"
                    raise TensorMismatchError(message % (config.network_path, name))
            geometry = place(*size, *self._input_size, config.keep_shape, config.centred)
            return self._postprocess(tensors, geometry, wanted)
        except DecoderError as why:
            message = "%s does not fit %s: %s; is num-detected-classes right?"
            raise TensorMismatchError(message % (config.network_path, config.decoder, why)) from why


def _input_size(bundle: NvinferBundle, config: NvinferConfig) -> Tuple[int, int]:
    """Width and height: infer-dims, or what the network says itself, as nvinfer."""
    if config.dimensions is not None:
        return config.dimensions.width, config.dimensions.height
    sizes = bundle.input_shape[1:3] if config.channels_last else bundle.input_shape[2:4]
    if len(sizes) != 2 or sizes[0] is None or sizes[1] is None:
        raise DecoderError("infer-dims is missing, and the network takes frames of any size; set it in [property]")
    return sizes[1], sizes[0]
