"""A small JSON file that another process reads while it is written anew."""

import json
import os
from typing import Any


def write_json(path: str, value: Any) -> None:
    """Puts the file in place as a whole, for the owner and the group to read. Raises OSError."""
    fresh = path + ".new"
    with open(fresh, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.chmod(fresh, 0o640)
    os.rename(fresh, path)
