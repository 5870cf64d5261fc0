"""Decodes NanoDet: a row for each cell of three grids, with class scores and then four distributions of distance."""

from typing import Dict, Mapping, Tuple

import numpy as np

from sidecar.worker.inference.decoders.decoder import Candidates, Decoder, positions

_OUTPUT = "output"
_STRIDES = (8, 16, 32)
# The distance of each side from the cell's centre is a distribution over 0 to 10 strides.
_BINS = 11


class NanoDetDecoder(Decoder):
    """Scores are probabilities already. A cell may name several classes."""

    alike = (("car", "bus", "truck"),)

    def __init__(self, directory: str, classes: int, width: int, height: int) -> None:
        super().__init__(directory, classes, width, height)
        centres = []
        strides = []
        for stride in _STRIDES:
            columns, rows = -(-width // stride), -(-height // stride)
            x, y = np.meshgrid(np.arange(columns), np.arange(rows))
            centres.append((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride)
            strides.append(np.full(columns * rows, stride))
        self._centres = np.concatenate(centres).astype(np.float32)
        self._strides = np.concatenate(strides).astype(np.float32)
        self._bins = np.arange(_BINS, dtype=np.float32)

    def outputs(self) -> Dict[str, Tuple[int, ...]]:
        return {_OUTPUT: (len(self._strides), self.classes + 4 * _BINS)}

    def decode(self, outputs: Mapping[str, "np.ndarray"], thresholds: "np.ndarray") -> Candidates:
        output = outputs[_OUTPUT]
        scores = output[:, : self.classes]
        cells, class_ids = positions(scores >= thresholds)
        logits = output[cells, self.classes :].reshape(-1, 4, _BINS)
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        reach = (weights @ self._bins) / weights.sum(axis=2) * self._strides[cells, np.newaxis]
        centres = self._centres[cells]
        boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
        return Candidates(boxes, scores[cells, class_ids], class_ids)
