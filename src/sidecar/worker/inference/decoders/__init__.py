"""Output decoders: each turns one kind of network's raw tensors into candidate boxes. Only numpy; no engine.

A decoder is chosen by parse-bbox-func-name. A new kind of network is a new file here and a line in REGISTRY.
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
