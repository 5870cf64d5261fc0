"""The keys of an nvinfer configuration file: what engine cpu does with each, and how its value is parsed.

catalogue/nvinfer-keys.json has names, types and ranges, for DeepStream 5.0 to 9.1. Keys that are not in USED have no
meaning on a CPU. nvinfer itself only prints a line for a key that it does not know.
"""

import functools
import json
import math
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

# How engine cpu treats a key.
HONOURED = "honoured"
# No meaning on a CPU: ignored, and reported once for a file.
IDLE = "idle"
# The key asks for something that engine cpu cannot do.
REFUSED = "refused"

_CATALOGUE = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 4, "catalogue", "nvinfer-keys.json"
)

_INTEGER = re.compile(r"[+-]?\d{1,18}\Z")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


class Key(NamedTuple):
    """What the value of a key may be, and how engine cpu treats it."""

    # int, float, boolean, enum, string or path, or a list of these: int-list.
    type: str
    use: str = IDLE
    # Bounds of a number, or of each number of a list.
    low: Optional[float] = None
    high: Optional[float] = None
    # Length of a list.
    length: Optional[int] = None
    # Numbers that nvinfer knows, with their meaning. Empty: any.
    choices: Dict[int, str] = {}
    # The only values that engine cpu honours. None: all; for a refused key: none at all.
    accepts: Optional[Tuple[Any, ...]] = None
    # What to do about a value that is not honoured.
    advice: str = ""


class BadValueError(Exception):
    """A value is not of its key's type or range. The message is one line without the key's name."""


def _honoured(**bounds: Any) -> Dict[str, Any]:
    return {"use": HONOURED, **bounds}


def _only(*values: Any, advice: str) -> Dict[str, Any]:
    return {"use": HONOURED, "accepts": values, "advice": advice}


def _refused(advice: str) -> Dict[str, Any]:
    return {"use": REFUSED, "advice": advice}


_TO_ONNX = _refused("convert the network to ONNX and name it in onnx-file")
_TO_INFER_DIMS = _refused("use infer-dims=channels;height;width and network-input-order")
_PRIMARY = "engine cpu runs one detector on whole frames: remove the key"

# What differs from the catalogue, by group and key.
USED: Dict[str, Dict[str, Dict[str, Any]]] = {
    "property": {
        # The network and its input.
        "onnx-file": _honoured(),
        "infer-dims": _honoured(low=1),
        "network-input-order": _honoured(),
        "model-color-format": _honoured(choices={0: "RGB", 1: "BGR", 2: "gray"}),
        "net-scale-factor": _honoured(low=1e-9),
        "offsets": _honoured(),
        "maintain-aspect-ratio": _honoured(),
        "symmetric-padding": _honoured(),
        "scaling-filter": _honoured(),
        "interval": _honoured(),
        "process-mode": _only(1, advice="use process-mode=1"),
        # Its output.
        "labelfile-path": _honoured(),
        "num-detected-classes": _honoured(low=1, high=10000),
        "network-type": _only(0, 100, advice="use 0 or 100: only detectors are supported"),
        "parse-bbox-func-name": _honoured(),
        "output-blob-names": _honoured(),
        "cluster-mode": _only(2, 4, advice="use cluster-mode=2 (NMS) or 4 (none)"),
        "filter-out-class-ids": _honoured(low=0),
        # What engine cpu cannot do.
        "is-classifier": _only(False, advice="use network-type=0: only detectors are supported"),
        "enable-dbscan": _only(False, advice="use cluster-mode=2 (NMS)"),
        "mean-file": _refused("use offsets, one number for each channel"),
        "model-file": _TO_ONNX,
        "proto-file": _TO_ONNX,
        "uff-file": _TO_ONNX,
        "tlt-encoded-model": _TO_ONNX,
        "engine-create-func-name": _TO_ONNX,
        "input-dims": _TO_INFER_DIMS,
        "uff-input-dims": _TO_INFER_DIMS,
        "input-tensor-from-meta": _only(False, advice=_PRIMARY),
        "operate-on-gie-id": _only(-1, advice=_PRIMARY),
        "operate-on-class-ids": _refused(_PRIMARY),
    },
    "class-attrs": {
        "pre-cluster-threshold": _honoured(),
        # The old name of pre-cluster-threshold.
        "threshold": _honoured(),
        "post-cluster-threshold": _honoured(),
        "nms-iou-threshold": _honoured(high=1),
        "topk": _honoured(),
        "detected-min-w": _honoured(),
        "detected-min-h": _honoured(),
        "detected-max-w": _honoured(),
        "detected-max-h": _honoured(),
        "roi-top-offset": _honoured(),
        "roi-bottom-offset": _honoured(),
    },
}


@functools.lru_cache(maxsize=None)
def keys_of(group: str) -> Dict[str, Key]:
    """The keys of [property], or of the groups class-attrs."""
    with open(_CATALOGUE, encoding="utf-8") as file:
        entries = [entry for entry in json.load(file)["keys"] if entry["group"] == group]
    return {
        entry["name"]: Key(
            entry["type"],
            low=entry.get("min"),
            high=entry.get("max"),
            length=entry.get("length"),
            choices={one["value"]: one["nick"] for one in entry.get("enum", ())},
        )._replace(**USED[group].get(entry["name"], {}))
        for entry in entries
    }


def parse_value(key: Key, text: str, directory: str) -> Any:
    """Parses a value as GLib's key files do: to int, float, bool, str (a path joined to directory) or a tuple of them.

    Raises BadValueError.
    """
    if not key.type.endswith("-list"):
        return _scalar(key, key.type, text, directory)
    items: List[str] = [item.strip() for item in text.split(";")]
    if items[-1] == "":
        items.pop()
    # Paths in a list stay as they are: none of them is used.
    item_type = key.type[: -len("-list")].replace("path", "string")
    values = tuple(_scalar(key, item_type, item, directory) for item in items)
    if key.length is not None and len(values) != key.length:
        raise BadValueError("%r has %d values; write %d, separated by ';'" % (text, len(values), key.length))
    return values


def _scalar(key: Key, value_type: str, text: str, directory: str) -> Any:
    if text == "" or "\0" in text:
        raise BadValueError("is empty or holds a NUL character; write a value or remove the line")
    if value_type == "boolean":
        if text not in _BOOLEANS:
            raise BadValueError("%r is neither 1 nor 0" % text)
        return _BOOLEANS[text]
    if value_type in ("int", "enum", "float"):
        return _number(key, value_type == "float", text)
    return os.path.join(directory, text) if value_type == "path" else text


def _number(key: Key, is_float: bool, text: str) -> Any:
    if not (_FLOAT if is_float else _INTEGER).match(text):
        hint = ""
        if "," in text:
            hint = "; values are separated by ';', decimals begin behind '.'"
        elif "#" in text:
            hint = "; a comment needs a line of its own"
        raise BadValueError("%r is not %s%s" % (text, "a number" if is_float else "a whole number", hint))
    value = float(text) if is_float else int(text)
    if key.choices and value not in key.choices:
        known = ", ".join("%d (%s)" % choice for choice in sorted(key.choices.items()))
        raise BadValueError("%s is unknown; known are %s" % (text, known))
    if not math.isfinite(value):
        raise BadValueError("%s is out of all range" % text)
    if key.low is not None and value < key.low:
        raise BadValueError("%s is too small; the lowest is %g" % (text, key.low))
    if key.high is not None and value > key.high:
        raise BadValueError("%s is too large; the highest is %g" % (text, key.high))
    return value
