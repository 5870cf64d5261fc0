"""Whether a model has the classes that a specification names, for both engines."""

from typing import Collection, Iterable, Sequence, Tuple

from sidecar.contract import spec
from sidecar.worker.problem import Problem, error


def class_problems(
    specification: spec.PipelineSpec, labels: Sequence[str], filtered_out: Collection[int]
) -> Iterable[Problem]:
    """labels: the model's. filtered_out: the classes that its bundle drops, which can be reported and hidden no more
    than unknown ones."""
    known = ", ".join(labels)
    for path, label in _named(specification):
        if label not in labels:
            yield error("unknown-class", path, "the model has no class %r; it has: %s" % (label, known))
    for index, camera in enumerate(specification.cameras):
        for place, label in enumerate(camera.hiding.classes):
            if label in labels and labels.index(label) in filtered_out:
                message = "the bundle drops objects of class %r (filter-out-class-ids), so that they cannot be hidden"
                yield error("class-filtered-out", "cameras[%d].hiding.classes[%d]" % (index, place), message % label)


def _named(specification: spec.PipelineSpec) -> Iterable[Tuple[str, str]]:
    for index, label in enumerate(specification.model.classes):
        yield "model.classes[%d]" % index, label
    for index, camera in enumerate(specification.cameras):
        for place, label in enumerate(camera.hiding.classes):
            yield "cameras[%d].hiding.classes[%d]" % (index, place), label
