"""The interface of output decoders."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np


class DecoderError(Exception):
    """A decoder cannot be made for a bundle. The message is one line, and names the file that is wrong, if any."""


class Candidates(NamedTuple):
    """Boxes before clustering, one in each row, in no order."""

    # n x 4, float32: left, top, right, bottom in pixels of the network's input.
    boxes: "np.ndarray"
    # n, float32: 0 to 1.
    scores: "np.ndarray"
    # n, integers.
    class_ids: "np.ndarray"


class Decoder:
    """Keeps no state between frames: one instance serves every camera and thread."""

    # Files that must lie in the bundle's directory.
    files: Tuple[str, ...] = ()
    # Labels that mean nearly the same thing to this kind of network: the best box of a set suppresses the others.
    alike: Tuple[Tuple[str, ...], ...] = ()

    def __init__(self, directory: str, classes: int, width: int, height: int) -> None:
        """directory: the bundle's, for files of the decoder's own. width, height: of the network's input, in pixels.
        Raises DecoderError."""
        self.classes = classes
        self.width = width
        self.height = height

    def outputs(self) -> Dict[str, Tuple[int, ...]]:
        """The tensors that decode() reads, by name, with their shapes without the batch."""
        raise NotImplementedError

    def decode(self, outputs: Mapping[str, "np.ndarray"], thresholds: "np.ndarray") -> Candidates:
        """The boxes of one frame that reach the threshold of their class.

        outputs: without the batch. thresholds: by class, float32; infinity leaves a class out.
        """
        raise NotImplementedError

    def mismatch(self, shapes: Mapping[str, Sequence[object]]) -> Optional[str]:
        """Why a network with outputs of these shapes (without the batch) does not fit, in one line; None: it fits."""
        for name, expected in self.outputs().items():
            if name not in shapes:
                return "it has no output %s; its outputs are %s" % (name, ", ".join(sorted(shapes)))
            if tuple(shapes[name]) != expected:
                return "its output %s is %s, not %s" % (name, _shape(shapes[name]), _shape(expected))
        return None

    def groups(self, labels: Sequence[str]) -> "np.ndarray":
        """The number of each class's suppression group: boxes of one group suppress one another."""
        leaders: Dict[str, int] = {}
        groups: List[int] = []
        for class_id, label in enumerate(labels):
            names = next((names for names in self.alike if label.lower() in names), None)
            groups.append(class_id if names is None else leaders.setdefault(names[0], class_id))
        return np.array(groups, dtype=np.intp)


def positions(reached: "np.ndarray") -> Tuple["np.ndarray", "np.ndarray"]:
    """Rows and columns of the true elements: np.nonzero, twenty times as fast for a table with few of them."""
    return np.divmod(np.flatnonzero(reached), reached.shape[1])


def _shape(shape: Sequence[object]) -> str:
    return "x".join(str(size) for size in shape)
