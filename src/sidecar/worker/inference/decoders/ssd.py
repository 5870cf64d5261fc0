"""Decodes TensorFlow's SSD: boxes relative to the anchors of anchors.npy, and logits whose class 0 is background."""

import io
import os
from typing import Dict, Mapping, Tuple

import numpy as np

from sidecar.worker.inference.bundle_file import MOST_TABLE, BundleFileError, read_bundle_file
from sidecar.worker.inference.decoders.decoder import Candidates, Decoder, DecoderError, positions

_BOXES = "boxes"
_SCORES = "scores"
_ANCHORS = "anchors.npy"
# numpy reads other kinds of files too, with other errors.
_MAGIC = b"\x93NUMPY"
# The factors that the network was trained with, for the centre of a box and for its size.
_CENTRE_SCALE = 10.0
_SIZE_SCALE = 5.0


class SsdDecoder(Decoder):
    """The background has no class id: label 0 is the network's class 1."""

    files = (_ANCHORS,)
    alike = (("car", "vehicle"), ("desk", "table"), ("mug", "coffee cup"))

    def __init__(self, directory: str, classes: int, width: int, height: int) -> None:
        super().__init__(directory, classes, width, height)
        try:
            content = read_bundle_file(directory, os.path.join(directory, _ANCHORS), MOST_TABLE)
            if not content.startswith(_MAGIC):
                raise ValueError("it is no .npy file")
            anchors = np.load(io.BytesIO(content), allow_pickle=False)
        except (BundleFileError, ValueError, EOFError, MemoryError, OverflowError) as error:
            raise DecoderError("%s cannot be read: %s" % (_ANCHORS, " ".join(str(error).split()))) from error
        if anchors.ndim != 2 or anchors.shape[1] != 4:
            raise DecoderError(
                "%s is not a table of anchors: four columns, centre x, centre y, width, height" % _ANCHORS
            )
        # To pixels of the network's input.
        scaled = anchors.astype(np.float32) * np.array([width, height, width, height], dtype=np.float32)
        self._centres = scaled[:, :2]
        self._sizes = scaled[:, 2:]

    def outputs(self) -> Dict[str, Tuple[int, ...]]:
        return {_BOXES: (len(self._centres), 4), _SCORES: (len(self._centres), self.classes + 1)}

    def decode(self, outputs: Mapping[str, "np.ndarray"], thresholds: "np.ndarray") -> Candidates:
        logits = outputs[_SCORES][:, 1:]
        rows, class_ids = positions(logits >= _logit(thresholds))
        # y, x, height, width in the tensor; x, y, width, height here.
        raw = outputs[_BOXES][rows][:, [1, 0, 3, 2]]
        sizes = self._sizes[rows]
        centres = raw[:, :2] / _CENTRE_SCALE * sizes + self._centres[rows]
        half = np.exp(raw[:, 2:] / _SIZE_SCALE) * sizes * 0.5
        boxes = np.concatenate([centres - half, centres + half], axis=1)
        return Candidates(boxes, _sigmoid(logits[rows, class_ids]), class_ids)


def _sigmoid(logits: "np.ndarray") -> "np.ndarray":
    # By tanh, which does not overflow.
    probabilities: np.ndarray = np.float32(0.5) * (np.tanh(np.float32(0.5) * logits) + np.float32(1.0))
    return probabilities


def _logit(thresholds: "np.ndarray") -> "np.ndarray":
    """The logit whose sigmoid is the threshold: minus infinity for 0, infinity for 1 and more."""
    inside = np.clip(thresholds, 0.0, 1.0).astype(np.float64)
    with np.errstate(divide="ignore"):
        logits: np.ndarray = np.log(inside) - np.log1p(-inside)
    return logits
