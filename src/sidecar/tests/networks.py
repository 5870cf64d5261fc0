"""Small networks that both halves are held against: test/networks/make.py says what is in them."""

import base64
import json
import os
from typing import Any, List

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "test", "networks")

with open(os.path.join(_FOLDER, "networks.json"), encoding="utf-8") as _opened:
    # name, refused (null, or until and told), and onnx in base64.
    NETWORKS: List[Any] = json.load(_opened)
with open(os.path.join(_FOLDER, "verdicts.json"), encoding="utf-8") as _opened:
    # What real parsers said: src/cli/lint/corpus/networks.ts describes the fields.
    VERDICTS: List[Any] = json.load(_opened)


def network(name: str) -> bytes:
    """The bytes of a network."""
    return base64.b64decode(next(one["onnx"] for one in NETWORKS if one["name"] == name))


def another() -> bytes:
    """Other bytes of the same network as "any number of pictures": a field more, of the producer's name."""
    return network("any number of pictures") + b"\x12\x05other"
