"""Reads an nvinfer configuration file as nvinfer does: what it takes, what it ignores and what it refuses."""

import difflib
import re
from typing import Any, Collection, Dict, List, NamedTuple, Optional

from sidecar.worker.inference.key_file import Entry, read_key_file
from sidecar.worker.inference.nvinfer_keys import BadValueError, Key, KeyTable, parse_integer, parse_value
from sidecar.worker.problem import ERROR, NOTICE, WARNING, Problem

PROPERTY = "property"
CLASS_PREFIX = "class-attrs-"
CLASS_ALL = CLASS_PREFIX + "all"
# network-type.
DETECTOR, CLASSIFIER, SEGMENTATION, INSTANCES, RAW_TENSORS = 0, 1, 2, 3, 100
# model-color-format.
_GRAY = 2
# nvinfer reads the class groups of these; decoders here read those of raw tensors.
_WITH_CLASSES = (DETECTOR, INSTANCES, RAW_TENSORS)
# As strtoull: 01 is class 1.
_CLASS_ID = re.compile(r"\s*[+-]?[0-9]+")


class Value(NamedTuple):
    """A value of a key that nvinfer knows."""

    key: Key
    # As written.
    raw: str
    line: int
    # None: it was refused, and has been reported.
    value: Any


class NvinferFile(NamedTuple):
    """The groups that nvinfer reads."""

    name: str
    # By group and key, in the order of the file.
    groups: Dict[str, Dict[str, Value]]
    # Where each of them begins.
    lines: Dict[str, int]
    network_type: int
    problems: List[Problem]

    @property
    def classes(self) -> Optional[int]:
        """num-detected-classes; 0 if it is absent. None: it is no number."""
        return parse_integer(self.own["num-detected-classes"].raw) if "num-detected-classes" in self.own else 0

    @property
    def channels(self) -> int:
        """Of the network's input."""
        return 1 if self.value("model-color-format", 0) == _GRAY else 3

    @property
    def has_classes(self) -> bool:
        """Whether the network finds objects of classes."""
        return self.network_type in _WITH_CLASSES

    @property
    def own(self) -> Dict[str, Value]:
        """[property]"""
        return self.groups.get(PROPERTY, {})

    def value(self, key: str, default: Any = None) -> Any:
        """A value of [property]; the default if it is absent or was refused."""
        entry = self.own.get(key)
        return default if entry is None or entry.value is None else entry.value

    def place(self, key: str) -> str:
        """FILE:LINE of a key of [property], FILE if it has none."""
        return "%s:%d" % (self.name, self.own[key].line) if key in self.own else self.name

    def tell(self, severity: str, code: str, key: str, message: str) -> None:
        """Adds a problem of a key of [property], or of the whole file."""
        self.problems.append(Problem(severity, code, self.place(key), message))


def read_nvinfer_file(data: bytes, name: str, directory: str, table: KeyTable) -> NvinferFile:
    """name: the file's, for the problems. directory: to which its paths are relative. table: the keys that are read."""
    read = read_key_file(data, name)
    own = read.groups.get(PROPERTY, {})
    file = NvinferFile(name, {}, read.lines, _network_type(own), read.problems)
    if PROPERTY not in read.groups:
        file.tell(ERROR, "missing-key", "", "there is no group [property]")
    for group, entries in read.groups.items():
        kind = _kind(group, file.network_type)
        if kind is None:
            hint = _near(group, [PROPERTY, CLASS_ALL], "[%s]") or "it reads [property] and [class-attrs-all]"
            message = "nvinfer ignores the group [%s]; %s" % (group, hint)
            file.problems.append(Problem(NOTICE, "unknown-group", "%s:%d" % (name, read.lines[group]), message))
            continue
        file.groups[group] = {}
        for key, entry in entries.items():
            _read_key(file, group, kind, key, entry, directory, table, own)
    _check_class_ids(file)
    _check_offsets(file)
    return file


def class_id(group: str) -> Optional[int]:
    """The class of a group [class-attrs-N]. None: it is of no class."""
    match = _CLASS_ID.match(group[len(CLASS_PREFIX) :])
    return None if match is None else int(match.group())


def _kind(group: str, network_type: int) -> Optional[str]:
    """None: nvinfer does not read the group."""
    if group == PROPERTY:
        return PROPERTY
    return "class-attrs" if group.startswith(CLASS_PREFIX) and network_type in _WITH_CLASSES else None


def _network_type(own: Dict[str, Entry]) -> int:
    """A detector if network-type is none of these. is-classifier is its old name, which counts where the new one is
    absent."""
    if "network-type" in own:
        number = parse_integer(own["network-type"].raw)
        return number if number in (CLASSIFIER, SEGMENTATION, INSTANCES, RAW_TENSORS) else DETECTOR
    old = own.get("is-classifier")
    return CLASSIFIER if old is not None and old.raw.rstrip() in ("1", "true") else DETECTOR


def _read_key(
    file: NvinferFile,
    group: str,
    kind: str,
    name: str,
    entry: Entry,
    directory: str,
    table: KeyTable,
    own: Dict[str, Entry],
) -> None:
    def tell(severity: str, code: str, message: str) -> None:
        file.problems.append(Problem(severity, code, "%s:%d" % (file.name, entry.line), message))

    key = table.keys.get((kind, name))
    if key is None:
        where = table.elsewhere.get((kind, name))
        if where is not None:
            tell(NOTICE, "key-unavailable", "nvinfer ignores %s here; it is read %s" % (name, where))
        else:
            tell(NOTICE, "unknown-key", "nvinfer ignores %s; %s" % (name, _advice(name, kind, table)))
        return
    if kind == PROPERTY and key.deprecated in own:
        return  # Not read beside its successor.
    value = None
    try:
        value = parse_value(key, entry.raw, directory)
    except BadValueError as problem:
        tell(WARNING if problem.code == "empty-value" else ERROR, problem.code, "%s: %s" % (name, problem))
        if problem.code == "empty-value":
            return
    else:
        if key.deprecated:
            tell(WARNING, "deprecated-key", "%s is the old name; use %s" % (name, key.deprecated))
    file.groups[group][name] = Value(key, entry.raw, entry.line, value)


def _advice(name: str, kind: str, table: KeyTable) -> str:
    other = "class-attrs" if kind == PROPERTY else PROPERTY
    if (other, name) in table.keys:
        return "it belongs in [%s]" % (PROPERTY if other == PROPERTY else CLASS_ALL)
    return _near(name, table.named(kind), "%s") or "it is none of its keys"


def _near(name: str, known: Collection[str], form: str) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return "did you mean %s?" % form % near[0] if near else ""


def _check_offsets(file: NvinferFile) -> None:
    """nvinfer refuses them when it starts. It does not read them if another element prepares its input."""
    offsets = file.value("offsets", ())
    if offsets and len(offsets) != file.channels and not file.value("input-tensor-from-meta"):
        message = "offsets has %d values, the network's input has %d channels (model-color-format)"
        file.tell(ERROR, "channels-mismatch", "offsets", message % (len(offsets), file.channels))


def _check_class_ids(file: NvinferFile) -> None:
    count = file.classes
    if not file.has_classes or count is None:
        return
    allowed = "num-detected-classes=%d allows 0 to %d" % (count, count - 1)
    for one in file.value("filter-out-class-ids", ()) if "num-detected-classes" in file.own else ():
        if not 0 <= one < count:
            message = "filter-out-class-ids: there is no class %d; %s" % (one, allowed)
            file.tell(WARNING, "class-out-of-range", "filter-out-class-ids", message)
    for group in file.groups:
        if group in (PROPERTY, CLASS_ALL):
            continue
        one = class_id(group)
        if one is None or not 0 <= one < count:
            where = "%s:%d" % (file.name, file.lines[group])
            message = "[%s]: there is no such class; %s" % (group, allowed)
            file.problems.append(Problem(ERROR, "class-group-unknown", where, message))
