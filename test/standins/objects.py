"""The objects that the stand-in nvinfer detects: a script determines what it finds in which frame."""

import json
from typing import Any, Callable, Dict, List, NamedTuple


class ScriptedObject(NamedTuple):
    """One object. The box is in fractions of the frame."""

    class_id: int
    confidence: float
    left: float
    top: float
    width: float
    height: float


# From the source's number and the frame's number.
Detect = Callable[[int, int], List[ScriptedObject]]


def moving_box(source: int, frame: int) -> List[ScriptedObject]:
    """Without a script: one object of class 0 that crosses the frame within a hundred frames."""
    return [ScriptedObject(0, 0.9, (frame % 100) / 125, 0.4, 0.2, 0.3)]


def scripted(path: str) -> Detect:
    """A script from a JSON file: a list of {"class_id", "box": [left, top, width, height], "confidence", ...}.

    Boxes are in fractions of the frame. "source": only in frames of this source. "step": [across, down], added with
    each frame, modulo the space that the box has. Raises OSError and ValueError.
    """
    with open(path) as file:
        entries: List[Dict[str, Any]] = json.load(file)

    def detect(source: int, frame: int) -> List[ScriptedObject]:
        return [_placed(each, frame) for each in entries if each.get("source", source) == source]

    return detect


def _placed(entry: Dict[str, Any], frame: int) -> ScriptedObject:
    left, top, width, height = entry["box"]
    across, down = entry.get("step", (0, 0))
    if across:
        left = (left + across * frame) % (1 - width)
    if down:
        top = (top + down * frame) % (1 - height)
    return ScriptedObject(entry.get("class_id", 0), entry.get("confidence", 0.9), left, top, width, height)
