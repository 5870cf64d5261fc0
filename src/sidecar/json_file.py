"""A small JSON file that another process reads while it is written anew."""

import json
import os
import stat
from typing import Any

from sidecar.whole_file import replace_file


def write_json(path: str, value: Any, mode: int) -> None:
    """Puts the file in place as a whole, with this mode. Raises OSError."""
    replace_file(path, json.dumps(value), mode)


def read_json(path: str, most_bytes: int) -> Any:
    """Reads a file that others may have tampered with. Raises OSError, ValueError."""
    # Opening a FIFO would otherwise wait for a writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("%s is no regular file" % path)
        try:
            return json.loads(file.read(most_bytes))
        except RecursionError as error:
            raise ValueError("%s is nested too deeply" % path) from error
