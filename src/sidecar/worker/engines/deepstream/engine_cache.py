"""TensorRT engines, kept in a volume: each in a directory of its own, named by all that it depends on.

What is kept has been loaded once: prebuild.py builds, loads and only then puts an engine here.
"""

import hashlib
import json
import os
from typing import Dict, List, NamedTuple

from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.onnx_file import external_files
from sidecar.worker.engines.deepstream.platform import Platform

DATA_DIR = "/var/lib/slipstream"

# Files that an engine is made from, beside the network.
_INGREDIENTS = ("proto-file", "int8-calib-file", "custom-network-config", "custom-lib-path")
# Keys of [property] that change what is built.
_RECIPE = (
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


class CachedEngine(NamedTuple):
    """Where an engine is, or will be."""

    directory: str

    @property
    def path(self) -> str:
        return os.path.join(self.directory, "model.engine")

    @property
    def exists(self) -> bool:
        return os.path.isfile(self.path)


def cached_engine(
    data_dir: str, bundle: NvinferBundle, batch: int, platform: Platform, catalogue: Catalogue
) -> CachedEngine:
    """The place of the engine for a bundle, a batch and this machine. Reads the network's files; writes nothing."""
    text = json.dumps(_ingredients(bundle, batch, platform, catalogue), sort_keys=True)
    return CachedEngine(os.path.join(data_dir, "engines", hashlib.sha256(text.encode()).hexdigest()[:16]))


def make_directory(
    engine: CachedEngine, bundle: NvinferBundle, batch: int, platform: Platform, catalogue: Catalogue
) -> None:
    """Makes the engine's directory, with a note for people of what the engine is made from. Raises OSError."""
    os.makedirs(engine.directory, exist_ok=True)
    with open(os.path.join(engine.directory, "engine.json"), "w") as file:
        json.dump(_ingredients(bundle, batch, platform, catalogue), file, indent=2, sort_keys=True)


def network_files(bundle: NvinferBundle) -> List[str]:
    """The network and the files that hold its weights, relative to the network's directory, the network first."""
    return [os.path.basename(bundle.network_path), *external_files(bundle.network_path)]


def _ingredients(bundle: NvinferBundle, batch: int, platform: Platform, catalogue: Catalogue) -> Dict[str, object]:
    own = {key: bundle.text(key) for key in _RECIPE if bundle.text(key)}
    files = {key: _hash(bundle.path(key)) for key in _INGREDIENTS if bundle.text(key)}
    beside = os.path.dirname(bundle.network_path)
    files.update({one: _hash(os.path.join(beside, one)) for one in external_files(bundle.network_path)})
    return {
        "network": _hash(bundle.network_path),
        "files": files,
        "settings": own,
        "batch": batch,
        "precision": _precision(bundle, platform, catalogue),
        "gpu": platform.gpu or platform.board or platform.kind,
        "compute": platform.compute,
        "tensorrt": platform.tensorrt or catalogue.tensorrt,
        "deepstream": catalogue.release,
    }


def _precision(bundle: NvinferBundle, platform: Platform, catalogue: Catalogue) -> str:
    """What nvinfer really builds."""
    mode = int(bundle.text("network-mode", "0"))
    wanted = catalogue.precisions[mode] if mode < len(catalogue.precisions) else catalogue.precisions[0]
    board = catalogue.boards.get(platform.board)
    return "fp16" if wanted == "int8" and board is not None and not board.int8 else wanted


def _hash(path: str) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return ""  # nvinfer will say so.
    return digest.hexdigest()
