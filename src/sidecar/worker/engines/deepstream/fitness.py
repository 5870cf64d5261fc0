"""Does a specification fit this engine, its bundle and this board? Pure."""

from typing import Iterable, List

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.encoders import Encoders
from sidecar.worker.engines.deepstream.sizes import mux_size, stretched, tile_size
from sidecar.worker.outputs.plan import StreamPlan, codec_name
from sidecar.worker.problem import WARNING, Problem, error


def fitness_problems(
    specification: spec.PipelineSpec, pictures: List[StreamPlan], bundle: NvinferBundle, encoders: Encoders
) -> List[Problem]:
    """All problems, of a specification whose form is right."""
    return [
        *_classes(specification.model, bundle),
        *_batch(len(specification.cameras), bundle),
        *_codecs(specification, encoders),
        *_shapes(specification, pictures),
    ]


def _classes(model: spec.Model, bundle: NvinferBundle) -> Iterable[Problem]:
    for index, label in enumerate(model.classes):
        if label not in bundle.labels:
            message = "the model has no class %r; it has: %s" % (label, ", ".join(bundle.labels))
            yield error("unknown-class", "model.classes[%d]" % index, message)


def _batch(cameras: int, bundle: NvinferBundle) -> Iterable[Problem]:
    if bundle.most is not None and bundle.most < cameras:
        message = (
            "the network takes %d pictures at once and there are %d cameras; export it with a batch of any size"
            % (
                bundle.most,
                cameras,
            )
        )
        yield Problem(WARNING, "batch-below-cameras", "model.bundle_path", message)


def _codecs(specification: spec.PipelineSpec, encoders: Encoders) -> Iterable[Problem]:
    for index, output in enumerate(specification.outputs):
        refusal = encoders.refusals.get(codec_name(output.encoding))
        if refusal is not None:
            message = "the hardware does not encode it (%s): the CPU does" % refusal
            yield Problem(WARNING, "software-encoder", "outputs[%d].encoding.codec" % index, message)


def _shapes(specification: spec.PipelineSpec, pictures: List[StreamPlan]) -> Iterable[Problem]:
    if not pictures:
        return
    size = mux_size(pictures)
    ids = [output.id for output in specification.outputs]
    for one in {picture.key[0]: picture for picture in pictures}.values():
        if stretched(one, size):
            width, height = tile_size(one)
            columns, rows = one.encoding.width // width, one.encoding.height // height
            message = "a tile of %dx%d has not the frames' shape of %dx%d, which is stretched; ask for %dx%d" % (
                width,
                height,
                size[0],
                size[1],
                one.encoding.width,
                int(width * size[1] / size[0] * rows) // 2 * 2,
            )
            assert columns, "a picture is at least as wide as its tiles"
            yield Problem(WARNING, "tiles-stretched", "outputs[%d].encoding" % ids.index(one.key[0]), message)
