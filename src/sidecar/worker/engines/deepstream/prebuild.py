"""Builds the TensorRT engine of a bundle and stores it in the data directory, where the worker finds it.

    python -m sidecar.worker.engines.deepstream.prebuild --bundle models/trafficcamnet --batch 4

It is a process of its own, so that the memory which a build needs is freed, and a crash costs nothing else. The worker
runs it when the TensorRT engine is missing. Exit statuses: 0, the engine is there; 1, it cannot be built; 2, it cannot
be stored: the data directory is full or read-only.
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
from typing import Iterator, List, Optional, TextIO

from sidecar.chain import ChainError, make
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.keeper.process import die_with_parent
from sidecar.worker.engines.deepstream.bundle import NvinferBundle, load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.infer_config import build_config, infer_config, write_config
from sidecar.worker.engines.deepstream.machine import Machine, this_machine
from sidecar.worker.engines.deepstream.tensorrt_engine import TensorRtEngine, network_files, tensorrt_engine

CANNOT_BUILD = 1
CANNOT_STORE = 2

_SCRATCH = "build-"
# More than a TensorRT engine holds beside its weights: kernels, and TensorRT's own records.
_ENGINE_BYTES = 64 << 20


class BuildError(Exception):
    """Why the TensorRT engine cannot be built, in one line."""


def prebuild_command(module: str, bundle: str, batch: int, replace: bool) -> List[str]:
    """The command that the worker runs. The process ends with the worker. module: this one, or one that calls its
    main(). replace: builds even if a TensorRT engine is stored already, which does not load."""
    options = ["--bundle", bundle, "--batch", str(batch), "--parent", str(os.getpid())]
    return [sys.executable, "-m", module, *options, *(["--replace"] if replace else [])]


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the TensorRT engine of a model bundle.")
    parser.add_argument("--bundle", required=True, help="the bundle's directory")
    parser.add_argument("--batch", type=int, default=1, help="the number of cameras (default: %(default)s)")
    parser.add_argument("--replace", action="store_true", help="build even if a TensorRT engine is stored already")
    parser.add_argument("--parent", type=int, help="the process whose end ends the build")
    options = parser.parse_args()
    if options.parent is not None:
        die_with_parent(options.parent)
    machine = this_machine(os.environ, tempfile.gettempdir())
    Gst.init(None)
    try:
        prebuild(options.bundle, options.batch, options.replace, machine, sys.stdout)
    except (BuildError, ChainError) as error:
        print("prebuild: %s" % error, file=sys.stderr)
        return CANNOT_BUILD
    except OSError as error:
        print("prebuild: the TensorRT engine cannot be stored: %s" % error, file=sys.stderr)
        return CANNOT_STORE
    return 0


def prebuild(directory: str, batch: int, replace: bool, machine: Machine, out: TextIO) -> None:
    """Builds the TensorRT engine if it is missing, or replaces it. Raises BuildError and ChainError if it cannot be
    built, OSError if it cannot be stored; then a stored engine stays."""
    platform = machine.platform
    catalogue = Catalogue(platform.release, platform.kind)
    bundle, problems = load_nvinfer_bundle(directory, platform, catalogue, batch)
    if bundle is None:
        raise BuildError("; ".join("%s: %s" % (one.path, one.message) for one in problems))
    batch = bundle.batch(batch)
    engine = tensorrt_engine(machine.data_dir, bundle, batch, platform, catalogue)
    engine.make_directory()
    with _locked(engine):
        if engine.exists and not replace:
            print("TensorRT engine already built: %s" % engine.path, file=out)
            return
        began = time.monotonic()
        print("building TensorRT engine: %s" % engine.path, file=out, flush=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=engine.directory) as scratch:
            _build(engine, bundle, batch, catalogue, scratch)
    size = os.stat(engine.path).st_size / 1e6
    print("built in %.0f s, %.1f MB: %s" % (time.monotonic() - began, size, engine.path), file=out)


@contextlib.contextmanager
def _locked(engine: TensorRtEngine) -> Iterator[None]:
    """One process at a time builds a TensorRT engine. It removes what a killed one has left."""
    with open(os.path.join(engine.directory, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in glob.glob(os.path.join(engine.directory, _SCRATCH + "*")):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _build(engine: TensorRtEngine, bundle: NvinferBundle, batch: int, catalogue: Catalogue, scratch: str) -> None:
    """nvinfer chooses where it writes a TensorRT engine: beside the network, with links resolved, or, if a library of
    the bundle builds it, in the working directory. So both are a scratch directory, which holds a copy of the
    network."""
    files = network_files(bundle)
    missing = [file for file in files.values() if not os.path.isfile(file)]
    if missing:
        raise BuildError("%s is not there" % missing[0])
    weights = sum(os.stat(file).st_size for file in files.values())
    # For the network's copy and the TensorRT engine.
    needed = 2 * weights + _ENGINE_BYTES
    if shutil.disk_usage(scratch).free < needed:
        raise OSError("%s has less than the %d MB free that a TensorRT engine may need" % (scratch, needed / 1e6))
    for name, file in files.items():
        os.makedirs(os.path.dirname(os.path.join(scratch, name)), exist_ok=True)
        shutil.copyfile(file, os.path.join(scratch, name))
    network = os.path.join(scratch, os.path.basename(bundle.network_path))
    os.chdir(scratch)
    problem = _start_nvinfer(write_config(os.path.join(scratch, "build"), build_config(bundle, network, batch)))
    built = glob.glob(os.path.join(glob.escape(scratch), "**", "*.engine"), recursive=True)
    if problem is not None:
        raise BuildError(problem)
    if len(built) != 1:
        raise BuildError("nvinfer loaded the network and wrote %d engines to %s" % (len(built), scratch))
    # nvinfer only warns when a full volume truncates a TensorRT engine. One that loads is complete.
    config = infer_config(bundle, built[0], batch, spec.Model(), catalogue)
    problem = _start_nvinfer(write_config(os.path.join(scratch, "load"), config))
    if problem is not None:
        free = shutil.disk_usage(scratch).free / 1e6
        raise OSError("%s was built but does not load, with %d MB free: %s" % (built[0], free, problem))
    with open(built[0], "rb") as written:
        os.fsync(written.fileno())
    os.replace(built[0], engine.path)


def _start_nvinfer(config: str) -> Optional[str]:
    """Has nvinfer build or load, which it does when it starts, without any frames. Returns an error in one line."""
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
