"""GLib's key files: groups of KEY=VALUE lines. What GLib refuses is a problem here, and what it takes is none."""

import re
from typing import Dict, List, NamedTuple

from sidecar.worker.problem import WARNING, Problem, error

# GLib allows blanks behind the bracket.
_HEADER = re.compile(r"\[([^\[\]\x00-\x1f\x7f-\x9f]+)\][ \t]*\Z")
_KEY = re.compile(r"[^\[\]=]+(\[[\w.@-]*\])?\Z")
# GLib's; Python's strip() takes more.
_BLANKS = " \t\f\r"


class Entry(NamedTuple):
    """A value as written, without the blanks in front of it, and its line."""

    raw: str
    line: int


class KeyFile(NamedTuple):
    # By group and key. Of a key that is given twice, the last one counts.
    groups: Dict[str, Dict[str, Entry]]
    # Where each group begins.
    lines: Dict[str, int]
    problems: List[Problem]


def read_key_file(data: bytes, name: str) -> KeyFile:
    """name: the file's, for the problems. A comment may be in any encoding: bytes that are not UTF-8 become U+FFFD."""
    file = KeyFile({}, {}, [])
    group = None
    text = data.decode("utf-8", "replace")
    has_mark = text.startswith("\ufeff")
    if has_mark:
        message = "the file begins with a byte order mark, which GLib does not read; save it as UTF-8 without one"
        file.problems.append(error("config-syntax", "%s:1" % name, message))
    lines = text[1 if has_mark else 0 :].split("\n")
    for number, ended in enumerate(lines, 1):
        # GLib takes a carriage return for a part of the line's end only in front of a line feed.
        line = ended[:-1] if ended.endswith("\r") and number < len(lines) else ended
        line = line.lstrip(_BLANKS)
        if not line or line.startswith("#"):
            continue
        where = "%s:%d" % (name, number)
        header = _HEADER.match(line)
        if header is not None:
            group = file.groups.setdefault(header.group(1), {})
            file.lines.setdefault(header.group(1), number)
            continue
        key, equals, raw = line.partition("=")
        key = key.rstrip(_BLANKS)
        why = _fault(line, key if equals else "", group is None)
        if why:
            file.problems.append(error("config-syntax", where, why))
        elif group is not None:
            if key in group:
                message = "%s is set in line %d too; the last one counts" % (key, group[key].line)
                file.problems.append(Problem(WARNING, "duplicate-key", where, message))
            group[key] = Entry(raw.lstrip(_BLANKS), number)
    return file


def _fault(line: str, key: str, is_before_groups: bool) -> str:
    """Why a line is none of a key file; empty: it is one. key: empty if there is none."""
    if not key:
        return _bad_line(line)
    if is_before_groups:
        if "\r" in line:
            return _CR_ONLY
        return "%s comes before any group; begin the file with [property]" % _shown(key)
    return "" if _KEY.match(key) else "%s is not the name of a key" % _shown(key)


_CR_ONLY = "lines end in a carriage return alone, which GLib does not read; end them with line feeds"


def _bad_line(line: str) -> str:
    if line.startswith(";"):
        return "a comment begins with #, not with ;"
    if re.match(r"\[[^\]]*\].*#", line):
        return "a comment needs a line of its own"
    if line.startswith("["):
        return "%s is not a group; write [property] or [class-attrs-all]" % _shown(line)
    if "\r" in line:
        return _CR_ONLY
    if re.match(r"[\w-]+:", line):
        return "%s is YAML; write KEY=VALUE in groups such as [property]" % _shown(line)
    return "%s is neither [group], KEY=VALUE nor # comment" % _shown(line)


def _shown(text: str) -> str:
    return "%r" % (text if len(text) <= 60 else text[:60] + "...")
