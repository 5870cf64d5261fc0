"""Whether the models have the classes that a specification names, for both engines."""

from typing import Collection, Iterable, Sequence, Tuple

from sidecar.contract import spec
from sidecar.worker.problem import Problem, error


def class_problems(
    specification: spec.PipelineSpec, labels: Sequence[Sequence[str]], filtered_out: Collection[int]
) -> Iterable[Problem]:
    """labels: of each model. filtered_out: the classes that the bundle of the first drops, which can be reported and
    hidden no more than unknown ones."""
    for path, model, label in _named(specification):
        if label not in labels[model]:
            known = ", ".join(labels[model])
            yield error("unknown-class", path, "the model has no class %r; it has: %s" % (label, known))
    for index, camera in enumerate(specification.cameras):
        for place, label in enumerate(camera.hiding.classes):
            if label in labels[0] and labels[0].index(label) in filtered_out:
                message = "the bundle drops objects of class %r (filter-out-class-ids), so that they cannot be hidden"
                yield error("class-filtered-out", "cameras[%d].hiding.classes[%d]" % (index, place), message % label)


def _named(specification: spec.PipelineSpec) -> Iterable[Tuple[str, int, str]]:
    """Paths, the models' places, and labels. Those that are hidden are of the first model."""
    for number, model in enumerate(specification.models):
        for index, label in enumerate(model.classes):
            yield "models[%d].classes[%d]" % (number, index), number, label
    for index, camera in enumerate(specification.cameras):
        for place, label in enumerate(camera.hiding.classes):
            yield "cameras[%d].hiding.classes[%d]" % (index, place), 0, label
