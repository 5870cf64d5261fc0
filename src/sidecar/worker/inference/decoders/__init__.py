"""Output decoders: each turns the raw tensors of one kind of network into candidate boxes. They use numpy alone.

parse-bbox-func-name chooses a decoder. A new kind of network takes a new file here and a line in REGISTRY.
"""

from typing import Dict, Type

from sidecar.worker.inference.decoders.decoder import Candidates, Decoder, DecoderError
from sidecar.worker.inference.decoders.nanodet import NanoDetDecoder
from sidecar.worker.inference.decoders.ssd import SsdDecoder

REGISTRY: Dict[str, Type[Decoder]] = {
    "SlipstreamNanoDet": NanoDetDecoder,
    "SlipstreamSsd": SsdDecoder,
}

__all__ = ["REGISTRY", "Candidates", "Decoder", "DecoderError", "NanoDetDecoder", "SsdDecoder"]
