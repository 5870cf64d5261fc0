"""Parses nvinfer configuration files, and finds all faults in one pass, each with its line."""

import difflib
import re
from typing import Any, Collection, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from sidecar.worker.inference.decoders import NVINFER_S_OWN
from sidecar.worker.inference.nvinfer_keys import IDLE, REFUSED, BadValueError, Key, keys_of, parse_value
from sidecar.worker.inference.resample import AREA, BILINEAR, NEAREST
from sidecar.worker.problem import ERROR, NOTICE, WARNING, Problem, has_errors

_PROPERTY = "property"
_CLASS_PREFIX = "class-attrs-"
_CLASS_ALL = _CLASS_PREFIX + "all"
# As strtoull: 01 is class 1.
_CLASS_ID = re.compile(r"\s*[+-]?\d+")
_NEEDED = ("onnx-file", "labelfile-path", "num-detected-classes")
_RAW_TENSORS = 100
# Of a group, what GLib allows around its name.
_HEADER = re.compile(r"\[([^\[\]\x00-\x1f\x7f]+)\][ \t]*\Z")
_KEY = re.compile(r"[^\[\]=]+(\[[\w.@-]*\])?\Z")
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
    labels_path: str
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
    # One for each class: index is the class id.
    classes: Tuple[ClassAttributes, ...]


class _Entry(NamedTuple):
    value: Any
    line: int


# group -> key -> entry
_Groups = Dict[str, Dict[str, _Entry]]


def parse_nvinfer_config(
    text: str, name: str, directory: str, decoders: Collection[str]
) -> Tuple[Optional[NvinferConfig], List[Problem]]:
    """Parses the text of a file. Returns no configuration if there is an error among the problems.

    name: of the file, for the problems. directory: to which its paths are relative. decoders: what parse-bbox-func-name
    may be.
    """
    parser = _Parser(name, directory)
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        # GLib takes a carriage return for a part of the line's end only in front of a line feed.
        parser.read(number, line[:-1] if line.endswith("\r") and number < len(lines) else line)
    parser.parse()
    parser.check(decoders)
    if has_errors(parser.problems):
        return None, parser.problems
    return _build(parser.groups), parser.problems


class _Parser:
    """Collects entries and problems: line by line, then key by key."""

    def __init__(self, name: str, directory: str) -> None:
        self.groups: _Groups = {}
        self.problems: List[Problem] = []
        self._name = name
        self._directory = directory
        self._idle: List[str] = []
        # By group and key, as written. The last of equal ones counts.
        self._written: Dict[str, Dict[str, _Entry]] = {}
        # Lines of the groups.
        self._lines: Dict[str, int] = {}
        self._group: Optional[str] = None

    def read(self, number: int, line: str) -> None:
        line = line.lstrip(" \t\f\r")
        if not line or line.startswith("#"):
            return
        header = _HEADER.match(line)
        if header is not None:
            self._open(number, header.group(1))
            return
        name, equals, raw = line.partition("=")
        name = name.rstrip()
        if line.startswith("[") and not equals:
            self._error(
                "config-syntax", number, "%r is no group; write [property], a comment on a line of its own" % line
            )
        elif not equals or not name:
            self._error("config-syntax", number, "%r is neither [group], key=value nor # comment" % line)
        elif self._group is None:
            self._error("config-syntax", number, "%s stands before the first group; put [property] above" % name)
        elif not _KEY.match(name):
            self._error("config-syntax", number, "%r is not the name of a key" % name)
        else:
            self._write(self._group, number, name, raw.lstrip(" \t\f\r"))

    def _write(self, group: str, number: int, name: str, raw: str) -> None:
        entries = self._written[group]
        if name in entries:
            message = "%s is set in line %d too; the last one counts" % (name, entries[name].line)
            self._tell(WARNING, "duplicate-key", number, message)
        entries[name] = _Entry(raw, number)

    def parse(self) -> None:
        """Parses the values that count."""
        for group, entries in self._written.items():
            if self._is_known(group):
                self.groups[group] = {}
                for name, entry in entries.items():
                    self._parse(group, entry.line, name, entry.value)

    def check(self, decoders: Collection[str]) -> None:
        """Finds what only the whole file can tell."""
        if self._idle:
            message = "engine cpu has no use for %s and ignores them" % ", ".join(self._idle)
            self.problems.append(Problem(NOTICE, "config-no-meaning", self._name, message))
        own = self.groups.get(_PROPERTY, {})
        for key in _NEEDED:
            # One whose value was refused is there, and has been reported.
            if key not in own:
                self._error("missing-key", None, "%s is missing; set it in [property]" % key)
        decoder = _value(own, "parse-bbox-func-name", None)
        if _value(own, "network-type", 0) == _RAW_TENSORS and "parse-bbox-func-name" not in own:
            message = "parse-bbox-func-name is missing: network-type=100 leaves the outputs to a decoder; known are %s"
            self._error("missing-key", None, message % ", ".join(sorted(decoders)))
        if "cluster-mode" not in own:
            message = "cluster-mode is missing: nvinfer would group rectangles, engine cpu uses NMS; set cluster-mode=2"
            self.problems.append(Problem(WARNING, "config-default", self._name, message))
        if decoder is not None and decoder not in decoders:
            message = "parse-bbox-func-name: there is no decoder %s; known are %s"
            line = own["parse-bbox-func-name"].line
            self._error("unknown-decoder", line, message % (decoder, ", ".join(sorted(decoders))))
        self._check_channels(own)
        self._check_class_ids(own)

    def _check_channels(self, own: Dict[str, _Entry]) -> None:
        channels = 1 if _value(own, "model-color-format", 0) == 2 else 3
        offsets = _value(own, "offsets", ())
        if offsets and len(offsets) != channels:
            message = "offsets has %d values, the network's input has %d channels (model-color-format)"
            self._error("channels-mismatch", own["offsets"].line, message % (len(offsets), channels))
        dimensions = _value(own, "infer-dims", None)
        if dimensions and dimensions[0] != channels:
            message = "infer-dims has %d channels, model-color-format has %d; the order is channels;height;width"
            self._error("channels-mismatch", own["infer-dims"].line, message % (dimensions[0], channels))

    def _check_class_ids(self, own: Dict[str, _Entry]) -> None:
        count = _value(own, "num-detected-classes", None)
        if count is None:
            return
        allowed = "num-detected-classes=%d allows 0 to %d" % (count, count - 1)
        for class_id in _value(own, "filter-out-class-ids", ()):
            if not 0 <= class_id < count:
                message = "filter-out-class-ids: there is no class %d; %s" % (class_id, allowed)
                self._tell(WARNING, "class-out-of-range", own["filter-out-class-ids"].line, message)
        for group in self.groups:
            if group in (_PROPERTY, _CLASS_ALL):
                continue
            class_id = _class_id(group)
            if class_id is None or not 0 <= class_id < count:
                message = "[%s]: there is no such class; %s" % (group, allowed)
                self._error("class-group-unknown", self._lines[group], message)

    def _is_known(self, group: str) -> bool:
        return group == _PROPERTY or group.startswith(_CLASS_PREFIX)

    def _open(self, number: int, group: str) -> None:
        self._group = group
        self._written.setdefault(group, {})
        self._lines.setdefault(group, number)
        if not self._is_known(group):
            hint = _near(group, [_PROPERTY, _CLASS_ALL], "[%s]")
            known = "known are [property], [class-attrs-all], [class-attrs-N]"
            self._tell(NOTICE, "unknown-group", number, "group [%s] is ignored; %s" % (group, hint or known))

    def _parse(self, group: str, number: int, name: str, raw: str) -> None:
        keys, others = keys_of(_PROPERTY), keys_of("class-attrs")
        if group != _PROPERTY:
            keys, others = others, keys
        key = keys.get(name)
        if key is None:
            message = "%s is ignored; %s" % (name, _hint(name, keys, others, group))
            self._tell(NOTICE, "unknown-key", number, message)
            return
        is_replaced = key.deprecated is not None and key.deprecated in self._written.get(_PROPERTY, {})
        if is_replaced and group == _PROPERTY:
            return  # Not read beside its successor.
        # None stands for a value that is reported here, so that it is not reported as missing too.
        value = None
        try:
            value = parse_value(key, raw, self._directory)
            if key.use == REFUSED or (key.accepts is not None and value not in key.accepts):
                value = None
                message = "%s=%s is not supported by engine cpu; %s" % (name, raw, key.advice)
                self._error("config-not-supported", number, message)
            elif key.deprecated is not None and not is_replaced:
                message = "%s is the old name: use %s" % (name, key.deprecated)
                self._tell(WARNING, "deprecated-key", number, message)
        except BadValueError as problem:
            severity = WARNING if problem.code == "empty-value" else ERROR
            self._tell(severity, problem.code, number, "%s: %s" % (name, problem))
            if severity == WARNING:
                return
        self.groups[group][name] = _Entry(value, number)
        if key.use == IDLE and name not in self._idle:
            self._idle.append(name)

    def _tell(self, severity: str, code: str, number: Optional[int], message: str) -> None:
        path = self._name if number is None else "%s:%d" % (self._name, number)
        self.problems.append(Problem(severity, code, path, message))

    def _error(self, code: str, number: Optional[int], message: str) -> None:
        self._tell(ERROR, code, number, message)


def _class_id(group: str) -> Optional[int]:
    match = _CLASS_ID.match(group[len(_CLASS_PREFIX) :])
    return None if match is None else int(match.group())


def _hint(name: str, keys: Dict[str, Key], others: Dict[str, Key], group: str) -> str:
    if name in others:
        return "it belongs in [%s]" % (_CLASS_ALL if group == _PROPERTY else _PROPERTY)
    return _near(name, keys, "%s") or "remove it"


def _near(name: str, known: Collection[str], form: str) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return "did you mean %s?" % form % near[0] if near else ""


def _value(entries: Dict[str, _Entry], key: str, default: Any) -> Any:
    entry = entries.get(key)
    return default if entry is None or entry.value is None else entry.value


def _build(groups: _Groups) -> NvinferConfig:
    own = groups[_PROPERTY]
    colour = _COLOURS[_value(own, "model-color-format", 0)]
    dimensions = _value(own, "infer-dims", None)
    common = _one_name(groups.get(_CLASS_ALL, {}))
    by_class = {_class_id(group): entries for group, entries in groups.items() if group not in (_PROPERTY, _CLASS_ALL)}
    return NvinferConfig(
        network_path=own["onnx-file"].value,
        labels_path=own["labelfile-path"].value,
        decoder=_value(own, "parse-bbox-func-name", NVINFER_S_OWN),
        dimensions=None if dimensions is None else Dimensions(*dimensions),
        channels_last=_value(own, "network-input-order", 0) == 1,
        colour=colour,
        scale=_value(own, "net-scale-factor", 1.0),
        offsets=_value(own, "offsets", ()) or (0.0,) * (1 if colour == "gray" else 3),
        keep_shape=_value(own, "maintain-aspect-ratio", False),
        centred=_value(own, "symmetric-padding", False),
        scaling=_SCALING.get(_value(own, "scaling-filter", _DEFAULT_SCALING), AREA),
        interval=_value(own, "interval", 0),
        outputs=_value(own, "output-blob-names", ()),
        nms=_value(own, "cluster-mode", 2) == 2,
        filtered_out=frozenset(_value(own, "filter-out-class-ids", ())),
        classes=tuple(
            _class_attributes({**common, **_one_name(by_class.get(class_id, {}))})
            for class_id in range(own["num-detected-classes"].value)
        ),
    )


def _one_name(entries: Dict[str, _Entry]) -> Dict[str, _Entry]:
    """threshold is the old name of pre-cluster-threshold."""
    return {"pre-cluster-threshold" if key == "threshold" else key: entry for key, entry in entries.items()}


def _class_attributes(entries: Dict[str, _Entry]) -> ClassAttributes:
    default = ClassAttributes()
    # NMS changes no score: a threshold after it has the same effect as one before it.
    before = _value(entries, "pre-cluster-threshold", default.threshold)
    threshold = max(before, _value(entries, "post-cluster-threshold", 0.0))
    others = {field: _value(entries, key, getattr(default, field)) for field, key in _CLASS_FIELDS.items()}
    return default._replace(threshold=threshold, **others)
