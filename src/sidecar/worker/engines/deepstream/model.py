"""A specification's model, checked for this machine, with the place of its TensorRT engine. Not on the loop thread."""

import os
from typing import List, NamedTuple, Optional, Tuple

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle, load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.encoders import Encoders
from sidecar.worker.engines.deepstream.engine_cache import CachedEngine, cached_engine, make_directory
from sidecar.worker.engines.deepstream.fitness import fitness_problems
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.sizes import mux_size
from sidecar.worker.engines.deepstream.vision import OutputDecoder
from sidecar.worker.inference.decoders import DecoderError
from sidecar.worker.outputs.plan import plan_streams
from sidecar.worker.problem import Problem, error, has_errors

# Name, size, inode and time of change of files.
FilesStamp = Tuple[Tuple[str, int, int, int], ...]

_MOST_FILES = 1000


class LoadedModel(NamedTuple):
    """A bundle that this machine can run, and where its engine is or will be."""

    bundle: NvinferBundle
    engine: CachedEngine
    # See files_stamp(), of the moment before the bundle was read.
    stamp: FilesStamp

    def interval(self, specification: spec.PipelineSpec) -> int:
        """Batches that nvinfer skips between two."""
        return specification.model.interval if specification.model.HasField("interval") else self.bundle.interval


def load_model(
    specification: spec.PipelineSpec, machine: Machine, catalogue: Catalogue, encoders: Encoders
) -> Tuple[Optional[LoadedModel], List[Problem]]:
    """All problems of a specification with its model on this machine; no model if it cannot be loaded."""
    stamp = files_stamp(specification.model.bundle_path)
    bundle, problems = load_nvinfer_bundle(specification.model.bundle_path, machine.platform, catalogue)
    if bundle is None:
        return None, problems
    pictures = plan_streams(specification)
    problems = problems + fitness_problems(specification, pictures, bundle, encoders)
    batch = bundle.batch(len(specification.cameras))
    try:
        if bundle.decoded_here is not None and pictures:
            # Made only to see that it can be: of the decoder's files, one may be no such table.
            OutputDecoder(bundle, mux_size(pictures))
        engine = cached_engine(machine.data_dir, bundle, batch, machine.platform, catalogue)
        if not has_errors(problems) and not engine.exists:
            make_directory(engine, bundle, batch, machine.platform, catalogue)
    except DecoderError as why:
        return None, [*problems, error("model-does-not-load", "model.bundle_path", str(why))]
    except OSError as why:
        message = "the directory of TensorRT engines cannot be written: %s; set SLIPSTREAM_DATA_DIR" % why
        return None, [*problems, error("data-dir", "model.bundle_path", message)]
    return LoadedModel(bundle, engine, stamp), problems


def files_stamp(directory: str) -> FilesStamp:
    """What tells whether a bundle's files have changed, without reading them. Empty if it cannot be looked at."""
    try:
        with os.scandir(directory) as entries:
            found = [(entry.name, entry.stat()) for _, entry in zip(range(_MOST_FILES), entries)]
    except OSError:
        return ()
    return tuple(sorted((name, one.st_size, one.st_ino, one.st_mtime_ns) for name, one in found))
