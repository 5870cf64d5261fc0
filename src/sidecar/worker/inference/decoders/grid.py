"""The cells of the grids that a network without anchors lays over its input, one grid for each stride."""

from typing import NamedTuple, Sequence

import numpy as np


class Cells(NamedTuple):
    """Of all grids, the finest first, row by row."""

    # n x 2, float32: x and y in pixels of the network's input.
    places: "np.ndarray"
    # n, float32: the cell's size in pixels.
    strides: "np.ndarray"


def cells(width: int, height: int, strides: Sequence[int], offset: float) -> Cells:
    """offset: of a cell's place from its top left corner, in cells."""
    places, sizes = [], []
    for stride in strides:
        columns, rows = -(-width // stride), -(-height // stride)
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        places.append((np.stack([x.ravel(), y.ravel()], axis=1) + offset) * stride)
        sizes.append(np.full(columns * rows, stride))
    return Cells(np.concatenate(places).astype(np.float32), np.concatenate(sizes).astype(np.float32))


def count(width: int, height: int, strides: Sequence[int]) -> int:
    """How many cells the grids have."""
    return sum(-(-width // stride) * -(-height // stride) for stride in strides)


def mean_distances(logits: "np.ndarray", bins: int) -> "np.ndarray":
    """n x 4 distances in cells, each the mean of a distribution over 0 to bins - 1 that is given as logits."""
    logits = logits.reshape(-1, 4, bins)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    means: np.ndarray = (weights @ np.arange(bins, dtype=np.float32)) / weights.sum(axis=2)
    return means
