"""Every key of an nvinfer configuration file (DeepStream 5.0 to 9.1), and what engine cpu does with it.

Source of names, types and ranges: gstnvinfer_property_parser of those releases, as in catalogue/nvinfer-keys.json.
nvinfer itself only prints a line for a key that it does not know.
"""

from typing import Any, Dict, NamedTuple, Optional, Tuple

# How engine cpu treats a key.
HONOURED = "honoured"
# No meaning on a CPU: reported once a file, otherwise ignored.
IDLE = "idle"
# The key asks for something that engine cpu cannot do.
REFUSED = "refused"


class Key(NamedTuple):
    """What a key's value may be, and how engine cpu treats it."""

    # int, float, bool, text, path, ints, floats or texts; lists are separated by ';'.
    kind: str
    use: str = HONOURED
    # Bounds of a number, or of each number of a list.
    low: Optional[float] = None
    high: Optional[float] = None
    # Numbers that nvinfer knows, with their meaning.
    choices: Optional[Dict[int, str]] = None
    # Length of a list.
    length: Optional[int] = None
    # The only values that engine cpu honours. None: all; for a refused key: none at all.
    accepts: Optional[Tuple[Any, ...]] = None
    # What to do about a value that is not honoured.
    advice: str = ""


def _idle(kind: str, low: Optional[float] = None, **more: Any) -> Key:
    return Key(kind, IDLE, low, **more)


_TO_ONNX = "convert the network to ONNX and name it in onnx-file"
_PRIMARY = "engine cpu runs one detector on whole frames: remove the key"

PROPERTY_KEYS: Dict[str, Key] = {
    # The network and its input.
    "onnx-file": Key("path"),
    "infer-dims": Key("ints", low=1, length=3),
    "network-input-order": Key("int", choices={0: "NCHW", 1: "NHWC"}),
    "model-color-format": Key("int", choices={0: "RGB", 1: "BGR", 2: "gray"}),
    "net-scale-factor": Key("float", low=1e-9),
    "offsets": Key("floats"),
    "maintain-aspect-ratio": Key("bool"),
    "symmetric-padding": Key("bool"),
    "scaling-filter": Key(
        "int",
        choices={
            0: "nearest",
            1: "bilinear",
            2: "GPU cubic, VIC 5-tap",
            3: "GPU super, VIC 10-tap",
            4: "GPU Lanczos, VIC smart",
            5: "VIC nicest",
            6: "nearest, the default",
        },
    ),
    "interval": Key("int", low=0),
    "process-mode": Key("int", choices={1: "primary", 2: "secondary"}, accepts=(1,), advice="use process-mode=1"),
    # Its output.
    "labelfile-path": Key("path"),
    "num-detected-classes": Key("int", low=1, high=10000),
    "network-type": Key(
        "int",
        choices={0: "detector", 1: "classifier", 2: "segmentation", 3: "instance segmentation", 100: "other"},
        accepts=(0, 100),
        advice="use 0 or 100: only detectors are supported",
    ),
    "parse-bbox-func-name": Key("text"),
    "output-blob-names": Key("texts"),
    "cluster-mode": Key(
        "int",
        choices={0: "group rectangles", 1: "DBSCAN", 2: "NMS", 3: "DBSCAN and NMS", 4: "none"},
        accepts=(2, 4),
        advice="use cluster-mode=2 (NMS) or 4 (none)",
    ),
    "filter-out-class-ids": Key("ints", low=0),
    # What engine cpu cannot do.
    "is-classifier": Key("bool", accepts=(False,), advice="use network-type=0: only detectors are supported"),
    "enable-dbscan": Key("bool", accepts=(False,), advice="use cluster-mode=2 (NMS)"),
    "mean-file": Key("path", REFUSED, advice="use offsets, one number for each channel"),
    "model-file": Key("path", REFUSED, advice=_TO_ONNX),
    "proto-file": Key("path", REFUSED, advice=_TO_ONNX),
    "uff-file": Key("path", REFUSED, advice=_TO_ONNX),
    "tlt-encoded-model": Key("path", REFUSED, advice=_TO_ONNX),
    "engine-create-func-name": Key("text", REFUSED, advice=_TO_ONNX),
    "input-dims": Key("ints", REFUSED, length=4, advice="use infer-dims=channels;height;width and network-input-order"),
    "uff-input-dims": Key(
        "ints", REFUSED, length=4, advice="use infer-dims=channels;height;width and network-input-order"
    ),
    "input-tensor-from-meta": Key("bool", accepts=(False,), advice=_PRIMARY),
    "operate-on-gie-id": Key("int", accepts=(-1,), advice=_PRIMARY),
    "operate-on-class-ids": Key("ints", REFUSED, advice=_PRIMARY),
    # The GPU, TensorRT and DLA.
    "gpu-id": _idle("int", 0),
    "batch-size": _idle("int", 1, high=1024),
    "network-mode": _idle("int", choices={0: "FP32", 1: "INT8", 2: "FP16", 3: "best"}),
    "model-engine-file": _idle("path"),
    "int8-calib-file": _idle("path"),
    "workspace-size": _idle("int", 0),
    "force-implicit-batch-dim": _idle("bool"),
    "enable-dla": _idle("bool"),
    "use-dla-core": _idle("int", 0),
    "output-io-formats": _idle("texts"),
    "layer-device-precision": _idle("texts"),
    "custom-lib-path": _idle("path"),
    "custom-network-config": _idle("path"),
    "scaling-compute-hw": _idle("int", choices={0: "default", 1: "GPU", 2: "VIC"}),
    "strongly-typed": _idle("bool"),
    "dynamic-properties": _idle("text"),
    "warmup-engine": _idle("bool"),
    "stabilize-buffer-count": _idle("int"),
    "auto-inc-mem": _idle("int", 0, high=1),
    "max-gpu-mem-per": _idle("int", 0, high=100),
    "disable-output-host-copy": _idle("int", 0, high=1),
    # Metadata and dumps of DeepStream.
    "gie-unique-id": _idle("int", 1),
    "output-tensor-meta": _idle("bool"),
    "tensor-meta-pool-size": _idle("int", 0),
    "dump-input-tensor": _idle("int", 0, high=1),
    "dump-output-tensor": _idle("int", 0, high=1),
    "overwrite-input-tensor": _idle("int", 0, high=1),
    "overwrite-output-tensor": _idle("int", 0, high=1),
    "ip-tensor-file": _idle("path"),
    "op-tensor-files": _idle("texts"),
    "raw-output-file-write": _idle("bool"),
    # Classifiers, segmentation and secondary detectors.
    "parse-func": _idle("int"),
    "parse-bbox-instance-mask-func-name": _idle("text"),
    "parse-classifier-func-name": _idle("text"),
    "parse-segmentation-func-name": _idle("text"),
    "classifier-threshold": _idle("float", 0),
    "classifier-async-mode": _idle("bool"),
    "classifier-type": _idle("text"),
    "segmentation-threshold": _idle("float", 0),
    "segmentation-output-order": _idle("int", choices={0: "NCHW", 1: "NHWC"}),
    "output-instance-mask": _idle("bool"),
    "secondary-reinfer-interval": _idle("int"),
    "input-object-min-width": _idle("int", 0),
    "input-object-min-height": _idle("int", 0),
    "input-object-max-width": _idle("int", 0),
    "input-object-max-height": _idle("int", 0),
    "crop-objects-to-roi-boundary": _idle("bool"),
    # Formats that are gone; the keys that name a format itself are refused above.
    "uff-input-order": _idle("int", choices={0: "NCHW", 1: "NHWC", 2: "NC"}),
    "uff-input-blob-name": _idle("text"),
    "tlt-model-key": _idle("text"),
}

CLASS_KEYS: Dict[str, Key] = {
    "pre-cluster-threshold": Key("float", low=0),
    # The old name of pre-cluster-threshold.
    "threshold": Key("float", low=0),
    "post-cluster-threshold": Key("float", low=0),
    "nms-iou-threshold": Key("float", low=0, high=1),
    # -1: all.
    "topk": Key("int", low=-1),
    "detected-min-w": Key("int", low=0),
    "detected-min-h": Key("int", low=0),
    "detected-max-w": Key("int", low=0),
    "detected-max-h": Key("int", low=0),
    "roi-top-offset": Key("int", low=0),
    "roi-bottom-offset": Key("int", low=0),
    # Of the clusterings that engine cpu does not have, and of nvdsosd.
    "eps": _idle("float", 0),
    "group-threshold": _idle("int", 0),
    "minBoxes": _idle("int", 0),
    "dbscan-min-score": _idle("float", 0),
    "border-color": _idle("floats", 0, high=1, length=4),
    "bg-color": _idle("floats", 0, high=1, length=4),
}
