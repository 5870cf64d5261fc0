"""Decodes TensorFlow's SSD: boxes relative to the anchors of anchors.npy, and logits whose class 0 is background."""

import io
import os
from typing import Dict

import numpy as np

from sidecar.worker.inference.bundle_file import MOST_TABLE, BundleFileError, read_bundle_file
from sidecar.worker.inference.decoders.decoder import (
    Candidates,
    Decoder,
    DecoderError,
    Tensors,
    logit,
    misfit,
    positions,
    shape_of,
    sigmoid,
)

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

    def find(self, outputs: Tensors) -> Dict[str, str]:
        count = len(self._centres)
        shapes = {name: shape_of(one, 2) for name, one in outputs.items()}
        found: Dict[str, str] = {}
        for role, shape in ((_BOXES, (count, 4)), (_SCORES, (count, self.classes + 1))):
            fitting = [name for name in sorted(shapes) if shapes[name] == shape and name not in found.values()]
            # Three classes and the background look like boxes.
            name = next((name for name in fitting if role in name.lower()), fitting[0] if fitting else None)
            if name is None:
                expected = "%s of %d x %d, a row for each anchor" % (role, shape[0], shape[1])
                raise misfit(expected, outputs)
            found[role] = name
        return found

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        logits = tensors[_SCORES][:, 1:]
        rows, class_ids = positions(logits >= logit(thresholds))
        # y, x, height, width in the tensor; x, y, width, height here.
        raw = tensors[_BOXES][rows][:, [1, 0, 3, 2]]
        sizes = self._sizes[rows]
        centres = raw[:, :2] / _CENTRE_SCALE * sizes + self._centres[rows]
        half = np.exp(raw[:, 2:] / _SIZE_SCALE) * sizes * 0.5
        boxes = np.concatenate([centres - half, centres + half], axis=1)
        return Candidates(boxes, sigmoid(logits[rows, class_ids]), class_ids)
