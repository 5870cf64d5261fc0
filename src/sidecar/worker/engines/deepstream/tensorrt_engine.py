"""TensorRT engines in the data directory: each in a directory of its own, named after everything that it depends on.

Each has been loaded once: prebuild.py builds it, loads it, and only then moves it here.
"""

import hashlib
import json
import os
from typing import Dict, NamedTuple

from sidecar.worker.engines.deepstream.bundle import NvinferBundle, precision
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.platform import Platform
from sidecar.worker.inference.onnx_network import external_files

# Keys of the files that a TensorRT engine is built from, beside the network.
_FILE_KEYS = ("proto-file", "int8-calib-file", "custom-network-config", "custom-lib-path")
# Keys of [property] that change what is built.
_SETTING_KEYS = (
    "infer-dims",
    "input-dims",
    "uff-input-dims",
    "force-implicit-batch-dim",
    "output-io-formats",
    "output-blob-names",
    "layer-device-precision",
    "enable-dla",
    "use-dla-core",
    "workspace-size",
    "strongly-typed",
)


class TensorRtEngine(NamedTuple):
    """A stored TensorRT engine, or the place for one."""

    directory: str
    # Everything that it depends on.
    inputs: Dict[str, object]

    @property
    def path(self) -> str:
        return os.path.join(self.directory, "model.engine")

    @property
    def exists(self) -> bool:
        return os.path.isfile(self.path)

    def make_directory(self) -> None:
        """Makes the directory, with a file for people that lists the inputs. Raises OSError."""
        os.makedirs(self.directory, exist_ok=True)
        with open(os.path.join(self.directory, "engine.json"), "w") as file:
            json.dump(self.inputs, file, indent=2, sort_keys=True)


def tensorrt_engine(
    data_dir: str, bundle: NvinferBundle, batch: int, platform: Platform, catalogue: Catalogue
) -> TensorRtEngine:
    """The TensorRT engine of a bundle for a batch on this machine. Reads the network's files; writes nothing."""
    files = {key: _hash(bundle.value(key)) for key in _FILE_KEYS if bundle.text(key)}
    files.update((name, _hash(path)) for name, path in network_files(bundle).items())
    inputs = {
        "network": files.pop(os.path.basename(bundle.network_path)),
        "files": files,
        "settings": {key: bundle.text(key) for key in _SETTING_KEYS if bundle.text(key)},
        "batch": batch,
        "precision": precision(bundle.value("network-mode", 0), catalogue.boards.get(platform.board), catalogue),
        "gpu": platform.gpu or platform.board or platform.kind,
        "compute": platform.compute,
        "tensorrt": platform.tensorrt or catalogue.tensorrt,
        "deepstream": catalogue.release,
    }
    name = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
    return TensorRtEngine(os.path.join(data_dir, "engines", name), inputs)


def network_files(bundle: NvinferBundle) -> Dict[str, str]:
    """The network, and then the files that hold its weights: their paths, by their names in its directory."""
    directory, name = os.path.split(bundle.network_path)
    return {one: os.path.join(directory, one) for one in (name, *external_files(bundle.network_path))}


def _hash(path: str) -> str:
    """Empty for a file that cannot be read, which nvinfer will report."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
