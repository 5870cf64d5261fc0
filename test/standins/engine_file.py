"""The TensorRT engine files of the stand-in nvinfer: it "builds" them, which takes time, and loads those that fit.

A file behaves like a TensorRT engine: it contains the network, fits one precision, release and board, and its batch
size and smaller ones. nvinfer writes it beside the network, with links resolved, under a name of its own choice,
without checking whether all of it was written; and it never compares it with the network.
"""

import json
import os
from typing import Any, Dict, Optional

from standins.inference_config import Inference


def default_path(config: Inference, batch_size: int) -> str:
    """As in gstnvinfer_property_parser.cpp, get_absolute_file_path(), and nvdsinfer_model_builder.cpp, buildModel()."""
    assert config.model is not None, "a TensorRT engine is built from a network"
    return "%s_b%d_gpu0_%s.engine" % (os.path.realpath(config.model), batch_size, config.precision)


def needed(config: Inference, batch_size: int, release: str, board: str) -> Dict[str, Any]:
    """The properties that a TensorRT engine must have for a configuration."""
    return {"precision": config.precision, "batch": batch_size, "release": release, "board": board}


def read(path: Optional[str], wanted: Dict[str, Any]) -> Optional[bytes]:
    """The network in the file at a path. None: there is no file that fits."""
    try:
        with open(path or "", "rb") as file:
            header = json.loads(file.readline().decode())
            network = file.read()
        same = all(header[key] == wanted[key] for key in ("precision", "release", "board"))
        return network if same and header["batch"] >= wanted["batch"] and header["bytes"] == len(network) else None
    except (OSError, ValueError, KeyError):
        return None


def write(path: str, contents: Dict[str, Any], network: bytes) -> None:
    """Like nvinfer, goes on if it cannot write, and leaves what a full disk has truncated."""
    try:
        with open(path, "wb") as file:
            file.write(json.dumps(dict(contents, bytes=len(network))).encode() + b"\n" + network)
    except OSError as error:
        print("WARNING: failed to serialize cude engine to file: %s: %s" % (path, error), flush=True)
