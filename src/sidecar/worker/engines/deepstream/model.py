"""A specification's model, checked for this machine, and its TensorRT engine. Nothing here runs on the loop thread."""

import os
from typing import List, NamedTuple, Optional, Tuple

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle, load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.compatibility import compatibility_problems
from sidecar.worker.engines.deepstream.encoder_probe import Encoders
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.sizes import mux_size
from sidecar.worker.engines.deepstream.tensor_decoder import TensorDecoder
from sidecar.worker.engines.deepstream.tensorrt_engine import TensorRtEngine, tensorrt_engine
from sidecar.worker.inference.decoders import DecoderError
from sidecar.worker.outputs.plan import plan_streams
from sidecar.worker.problem import Problem, error, has_errors

# Name, size, inode and modification time of each file.
Fingerprint = Tuple[Tuple[str, int, int, int], ...]

_MOST_FILES = 1000


class LoadedModel(NamedTuple):
    """A bundle that this machine can run, and its TensorRT engine, which may not have been built yet."""

    bundle: NvinferBundle
    tensorrt_engine: TensorRtEngine
    # Taken before the bundle was read.
    fingerprint: Fingerprint

    def interval(self, specification: spec.PipelineSpec) -> int:
        """Frames of a camera that are skipped between two that are inferred."""
        return specification.model.interval if specification.model.HasField("interval") else self.bundle.interval


def load_model(
    specification: spec.PipelineSpec, machine: Machine, catalogue: Catalogue, encoders: Encoders
) -> Tuple[Optional[LoadedModel], List[Problem]]:
    """All problems of a specification and its model on this machine. No model if it cannot be loaded."""
    before = fingerprint(specification.model.bundle_path)
    bundle, problems = load_nvinfer_bundle(specification.model.bundle_path, machine.platform, catalogue)
    if bundle is None:
        return None, problems
    streams = plan_streams(specification)
    problems = problems + compatibility_problems(specification, streams, bundle, encoders)
    batch = bundle.batch(len(specification.cameras))
    try:
        if bundle.decoded_here is not None and streams:
            # Only to see that it can be made: a file of the decoder's may not be what it should.
            TensorDecoder(bundle, mux_size(streams))
        engine = tensorrt_engine(machine.data_dir, bundle, batch, machine.platform, catalogue)
        if not has_errors(problems) and not engine.exists:
            engine.make_directory()
    except DecoderError as why:
        return None, [*problems, error("model-does-not-load", "model.bundle_path", str(why))]
    except OSError as why:
        message = "the directory of TensorRT engines cannot be written: %s; set SLIPSTREAM_DATA_DIR" % why
        return None, [*problems, error("data-dir", "model.bundle_path", message)]
    return LoadedModel(bundle, engine, before), problems


def fingerprint(directory: str) -> Fingerprint:
    """Shows whether a bundle's files have changed, without reading them. Empty if the directory cannot be listed."""
    try:
        with os.scandir(directory) as entries:
            found = [(entry.name, entry.stat()) for _, entry in zip(range(_MOST_FILES), entries)]
    except OSError:
        return ()
    return tuple(sorted((name, one.st_size, one.st_ino, one.st_mtime_ns) for name, one in found))
