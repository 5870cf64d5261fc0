"""Reads the keys of an nvinfer configuration file that the stand-in honours.

It shares no code with the engines: it stands for the parser in NVIDIA's library, and so checks what they write.
"""

import configparser
import os
from typing import Dict, FrozenSet, NamedTuple, Optional, Tuple

_PRECISIONS = {0: "fp32", 1: "int8", 2: "fp16"}

CLASSIFIER = 1
_WHOLE_FRAMES, _OBJECTS = 1, 2
_DEFAULT_UNIQUE_ID = 15
# The default of secondary-reinfer-interval.
NEVER = 2**31 - 1
# Pixels of the smallest object: MIN_INPUT_OBJECT_WIDTH up to 8.0, and later still where a VIC scales.
_LEAST = 16

# scaling-filter, a number of NvBufSurfTransform_Inter. The default is the last one, which is the nearest pixel too.
_NEAREST, _DEFAULT_FILTER = 0, 6

# Formats of networks, with the last release whose TensorRT reads them: it has no parsers for Caffe, UFF and etlt now.
_MODEL_KEYS = (("onnx-file", None), ("model-file", "7.0"), ("uff-file", "7.0"), ("tlt-encoded-model", "7.0"))


class ConfigError(Exception):
    """A configuration that nvinfer would refuse."""


class Inference(NamedTuple):
    """A configuration. Paths are absolute. Thresholds are by class; None: of classes without their own."""

    unique_id: int
    batch_size: int
    interval: int
    network_type: int
    output_tensor_meta: bool
    precision: str
    # None: there is only a TensorRT engine.
    model: Optional[str]
    model_until: Optional[str]
    engine: Optional[str]
    labels: Tuple[str, ...]
    thresholds: Dict[Optional[int], float]
    filtered_out: FrozenSet[int]
    scale: float
    offsets: Tuple[float, ...]
    color_format: str
    keep_shape: bool
    symmetric: bool
    channels_last: bool
    # False: bilinear, whatever the filter.
    nearest: bool
    outputs: Tuple[str, ...]
    # Of process-mode=2. None: whole frames.
    objects: Optional["Objects"]
    # The labels of each output of a classifier.
    attribute_labels: Tuple[Tuple[str, ...], ...]
    classifier_threshold: float


class Objects(NamedTuple):
    """Which objects are inferred, and when again. 0 as a greatest size: no limit."""

    gie_id: int
    class_ids: FrozenSet[int]
    min_size: Tuple[int, int]
    max_size: Tuple[int, int]
    # Frames. NEVER: see Objects.is_due().
    interval: int
    asynchronous: bool


def load(path: str) -> Inference:
    """Raises ConfigError."""
    parser = configparser.ConfigParser(delimiters="=", comment_prefixes="#", strict=False, interpolation=None)
    try:
        with open(path) as file:
            parser.read_file(file)
        return _inference(parser, os.path.dirname(os.path.abspath(path)))
    except (OSError, ValueError, KeyError, configparser.Error) as error:
        raise ConfigError("%s: %s" % (path, error)) from error


def _inference(parser: configparser.ConfigParser, folder: str) -> Inference:
    entry = parser["property"]

    def file(key: str) -> Optional[str]:
        return os.path.join(folder, entry[key]) if entry.get(key) else None

    models = [(file(key), until) for key, until in _MODEL_KEYS if entry.get(key)]
    if not models and not entry.get("model-engine-file"):
        raise ValueError("it names no model: " + ", ".join(key for key, _ in _MODEL_KEYS))
    scaling = entry.getint("scaling-filter", _DEFAULT_FILTER)
    if not _NEAREST <= scaling <= _DEFAULT_FILTER:
        raise ValueError("Invalid value for scaling-filter:'%d'" % scaling)
    model, until = models[0] if models else (None, None)
    return Inference(
        unique_id=entry.getint("gie-unique-id", _DEFAULT_UNIQUE_ID),
        batch_size=entry.getint("batch-size", 1),
        interval=entry.getint("interval", 0),
        network_type=entry.getint("network-type", 0),
        output_tensor_meta=entry.getint("output-tensor-meta", 0) == 1,
        precision=_PRECISIONS[entry.getint("network-mode", 0)],
        model=model,
        model_until=until,
        engine=file("model-engine-file"),
        labels=_labels(file("labelfile-path")),
        thresholds=_thresholds(parser),
        filtered_out=frozenset(int(each) for each in entry.get("filter-out-class-ids", "").split(";") if each.strip()),
        scale=entry.getfloat("net-scale-factor", 1.0),
        offsets=tuple(float(each) for each in entry.get("offsets", "").split(";") if each.strip()),
        color_format=("RGB", "BGR", "GRAY8")[entry.getint("model-color-format", 0)],
        keep_shape=entry.getint("maintain-aspect-ratio", 0) == 1,
        symmetric=entry.getint("symmetric-padding", 0) == 1,
        channels_last=entry.getint("network-input-order", 0) == 1,
        nearest=scaling in (_NEAREST, _DEFAULT_FILTER),
        objects=_objects(entry),
        attribute_labels=_attribute_labels(file("labelfile-path")),
        classifier_threshold=entry.getfloat("classifier-threshold", 0.0),
        outputs=tuple(each.strip() for each in entry.get("output-blob-names", "").split(";") if each.strip()),
    )


def _objects(entry: configparser.SectionProxy) -> Optional[Objects]:
    mode = entry.getint("process-mode", _WHOLE_FRAMES)
    if mode not in (_WHOLE_FRAMES, _OBJECTS):
        raise ValueError("Invalid value for process-mode (%d)" % mode)
    if mode == _WHOLE_FRAMES:
        return None

    def size(which: str) -> Tuple[int, int]:
        return entry.getint("input-object-%s-width" % which, 0), entry.getint("input-object-%s-height" % which, 0)

    width, height = size("min")
    return Objects(
        gie_id=entry.getint("operate-on-gie-id", -1),
        class_ids=frozenset(int(each) for each in entry.get("operate-on-class-ids", "").split(";") if each.strip()),
        min_size=(max(_LEAST, width), max(_LEAST, height)),
        max_size=size("max"),
        interval=entry.getint("secondary-reinfer-interval", NEVER),
        # gst_nvinfer_start() turns it off for all but classifiers.
        asynchronous=entry.getint("classifier-async-mode", 0) == 1 and entry.getint("network-type", 0) == CLASSIFIER,
    )


def _attribute_labels(path: Optional[str]) -> Tuple[Tuple[str, ...], ...]:
    """As parseLabelsFile(): a line for each output, nothing of it stripped."""
    if path is None:
        return ()
    with open(path) as file:
        return tuple(tuple(line.split(";")) for line in file.read().split("\n") if line)


def _labels(path: Optional[str]) -> Tuple[str, ...]:
    if path is None:
        return ()
    with open(path) as file:
        return tuple(line.strip() for line in file if line.strip())


def _thresholds(parser: configparser.ConfigParser) -> Dict[Optional[int], float]:
    found: Dict[Optional[int], float] = {}
    for section in parser.sections():
        if section.startswith("class-attrs-"):
            name = section[len("class-attrs-") :]
            for key in ("threshold", "pre-cluster-threshold"):
                if key in parser[section]:
                    found[None if name == "all" else int(name)] = float(parser[section][key])
    return found


def kept(config: Inference, class_id: int, confidence: float) -> bool:
    """Whether nvinfer would let an object through."""
    threshold = config.thresholds.get(class_id, config.thresholds.get(None, 0.0))
    return class_id not in config.filtered_out and confidence >= threshold
