"""What engine cpu makes of an nvinfer configuration file, and what it cannot do of it, each with its line."""

import difflib
from typing import Any, Callable, Collection, Dict, FrozenSet, NamedTuple, Optional, Tuple

from sidecar.worker.inference.decoders import NVINFER_S_OWN
from sidecar.worker.inference.nvinfer_file import (
    CLASS_ALL,
    CLASSIFIER,
    PROPERTY,
    RAW_TENSORS,
    NvinferFile,
    Value,
    class_id,
)
from sidecar.worker.inference.nvinfer_keys import IDLE, REFUSED, BadValueError, Key, check_bounds
from sidecar.worker.inference.object_rules import (
    DEFAULT_UNIQUE_ID,
    PRIMARY,
    ObjectRules,
    object_rules,
)
from sidecar.worker.inference.resample import AREA, BILINEAR, NEAREST
from sidecar.worker.problem import ERROR, NOTICE, WARNING, error

_NEEDED = ("onnx-file", "num-detected-classes")
# Keys that nvinfer reads for detectors alone.
_OF_DETECTORS = ("num-detected-classes", "cluster-mode", "enable-dbscan", "parse-bbox-func-name")
# The parsers of nvinfer's sample library that read a classifier's outputs as nvinfer itself does.
_SOFTMAX_PARSERS = ("NvDsInferClassiferParseCustomSoftmax",)
_COLOURS = {0: "rgb", 1: "bgr", 2: "gray"}
# NvBufSurfTransform_Inter. The wider filters, 2 to 5, differ from board to board: the mean over the area replaces them.
_SCALING = {0: NEAREST, 1: BILINEAR, 6: NEAREST}
_DEFAULT_SCALING = 6
# Keys of a class, by the fields of ClassAttributes; the threshold has two more.
_CLASS_FIELDS = {
    "iou_threshold": "nms-iou-threshold",
    "top_k": "topk",
    "min_width": "detected-min-w",
    "min_height": "detected-min-h",
    "max_width": "detected-max-w",
    "max_height": "detected-max-h",
    "roi_top": "roi-top-offset",
    "roi_bottom": "roi-bottom-offset",
}


class Dimensions(NamedTuple):
    """The size of a network's input."""

    channels: int
    height: int
    width: int


class ClassAttributes(NamedTuple):
    """How one class's boxes are clustered and filtered. Defaults are nvinfer's; sizes are in pixels of the frame."""

    threshold: float = 0.2
    iou_threshold: float = 0.3
    # -1: all.
    top_k: int = -1
    min_width: int = 0
    min_height: int = 0
    # 0: no limit.
    max_width: int = 0
    max_height: int = 0
    # A box that begins above, or ends below, these margins of the frame is dropped.
    roi_top: int = 0
    roi_bottom: int = 0


class NvinferConfig(NamedTuple):
    """The part of an nvinfer configuration file that engine cpu honours. Paths are absolute if the directory was."""

    network_path: str
    decoder: str
    # None: as the network says.
    dimensions: Optional[Dimensions]
    # The network wants height x width x channels.
    channels_last: bool
    # Order of the channels: rgb, bgr or gray.
    colour: str
    # The network's input is scale * (x - offsets[channel]), x being 0 to 255.
    scale: float
    offsets: Tuple[float, ...]
    # The frame keeps its shape, and the rest of the input is black: at the right and bottom or, if centred, all round.
    keep_shape: bool
    centred: bool
    # How the frame is scaled to the input's size: NEAREST, BILINEAR or AREA of resample.py.
    scaling: str
    # Frames between two inferences.
    interval: int
    # Outputs that the network must have. Empty: not specified.
    outputs: Tuple[str, ...]
    # False: candidates are not clustered (cluster-mode 4).
    nms: bool
    filtered_out: FrozenSet[int]
    # One for each class: index is the class id. Empty for a classifier.
    classes: Tuple[ClassAttributes, ...]
    # gie-unique-id.
    unique_id: int
    # None: the network looks at whole frames.
    rules: Optional[ObjectRules]
    # What a classifier says is reported above this confidence.
    classifier_threshold: float


def check_for_cpu(file: NvinferFile, decoders: Collection[str]) -> None:
    """Adds what engine cpu cannot do to the file's problems, and what has no effect there. decoders: what
    parse-bbox-func-name may be."""
    _tell_idle(file)
    if file.network_type == CLASSIFIER:
        _check_classifier(file)
        return
    if "cluster-mode" not in file.own:
        message = "cluster-mode is missing: nvinfer would group rectangles, engine cpu uses NMS; set cluster-mode=2"
        file.tell(WARNING, "config-default", "", message)
    _check_use(file, "engine cpu", lambda key: True)
    _check_decoder(file, decoders)


def _check_classifier(file: NvinferFile) -> None:
    _check_use(file, "engine cpu", lambda key: key.name not in _OF_DETECTORS)
    if "onnx-file" not in file.own:
        file.tell(ERROR, "missing-key", "", "onnx-file is missing; set it in [property]")
    if file.value("process-mode", PRIMARY) == PRIMARY:
        message = "a classifier of whole frames finds no objects; classify those of a detector, with process-mode=2"
        key = "network-type" if "network-type" in file.own else "is-classifier"
        file.tell(ERROR, "config-not-supported", key, message)
    parser = file.value("parse-classifier-func-name")
    if parser is not None and parser not in _SOFTMAX_PARSERS:
        message = (
            "parse-classifier-func-name=%s is not supported by engine cpu; it reads one probability for each class"
        )
        file.tell(ERROR, "config-not-supported", "parse-classifier-func-name", message % parser)
    _check_channels(file)


def check_for_raw_tensors(file: NvinferFile, decoders: Collection[str]) -> None:
    """The same for a network on engine deepstream whose raw tensors are decoded here."""
    _check_use(file, "the decoders of raw tensors", lambda key: key.cpu.decoding)
    _check_decoder(file, decoders)


def _check_decoder(file: NvinferFile, decoders: Collection[str]) -> None:
    for key in _NEEDED:
        # One whose value was refused is there, and has been reported.
        if key not in file.own:
            file.tell(ERROR, "missing-key", "", "%s is missing; set it in [property]" % key)
    if file.network_type == RAW_TENSORS and "parse-bbox-func-name" not in file.own:
        message = "parse-bbox-func-name is missing: network-type=100 leaves the outputs to a decoder; known are %s"
        file.tell(ERROR, "missing-key", "", message % ", ".join(sorted(decoders)))
    decoder = file.value("parse-bbox-func-name")
    if decoder is not None and decoder not in decoders:
        near = difflib.get_close_matches(decoder, list(decoders), 1)
        message = "parse-bbox-func-name: there is no decoder %s; " % decoder
        message += "did you mean %s?" % near[0] if near else "known are %s" % ", ".join(sorted(decoders))
        file.tell(ERROR, "unknown-decoder", "parse-bbox-func-name", message)
    _check_channels(file)


def _check_channels(file: NvinferFile) -> None:
    channels = file.channels
    dimensions = file.value("infer-dims")
    if dimensions and dimensions[0] != channels:
        message = "infer-dims has %d channels, model-color-format has %d; the order is channels;height;width"
        file.tell(ERROR, "channels-mismatch", "infer-dims", message % (dimensions[0], channels))


def _tell_idle(file: NvinferFile) -> None:
    idle = [
        entry.key.name for entries in file.groups.values() for entry in entries.values() if entry.key.cpu.use == IDLE
    ]
    if idle:
        # Once for a key that several classes have.
        message = "engine cpu has no use for %s and ignores them" % ", ".join(dict.fromkeys(idle))
        file.tell(NOTICE, "config-no-meaning", "", message)


def _check_use(file: NvinferFile, who: str, is_meant: Callable[[Key], bool]) -> None:
    """Whether the values of keys are honoured. who: it is that does not."""
    entries = [entry for group in file.groups.values() for entry in group.values()]
    for key, raw, line, value in entries:
        if value is None or not is_meant(key):
            continue
        where = "%s:%d" % (file.name, line)
        if key.cpu.use == REFUSED or (key.cpu.accepts is not None and value not in key.cpu.accepts):
            message = "%s=%s is not supported by %s; %s" % (key.name, raw, who, key.cpu.advice)
            file.problems.append(error("config-not-supported", where, message))
            continue
        try:
            check_bounds(value, key.cpu.low, key.cpu.high)
        except BadValueError as problem:
            file.problems.append(error(problem.code, where, "%s: %s" % (key.name, problem)))


def build_config(file: NvinferFile) -> NvinferConfig:
    """Of a file without errors."""
    groups, own = file.groups, file.own
    colour = _COLOURS[file.value("model-color-format", 0)]
    dimensions = file.value("infer-dims")
    common = _one_name(groups.get(CLASS_ALL, {}))
    by_class = {class_id(group): entries for group, entries in groups.items() if group not in (PROPERTY, CLASS_ALL)}
    return NvinferConfig(
        network_path=own["onnx-file"].value,
        decoder=file.value("parse-bbox-func-name", NVINFER_S_OWN),
        dimensions=None if dimensions is None else Dimensions(*dimensions),
        channels_last=file.value("network-input-order", 0) == 1,
        colour=colour,
        scale=file.value("net-scale-factor", 1.0),
        offsets=file.value("offsets", ()) or (0.0,) * (1 if colour == "gray" else 3),
        keep_shape=file.value("maintain-aspect-ratio", False),
        centred=file.value("symmetric-padding", False),
        scaling=_SCALING.get(file.value("scaling-filter", _DEFAULT_SCALING), AREA),
        interval=file.value("interval", 0),
        outputs=file.value("output-blob-names", ()),
        nms=file.value("cluster-mode", 2) == 2,
        filtered_out=frozenset(file.value("filter-out-class-ids", ())),
        classes=tuple(
            _class_attributes({**common, **_one_name(by_class.get(number, {}))})
            for number in range(0 if file.network_type == CLASSIFIER else own["num-detected-classes"].value)
        ),
        unique_id=file.value("gie-unique-id", DEFAULT_UNIQUE_ID),
        rules=object_rules(file.value, file.network_type == CLASSIFIER),
        classifier_threshold=file.value("classifier-threshold", 0.0),
    )


def _one_name(entries: Dict[str, Value]) -> Dict[str, Value]:
    """threshold is the old name of pre-cluster-threshold."""
    return {"pre-cluster-threshold" if key == "threshold" else key: entry for key, entry in entries.items()}


def _value(entries: Dict[str, Value], key: str, default: Any) -> Any:
    return entries[key].value if key in entries else default


def _class_attributes(entries: Dict[str, Value]) -> ClassAttributes:
    default = ClassAttributes()
    # NMS changes no score: a threshold after it has the same effect as one before it.
    before = _value(entries, "pre-cluster-threshold", default.threshold)
    threshold = max(before, _value(entries, "post-cluster-threshold", 0.0))
    others = {field: _value(entries, key, getattr(default, field)) for field, key in _CLASS_FIELDS.items()}
    return default._replace(threshold=threshold, **others)
