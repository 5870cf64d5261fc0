"""Whether a specification fits its bundle and this machine. Pure."""

from typing import Iterable, List

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.encoder_probe import Encoders
from sidecar.worker.engines.deepstream.sizes import is_stretched, mux_size, tile_size
from sidecar.worker.outputs.plan import StreamPlan, codec_name
from sidecar.worker.problem import WARNING, Problem, error


def compatibility_problems(
    specification: spec.PipelineSpec, streams: List[StreamPlan], bundle: NvinferBundle, encoders: Encoders
) -> List[Problem]:
    """All problems of a specification that is valid in itself."""
    return [
        *_classes(specification.model, bundle),
        *_batch(len(specification.cameras), bundle),
        *_codecs(specification, encoders),
        *_shapes(specification, streams),
    ]


def _classes(model: spec.Model, bundle: NvinferBundle) -> Iterable[Problem]:
    for index, label in enumerate(model.classes):
        if label not in bundle.labels:
            message = "the model has no class %r; it has: %s" % (label, ", ".join(bundle.labels))
            yield error("unknown-class", "model.classes[%d]" % index, message)


def _batch(cameras: int, bundle: NvinferBundle) -> Iterable[Problem]:
    if bundle.largest_batch is not None and bundle.largest_batch < cameras:
        message = "the network takes %d frames at once, and there are %d cameras; export it with a dynamic batch size"
        path = "model.bundle_path"
        yield Problem(WARNING, "batch-below-cameras", path, message % (bundle.largest_batch, cameras))


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
