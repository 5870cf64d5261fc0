"""TensorRT engines, kept in a volume: each in a directory of its own, named by all that it depends on.

nvinfer reads an engine where it is told, but writes one only beside the network, under a name of its own. So the
directory of an engine holds a link to the network, and that is the network that nvinfer is given.
"""

import hashlib
import json
import os
import tempfile
from typing import Dict, NamedTuple

from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
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
    # The link to the network.
    network_path: str
    engine_path: str

    @property
    def exists(self) -> bool:
        return os.path.isfile(self.engine_path)


def cached_engine(
    data_dir: str, bundle: NvinferBundle, batch: int, platform: Platform, catalogue: Catalogue
) -> CachedEngine:
    """The place of the engine for a bundle, a batch and this machine. Reads the network's file; writes nothing."""
    ingredients = _ingredients(bundle, batch, platform, catalogue)
    text = json.dumps(ingredients, sort_keys=True)
    directory = os.path.join(data_dir, "engines", hashlib.sha256(text.encode()).hexdigest()[:16])
    network_path = os.path.join(directory, os.path.basename(bundle.network_path))
    precision = _precision(bundle, platform, catalogue)
    return CachedEngine(
        directory, network_path, "%s_b%d_gpu%s_%s.engine" % (network_path, batch, bundle.text("gpu-id", "0"), precision)
    )


def lay_out(engine: CachedEngine, bundle: NvinferBundle, batch: int, platform: Platform, catalogue: Catalogue) -> None:
    """Makes the engine's directory ready for nvinfer, with a note for people of what is in it. Raises OSError."""
    os.makedirs(engine.directory, exist_ok=True)
    with open(os.path.join(engine.directory, "engine.json"), "w") as file:
        json.dump(_ingredients(bundle, batch, platform, catalogue), file, indent=2, sort_keys=True)
    if os.path.islink(engine.network_path) and os.readlink(engine.network_path) == bundle.network_path:
        return
    # Never a moment without the link: another process may build.
    with tempfile.TemporaryDirectory(dir=engine.directory) as scratch:
        link = os.path.join(scratch, "link")
        os.symlink(bundle.network_path, link)
        os.replace(link, engine.network_path)


def _ingredients(bundle: NvinferBundle, batch: int, platform: Platform, catalogue: Catalogue) -> Dict[str, object]:
    own = {key: bundle.text(key) for key in _RECIPE if bundle.text(key)}
    files = {key: _hash(bundle.path(key)) for key in _INGREDIENTS if bundle.text(key)}
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
    """What nvinfer really builds, and names the file after."""
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
