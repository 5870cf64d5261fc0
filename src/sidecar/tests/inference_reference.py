"""A straightforward inference, written for clarity and without the inference room's code, to compare boxes with.

The frame is resized with the bundles' filter, converted to RGB, laid into the network's input, and decoded box by box.
"""

import os
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import numpy as np
import onnxruntime

from sidecar.tests.inference_footage import MODELS
from sidecar.worker.inference.frame import BT709, I420Frame

# left, top, right, bottom
Box = Tuple[float, float, float, float]


class Found(NamedTuple):
    label: str
    score: float
    box: Box


def rgb_of(frame: I420Frame) -> "np.ndarray":
    """The frame in RGB, 0 to 255, not rounded; height x width x 3."""
    u, v = (plane.repeat(2, 0).repeat(2, 1)[: frame.height, : frame.width] for plane in (frame.u, frame.v))
    return _colours(frame, frame.y, u, v)


def rgb_as_nvinfer(frame: I420Frame, width: int, height: int) -> "np.ndarray":
    """The frame at another size, each plane resized with resize_bilinear(); two by two pixels share one of chroma."""
    luma = resize_bilinear(frame.y[:, :, np.newaxis].astype(np.float32), width, height)[:, :, 0]
    across, down = np.arange(width) // 2 * 2, np.arange(height) // 2 * 2
    u, v = (
        resize_bilinear(plane[:, :, np.newaxis].astype(np.float32), width, height)[:, :, 0][down][:, across]
        for plane in (frame.u, frame.v)
    )
    return _colours(frame, luma, u, v)


def _colours(frame: I420Frame, luma: "np.ndarray", u: "np.ndarray", v: "np.ndarray") -> "np.ndarray":
    red, blue = (0.2126, 0.0722) if frame.matrix == BT709 else (0.299, 0.114)
    black, luma_range, chroma_range = (0, 255, 255) if frame.full_range else (16, 219, 224)
    y = (luma.astype(np.float32) - black) / luma_range
    u, v = ((plane.astype(np.float32) - 128) / chroma_range for plane in (u, v))
    r = y + 2 * (1 - red) * v
    b = y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack([r, g, b], axis=2), 0, 1) * 255


def resize(picture: "np.ndarray", width: int, height: int) -> "np.ndarray":
    """By the mean over each target pixel's area; height x width x channels."""
    rows, columns = _area_weights(picture.shape[0], height), _area_weights(picture.shape[1], width)
    channels = [np.ascontiguousarray(picture[:, :, channel]) for channel in range(picture.shape[2])]
    return np.stack([rows @ channel @ columns.T for channel in channels], axis=2)


def resize_bilinear(picture: "np.ndarray", width: int, height: int) -> "np.ndarray":
    """Between the two rows and columns around each target pixel's corner, which is where nvinfer looks.

    height x width x channels.
    """
    for axis, target in enumerate((height, width)):
        source = picture.shape[axis]
        # A pixel's value stands at its middle, half a pixel from its corner.
        corners = np.clip(np.arange(target) * (source / target) - 0.5, 0, source - 1)
        lower = np.floor(corners).astype(int)
        share = (corners - lower).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        upper = np.minimum(lower + 1, source - 1)
        picture = picture.take(lower, axis) * (1 - share) + picture.take(upper, axis) * share
    return picture


def _area_weights(source: int, target: int) -> "np.ndarray":
    weights = np.zeros((target, source), dtype=np.float32)
    ratio = source / target
    reach = max(ratio, 1.0)
    for index in range(target):
        begin = (index + 0.5) * ratio - reach / 2
        for position in range(int(np.floor(begin)), int(np.ceil(begin + reach))):
            covered = min(position + 1, begin + reach) - max(position, begin)
            weights[index, min(max(position, 0), source - 1)] += max(covered, 0.0) / reach
    return weights


class Reference:
    """One shipped bundle, with its settings written out again here."""

    def __init__(self, bundle: str) -> None:
        directory = os.path.join(MODELS, bundle)
        with open(os.path.join(directory, "labels.txt"), encoding="utf-8") as file:
            self._labels = file.read().split("\n")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.path.join(directory, "network.onnx"), options)
        find: Dict[str, Callable[[I420Frame], List[Found]]] = {
            "nanodet-coco": self._nanodet,
            "ssd-street": self._ssd,
        }
        self._find = find[bundle]
        if bundle == "ssd-street":
            self._anchors = np.load(os.path.join(directory, "anchors.npy"))

    def find(self, frame: I420Frame) -> List[Found]:
        return self._find(frame)

    def _nanodet(self, frame: I420Frame) -> List[Found]:
        frame_height, frame_width = frame.height, frame.width
        scale = min(416 / frame_width, 416 / frame_height)
        width, height = round(frame_width * scale), round(frame_height * scale)
        left, top = (416 - width) // 2, (416 - height) // 2
        picture = np.zeros((416, 416, 3))
        picture[top : top + height, left : left + width] = rgb_as_nvinfer(frame, width, height)
        tensor = (picture[:, :, ::-1] - (103.53, 116.28, 123.675)) / 57.375
        (output,) = self._run("images", tensor.transpose(2, 0, 1))
        found = []
        cells = [(x, y, stride) for stride in (8, 16, 32) for y in range(416 // stride) for x in range(416 // stride)]
        for row, class_id in np.argwhere(output[:, :80] >= 0.45):
            logits = output[row, 80:].reshape(4, 11).astype(np.float64)
            shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            x, y, stride = cells[row]
            distances = shares @ np.arange(11)
            corners = (x + 0.5 - distances[0], y + 0.5 - distances[1], x + 0.5 + distances[2], y + 0.5 + distances[3])
            box = tuple((value * stride - (left, top)[axis % 2]) / scale for axis, value in enumerate(corners))
            found.append(self._found(class_id, output[row, class_id], box, frame))
        return _suppress(found, {"bus": "car", "truck": "car"})

    def _ssd(self, frame: I420Frame) -> List[Found]:
        frame_height, frame_width = frame.height, frame.width
        boxes, scores = self._run("image", rgb_as_nvinfer(frame, 300, 300) / 127.5 - 1)
        found = []
        probabilities = 1 / (1 + np.exp(-scores.astype(np.float64)))
        for row, class_id in np.argwhere(probabilities >= 0.4):
            if class_id == 0:
                continue
            raw, anchor = boxes[row], self._anchors[row]
            x, y = raw[1] / 10 * anchor[2] + anchor[0], raw[0] / 10 * anchor[3] + anchor[1]
            w, h = np.exp(raw[3] / 5) * anchor[2], np.exp(raw[2] / 5) * anchor[3]
            box = (
                (x - w / 2) * frame_width,
                (y - h / 2) * frame_height,
                (x + w / 2) * frame_width,
                (y + h / 2) * frame_height,
            )
            found.append(self._found(class_id - 1, probabilities[row, class_id], box, frame))
        return _suppress(found, {"Vehicle": "Car", "Table": "Desk", "Mug": "Coffee cup"})

    def _run(self, name: str, tensor: "np.ndarray") -> List["np.ndarray"]:
        return [output[0] for output in self._session.run(None, {name: tensor[np.newaxis].astype(np.float32)})]

    def _found(self, class_id: int, score: float, box: Any, frame: I420Frame) -> Found:
        left, top, right, bottom = box
        clipped = (max(left, 0), max(top, 0), min(right, frame.width), min(bottom, frame.height))
        return Found(self._labels[class_id], float(score), clipped)


def _suppress(found: List[Found], same: Dict[str, str]) -> List[Found]:
    kept: List[Found] = []
    for one in sorted(found, key=lambda one: -one.score):
        rivals = (other for other in kept if same.get(other.label, other.label) == same.get(one.label, one.label))
        if all(overlap(one.box, other.box) <= 0.55 for other in rivals):
            kept.append(one)
    return kept


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


def matched(ours: List[Found], theirs: List[Found]) -> int:
    """How many boxes have a partner of the same class with an overlap of 0.9 or more; no partner is used twice."""
    free = list(theirs)
    count = 0
    for one in ours:
        partners = [other for other in free if other.label == one.label and overlap(one.box, other.box) >= 0.9]
        if partners:
            free.remove(max(partners, key=lambda other: overlap(one.box, other.box)))
            count += 1
    return count
