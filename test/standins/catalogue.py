"""The elements of one DeepStream release on one kind of board, according to the catalogue."""

import json
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

BOARDS = ("dgpu", "jetson")

# nvbuf-memory-type lists the values of both boards; a board refuses those of the other (the property's note).
_MEMORY_TYPES = {"dgpu": (0, 1, 2, 3), "jetson": (0, 4)}

# A value's nick may end with the only board that has it: "userptr (Jetson)", "HW_MODE (Jetson VIC)".
_BOARD_NOTE = re.compile(r" \((Jetson|dGPU)\b.*\)$")
_NOTE = re.compile(r" \(.*\)$")

_INTEGERS = {
    "int": (-(2**31), 2**31 - 1),
    "uint": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


class CatalogueError(Exception):
    """The catalogue has no such release or board. The message lists those that it has."""


class Property(NamedTuple):
    """A property on one release and board. type: boolean, int, uint, int64, uint64, string, enum or pointer."""

    name: str
    type: str
    default: Any
    minimum: int
    maximum: int
    values: Tuple[Tuple[int, str], ...]
    readable: bool
    writable: bool
    mutable: Optional[str]


class Pad(NamedTuple):
    """One pad template. caps is text in GStreamer's form."""

    name: str
    direction: str
    presence: str
    caps: str


class Element(NamedTuple):
    """An element on one release and board. kind: filter, sink, source, source-bin, aggregator or splitter."""

    name: str
    kind: str
    pads: Tuple[Pad, ...]
    properties: Tuple[Property, ...]


def releases(path: str) -> Tuple[str, ...]:
    """All releases of the catalogue, oldest first."""
    with open(path) as file:
        return tuple(json.load(file)["versions"])


def load(path: str, release: str, board: str, mux: str = "legacy") -> List[Element]:
    """Reads the elements of a release (such as "7.1") on a board ("dgpu" or "jetson").

    mux: which of the two elements named nvstreammux, legacy or new. Raises CatalogueError.
    """
    with open(path) as file:
        document = json.load(file)
    versions: List[str] = document["versions"]
    if release not in versions:
        raise CatalogueError("no DeepStream release %r in the catalogue, which has %s" % (release, ", ".join(versions)))
    if board not in BOARDS:
        raise CatalogueError("no board %r in the catalogue, which has %s" % (board, ", ".join(BOARDS)))
    target = _Target(versions, release, board)
    return [
        _element(entry, target)
        for entry in document["elements"]
        if target.has(entry) and entry.get("variant", mux).split(" ")[0] == mux
    ]


class _Target:
    """A release and board, and how the catalogue's entries apply to it."""

    def __init__(self, versions: List[str], release: str, board: str) -> None:
        self.board = board
        self._order = {version: index for index, version in enumerate(versions)}
        self._now = self._order[release]

    def reached(self, version: str) -> bool:
        return self._order[version] <= self._now

    def _within(self, entry: Dict[str, Any]) -> bool:
        return self.reached(entry["since"]) and (entry["until"] is None or self._now <= self._order[entry["until"]])

    def has(self, entry: Dict[str, Any]) -> bool:
        """Whether an element, a pad or a property exists here."""
        if "availability" in entry:
            return any(each["platform"] == self.board and self._within(each) for each in entry["availability"])
        return self.board in entry.get("platforms", BOARDS) and self._within(entry)

    def at(self, entry: Dict[str, Any]) -> Dict[str, Any]:
        """An entry with the changes of this release applied, and later ones undone."""
        seen = dict(entry)
        changes = sorted(entry.get("changes", []), key=lambda change: self._order[change["version"]])
        for change in changes:
            if self.reached(change["version"]):
                seen.update({field: new for field, (_, new) in change["changed"].items()})
        for change in reversed(changes):
            if not self.reached(change["version"]):
                seen.update({field: old for field, (old, _) in change["changed"].items()})
        return seen


def _element(entry: Dict[str, Any], target: _Target) -> Element:
    return Element(
        entry["name"],
        entry["kind"],
        tuple(
            Pad(pad["name"], pad["direction"], pad["presence"], _caps(pad["caps"]))
            for pad in entry["pads"]
            if target.has(pad)
        ),
        tuple(_property(target.at(prop), target) for prop in entry["properties"] if target.has(prop)),
    )


def _property(entry: Dict[str, Any], target: _Target) -> Property:
    kind = {"integer": "int", "flags": "uint", "boxed": "pointer"}.get(entry["type"], entry["type"])
    low, high = _INTEGERS.get(kind, (0, 0))
    values: Tuple[Tuple[int, str], ...] = ()
    default: Any = None
    if kind == "boolean":
        default = entry.get("default") in (True, 1, "true")
    elif kind in _INTEGERS:
        low = low if entry.get("min") is None else entry["min"]
        high = high if entry.get("max") is None else entry["max"]
        default = _number(entry.get("default"))
    elif kind == "enum":
        values = _values(entry, target)
        default = _number(entry.get("default"))
        if not values:
            # Only the default is known, such as '1, "MBLK': any number is accepted.
            kind, low, high = "int", 0, 2**31 - 1
        elif default not in dict(values):
            default = values[0][0]
    elif kind == "string":
        default = entry.get("default")
    access = entry["access"]
    # Unknown access counts as read-only: a parameter must be readable or writable.
    return Property(
        entry["name"],
        kind,
        default,
        low,
        high,
        values,
        readable=access in ("r", "rw", ""),
        writable="w" in access,
        mutable=entry.get("mutable"),
    )


def _values(entry: Dict[str, Any], target: _Target) -> Tuple[Tuple[int, str], ...]:
    found = []
    for item in entry.get("enum") or []:
        board = _BOARD_NOTE.search(item["nick"])
        if board is not None and board.group(1).lower() != target.board:
            continue
        if entry["name"] == "nvbuf-memory-type" and item["value"] not in _MEMORY_TYPES[target.board]:
            continue
        found.append((item["value"], _NOTE.sub("", item["nick"])))
    return tuple(found)


def _number(default: Any) -> int:
    """The number at the start of a default: 640 in "640 (docs)", 3 in "0x00000003, ..."."""
    if isinstance(default, str):
        match = re.match(r"-?(0x)?[0-9a-f]+", default)
        return 0 if match is None else int(match.group(), 0)
    return int(default or 0)


def _caps(structures: List[Dict[str, Any]]) -> str:
    return "; ".join(_structure(each) for each in structures)


def _structure(entry: Dict[str, Any]) -> str:
    media = entry["media"]
    if media == "ANY":
        return "ANY"
    text: str = media if not entry.get("features") else "%s(%s)" % (media, ", ".join(entry["features"]))
    formats = [name for name in entry.get("formats", []) if not name.startswith("...") and name != "ALL"]
    if formats:
        text += ", format=(string){ %s }" % ", ".join(formats)
    for key, value in entry.items():
        if key in ("media", "features", "formats"):
            continue
        if isinstance(value, list):
            text += ", %s={ %s }" % (key, ", ".join(str(each) for each in value))
        else:
            text += ", %s=%s" % (key, value)
    return text
