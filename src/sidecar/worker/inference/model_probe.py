"""Loads a bundle's network and runs it on a few frames, in a process of its own: see check_process.py.

python -m sidecar.worker.inference.model_probe ... DIRECTORY
"""

from typing import List

import numpy as np

from sidecar.worker.check_process import answer
from sidecar.worker.problem import Problem, error

_WIDTH, _HEIGHT = 640, 360
_GREY = 128


def probe(directory: str) -> List[Problem]:
    """The problems of a bundle, of which the last tells why its network does not run."""
    # Not before there are limits.
    from sidecar.worker.inference.bundle import load_bundle
    from sidecar.worker.inference.classifier import Classifier
    from sidecar.worker.inference.frame import I420Frame
    from sidecar.worker.inference.networks import load_network
    from sidecar.worker.inference.postprocess import DetectionFilter
    from sidecar.worker.inference.session import ModelError

    bundle, problems = load_bundle(directory)
    if bundle is None:
        return problems
    grey = np.full((_HEIGHT, _WIDTH), _GREY, np.uint8)
    noise = np.random.RandomState(0).randint(0, 256, (_HEIGHT, _WIDTH)).astype(np.uint8)
    try:
        network = load_network(bundle)
        frames = [I420Frame(luma, luma[::2, ::2], luma[::2, ::2], _WIDTH, _HEIGHT) for luma in (grey, noise)]
        if isinstance(network, Classifier):
            network.classify(frames, DetectionFilter())
        else:
            for frame in frames:
                network.detect(frame, DetectionFilter())
    except ModelError as why:
        return [*problems, error("model-does-not-load", "bundle_path", str(why))]
    return problems


if __name__ == "__main__":
    answer(probe)
