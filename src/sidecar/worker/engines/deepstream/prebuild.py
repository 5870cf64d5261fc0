"""Builds the TensorRT engine of a bundle and keeps it in the volume, where the worker finds it.

    python -m sidecar.worker.engines.deepstream.prebuild --bundle models/trafficcamnet --batch 4

A process of its own: what building takes of memory is given back, and what goes wrong in it takes nothing else along.
The worker runs it too when an engine is missing. It ends with status 0 when the engine is there.
"""

import argparse
import os
import sys
import tempfile
from typing import Optional, TextIO

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.chain import ChainError, make  # noqa: E402
from sidecar.worker.engines.choose import with_standins  # noqa: E402
from sidecar.worker.engines.deepstream.bundle import load_nvinfer_bundle  # noqa: E402
from sidecar.worker.engines.deepstream.catalogue import Catalogue  # noqa: E402
from sidecar.worker.engines.deepstream.engine_cache import cached_engine, lay_out  # noqa: E402
from sidecar.worker.engines.deepstream.infer_config import infer_config, write_config  # noqa: E402
from sidecar.worker.engines.deepstream.machine import this_machine  # noqa: E402
from sidecar.worker.engines.deepstream.platform import Platform  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the TensorRT engine of a model bundle.")
    parser.add_argument("--bundle", required=True, help="the bundle's directory")
    parser.add_argument("--batch", type=int, default=1, help="the number of cameras (default: %(default)s)")
    options = parser.parse_args()
    machine = this_machine(with_standins(os.environ), tempfile.gettempdir())
    Gst.init(None)
    problem = prebuild(options.bundle, options.batch, machine.platform, machine.data_dir, sys.stdout)
    if problem is not None:
        print("prebuild: %s" % problem, file=sys.stderr)
    return 0 if problem is None else 1


def prebuild(directory: str, batch: int, platform: Platform, data_dir: str, out: TextIO) -> Optional[str]:
    """Builds the engine if it is missing. Returns what went wrong, in one line; None: the engine is there."""
    catalogue = Catalogue(platform.release, platform.kind)
    bundle, problems = load_nvinfer_bundle(directory, platform, catalogue)
    if bundle is None:
        return "; ".join("%s: %s" % (one.path, one.message) for one in problems)
    batch = bundle.batch(batch)
    engine = cached_engine(data_dir, bundle, batch, platform, catalogue)
    if engine.exists:
        print("the engine is there: %s" % engine.engine_path, file=out)
        return None
    try:
        lay_out(engine, bundle, batch, platform, catalogue)
        with tempfile.TemporaryDirectory() as scratch:
            problem = _build(write_config(scratch, infer_config(bundle, engine, batch, None, catalogue)), batch)
    except (OSError, ChainError) as error:
        return str(error)
    if problem is None and not engine.exists:
        problem = "nvinfer loaded the network and wrote no engine to %s" % engine.engine_path
    if problem is None:
        print("built: %s" % engine.engine_path, file=out)
    return problem


def _build(config: str, batch: int) -> Optional[str]:
    """nvinfer builds when it starts; it needs no pictures for that."""
    pipeline = Gst.Pipeline.new("prebuild")
    infer = make("nvinfer", None, config_file_path=config, batch_size=batch)
    pipeline.add(infer)
    try:
        result = pipeline.set_state(Gst.State.PAUSED)
        message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    finally:
        pipeline.set_state(Gst.State.NULL)
    if message is not None:
        error, debug = message.parse_error()
        return "%s (%s)" % (error.message, (debug or "").split("\n")[-1])
    return "nvinfer did not start" if result == Gst.StateChangeReturn.FAILURE else None


if __name__ == "__main__":
    sys.exit(main())
