"""The network of a bundle, ready to run: a detector or a classifier."""

from typing import Union

from sidecar.worker.inference.bundle import Bundle
from sidecar.worker.inference.classifier import Classifier
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.session import give_back_memory

Network = Union[Detector, Classifier]


def load_network(bundle: Bundle) -> Network:
    """Loads it and runs it once. Raises ModelError."""
    network = Classifier(bundle) if bundle.is_classifier else Detector(bundle)
    give_back_memory()
    return network
