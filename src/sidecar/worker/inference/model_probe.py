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
    from sidecar.worker.inference.detector import Detector, ModelError
    from sidecar.worker.inference.frame import I420Frame
    from sidecar.worker.inference.postprocess import DetectionFilter

    bundle, problems = load_bundle(directory)
    if bundle is None:
        return problems
    noise = np.random.RandomState(0).randint(0, 256, (_HEIGHT, _WIDTH)).astype(np.uint8)
    try:
        detector = Detector(bundle)
        for luma in (np.full_like(noise, _GREY), noise):
            chroma = luma[::2, ::2]
            detector.detect(I420Frame(luma, chroma, chroma, _WIDTH, _HEIGHT), DetectionFilter())
    except ModelError as why:
        return [*problems, error("model-does-not-load", "model.bundle_path", str(why))]
    return problems


if __name__ == "__main__":
    answer(probe)
