"""Classifies objects by the network of a model bundle, as nvinfer does: each output is one attribute of the object."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from sidecar.worker.inference.bundle import Bundle
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Attribute, DetectionFilter
from sidecar.worker.inference.session import Session


class Classification(NamedTuple):
    """The attributes of each object, and the time that the network alone took."""

    attributes: List[Tuple[Attribute, ...]]
    # Wall-clock time, and processor time.
    seconds: float
    cpu_seconds: float


class Classifier:
    """May be used by any number of threads."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Loads the network and runs it once. Raises ModelError.

        threads: for one inference; 1 runs in the calling thread alone.
        """
        self._bundle = bundle
        self._session = session = Session(bundle.config, threads)
        # The first run shows the real shapes. And a network that loads may still fail to run.
        first = session.run(session.empty(), session.outputs)
        session.check_finite(first)
        for name, tensor in first.tensors.items():
            scores = tensor.size
            if tensor.dtype.kind != "f" or scores != max(tensor.shape, default=0):
                shape = "x".join(str(size) for size in tensor.shape)
                message = (
                    "has the output %s of %s; a classifier's has one probability for each class: is it a detector?"
                )
                raise session.error(message, name, shape or tensor.dtype)
            if not (tensor.min() >= -_ROUNDING and tensor.max() <= 1 + _ROUNDING):
                message = "gives %.3g to %.3g in its output %s, which are no probabilities; export it with a Softmax"
                raise session.error(message, tensor.min(), tensor.max(), name)

    def classify(self, objects: Sequence[I420Frame], wanted: DetectionFilter) -> Classification:
        """objects: what the frame shows of each. Several are inferred at once if the network allows that. Blocks for
        the time of the inferences. Raises ModelError."""
        result = Classification([], 0.0, 0.0)
        for tensor in self._batches(objects):
            outputs = self._session.run(tensor, self._session.outputs)
            self._session.check_finite(outputs)
            rows = {name: one.reshape(len(tensor), -1) for name, one in outputs.tensors.items()}
            result.attributes.extend(
                self._attributes({name: one[row] for name, one in rows.items()}, wanted) for row in range(len(tensor))
            )
            result = result._replace(
                seconds=result.seconds + outputs.seconds, cpu_seconds=result.cpu_seconds + outputs.cpu_seconds
            )
        return result

    def end_overdue(self, rounds: int) -> float:
        """See Session.end_overdue()."""
        return self._session.end_overdue(rounds)

    def _batches(self, objects: Sequence[I420Frame]) -> List["np.ndarray"]:
        # A copy of each: the next one is prepared in the same memory.
        tensors = [self._session.prepare(one)[0].copy() for one in objects]
        return [np.concatenate(tensors)] if tensors and self._session.takes_any_batch else tensors

    def _attributes(self, outputs: Dict[str, "np.ndarray"], wanted: DetectionFilter) -> Tuple[Attribute, ...]:
        found = []
        for output, scores in zip(self._bundle.attributes, outputs.values()):
            best = int(scores.argmax())
            attribute = read_attribute(output.name, output.labels, best, float(scores[best]))
            if attribute is not None and is_wanted(attribute, wanted, self._bundle.config.classifier_threshold):
                found.append(attribute)
        return tuple(found)


# A Softmax in half precision gives a little more than 1.
_ROUNDING = 1e-2


def read_attribute(name: str, labels: Sequence[str], number: int, confidence: float) -> Optional[Attribute]:
    """None: the class has no label, and nvinfer shows nothing of it."""
    return Attribute(name, labels[number], min(1.0, confidence)) if number < len(labels) else None


def is_wanted(attribute: Attribute, wanted: DetectionFilter, threshold: float) -> bool:
    """threshold: the bundle's."""
    least = threshold if wanted.threshold is None else wanted.threshold
    return attribute.confidence > least and (wanted.classes is None or attribute.value in wanted.classes)
