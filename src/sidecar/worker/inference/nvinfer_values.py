"""Values of an nvinfer configuration file: text to a typed value, by the rules of GLib's key files."""

import math
import os
import re
from typing import Any, List

from sidecar.worker.inference.nvinfer_keys import Key

_INTEGER = re.compile(r"[+-]?\d{1,18}\Z")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
_ITEMS = {"ints": "int", "floats": "float", "texts": "text"}


class BadValueError(Exception):
    """A value is not of its key's type or range. The message is one line without the key's name."""


def parse_value(key: Key, text: str, directory: str) -> Any:
    """Returns int, float, bool, str (a path is joined to directory) or a tuple of them. Raises BadValueError."""
    if key.kind not in _ITEMS:
        return _scalar(key, key.kind, text, directory)
    items: List[str] = [item.strip() for item in text.split(";")]
    if items[-1] == "":
        items.pop()
    values = tuple(_scalar(key, _ITEMS[key.kind], item, directory) for item in items)
    if key.length is not None and len(values) != key.length:
        raise BadValueError("%r has %d values; write %d, separated by ';'" % (text, len(values), key.length))
    return values


def _scalar(key: Key, kind: str, text: str, directory: str) -> Any:
    if text == "" or "\0" in text:
        raise BadValueError("is empty or holds a NUL character; write a value or remove the line")
    if kind == "bool":
        if text not in _BOOLEANS:
            raise BadValueError("%r is neither 1 nor 0" % text)
        return _BOOLEANS[text]
    if kind == "int" or kind == "float":
        return _number(key, kind, text)
    return os.path.join(directory, text) if kind == "path" else text


def _number(key: Key, kind: str, text: str) -> Any:
    if not (_INTEGER if kind == "int" else _FLOAT).match(text):
        noun = "a whole number" if kind == "int" else "a number"
        hint = ""
        if "," in text:
            hint = "; values are separated by ';', decimals begin behind '.'"
        elif "#" in text:
            hint = "; a comment needs a line of its own"
        raise BadValueError("%r is not %s%s" % (text, noun, hint))
    value = int(text) if kind == "int" else float(text)
    if key.choices is not None and value not in key.choices:
        known = ", ".join("%d (%s)" % choice for choice in sorted(key.choices.items()))
        raise BadValueError("%s is unknown; known are %s" % (text, known))
    if not math.isfinite(value):
        raise BadValueError("%s is out of all range" % text)
    if key.low is not None and value < key.low:
        raise BadValueError("%s is too small; the lowest is %g" % (text, key.low))
    if key.high is not None and value > key.high:
        raise BadValueError("%s is too large; the highest is %g" % (text, key.high))
    return value
