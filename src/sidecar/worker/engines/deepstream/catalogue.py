"""The catalogue's files, as they apply to one release and kind of board: elements, nvinfer's keys, formats, boards."""

import json
import os
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from sidecar.worker.inference.nvinfer_keys import KeyTable, key_table

DIRECTORY = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 5, "catalogue"))


class Board(NamedTuple):
    id: str
    name: str
    compute: str
    int8: bool
    # Of the GPU; of the whole board if the GPU shares it.
    memory_mb: int
    shared_memory: bool


class Format(NamedTuple):
    """A format of networks. The first of its keys names the network, the others its other files."""

    name: str
    keys: Tuple[str, ...]
    # The last release that reads it; None: still read.
    until: Optional[str]
    # A release that cannot read it goes on to the next format.
    passed_over: bool
    # Where it has been removed: the problem's code, and why.
    code: str
    why: str


class _Element(NamedTuple):
    # The defaults of the properties that exist here, by name.
    defaults: Dict[str, Any]
    # Pixel formats that its sink pads accept.
    formats: FrozenSet[str]


class Catalogue:
    """What exists in a release ("7.1") on a kind of board ("dgpu" or "jetson"). For an unknown release, the last known
    one before it counts."""

    def __init__(self, release: str, kind: str, new_mux: bool = False) -> None:
        """new_mux: whether nvstreammux is the new one."""
        elements = _read("deepstream-elements.json")
        targets, facts = _read("targets.json"), _read("release-facts.json")
        self._releases: List[str] = elements["versions"]
        older = [one for one in self._releases if _numbers(one) <= _numbers(release)]
        self.release = older[-1] if older else self._releases[0]
        self.kind = kind
        self._index: int = self._releases.index(self.release)
        # Every name that some release has.
        self._names = {(one["name"], prop["name"]) for one in elements["elements"] for prop in one["properties"]}
        self._names |= {(one["name"], None) for one in elements["elements"]}
        variants = ("", "new" if new_mux else "legacy")
        self._elements = {
            one["name"]: self._element(one)
            for one in elements["elements"]
            if one.get("variant", "").split(" ")[0] in variants and self._exists(one)
        }
        # Of an nvinfer configuration file.
        self.keys: KeyTable = key_table(self._within, self._has_choice)
        self.formats = tuple(
            Format(
                one["format"],
                tuple(one["keys"]),
                one["until"],
                one.get("passedOver", False),
                one.get("code", ""),
                one.get("why", ""),
            )
            for one in facts["formats"]
        )
        # What the ONNX parser of each TensorRT accepts: see the file.
        self.onnx: Dict[str, Any] = _read("onnx-operators.json")
        self.precisions: List[str] = facts["engineFile"]["precisions"]
        # How much memory a network needs: see the file.
        self.memory: Dict[str, Any] = facts["memory"]
        trackers = facts["trackers"]
        self.trackers: List[str] = [one["name"] for one in trackers["algorithms"] if self._within(one)]
        self.tracker_libraries: List[str] = [one["file"] for one in trackers["libraries"] if self._within(one)]
        self.boards = boards()
        releases = {one["release"]: one["platforms"] for one in targets["releases"]}
        here = releases.get(self.release, {}).get(kind, {})
        self.tensorrt: str = here.get("tensorrt") or ""
        # The newest ONNX operator set that its TensorRT reads. None: not known.
        self.onnx_opset: Optional[int] = here.get("onnxOpset")

    def has(self, element: str, prop: Optional[str] = None) -> bool:
        """Whether an element, or a property of it, exists here.

        Raises KeyError for a name that no release has: the caller has misspelt it.
        """
        if (element, prop) not in self._names:
            raise KeyError(element if prop is None else "%s.%s" % (element, prop))
        found = self._elements.get(element)
        return bool(found is not None and (prop is None or prop in found.defaults))

    def default(self, element: str, prop: str) -> Any:
        """The default of a property that exists here."""
        return self._elements[element].defaults[prop]

    def takes(self, element: str, pixel_format: str) -> bool:
        """Whether an element's sink accepts a pixel format."""
        return pixel_format in self._elements[element].formats

    def reached(self, release: str) -> bool:
        """Whether this release is that one or a later one."""
        return self._releases.index(release) <= self._index

    def _within(self, entry: Dict[str, Any]) -> bool:
        until = entry.get("until")
        return self.reached(entry["since"]) and (until is None or self._index <= self._releases.index(until))

    def _exists(self, entry: Dict[str, Any]) -> bool:
        if "availability" in entry:
            return any(one["platform"] == self.kind and self._within(one) for one in entry["availability"])
        return self.kind in entry.get("platforms", (self.kind,)) and self._within(entry)

    def _element(self, entry: Dict[str, Any]) -> _Element:
        sinks = [pad for pad in entry["pads"] if pad["direction"] == "sink" and self._exists(pad)]
        formats = {name for pad in sinks for structure in pad["caps"] for name in structure.get("formats", [])}
        defaults = {prop["name"]: self._default(prop) for prop in entry["properties"] if self._exists(prop)}
        return _Element(defaults, frozenset(formats))

    def _default(self, prop: Dict[str, Any]) -> Any:
        """Entries are those of the last release: changes later than this release are undone."""
        value = prop.get("default")
        for change in sorted(prop.get("changes", []), key=lambda one: -self._releases.index(one["version"])):
            if not self.reached(change["version"]) and "default" in change["changed"]:
                value = change["changed"]["default"][0]
        return value

    def _has_choice(self, entry: Dict[str, Any], choice: Dict[str, Any]) -> bool:
        """Whether a key of an nvinfer configuration file has that choice here."""
        return self.reached(choice.get("since", entry["since"])) and self.kind in choice.get("platforms", (self.kind,))


def boards() -> Dict[str, Board]:
    """The boards of the catalogue by id."""
    return {
        one["id"]: Board(one["id"], one["name"], one["compute"], one["int8"], one["memoryMB"], one["sharedMemory"])
        for one in _read("targets.json")["boards"]
    }


def _numbers(release: str) -> List[int]:
    numbers = [int(part) for part in release.split(".") if part.isdigit()]
    # In the SDK's own file, 7.1 is 7.1.0.
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _read(name: str) -> Any:
    with open(os.path.join(DIRECTORY, name), encoding="utf-8") as file:
        return json.load(file)
