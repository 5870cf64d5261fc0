"""Small bundles that both halves are held against: test/bundles/README.md says what is in them."""

import json
import os
from typing import Any, Dict, List

from sidecar.tests.networks import network
from sidecar.worker.engines.deepstream.bundle import load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue, boards
from sidecar.worker.engines.deepstream.machine import read_system_info
from sidecar.worker.engines.deepstream.platform import identify
from sidecar.worker.inference.bundle import load_bundle

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "test", "bundles")

with open(os.path.join(_FOLDER, "bundles.json"), encoding="utf-8") as _opened:
    _TABLE: Dict[str, Any] = json.load(_opened)

with open(os.path.join(_FOLDER, "cascades.json"), encoding="utf-8") as _opened:
    CASCADES: List[Any] = json.load(_opened)["cascades"]

BUNDLES: List[Any] = _TABLE["bundles"]
# As SLIPSTREAM_PLATFORM names them.
_BOARDS = {"t4": "7.1/dgpu/t4", "nano": "6.0.1/jetson/nano", "orin-nano": "7.1/jetson/orin-nano"}


def write_bundle(one: Dict[str, Any], directory: str) -> None:
    """Writes the files of a bundle of the table."""
    files = {"labels.txt": "person\ncar\n", "network.onnx": {"network": "any number of pictures"}}
    files.update(one.get("files", {}))
    files["config_infer.txt"] = {one.get("encoding", "utf-8"): _config(one)}
    for name, content in files.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(_bytes(content))


def load(directory: str, target: str) -> Any:
    """The bundle as the engine of a target reads it, or None, and its problems."""
    if target == "cpu":
        return load_bundle(directory)
    machine = identify(read_system_info({"SLIPSTREAM_PLATFORM": _BOARDS[target]}), boards())
    return load_nvinfer_bundle(directory, machine, Catalogue(machine.release, machine.kind))


def verdict(directory: str, target: str) -> List[str]:
    """What the engine of a target says of a bundle: SEVERITY CODE LINE, sorted. Line 0: the whole file."""
    bundle, problems = load(directory, target)
    assert (bundle is None) == any(one.severity == "error" for one in problems)
    return sorted({"%s %s %s" % (one.severity, one.code, one.path.partition(":")[2] or "0") for one in problems})


def _config(one: Dict[str, Any]) -> str:
    if "text" in one:
        return str(one["text"])
    settings = dict(_TABLE["bases"][one["base"]], **one.get("change", {}))
    own = ["%s=%s" % item for item in settings.items() if item[1] is not None]
    return "\n".join(["[property]", *own, *one.get("lines", [])]) + "\n"


def _bytes(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode("utf-8")
    ((kind, value),) = content.items()
    return network(value) if kind == "network" else bytes(value.encode(kind))
