"""The engine file of the stand-in nvinfer: made by a "build" that takes a while, and only read when it fits.

Its life is that of a TensorRT engine: it holds the network, is tied to precision, release and board, and serves its
batch size and smaller ones. nvinfer writes it beside the network, links resolved, under a name that it chooses, without
caring whether all of it went to the disk; and it never compares it with the network.
"""

import json
import os
from typing import Any, Dict, Optional

from standins.inference_config import Inference


def default_path(config: Inference, batch_size: int) -> str:
    """As in gstnvinfer_property_parser.cpp, get_absolute_file_path(), and nvdsinfer_model_builder.cpp, buildModel()."""
    assert config.model is not None, "an engine is built from a network"
    return "%s_b%d_gpu0_%s.engine" % (os.path.realpath(config.model), batch_size, config.precision)


def needed(config: Inference, batch_size: int, release: str, board: str) -> Dict[str, Any]:
    """What an engine must be for a configuration."""
    return {"precision": config.precision, "batch": batch_size, "release": release, "board": board}


def read(path: Optional[str], wanted: Dict[str, Any]) -> Optional[bytes]:
    """The network in the engine at a path; None: nothing there serves."""
    try:
        with open(path or "", "rb") as file:
            header = json.loads(file.readline().decode())
            network = file.read()
        same = all(header[key] == wanted[key] for key in ("precision", "release", "board"))
        return network if same and header["batch"] >= wanted["batch"] and header["bytes"] == len(network) else None
    except (OSError, ValueError, KeyError):
        return None


def write(path: str, contents: Dict[str, Any], network: bytes) -> None:
    """nvinfer goes on where it cannot write; what a full disk has cut short stays."""
    try:
        with open(path, "wb") as file:
            file.write(json.dumps(dict(contents, bytes=len(network))).encode() + b"\n" + network)
    except OSError as error:
        print("WARNING: failed to serialize cude engine to file: %s: %s" % (path, error), flush=True)
