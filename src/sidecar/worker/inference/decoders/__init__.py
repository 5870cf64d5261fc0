"""Output decoders: each turns the raw tensors of one kind of network into candidate boxes. They use numpy alone.

parse-bbox-func-name chooses a decoder. A new kind of network takes a class in a file here, a line in REGISTRY, and an
entry in catalogue/decoders.json, which says what the decoder reads.
"""

from typing import Dict, Type

from sidecar.worker.inference.decoders.boxes_and_scores import BoxesAndScoresDecoder, DetrDecoder, DetrTableDecoder
from sidecar.worker.inference.decoders.decoder import BoundDecoder, Candidates, Decoder, DecoderError
from sidecar.worker.inference.decoders.detectnet import DetectNetDecoder
from sidecar.worker.inference.decoders.lists import (
    BatchedNmsDecoder,
    EfficientDetDecoder,
    ListsDecoder,
    TensorFlowBackgroundDecoder,
    TensorFlowDecoder,
    TorchvisionDecoder,
)
from sidecar.worker.inference.decoders.nanodet import NanoDetDecoder, PicoDetDecoder
from sidecar.worker.inference.decoders.rows import (
    PaddleRowsDecoder,
    RowsDecoder,
    TaoRowsDecoder,
    YoloNasRowsDecoder,
    YoloV7RowsDecoder,
)
from sidecar.worker.inference.decoders.ssd import SsdDecoder
from sidecar.worker.inference.decoders.yolo import YoloDecoder, YoloV5Decoder, YoloXDecoder

REGISTRY: Dict[str, Type[Decoder]] = {
    "SlipstreamYoloV5": YoloV5Decoder,
    "SlipstreamYoloV7Rows": YoloV7RowsDecoder,
    "SlipstreamYoloV8": YoloDecoder,
    "SlipstreamYoloRows": RowsDecoder,
    "SlipstreamYoloX": YoloXDecoder,
    "SlipstreamYoloNas": BoxesAndScoresDecoder,
    "SlipstreamYoloNasRows": YoloNasRowsDecoder,
    "SlipstreamDetr": DetrDecoder,
    "SlipstreamDetrTable": DetrTableDecoder,
    "SlipstreamDetrLists": ListsDecoder,
    "SlipstreamSsd": SsdDecoder,
    "SlipstreamTensorFlow": TensorFlowDecoder,
    "SlipstreamTorchvision": TorchvisionDecoder,
    "SlipstreamEfficientNms": ListsDecoder,
    "SlipstreamPaddle": BoxesAndScoresDecoder,
    "SlipstreamPaddleRows": PaddleRowsDecoder,
    "SlipstreamPicoDet": PicoDetDecoder,
    "SlipstreamNanoDet": NanoDetDecoder,
    "SlipstreamDetectNet": DetectNetDecoder,
    # Parsers that others compile into libraries for nvinfer.
    "NvDsInferParseYolo": RowsDecoder,
    "NvDsInferParseCustomResnet": DetectNetDecoder,
    "NvDsInferParseCustomTfSSD": TensorFlowBackgroundDecoder,
    "NvDsInferParseCustomNMSTLT": TaoRowsDecoder,
    "NvDsInferParseCustomBatchedNMSTLT": BatchedNmsDecoder,
    "NvDsInferParseYoloV5CustomBatchedNMSTLT": ListsDecoder,
    "NvDsInferParseCustomEfficientDetTAO": EfficientDetDecoder,
    "NvDsInferParseCustomDDETRTAO": DetrDecoder,
    "NvDsInferParseCustomRTDETRTAO": DetrDecoder,
}

# What nvinfer decodes without a parser of that name: network-type 0.
NVINFER_S_OWN = "SlipstreamDetectNet"

__all__ = [
    "NVINFER_S_OWN",
    "REGISTRY",
    "BoundDecoder",
    "Candidates",
    "Decoder",
    "DecoderError",
    "NanoDetDecoder",
    "SsdDecoder",
]
