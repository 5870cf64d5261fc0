"""The catalogue files as one release and kind of board see them: elements, nvinfer's keys, boards and facts."""

import json
import os
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

DIRECTORY = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 5, "catalogue"))


class Board(NamedTuple):
    """A board that the catalogue knows."""

    id: str
    name: str
    kind: str
    compute: str
    int8: bool


class Key(NamedTuple):
    """A key of an nvinfer configuration file that this release reads."""

    name: str
    # property or class-attrs.
    group: str
    # int, float, boolean, enum, string, path, int-list, float-list or string-list.
    type: str
    low: Optional[float]
    high: Optional[float]
    length: Optional[int]
    # Numbers that are allowed, with their meaning. Empty: any.
    choices: Dict[int, str]
    # What to use instead.
    deprecated: str
    # The file need not be there: nvinfer writes it.
    written: bool


class Format(NamedTuple):
    """A form that networks come in: the keys that name its files, the first of them the network itself."""

    name: str
    keys: Tuple[str, ...]
    # The last release that reads it; None: still read.
    until: Optional[str]
    # Code of the problem, and why, where it is gone.
    code: str
    why: str


class _Element(NamedTuple):
    # Of the properties that exist here: name to default.
    properties: Dict[str, Any]
    # Formats that its sink pads take.
    formats: FrozenSet[str]


class Catalogue:
    """What exists in a release ("7.1") on a kind of board ("dgpu" or "jetson"). A release between two known ones is
    taken for the older, one behind the last for the last."""

    def __init__(self, release: str, kind: str, new_mux: bool = False, directory: str = DIRECTORY) -> None:
        """new_mux: nvstreammux is the new one."""
        elements = _read(directory, "deepstream-elements.json")
        targets = _read(directory, "targets.json")
        facts = _read(directory, "release-facts.json")
        self._releases: List[str] = elements["versions"]
        self.release = _known(release, self._releases)
        self.kind = kind
        self._now: int = self._releases.index(self.release)
        self._elements = {
            entry["name"]: self._element(entry)
            for entry in elements["elements"]
            if entry.get("variant", "").split(" ")[0] in ("", "new" if new_mux else "legacy") and self._exists(entry)
        }
        self._known: Dict[str, Set[str]] = {}
        for entry in elements["elements"]:
            self._known.setdefault(entry["name"], set()).update(prop["name"] for prop in entry["properties"])
        self.keys = self._keys(_read(directory, "nvinfer-keys.json")["keys"])
        self.all_keys: FrozenSet[str] = frozenset(self._all_keys)
        self.formats = tuple(
            Format(each["format"], tuple(each["keys"]), each["until"], each.get("code", ""), each.get("why", ""))
            for each in facts["formats"]
        )
        # What TensorRT's ONNX parser takes, of every release: see the file.
        self.onnx: Dict[str, Any] = _read(directory, "onnx-operators.json")
        self.precisions: Tuple[str, ...] = tuple(facts["engineFile"]["precisions"])
        self.trackers: Tuple[str, ...] = tuple(
            each["name"] for each in facts["trackers"]["algorithms"] if self._within(each)
        )
        self.tracker_libraries: Tuple[str, ...] = tuple(
            each["file"] for each in facts["trackers"]["libraries"] if self._within(each)
        )
        self.boards = boards(targets)
        of_release: Dict[str, Any] = next((each for each in targets["releases"] if each["release"] == self.release), {})
        self.tensorrt: str = of_release.get("platforms", {}).get(kind, {}).get("tensorrt") or ""

    def has(self, element: str, prop: Optional[str] = None) -> bool:
        """Whether an element, or a property of it, exists here.

        Raises KeyError for a name that no release has: that is a slip of the caller, not a difference.
        """
        if prop is not None and prop not in self._known[element]:
            raise KeyError("%s.%s" % (element, prop))
        found = self._elements.get(element) if element in self._known else None
        return bool(found is not None and (prop is None or prop in found.properties))

    def default(self, element: str, prop: str) -> Any:
        """The default of a property that exists here."""
        return self._elements[element].properties[prop]

    def takes(self, element: str, pixel_format: str) -> bool:
        """Whether an element's sink takes a pixel format."""
        return pixel_format in self._elements[element].formats

    def reached(self, release: str) -> bool:
        """Whether this release is the given one or a later one."""
        return self._releases.index(release) <= self._now

    def _within(self, entry: Dict[str, Any]) -> bool:
        until = entry.get("until")
        return self.reached(entry["since"]) and (until is None or self._now <= self._releases.index(until))

    def _exists(self, entry: Dict[str, Any]) -> bool:
        if "availability" in entry:
            return any(each["platform"] == self.kind and self._within(each) for each in entry["availability"])
        return self.kind in entry.get("platforms", (self.kind,)) and self._within(entry)

    def _element(self, entry: Dict[str, Any]) -> _Element:
        formats = {
            name
            for pad in entry["pads"]
            if pad["direction"] == "sink" and self._exists(pad)
            for structure in pad["caps"]
            for name in structure.get("formats", [])
        }
        properties = {prop["name"]: self._default(prop) for prop in entry["properties"] if self._exists(prop)}
        return _Element(properties, frozenset(formats))

    def _default(self, prop: Dict[str, Any]) -> Any:
        """The catalogue's entries are those of the last release; changes that came later than ours are undone."""
        value = prop.get("default")
        for change in sorted(prop.get("changes", []), key=lambda each: -self._releases.index(each["version"])):
            if not self.reached(change["version"]) and "default" in change["changed"]:
                value = change["changed"]["default"][0]
        return value

    def _keys(self, entries: List[Dict[str, Any]]) -> Dict[Tuple[str, str], Key]:
        self._all_keys = {entry["name"] for entry in entries}
        return {(entry["group"], entry["name"]): self._key(entry) for entry in entries if self._within(entry)}

    def _key(self, entry: Dict[str, Any]) -> Key:
        choices = {
            each["value"]: each["nick"]
            for each in entry.get("enum", [])
            if self.reached(each.get("since", entry["since"])) and self.kind in each.get("platforms", (self.kind,))
        }
        return Key(
            entry["name"],
            entry["group"],
            entry["type"],
            entry.get("min"),
            entry.get("max"),
            entry.get("length"),
            choices,
            entry.get("deprecated", ""),
            bool(entry.get("written")),
        )


def boards(targets: Optional[Dict[str, Any]] = None, directory: str = DIRECTORY) -> Dict[str, Board]:
    """The boards of the catalogue by id."""
    document = targets if targets is not None else _read(directory, "targets.json")
    return {
        each["id"]: Board(each["id"], each["name"], each["platform"], each["compute"], each["int8"])
        for each in document["boards"]
    }


def _known(release: str, releases: List[str]) -> str:
    wanted = _numbers(release)
    older = [each for each in releases if _numbers(each) <= wanted]
    return older[-1] if older else releases[0]


def _numbers(release: str) -> Tuple[int, ...]:
    numbers = [int(part) for part in release.split(".") if part.isdigit()]
    while numbers and numbers[-1] == 0:
        # 7.1.0, as the SDK's own file has it, is 7.1.
        numbers.pop()
    return tuple(numbers)


def _read(directory: str, name: str) -> Any:
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return json.load(file)
