"""The groups, keys and values of an nvinfer configuration file, and whether nvinfer of this release reads them."""

import difflib
import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.catalogue import Catalogue, Key
from sidecar.worker.problem import ERROR, NOTICE, WARNING, Problem, error

# GLib's, which Python's strip() goes beyond.
_BLANKS = " \t\r\f\v"
_CLASS_GROUP = re.compile(r"class-attrs-(all|\d+)\Z")
_WHOLE = re.compile(r"[+-]?\d+\Z")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\Z", re.IGNORECASE)


class Entry(NamedTuple):
    """A value as written, and its line."""

    value: str
    line: int


# group -> key -> entry
Groups = Dict[str, Dict[str, Entry]]
# What is wrong with a key or a value: the problem's code and message.
_Finding = Tuple[str, str]


def read_groups(text: str, name: str) -> Tuple[Groups, List[Problem]]:
    """Reads a file's text. name: the file's, for the paths of problems. Of two equal keys, the last one counts."""
    groups: Groups = {}
    problems: List[Problem] = []
    group: Optional[Dict[str, Entry]] = None
    # GLib knows no other end of a line: what hides a key from one reader must not show it to the other.
    for number, line in enumerate(text.split("\n"), 1):
        path, line = "%s:%d" % (name, number), line.strip(_BLANKS)
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = groups.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        key = key.strip(_BLANKS)
        if not equals or group is None:
            message = "%r is neither [group], key=value below a group nor # comment" % line
            problems.append(error("config-syntax", path, message))
            continue
        if key in group:
            message = "%s is set in line %d already; this one counts" % (key, group[key].line)
            problems.append(Problem(WARNING, "duplicate-key", path, message))
        group[key] = Entry(value.strip(_BLANKS), number)
    return groups, problems


# nvinfer ignores keys that it does not know, as gstnvinfer_property_parser.cpp of 9.0 shows; all else is refused.
_SEVERITIES = {"deprecated-key": WARNING, "unknown-key": NOTICE, "key-unavailable": NOTICE}


def key_problems(groups: Groups, name: str, catalogue: Catalogue) -> Iterable[Problem]:
    """What is wrong with a file's names and values for the catalogue's release."""
    if "property" not in groups:
        yield error("missing-key", name, "it has no group [property]")
    for group, entries in groups.items():
        kind = "property" if group == "property" else "class-attrs" if _CLASS_GROUP.match(group) else None
        if kind is None:
            hint = _did_you_mean(group, ["property", "class-attrs-all", "class-attrs-0"])
            line = min((entry.line for entry in entries.values()), default=1)
            message = "nvinfer does not read the group [%s]%s" % (group, hint)
            yield Problem(NOTICE, "unknown-group", "%s:%d" % (name, line), message)
            continue
        for key, entry in entries.items():
            found = _check_key(key, entry.value, kind, entries, catalogue)
            if found is not None:
                severity = _SEVERITIES.get(found[0], ERROR)
                yield Problem(severity, found[0], "%s:%d" % (name, entry.line), found[1])


def _check_key(name: str, value: str, kind: str, group: Dict[str, Entry], catalogue: Catalogue) -> Optional[_Finding]:
    key = catalogue.keys.get((kind, name))
    if key is None:
        if (("class-attrs" if kind == "property" else "property"), name) in catalogue.keys:
            return "unknown-key", "%s belongs in %s" % (
                name,
                "[class-attrs-all]" if kind == "property" else "[property]",
            )
        if name in catalogue.all_keys:
            message = "nvinfer of DeepStream %s does not read %s; remove it" % (catalogue.release, name)
            return "key-unavailable", message
        names = [known for group_kind, known in catalogue.keys if group_kind == kind]
        return "unknown-key", "nvinfer has no key %s%s" % (name, _did_you_mean(name, names))
    found = _check_value(key, value)
    if found is not None:
        return found[0], "%s=%s: %s" % (name, value, found[1])
    if key.deprecated and key.deprecated not in group:
        return "deprecated-key", "%s is deprecated; use %s" % (name, key.deprecated)
    return None


def _check_value(key: Key, value: str) -> Optional[_Finding]:
    if key.type == "boolean":
        return None if value in ("0", "1", "true", "false") else ("wrong-type", "it takes 0 or 1")
    if key.type == "enum":
        if _WHOLE.match(value) and int(value) in key.choices:
            return None
        return "unknown-value", "it is one of %s" % ", ".join("%d (%s)" % one for one in sorted(key.choices.items()))
    if key.type in ("int", "float"):
        return _check_number(key, value, key.type)
    if key.type in ("int-list", "float-list"):
        items = [item.strip() for item in value.rstrip().rstrip(";").split(";")]
        for item in items:
            found = _check_number(key, item, key.type[: -len("-list")])
            if found is not None:
                return found[0], found[1] + "; separate several by semicolons"
        if key.length is not None and len(items) != key.length:
            return "out-of-range", "it takes %d numbers, separated by semicolons" % key.length
        return None
    return None if value else ("wrong-type", "it is empty; give a value or remove the key")


def _check_number(key: Key, text: str, kind: str) -> Optional[_Finding]:
    if not (_WHOLE if kind == "int" else _NUMBER).match(text):
        return "wrong-type", "it takes a whole number" if kind == "int" else "it takes a number"
    number = float(text)
    if key.low is not None and number < key.low:
        return "out-of-range", "it is at least %g" % key.low
    if key.high is not None and number > key.high:
        return "out-of-range", "it is at most %g" % key.high
    return None


def _did_you_mean(name: str, names: List[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return "; did you mean %s?" % near[0] if near else ""
