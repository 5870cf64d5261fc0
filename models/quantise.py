"""Makes a bundle whose network computes in integers of eight bits: for engine cpu, faster where processors have VNNI.

    PYTHONPATH=src:src/sidecar/gen python models/quantise.py BUNDLE VIDEO TARGET

The network's ranges are measured on frames of the video, a minute at most, which should show what the cameras will. It
then prints how much is lost on other frames of the same video: boxes of the original, those of them that the new one
has too, and those that it has alone. TensorRT before 8.5, Jetson Nano's included, does not take such a network.
"""

import os
import shutil
import sys
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from sidecar.tests.inference_footage import read_frames
from sidecar.worker.inference.bundle import Bundle, load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter, Object
from sidecar.worker.inference.session import Session

# Of a video, every so many frames; of these, every other one measures ranges, and the rest what is lost.
_STEP = 4
# Those that gain. Others follow them without a conversion.
_OPERATORS = ["Conv", "Gemm", "MatMul", "Add", "Concat", "MaxPool", "Relu", "LeakyRelu"]
_OVERLAP = 0.5


class Loss(NamedTuple):
    """On the frames that measured no ranges."""

    # Boxes of the original, how many of them the new network has too, and those that only this one has.
    boxes: int
    kept: int
    extra: int


class _Frames(CalibrationDataReader):
    def __init__(self, session: Session, frames: Iterator[I420Frame]) -> None:
        self._session = session
        self._frames = frames

    def get_next(self) -> Optional[Dict[str, Any]]:
        frame = next(self._frames, None)
        return None if frame is None else self._session.feed(frame)


def quantise(source: str, video: str, target: str) -> Loss:
    """source, target: directories of bundles; the latter must not exist."""
    before = _load(source)
    frames = read_frames(video, _STEP)
    shutil.copytree(source, target)
    network = os.path.join(target, os.path.basename(before.config.network_path))
    with tempfile.TemporaryDirectory() as scratch:
        integers = os.path.join(scratch, "network.onnx")
        quantize_static(
            before.config.network_path,
            integers,
            _Frames(Session(before.config), iter(frames[::2])),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        shutil.move(integers, network)
    return _loss(Detector(before), Detector(_load(target)), frames[1::2])


def _load(directory: str) -> Bundle:
    bundle, problems = load_bundle(directory)
    if bundle is None:
        raise SystemExit("%s: %s" % (directory, problems[0].detail))
    return bundle


def _loss(before: Detector, after: Detector, frames: List[I420Frame]) -> Loss:
    boxes = kept = extra = 0
    for frame in frames:
        old, new = (one.detect(frame, DetectionFilter()).objects for one in (before, after))
        boxes += len(old)
        kept += sum(_has(new, one) for one in old)
        extra += sum(not _has(old, one) for one in new)
    return Loss(boxes, kept, extra)


def _has(objects: List[Object], wanted: Object) -> bool:
    return any(one.class_id == wanted.class_id and _overlap(one, wanted) >= _OVERLAP for one in objects)


def _overlap(one: Object, other: Object) -> float:
    wide = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    high = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    common = max(0.0, wide) * max(0.0, high)
    return common / (one.width * one.height + other.width * other.height - common)


if __name__ == "__main__":
    _, *arguments = sys.argv
    if len(arguments) != 3:
        raise SystemExit(__doc__)
    loss = quantise(*arguments)
    print("%d boxes, %d kept, %d new" % loss)
