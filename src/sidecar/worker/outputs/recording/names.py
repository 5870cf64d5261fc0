"""The names of recordings. Pure.

The path of an output, such as north/yard.mkv, gives directory and stem. The name of a file adds the camera, if there is
only one, and the start: yard.front.20261126T143012Z.mkv. No part holds a dot, so that names cannot be confused.
"""

import re
import time
from typing import List, NamedTuple, Optional, Tuple

LONGEST_PATH = 200
_PATH = re.compile(r"(?:[A-Za-z0-9_-]+/){0,8}[A-Za-z0-9_-]+\.mkv\Z")
_START = "%Y%m%dT%H%M%SZ"


class Stem(NamedTuple):
    """What the files of one output have in common."""

    # Below the directory of recordings.
    directories: Tuple[str, ...]
    name: str


class Entry(NamedTuple):
    """A file that exists. size in bytes."""

    name: str
    size: int


def is_path(path: str) -> bool:
    """Whether it may be the path of an output: by its form alone it lies below the directory of recordings."""
    return len(path) <= LONGEST_PATH and _PATH.match(path) is not None


def stem(path: str) -> Stem:
    """path: one for which is_path() holds."""
    *directories, name = path[: -len(".mkv")].split("/")
    return Stem(tuple(directories), name)


def file_name(of: Stem, camera_id: str, start: float, number: int) -> str:
    """camera_id: empty for a tiled stream. start: wall-clock time. number: 1, or more if a name is taken."""
    moment = time.strftime(_START, time.gmtime(start))
    again = "-%d" % number if number > 1 else ""
    return "%s.mkv" % ".".join(filter(None, (of.name, camera_id, moment + again)))


def surplus(of: Stem, entries: List[Entry], max_bytes: int, current: str) -> List[str]:
    """The oldest files of an output, which must go for the others to have no more than max_bytes."""
    ages = [(_age(of, one.name), one) for one in entries]
    own = sorted((age, one.name, one.size) for age, one in ages if age is not None)
    excess = sum(size for _, _, size in own) - max_bytes
    found = []
    for _, name, size in own:
        if excess <= 0:
            break
        if name != current:
            found.append(name)
            excess -= size
    return found


def _age(of: Stem, name: str) -> Optional[Tuple[str, int]]:
    """Sorts the files of an output, the oldest first; None: it is none of them."""
    pattern = r"%s(?:\.[a-z0-9_-]+)?\.(\d{8}T\d{6}Z)(?:-(\d+))?\.mkv\Z" % re.escape(of.name)
    match = re.match(pattern, name)
    return None if match is None else (match.group(1), int(match.group(2) or 1))
