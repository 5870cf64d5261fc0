"""A specification's model, checked for this machine, with the place of its TensorRT engine. Not on the loop thread."""

from typing import List, NamedTuple, Optional, Tuple

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle, load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.encoders import Encoders
from sidecar.worker.engines.deepstream.engine_cache import CachedEngine, cached_engine, lay_out
from sidecar.worker.engines.deepstream.fitness import fitness_problems
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.sizes import mux_size
from sidecar.worker.engines.deepstream.vision import OutputDecoder
from sidecar.worker.inference.decoders import DecoderError
from sidecar.worker.outputs import plan
from sidecar.worker.problem import Problem, error, has_errors


class LoadedModel(NamedTuple):
    """A bundle that this machine can run, and where its engine is or will be."""

    bundle: NvinferBundle
    engine: CachedEngine

    def interval(self, specification: spec.PipelineSpec) -> int:
        """Batches that nvinfer skips between two."""
        return specification.model.interval if specification.model.HasField("interval") else self.bundle.interval


def load_model(
    specification: spec.PipelineSpec, machine: Machine, catalogue: Catalogue, encoders: Encoders
) -> Tuple[Optional[LoadedModel], List[Problem]]:
    """All problems of a specification with its model on this machine; no model if it cannot be loaded."""
    bundle, problems = load_nvinfer_bundle(specification.model.bundle_path, machine.platform, catalogue)
    if bundle is None:
        return None, problems
    pictures = plan(specification)
    problems = problems + fitness_problems(specification, pictures, bundle, encoders)
    batch = bundle.batch(len(specification.cameras))
    try:
        if bundle.decoded_here is not None and pictures:
            # Made only to see that it can be: of the decoder's files, one may be no such table.
            OutputDecoder(bundle, mux_size(pictures))
        engine = cached_engine(machine.data_dir, bundle, batch, machine.platform, catalogue)
        if not has_errors(problems):
            lay_out(engine, bundle, batch, machine.platform, catalogue)
    except DecoderError as why:
        return None, [*problems, error("model-does-not-load", "model.bundle_path", str(why))]
    except OSError as why:
        message = "the directory of engines cannot be written to: %s; set SLIPSTREAM_DATA_DIR" % why
        return None, [*problems, error("data-dir", "model.bundle_path", message)]
    return LoadedModel(bundle, engine), problems
