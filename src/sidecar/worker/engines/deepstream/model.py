"""A specification's models, checked for this machine, and their TensorRT engines. Never on the loop thread."""

import os
from typing import Iterable, List, NamedTuple, Optional, Tuple

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle, load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.encoder_probe import Encoders
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.sizes import is_stretched, mux_size, tile_size
from sidecar.worker.engines.deepstream.tensor_decoder import TensorDecoder
from sidecar.worker.engines.deepstream.tensorrt_engine import TensorRtEngine, tensorrt_engine
from sidecar.worker.inference.cascade import cascade_problems, placed
from sidecar.worker.inference.classes import class_problems
from sidecar.worker.inference.decoders import DecoderError
from sidecar.worker.outputs.plan import StreamPlan, codec_name, plan_streams
from sidecar.worker.problem import NOTICE, WARNING, Problem, error, has_errors

# Name, size, inode and modification time of each file.
Fingerprint = Tuple[Tuple[str, int, int, int], ...]

_MOST_FILES = 1000


class LoadedModel(NamedTuple):
    """A bundle that this machine can run, and its TensorRT engine, which may not have been built yet."""

    bundle: NvinferBundle
    tensorrt_engine: TensorRtEngine
    # Taken before the bundle was loaded.
    fingerprint: Fingerprint


Models = Tuple[LoadedModel, ...]
"""In the order of the specification."""


def interval_of(specification: spec.PipelineSpec, models: Models) -> int:
    """Frames of a camera that are skipped between two that are inferred."""
    wanted = specification.models[0]
    return wanted.interval if wanted.HasField("interval") else models[0].bundle.interval


def load_models(
    specification: spec.PipelineSpec, machine: Machine, catalogue: Catalogue, encoders: Encoders
) -> Tuple[Optional[Models], List[Problem]]:
    """All problems of a specification and its models on this machine. No models if one cannot be loaded."""
    streams, cameras = plan_streams(specification), len(specification.cameras)
    problems = [
        *_hiding(specification.cameras),
        *_still_intervals(specification),
        *_codecs(specification, encoders),
        *_shapes(specification, streams),
    ]
    loaded = []
    for index, model in enumerate(specification.models):
        one, found = _load(model, cameras, machine, catalogue)
        problems += placed(index, found)
        if one is not None:
            loaded.append(one)
    if len(loaded) < len(specification.models):
        return None, problems
    problems += class_problems(specification, [one.bundle.all_labels for one in loaded], ())
    problems += cascade_problems([one.bundle.member for one in loaded], bool(specification.tracker.algorithm))
    try:
        if not has_errors(problems):
            for one in loaded:
                if not one.tensorrt_engine.exists:
                    one.tensorrt_engine.make_directory()
    except OSError as why:
        message = "the directory of TensorRT engines cannot be written: %s; set SLIPSTREAM_DATA_DIR" % why
        return None, [*problems, error("data-dir", "models[0].bundle_path", message)]
    return tuple(loaded), problems


def _load(
    model: spec.Model, cameras: int, machine: Machine, catalogue: Catalogue
) -> Tuple[Optional[LoadedModel], List[Problem]]:
    before = fingerprint(model.bundle_path)
    bundle, problems = load_nvinfer_bundle(model.bundle_path, machine.platform, catalogue, cameras)
    if bundle is None:
        return None, problems
    if bundle.rules is None:
        problems += _batch(cameras, bundle)
    try:
        if bundle.decoded_here is not None:
            # Only to see that it can be made: the decoder's files may be wrong.
            TensorDecoder(bundle)
    except DecoderError as why:
        return None, [*problems, error("model-does-not-load", "bundle_path", str(why))]
    engine = tensorrt_engine(machine.data_dir, bundle, bundle.batch(cameras), machine.platform, catalogue)
    return LoadedModel(bundle, engine, before), problems


def fingerprint(directory: str) -> Fingerprint:
    """Shows whether a bundle's files have changed, without reading them. Empty if the directory cannot be listed."""
    try:
        with os.scandir(directory) as entries:
            found = [(entry.name, entry.stat()) for _, entry in zip(range(_MOST_FILES), entries)]
    except OSError:
        return ()
    return tuple(sorted((name, one.st_size, one.st_ino, one.st_mtime_ns) for name, one in found))


def _hiding(cameras: Iterable[spec.Camera]) -> Iterable[Problem]:
    for index, camera in enumerate(cameras):
        if camera.HasField("hiding"):
            message = (
                "engine deepstream cannot hide objects: the tiler repeats a camera's last frame without what was drawn"
                " on it; use masks, or engine cpu"
            )
            yield error("hiding-unsupported", "cameras[%d].hiding" % index, message)


def _batch(cameras: int, bundle: NvinferBundle) -> Iterable[Problem]:
    if bundle.largest_batch is not None and bundle.largest_batch < cameras:
        message = "the network takes %d frames at once, and there are %d cameras; export it with a dynamic batch size"
        yield Problem(WARNING, "batch-below-cameras", "bundle_path", message % (bundle.largest_batch, cameras))


def _still_intervals(specification: spec.PipelineSpec) -> Iterable[Problem]:
    for index, camera in enumerate(specification.cameras):
        if camera.still_interval.ToNanoseconds() > 0:
            message = "engine deepstream ignores it: it infers whether anything moves or not; use model.interval"
            yield Problem(NOTICE, "still-interval-ignored", "cameras[%d].still_interval" % index, message)


def _codecs(specification: spec.PipelineSpec, encoders: Encoders) -> Iterable[Problem]:
    for index, output in enumerate(specification.outputs):
        refusal = encoders.refusals.get(codec_name(output.encoding))
        if refusal is not None:
            message = "the CPU encodes it, since the hardware does not (%s)" % refusal
            yield Problem(WARNING, "software-encoder", "outputs[%d].encoding.codec" % index, message)


def _shapes(specification: spec.PipelineSpec, streams: List[StreamPlan]) -> Iterable[Problem]:
    size = mux_size(streams)
    ids = [output.id for output in specification.outputs]
    for one in {stream.key[0]: stream for stream in streams}.values():
        if is_stretched(one, size):
            width, height = tile_size(one)
            rows = one.encoding.height // height
            message = "tiles of %dx%d stretch the frames, whose shape is that of %dx%d; ask for %dx%d" % (
                width,
                height,
                size[0],
                size[1],
                one.encoding.width,
                int(width * size[1] / size[0] * rows) // 2 * 2,
            )
            yield Problem(WARNING, "tiles-stretched", "outputs[%d].encoding" % ids.index(one.key[0]), message)
