"""The keys of an nvinfer configuration file, and how their values are read: as GLib's key files and nvinfer read them.

catalogue/nvinfer-keys.json has names, types, ranges, releases, and what engine cpu does with each key.
"""

import functools
import json
import math
import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

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
_INTEGER = re.compile(r"\s*([+-]?[0-9]+)(?=\s|\Z)")
_FLOAT = re.compile(
    r"\s*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|0x[\da-f]+\.?[\da-f]*(p[+-]?[0-9]+)?"
    r"|inf(inity)?|nan(\(\w*\))?)\Z",
    re.I,
)
_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_INT32 = 2**31


class CpuUse(NamedTuple):
    """How engine cpu treats a key."""

    use: str
    # Closer bounds than nvinfer's.
    low: Optional[float]
    high: Optional[float]
    # The only values that engine cpu honours. None: all; for a refused key: none at all.
    accepts: Optional[Tuple[Any, ...]]
    # What to do about a value that is not honoured.
    advice: str
    # It holds for raw tensors on engine deepstream too.
    decoding: bool


class Key(NamedTuple):
    """What the value of a key may be."""

    # property or class-attrs.
    group: str
    name: str
    # int, float, boolean, enum, string or path, or a list of these: int-list.
    type: str
    # The key that replaces it: it is not read beside that one.
    deprecated: str
    # nvinfer may write the file itself.
    written: bool
    # nvinfer goes on with an empty path.
    may_be_empty: bool
    # Bounds of a number, or of each number of a list.
    low: Optional[float]
    high: Optional[float]
    # Length of a list, and the greatest one.
    length: Optional[int]
    max_length: Optional[int]
    # Numbers that nvinfer knows, with their meaning. Empty: any.
    choices: Dict[int, str]
    cpu: CpuUse


class KeyTable(NamedTuple):
    """The keys that are read, by group and name, and the releases of those that only others read."""

    keys: Dict[Tuple[str, str], Key]
    elsewhere: Dict[Tuple[str, str], str]

    def named(self, group: str) -> List[str]:
        """The names of a group's keys."""
        return [name for known, name in self.keys if known == group]


class BadValueError(Exception):
    """A value is not of its key's type or range. The message is one line without the key's name."""

    def __init__(self, message: str, code: str = "wrong-type") -> None:
        super().__init__(message)
        # The linter's.
        self.code = code


def key_table(
    is_read: Callable[[Dict[str, Any]], bool], is_choice: Callable[[Dict[str, Any], Dict[str, Any]], bool]
) -> KeyTable:
    """is_read: whether a key of the catalogue is read here. is_choice: whether a key has that choice here."""
    table = KeyTable({}, {})
    for entry in _catalogue()["keys"]:
        place = entry["group"], entry["name"]
        if is_read(entry):
            table.keys[place] = _key(entry, is_choice)
        else:
            table.elsewhere[place] = "from %s" % entry["since"]
    return table


@functools.lru_cache(maxsize=None)
def all_keys() -> KeyTable:
    """The keys of every release, which engine cpu reads."""
    return key_table(lambda entry: True, lambda entry, choice: True)


@functools.lru_cache(maxsize=None)
def _catalogue() -> Any:
    with open(_CATALOGUE, encoding="utf-8") as file:
        return json.load(file)


def _key(entry: Dict[str, Any], is_choice: Callable[[Dict[str, Any], Dict[str, Any]], bool]) -> Key:
    cpu = entry.get("cpu", {})
    accepts = cpu.get("accepts")
    return Key(
        entry["group"],
        entry["name"],
        entry["type"],
        deprecated=entry.get("deprecated", ""),
        written=entry.get("written", False),
        may_be_empty=entry.get("mayBeEmpty", False),
        low=entry.get("min"),
        high=entry.get("max"),
        length=entry.get("length"),
        max_length=entry.get("maxLength"),
        choices={one["value"]: one["nick"] for one in entry.get("enum", ()) if is_choice(entry, one)},
        cpu=CpuUse(
            cpu.get("use", IDLE),
            cpu.get("min"),
            cpu.get("max"),
            None if accepts is None else tuple(accepts),
            cpu.get("advice", ""),
            cpu.get("decoding", False),
        ),
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
    values = tuple(_scalar(key, key.type[: -len("-list")], item, directory, ";") for item in items)
    if key.length is not None and len(values) != key.length:
        message = "%r has %d values; write %d, separated by ';'" % (text, len(values), key.length)
        raise BadValueError(message, "out-of-range")
    if key.max_length is not None and len(values) > key.max_length:
        raise BadValueError("%r has more than %d values" % (text, key.max_length), "out-of-range")
    return values


def parse_integer(text: str) -> Optional[int]:
    """None: GLib reads no integer of 32 bits."""
    match = _INTEGER.match(text)
    if match is None:
        # strtol finds no digit, and GLib accepts a blank behind none.
        return 0 if text[:1].isspace() else None
    value = int(match.group(1))
    return value if -_INT32 <= value < _INT32 else None


def escape_text(text: str) -> str:
    """A text as a value, so that GLib reads the same text again."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return "\\s" + text[1:] if text.startswith(" ") else text


def check_bounds(value: Any, low: Optional[float], high: Optional[float]) -> None:
    """value: a number or a tuple of numbers. Raises BadValueError."""
    for number in value if isinstance(value, tuple) else (value,):
        if low is not None and number < low:
            raise BadValueError("%s is too small; the lowest is %g" % (number, low), "out-of-range")
        if high is not None and number > high:
            raise BadValueError("%s is too large; the highest is %g" % (number, high), "out-of-range")


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
        if value_type == "path" and not key.written and not key.may_be_empty:
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
    value = _float(text) if is_float else parse_integer(text)
    if value is None:
        if not is_float and text.strip().lstrip("+-").isdigit():
            raise BadValueError("%r is no integer of 32 bits" % text, "out-of-range")
        raise BadValueError("%r is not %s%s" % (text, "a number" if is_float else "a whole number", _hint(text)))
    if key.choices and value not in key.choices:
        known = ", ".join("%d (%s)" % choice for choice in sorted(key.choices.items()))
        raise BadValueError("%s is unknown; known are %s" % (text, known), "unknown-value")
    check_bounds(value, key.low, key.high)
    return value


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
