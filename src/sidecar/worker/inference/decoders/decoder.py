"""The interface of output decoders, and what several of them need."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

Tensors = Mapping[str, "np.ndarray"]


class DecoderError(Exception):
    """A decoder cannot be made for a bundle, or cannot read what its network gives.

    The message is one line, and names the file that is wrong, if any.
    """


class Candidates(NamedTuple):
    """Boxes before clustering, one in each row, in no order."""

    # n x 4, float32: left, top, right, bottom in pixels of the network's input.
    boxes: "np.ndarray"
    # n, float32: 0 to 1.
    scores: "np.ndarray"
    # n, integers.
    class_ids: "np.ndarray"


class Decoder:
    """Keeps no state between frames: one instance serves every camera and thread.

    A decoder reads tensors by their roles, such as boxes and scores. Exporters name outputs as they like: find()
    assigns them to the roles by name and shape.
    """

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

    def find(self, outputs: Tensors) -> Dict[str, str]:
        """The name of the output for each role. outputs: those of any frame, with or without the batch.
        Raises DecoderError if they do not fit."""
        raise NotImplementedError

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        """The boxes of one frame that reach the threshold of their class.

        tensors: by role, float32, without the batch. thresholds: by class, float32; infinity leaves a class out.
        Raises DecoderError for a class that has no label.
        """
        raise NotImplementedError

    def rank(self, role: str) -> int:
        """How many dimensions a tensor has without the batch."""
        return 2

    def bind(self, outputs: Tensors) -> "BoundDecoder":
        """Raises DecoderError if the outputs are not those of this kind of network."""
        return BoundDecoder(self, self.find(outputs))

    def groups(self, labels: Sequence[str]) -> "np.ndarray":
        """The number of each class's suppression group: boxes of one group suppress one another."""
        leaders: Dict[str, int] = {}
        groups: List[int] = []
        for class_id, label in enumerate(labels):
            names = next((names for names in self.alike if label.lower() in names), None)
            groups.append(class_id if names is None else leaders.setdefault(names[0], class_id))
        return np.array(groups, dtype=np.intp)

    def known_classes(self, class_ids: "np.ndarray") -> "np.ndarray":
        """Class ids as integers. Raises DecoderError for one that has no label: it is another network's labels file."""
        whole: np.ndarray = class_ids.astype(np.intp)
        if whole.size and whole.max() >= self.classes:
            raise DecoderError(
                "it finds class %d, and there are labels for 0 to %d" % (int(whole.max()), self.classes - 1)
            )
        return whole


class BoundDecoder:
    """A decoder, and the outputs of a network that it reads."""

    def __init__(self, decoder: Decoder, names: Mapping[str, str]) -> None:
        self.groups = decoder.groups
        self.outputs = tuple(sorted(set(names.values())))
        self._decoder = decoder
        self._names = names

    def decode(self, outputs: Tensors, thresholds: "np.ndarray") -> Candidates:
        """See Decoder.decode(). outputs: by name, of one frame, with or without the batch."""
        decoder = self._decoder
        return decoder.decode(
            {role: frame_of(outputs[name], decoder.rank(role)) for role, name in self._names.items()}, thresholds
        )


def frame_of(output: "np.ndarray", rank: int) -> "np.ndarray":
    """An output of one frame without the batch and other dimensions of one in front, in single precision."""
    return output.reshape(output.shape[max(0, output.ndim - rank) :]).astype(np.float32, copy=False)


def shape_of(output: "np.ndarray", rank: int) -> Optional[Tuple[int, ...]]:
    """The shape without the batch. None: it has fewer dimensions, or holds more than one frame."""
    front = output.ndim - rank
    if front < 0 or any(size != 1 for size in output.shape[:front]):
        return None
    return output.shape[front:]


def describe(outputs: Tensors) -> str:
    """The names and shapes of outputs, for messages."""
    return ", ".join("%s %s" % (name, "x".join(map(str, outputs[name].shape)) or "1") for name in sorted(outputs))


def misfit(expected: str, outputs: Tensors) -> DecoderError:
    return DecoderError("it needs %s; the network's outputs are %s" % (expected, describe(outputs)))


def named(outputs: Tensors, *parts: str) -> List[str]:
    """The outputs whose names hold one of some parts: those with the first part, then those with the next."""
    return [name for part in parts for name in sorted(outputs, key=lambda one: (len(one), one)) if part in name.lower()]


def positions(reached: "np.ndarray") -> Tuple["np.ndarray", "np.ndarray"]:
    """Rows and columns of the true elements: np.nonzero, twenty times as fast for a table with few of them."""
    return np.divmod(np.flatnonzero(reached), reached.shape[1])


def best_classes(
    scores: "np.ndarray", thresholds: "np.ndarray", factors: Optional["np.ndarray"] = None
) -> Tuple["np.ndarray", "np.ndarray", "np.ndarray"]:
    """Rows whose strongest class reaches its threshold, with the score and the class of each.

    scores: a row for each box, a column for each class; may be a transposed view. factors: one for each row, 0 to 1,
    by which the scores are multiplied.
    """
    lowest = thresholds.min() if thresholds.size else np.float32(np.inf)
    rows = np.flatnonzero((scores.max(axis=1) if factors is None else factors) >= lowest)
    some = scores[rows]
    class_ids = some.argmax(axis=1)
    best = some[np.arange(len(rows)), class_ids]
    if factors is not None:
        best = best * factors[rows]
    keep = best >= thresholds[class_ids]
    return rows[keep], best[keep], class_ids[keep]


def corners(centred: "np.ndarray") -> "np.ndarray":
    """Left, top, right, bottom of boxes that are given by their centre and size."""
    half = centred[:, 2:4] * np.float32(0.5)
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


def sigmoid(logits: "np.ndarray") -> "np.ndarray":
    """By tanh, which does not overflow."""
    probabilities: np.ndarray = np.float32(0.5) * (np.tanh(np.float32(0.5) * logits) + np.float32(1.0))
    return probabilities


def logit(thresholds: "np.ndarray") -> "np.ndarray":
    """The logit whose sigmoid is the threshold: minus infinity for 0, infinity for 1 and more."""
    inside = np.clip(thresholds, 0.0, 1.0).astype(np.float64)
    with np.errstate(divide="ignore"):
        logits: np.ndarray = np.log(inside) - np.log1p(-inside)
    return logits
