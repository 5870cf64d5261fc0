"""The engine file of the stand-in nvinfer: made by a "build" that takes a while, and only read when it fits.

Its life is that of a TensorRT engine: tied to model, precision, release and board, usable for its batch size and
smaller ones, written beside the model where that is possible, under a name that nvinfer chooses.
"""

import hashlib
import json
import os
from typing import Any, Dict

from sidecar.standins.inference_config import Inference


def default_path(config: Inference, batch_size: int) -> str:
    return "%s_b%d_gpu0_%s.engine" % (config.model, batch_size, config.precision)


def built(config: Inference, batch_size: int, release: str, board: str) -> Dict[str, Any]:
    """The contents of the engine that a configuration needs. Raises OSError without the model."""
    with open(config.model, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return {"model": digest, "precision": config.precision, "batch": batch_size, "release": release, "board": board}


def usable(path: str, needed: Dict[str, Any]) -> bool:
    """Whether the file at a path is an engine that serves."""
    try:
        with open(path) as file:
            found = json.load(file)
    except (OSError, ValueError):
        return False
    same = all(found.get(key) == needed[key] for key in ("model", "precision", "release", "board"))
    return same and found.get("batch", 0) >= needed["batch"]


def write(path: str, contents: Dict[str, Any]) -> bool:
    """Whether it could be written; nvinfer goes on without."""
    try:
        with open(path + ".part", "w") as file:
            json.dump(contents, file)
        os.replace(path + ".part", path)
    except OSError:
        return False
    return True
