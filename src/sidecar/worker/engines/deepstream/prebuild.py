"""Builds the TensorRT engine of a bundle and keeps it in the volume, where the worker finds it.

    python -m sidecar.worker.engines.deepstream.prebuild --bundle models/trafficcamnet --batch 4

A process of its own: what building takes of memory is given back, and what goes wrong in it takes nothing else along.
The worker runs it too when an engine is missing. Statuses: 0, the engine is there; 1, it cannot be built; 2, it cannot
be kept: the volume is full or read-only.
"""

import argparse
import contextlib
import fcntl
import glob
import os
import shutil
import sys
import tempfile
import time
from typing import Dict, Iterator, List, Optional, TextIO

from sidecar.chain import ChainError, make
from sidecar.gst import Gst
from sidecar.keeper.process import die_with_parent
from sidecar.worker.engines.deepstream.bundle import NvinferBundle, load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.engine_cache import (
    CachedEngine,
    cached_engine,
    make_directory,
    network_files,
)
from sidecar.worker.engines.deepstream.infer_config import build_config, infer_config, write_config
from sidecar.worker.engines.deepstream.machine import Machine, this_machine

CANNOT_BUILD = 1
CANNOT_KEEP = 2

_SCRATCH = "build-"
# More than an engine holds beside its weights: kernels, and what TensorRT notes of itself.
_ENGINE_BYTES = 64 << 20


class BuildError(Exception):
    """Why there is no engine, in one line."""

    def __init__(self, why: str, status: int = CANNOT_BUILD) -> None:
        super().__init__(why)
        self.status = status


def prebuild_command(module: str, bundle: str, batch: int, anew: bool) -> List[str]:
    """What the worker runs, which ends with it. module: this one, or one that calls its main(). anew: also where an
    engine is kept already, which does not load."""
    options = ["--bundle", bundle, "--batch", str(batch), "--parent", str(os.getpid()), *(["--anew"] if anew else [])]
    return [sys.executable, "-m", module, *options]


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the TensorRT engine of a model bundle.")
    parser.add_argument("--bundle", required=True, help="the bundle's directory")
    parser.add_argument("--batch", type=int, default=1, help="the number of cameras (default: %(default)s)")
    parser.add_argument("--anew", action="store_true", help="build even if an engine is kept already")
    parser.add_argument("--parent", type=int, help="the process with which the build ends")
    options = parser.parse_args()
    if options.parent is not None:
        die_with_parent(options.parent)
    machine = this_machine(os.environ, tempfile.gettempdir())
    Gst.init(None)
    try:
        prebuild(options.bundle, options.batch, options.anew, machine, sys.stdout)
    except BuildError as error:
        print("prebuild: %s" % error, file=sys.stderr)
        return error.status
    return 0


def prebuild(directory: str, batch: int, anew: bool, machine: Machine, out: TextIO) -> None:
    """Builds the engine if it is missing, or anew. Raises BuildError; an engine that is kept already then stays."""
    platform = machine.platform
    catalogue = Catalogue(platform.release, platform.kind)
    bundle, problems = load_nvinfer_bundle(directory, platform, catalogue)
    if bundle is None:
        raise BuildError("; ".join("%s: %s" % (one.path, one.message) for one in problems))
    batch = bundle.batch(batch)
    engine = cached_engine(machine.data_dir, bundle, batch, platform, catalogue)
    try:
        make_directory(engine, bundle, batch, platform, catalogue)
        with _alone(engine):
            if engine.exists and not anew:
                print("the TensorRT engine is there: %s" % engine.path, file=out)
                return
            began = time.monotonic()
            print("building the TensorRT engine: %s" % engine.path, file=out, flush=True)
            with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=engine.directory) as scratch:
                _build(engine, bundle, batch, catalogue, scratch)
    except ChainError as error:
        raise BuildError(str(error)) from error
    except OSError as error:
        raise BuildError("the TensorRT engine cannot be kept: %s" % error, CANNOT_KEEP) from error
    size = os.stat(engine.path).st_size / 1e6
    print("built in %.0f s, %.1f MB: %s" % (time.monotonic() - began, size, engine.path), file=out)


@contextlib.contextmanager
def _alone(engine: CachedEngine) -> Iterator[None]:
    """One process at a time builds an engine. What a killed one left behind is removed."""
    with open(os.path.join(engine.directory, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in glob.glob(os.path.join(engine.directory, _SCRATCH + "*")):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _build(engine: CachedEngine, bundle: NvinferBundle, batch: int, catalogue: Catalogue, scratch: str) -> None:
    """nvinfer writes an engine beside the network, links resolved, or where a library of the bundle builds it into the
    working directory, under a name of its own. So both are a scratch directory, where the engine is looked for."""
    files = _network_files(bundle)
    weights = sum(os.stat(file).st_size for file in files.values())
    # The network's copy, and the engine.
    needed = 2 * weights + _ENGINE_BYTES
    if shutil.disk_usage(scratch).free < needed:
        raise OSError("%s has less than the %d MB free that an engine may take" % (scratch, needed / 1e6))
    for name, file in files.items():
        os.makedirs(os.path.dirname(os.path.join(scratch, name)), exist_ok=True)
        shutil.copyfile(file, os.path.join(scratch, name))
    network = os.path.join(scratch, os.path.basename(bundle.network_path))
    os.chdir(scratch)
    problem = _start_nvinfer(
        write_config(os.path.join(scratch, "build"), build_config(bundle, network, batch, catalogue))
    )
    built = glob.glob(os.path.join(glob.escape(scratch), "**", "*.engine"), recursive=True)
    if problem is not None:
        raise BuildError(problem)
    if len(built) != 1:
        raise BuildError("nvinfer loaded the network and wrote %d engines to %s" % (len(built), scratch))
    # nvinfer only warns when an engine is cut short by a full volume. What loads is whole.
    config = infer_config(bundle, built[0], batch, None, catalogue)
    problem = _start_nvinfer(write_config(os.path.join(scratch, "load"), config))
    if problem is not None:
        free = shutil.disk_usage(scratch).free / 1e6
        raise OSError("%s was built and does not load; %d MB are free: %s" % (built[0], free, problem))
    with open(built[0], "rb") as written:
        os.fsync(written.fileno())
    os.replace(built[0], engine.path)


def _network_files(bundle: NvinferBundle) -> Dict[str, str]:
    """The network and what holds its weights, by their names in the network's directory."""
    directory = os.path.dirname(bundle.network_path)
    files = {name: os.path.join(directory, name) for name in network_files(bundle)}
    for file in files.values():
        if not os.path.isfile(file):
            raise BuildError("%s is not there" % file)
    return files


def _start_nvinfer(config: str) -> Optional[str]:
    """nvinfer builds or loads when it starts; it needs no pictures for that. Returns what went wrong, in one line."""
    pipeline = Gst.Pipeline.new("prebuild")
    infer = make("nvinfer", None, config_file_path=config)
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
