"""The keys of an nvinfer configuration file: what engine cpu does with each, and how its value is parsed.

catalogue/nvinfer-keys.json has names, types, ranges, and what engine cpu does with each key.
Values are read as GLib's key files and nvinfer read them: what nvinfer refuses is refused here.
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

# As strtol: whatever follows a blank does not count.
_INTEGER = re.compile(r"\s*([+-]?\d+)(?=\s|\Z)")
_FLOAT = re.compile(
    r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|0x[\da-f]+\.?[\da-f]*(p[+-]?\d+)?|inf(inity)?|nan(\(\w*\))?)\Z", re.I
)
_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_INT32 = 2**31


class Key(NamedTuple):
    """What the value of a key may be, and how engine cpu treats it."""

    # int, float, boolean, enum, string or path, or a list of these: int-list.
    type: str
    use: str = IDLE
    # The key that replaces it: it is not read beside that one.
    deprecated: Optional[str] = None
    # nvinfer may write the file itself.
    written: bool = False
    # Bounds of a number, or of each number of a list.
    low: Optional[float] = None
    high: Optional[float] = None
    # Length of a list, and the greatest one.
    length: Optional[int] = None
    max_length: Optional[int] = None
    # Numbers that nvinfer knows, with their meaning. Empty: any.
    choices: Dict[int, str] = {}
    # The only values that engine cpu honours. None: all; for a refused key: none at all.
    accepts: Optional[Tuple[Any, ...]] = None
    # What to do about a value that is not honoured.
    advice: str = ""


class BadValueError(Exception):
    """A value is not of its key's type or range. The message is one line without the key's name."""

    def __init__(self, message: str, code: str = "wrong-type") -> None:
        super().__init__(message)
        # The linter's.
        self.code = code


@functools.lru_cache(maxsize=None)
def keys_of(group: str) -> Dict[str, Key]:
    """The keys of [property], or of the groups class-attrs."""
    with open(_CATALOGUE, encoding="utf-8") as file:
        entries = [entry for entry in json.load(file)["keys"] if entry["group"] == group]
    return {entry["name"]: _key(entry) for entry in entries}


def _key(entry: Dict[str, Any]) -> Key:
    cpu = entry.get("cpu", {})
    accepts = cpu.get("accepts")
    return Key(
        entry["type"],
        use=cpu.get("use", IDLE),
        deprecated=entry.get("deprecated"),
        written=entry.get("written", False),
        low=cpu.get("min", entry.get("min")),
        high=cpu.get("max", entry.get("max")),
        length=entry.get("length"),
        max_length=entry.get("maxLength"),
        choices={one["value"]: one["nick"] for one in entry.get("enum", ())},
        accepts=None if accepts is None else tuple(accepts),
        advice=cpu.get("advice", ""),
    )


def parse_value(key: Key, text: str, directory: str) -> Any:
    """Parses a value as GLib's key files do: to int, float, bool, str (a path joined to directory) or a tuple of them.

    Raises BadValueError.
    """
    if not key.type.endswith("-list"):
        return _scalar(key, key.type, text, directory)
    items: List[str] = re.split(r"(?<!\\);", text)
    # A separator at the end ends the last item.
    if items[-1] == "":
        items.pop()
    # Paths in a list stay as they are: none of them is used.
    item_type = key.type[: -len("-list")].replace("path", "string")
    values = tuple(_scalar(key, item_type, item, directory, ";") for item in items)
    if key.length is not None and len(values) != key.length:
        message = "%r has %d values; write %d, separated by ';'" % (text, len(values), key.length)
        raise BadValueError(message, "out-of-range")
    if key.max_length is not None and len(values) > key.max_length:
        raise BadValueError("%r has more than %d values" % (text, key.max_length), "out-of-range")
    return values


def _scalar(key: Key, value_type: str, text: str, directory: str, separator: str = "") -> Any:
    if "\0" in text:
        raise BadValueError("holds a NUL character; write a value or remove the line")
    if value_type == "boolean":
        if text.rstrip() not in _BOOLEANS:
            raise BadValueError("%r is neither 1 nor 0%s" % (text, _hint(text)))
        return _BOOLEANS[text.rstrip()]
    if value_type in ("int", "enum", "float"):
        return _number(key, value_type == "float", text)
    value = _unescaped(text, separator).rstrip()
    if not value and not separator:
        if value_type == "path" and not key.written:
            raise BadValueError("is empty; write a value or remove the line")
        raise BadValueError("is empty, as if the line were not there", "empty-value")
    return os.path.join(directory, value) if value_type == "path" else value


def _unescaped(text: str, separator: str) -> str:
    def replace(match: Any) -> str:
        letter = match.group(1)
        if letter and letter == separator:
            return str(letter)
        if letter not in _ESCAPES:
            raise BadValueError("%r has a backslash before another letter than s, n, t or r; double it" % text)
        return _ESCAPES[letter]

    if "\ufffd" in text:
        raise BadValueError("%r is not UTF-8 text" % text)
    return re.sub(r"\\(.?)", replace, text)


def _number(key: Key, is_float: bool, text: str) -> Any:
    value = _float(text) if is_float else _integer(text)
    if value is None:
        if not is_float and text.strip().lstrip("+-").isdigit():
            raise BadValueError("%r is no integer of 32 bits" % text, "out-of-range")
        raise BadValueError("%r is not %s%s" % (text, "a number" if is_float else "a whole number", _hint(text)))
    if key.choices and value not in key.choices:
        known = ", ".join("%d (%s)" % choice for choice in sorted(key.choices.items()))
        raise BadValueError("%s is unknown; known are %s" % (text, known), "unknown-value")
    if key.low is not None and value < key.low:
        raise BadValueError("%s is too small; the lowest is %g" % (text, key.low), "out-of-range")
    if key.high is not None and value > key.high:
        raise BadValueError("%s is too large; the highest is %g" % (text, key.high), "out-of-range")
    return value


def _integer(text: str) -> Optional[int]:
    match = _INTEGER.match(text)
    if match is None:
        # strtol finds no digit, and GLib accepts a blank behind none.
        return 0 if text[:1].isspace() else None
    value = int(match.group(1))
    return value if -_INT32 <= value < _INT32 else None


def _float(text: str) -> Optional[float]:
    """nvinfer would take numbers that are not finite; no box would ever pass such a threshold."""
    if not _FLOAT.match(text) or "nan" in text.lower():
        return None
    value = float.fromhex(text) if "x" in text.lower() else float(text)
    return value if math.isfinite(value) else None


def _hint(text: str) -> str:
    if "," in text:
        return "; values are separated by ';', decimals begin behind '.'"
    if "#" in text:
        return "; a comment needs a line of its own"
    return "; remove the blank at the end" if text != text.rstrip() else ""
