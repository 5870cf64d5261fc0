"""A specification's model, checked for this machine, and its TensorRT engine. None of it runs on the loop thread."""

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

    def interval(self, specification: spec.PipelineSpec) -> int:
        """Frames of a camera that are skipped between two that are inferred."""
        return specification.model.interval if specification.model.HasField("interval") else self.bundle.interval


def load_model(
    specification: spec.PipelineSpec, machine: Machine, catalogue: Catalogue, encoders: Encoders
) -> Tuple[Optional[LoadedModel], List[Problem]]:
    """All problems of a specification and its model on this machine. No model if it cannot be loaded."""
    before = fingerprint(specification.model.bundle_path)
    bundle, problems = load_nvinfer_bundle(
        specification.model.bundle_path, machine.platform, catalogue, len(specification.cameras)
    )
    if bundle is None:
        return None, problems
    streams = plan_streams(specification)
    problems = problems + _compatibility_problems(specification, streams, bundle, encoders)
    batch = bundle.batch(len(specification.cameras))
    try:
        if bundle.decoded_here is not None and streams:
            # Only to see that it can be made: the decoder's files may be wrong.
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


def _compatibility_problems(
    specification: spec.PipelineSpec, streams: List[StreamPlan], bundle: NvinferBundle, encoders: Encoders
) -> List[Problem]:
    """Where a specification, which is valid in itself, does not fit the bundle or this machine."""
    return [
        *class_problems(specification, bundle.labels, ()),
        *_hiding(specification.cameras),
        *_batch(len(specification.cameras), bundle),
        *_still_intervals(specification),
        *_codecs(specification, encoders),
        *_shapes(specification, streams),
    ]


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
        path = "model.bundle_path"
        yield Problem(WARNING, "batch-below-cameras", path, message % (bundle.largest_batch, cameras))


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
