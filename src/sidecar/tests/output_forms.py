"""The outputs of each kind of network, written and read again without the inference room's code.

For each form: write() makes the tensors in which known boxes stand, among noise below every threshold, and read() finds
boxes in any tensors of that form, cell by cell, as the network's own project does.
"""

import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

WIDTH, HEIGHT = 96, 64
NOISE = 0.05

Outputs = Dict[str, Any]


class Found(NamedTuple):
    class_id: int
    score: float
    # Left, top, right, bottom in pixels of the network's input.
    box: Tuple[float, float, float, float]


class Form(NamedTuple):
    # The decoders that read it.
    decoders: Sequence[str]
    # Known boxes and the number of classes -> outputs without the batch.
    write: Callable[[Sequence[Found], int], Outputs]
    # Outputs, the number of classes and a threshold -> boxes.
    read: Callable[[Outputs, int, float], List[Found]]
    # Classes are values in its outputs, not places, so that shapes do not tell their number.
    names_classes: bool = False
    # Names of tables that some exporters write the other way round.
    turned: Sequence[str] = ()


def noise(*shape: int) -> Any:
    return np.random.RandomState(7).uniform(0, NOISE, shape).astype(np.float32)


def middle(box: Sequence[float]) -> List[float]:
    left, top, right, bottom = box
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def around(x: float, y: float, width: float, height: float) -> Tuple[float, float, float, float]:
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def cells(strides: Sequence[int]) -> List[Tuple[int, int, int]]:
    """Column, row and stride of each cell."""
    return [
        (x, y, stride)
        for stride in strides
        for y in range(math.ceil(HEIGHT / stride))
        for x in range(math.ceil(WIDTH / stride))
    ]


def logit(score: float) -> float:
    return math.log(score / (1 - score))


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def strongest(scores: Sequence[float]) -> Tuple[int, float]:
    best = max(range(len(scores)), key=lambda one: scores[one])
    return best, scores[best]


# --- YOLO ---


def yolo(objectness: bool, strides: Optional[Sequence[int]] = None) -> Any:
    """strides: boxes are in cells and logarithms of cells."""
    extra = 1 if objectness else 0
    grid = cells(strides or (8, 16, 32))

    def write(known: Sequence[Found], classes: int) -> Outputs:
        table = noise(len(grid), 4 + extra + classes)
        for row, one in zip(range(3, len(grid), 17), known):
            x, y, width, height = middle(one.box)
            if strides:
                column, line, stride = grid[row]
                table[row, :4] = (
                    x / stride - column,
                    y / stride - line,
                    math.log(width / stride),
                    math.log(height / stride),
                )
            else:
                table[row, :4] = x, y, width, height
            if objectness:
                table[row, 4] = 0.9
            table[row, 4 + extra + one.class_id] = one.score / (0.9 if objectness else 1)
        return {"out": table}

    def read(outputs: Outputs, classes: int, threshold: float) -> List[Found]:
        found = []
        for (column, line, stride), row in zip(grid, outputs["out"].tolist()):
            x, y, width, height = row[:4]
            if strides:
                x, y = (x + column) * stride, (y + line) * stride
                width, height = math.exp(width) * stride, math.exp(height) * stride
            class_id, score = strongest(row[4 + extra :])
            score *= row[4] if objectness else 1
            if score >= threshold:
                found.append(Found(class_id, score, around(x, y, width, height)))
        return found

    return write, read


# --- A row for each detection ---


def rows(order: str, relative: bool = False, counted: bool = False, unused: int = 4) -> Any:
    """order: of the columns; b stands for the box, s, c and f for score, class and frame."""
    width = len(order) + 3
    places = {letter: order.index(letter) + (3 if order.index(letter) > order.index("b") else 0) for letter in order}
    scale = [WIDTH, HEIGHT, WIDTH, HEIGHT] if relative else [1, 1, 1, 1]

    def write(known: Sequence[Found], classes: int) -> Outputs:
        table = np.zeros((len(known) + unused, width), np.float32)
        for row, one in zip(table, known):
            row[places["b"] : places["b"] + 4] = [value / size for value, size in zip(one.box, scale)]
            row[places["s"]], row[places["c"]] = one.score, one.class_id
        if counted:
            # What lies behind the rows that count means nothing.
            table[len(known) :] = 0.99
            return {"rows": table[np.newaxis], "kept": np.array([len(known)], np.int32)}
        return {"rows": table}

    def read(outputs: Outputs, classes: int, threshold: float) -> List[Found]:
        table = outputs["rows"].reshape(-1, width).tolist()
        if counted:
            table = table[: int(outputs["kept"][0])]
        found = []
        for row in table:
            box = [value * size for value, size in zip(row[places["b"] : places["b"] + 4], scale)]
            if row[places["s"]] >= threshold:
                found.append(Found(int(row[places["c"]]), row[places["s"]], tuple(box)))
        return found

    return write, read


# --- Lists ---


def lists(
    names: Sequence[str],
    first: int = 0,
    relative: bool = False,
    swapped: bool = False,
    kind: Any = np.int32,
    count_kind: Any = np.int32,
) -> Any:
    """names: of boxes, scores and classes, and of their number if there is one. swapped: top, left, bottom, right."""
    scale = [WIDTH, HEIGHT, WIDTH, HEIGHT] if relative else [1, 1, 1, 1]
    order = [1, 0, 3, 2] if swapped else [0, 1, 2, 3]

    def write(known: Sequence[Found], classes: int) -> Outputs:
        counted = len(names) == 4
        most = len(known) + (5 if counted else 0)
        boxes, scores = np.full((most, 4), 0.99, np.float32), np.full(most, 0.99, np.float32)
        class_ids = np.full(most, first, kind)
        for index, one in enumerate(known):
            boxes[index] = np.array([value / size for value, size in zip(one.box, scale)])[order]
            scores[index], class_ids[index] = one.score, one.class_id + first
        outputs = dict(zip(names, (boxes, scores, class_ids)))
        if counted:
            outputs[names[3]] = np.array([len(known)], count_kind)
        return outputs

    def read(outputs: Outputs, classes: int, threshold: float) -> List[Found]:
        boxes, scores, class_ids = (outputs[name].tolist() for name in names[:3])
        count = int(outputs[names[3]][0]) if len(names) == 4 else len(scores)
        found = []
        for box, score, class_id in list(zip(boxes, scores, class_ids))[:count]:
            if score >= threshold:
                place = [box[index] * size for index, size in zip(order, scale)]
                found.append(Found(int(class_id) - first, score, tuple(place)))
        return found

    return write, read


# --- A table of boxes and one of scores ---


def two_tables(box_name: str, score_name: str, detr: bool = False, extra: int = 0, count: int = 30) -> Any:
    scale = [WIDTH, HEIGHT, WIDTH, HEIGHT]

    def write(known: Sequence[Found], classes: int) -> Outputs:
        boxes, scores = noise(count, 4), noise(count, classes + extra)
        if detr:
            scores -= 9
        if extra:
            # No object, whatever its score.
            scores[:, -1] = 9
        for row, one in zip(range(2, count, 5), known):
            box = [value / size for value, size in zip(middle(one.box), scale)] if detr else one.box
            boxes[row] = box
            scores[row, one.class_id] = logit(one.score) if detr else one.score
        return {box_name: boxes, score_name: scores}

    def read(outputs: Outputs, classes: int, threshold: float) -> List[Found]:
        found = []
        for box, scores in zip(outputs[box_name].tolist(), outputs[score_name].tolist()):
            if detr:
                place = around(*(value * size for value, size in zip(box, scale)))
                for class_id, value in enumerate(scores[:classes]):
                    if sigmoid(value) >= threshold:
                        found.append(Found(class_id, sigmoid(value), place))
                continue
            class_id, score = strongest(scores)
            if score >= threshold:
                found.append(Found(class_id, score, tuple(box)))
        return found

    return write, read


def detr_table() -> Any:
    write_two, _ = two_tables("b", "s", detr=True)
    scale = [WIDTH, HEIGHT, WIDTH, HEIGHT]

    def write(known: Sequence[Found], classes: int) -> Outputs:
        two = write_two(known, classes)
        return {"out": np.concatenate([two["b"], 1 / (1 + np.exp(-two["s"]))], axis=1)}

    def read(outputs: Outputs, classes: int, threshold: float) -> List[Found]:
        return [
            Found(class_id, score, around(*(value * size for value, size in zip(row[:4], scale))))
            for row in outputs["out"].tolist()
            for class_id, score in enumerate(row[4:])
            if score >= threshold
        ]

    return write, read


# --- Distributions ---


def mean(logits: Sequence[float]) -> float:
    weights = [math.exp(value) for value in logits]
    return sum(index * weight for index, weight in enumerate(weights)) / sum(weights)


def distribution(distance: float, bins: int) -> List[float]:
    """Logits of a distribution with this mean, which is all on the two whole numbers around it."""
    low = min(int(distance), bins - 2)
    share = min(max(distance - low, 1e-6), 1 - 1e-6)
    return [math.log(1 - share) if i == low else math.log(share) if i == low + 1 else -30.0 for i in range(bins)]


def sides(box: Sequence[float], cell: Tuple[int, int, int], offset: float) -> List[float]:
    """Distances of a box's sides from a cell's place, in cells."""
    x, y, stride = (cell[0] + offset) * cell[2], (cell[1] + offset) * cell[2], cell[2]
    return [(x - box[0]) / stride, (y - box[1]) / stride, (box[2] - x) / stride, (box[3] - y) / stride]


def home(box: Sequence[float], grid: Sequence[Tuple[int, int, int]], offset: float, bins: int, taken: Any) -> int:
    """A cell from which all sides of a box are within reach."""
    for index, cell in enumerate(grid):
        if index not in taken and all(0 <= side <= bins - 1 for side in sides(box, cell, offset)):
            taken.add(index)
            return index
    raise AssertionError("no cell reaches all sides of %s" % (box,))


def nanodet(strides: Sequence[int], offset: float, bins: int, apart: bool = False) -> Any:
    """apart: scores and distributions of each stride are outputs of their own."""
    grid = cells(strides)

    def write(known: Sequence[Found], classes: int) -> Outputs:
        table, taken = noise(len(grid), classes + 4 * bins), set()
        for one in known:
            row = home(one.box, grid, offset, bins, taken)
            table[row, one.class_id] = one.score
            table[row, classes:] = np.concatenate(
                [distribution(side, bins) for side in sides(one.box, grid[row], offset)]
            )
        if not apart:
            return {"output": table}
        outputs, begin = {}, 0
        for index, stride in enumerate(strides):
            end = begin + sum(cell[2] == stride for cell in grid)
            outputs["scale_%d" % index] = table[begin:end, :classes]
            outputs["scale_%d" % (index + len(strides))] = table[begin:end, classes:]
            begin = end
        return outputs

    def read(outputs: Outputs, classes: int, threshold: float) -> List[Found]:
        if apart:
            count = len(strides)
            pairs = [(outputs["scale_%d" % i], outputs["scale_%d" % (i + count)]) for i in range(count)]
            table = np.concatenate([np.concatenate(pair, axis=1) for pair in pairs])
        else:
            table = outputs["output"]
        found = []
        for (column, line, stride), row in zip(grid, table.tolist()):
            x, y = (column + offset) * stride, (line + offset) * stride
            best, _ = strongest(row[:classes])
            for class_id in [best] if apart else range(classes):
                if row[class_id] >= threshold:
                    left, top, right, bottom = (
                        mean(row[classes + bins * side : classes + bins * (side + 1)]) * stride for side in range(4)
                    )
                    found.append(Found(class_id, row[class_id], (x - left, y - top, x + right, y + bottom)))
        return found

    return write, read


# --- DetectNet ---


def detectnet() -> Any:
    stride = 16
    lines, columns = HEIGHT // stride, WIDTH // stride

    def write(known: Sequence[Found], classes: int) -> Outputs:
        coverage, boxes = noise(classes, lines, columns), noise(4 * classes, lines, columns)
        for index, one in enumerate(known):
            line, column = divmod(index * 5, columns)
            x, y = column * stride + 0.5, line * stride + 0.5
            coverage[one.class_id, line, column] = one.score
            left, top, right, bottom = one.box
            boxes[4 * one.class_id : 4 * one.class_id + 4, line, column] = [
                (x - left) / 35,
                (y - top) / 35,
                (right - x) / 35,
                (bottom - y) / 35,
            ]
        return {"output_cov/Sigmoid:0": coverage, "output_bbox/BiasAdd:0": boxes}

    def read(outputs: Outputs, classes: int, threshold: float) -> List[Found]:
        coverage, boxes = outputs["output_cov/Sigmoid:0"], outputs["output_bbox/BiasAdd:0"]
        found = []
        for class_id in range(classes):
            for line in range(lines):
                for column in range(columns):
                    score = float(coverage[class_id, line, column])
                    if score >= threshold:
                        x, y = column * stride + 0.5, line * stride + 0.5
                        left, top, right, bottom = (
                            float(boxes[4 * class_id + side, line, column]) * 35 for side in range(4)
                        )
                        found.append(Found(class_id, score, (x - left, y - top, x + right, y + bottom)))
        return found

    return write, read


THREE, FOUR = (8, 16, 32), (8, 16, 32, 64)
TF = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
NMS = ("det_boxes", "det_scores", "det_classes", "num_dets")
BATCHED = ("BatchedNMS_1", "BatchedNMS_2", "BatchedNMS_3", "BatchedNMS")

FORMS: Dict[str, Form] = {
    "YOLOv5, YOLOv7": Form(["SlipstreamYoloV5"], *yolo(True), turned=["out"]),
    "YOLOv8, v9, 11, 12": Form(["SlipstreamYoloV8"], *yolo(False), turned=["out"]),
    "YOLOX": Form(["SlipstreamYoloX"], *yolo(True, THREE), turned=["out"]),
    "YOLOX with four strides": Form(["SlipstreamYoloX"], *yolo(True, FOUR), turned=["out"]),
    "YOLOv10, YOLO26, DeepStream-Yolo": Form(
        ["SlipstreamYoloRows", "NvDsInferParseYolo"], *rows("bsc"), turned=["rows"], names_classes=True
    ),
    "YOLOv7 with its NMS": Form(["SlipstreamYoloV7Rows"], *rows("fbcs", unused=0), names_classes=True),
    "YOLO-NAS, flat": Form(["SlipstreamYoloNasRows"], *rows("fbsc", unused=0), names_classes=True),
    "Paddle with its NMS": Form(["SlipstreamPaddleRows"], *rows("csb", unused=0), names_classes=True),
    "TAO's NMS": Form(["NvDsInferParseCustomNMSTLT"], *rows("fcsb", relative=True, counted=True), names_classes=True),
    "YOLO-NAS": Form(["SlipstreamYoloNas"], *two_tables("pred_bboxes", "pred_scores"), turned=["pred_scores"]),
    "Paddle without its NMS": Form(["SlipstreamPaddle"], *two_tables("boxes", "tmp_17"), turned=["tmp_17"]),
    "RT-DETR, D-FINE": Form(
        ["SlipstreamDetr", "NvDsInferParseCustomRTDETRTAO", "NvDsInferParseCustomDDETRTAO"],
        *two_tables("pred_boxes", "pred_logits", detr=True),
        turned=["pred_logits"],
    ),
    "RF-DETR": Form(["SlipstreamDetr"], *two_tables("dets", "labels", detr=True, extra=1)),
    "RT-DETR of Ultralytics": Form(["SlipstreamDetrTable"], *detr_table(), turned=["out"]),
    "RT-DETR with its postprocessor": Form(
        ["SlipstreamDetrLists"],
        *lists(("boxes", "scores", "labels"), kind=np.int64),
        names_classes=True,
    ),
    "TensorFlow": Form(
        ["SlipstreamTensorFlow"],
        *lists(TF, first=1, relative=True, swapped=True, kind=np.float32, count_kind=np.float32),
        names_classes=True,
    ),
    "TensorFlow with the background among the labels": Form(
        ["NvDsInferParseCustomTfSSD"],
        *lists(TF, relative=True, swapped=True, kind=np.float32, count_kind=np.float32),
        names_classes=True,
    ),
    "torchvision": Form(
        ["SlipstreamTorchvision"],
        *lists(("boxes", "scores", "labels"), first=1, kind=np.int64),
        names_classes=True,
    ),
    "torchvision without names": Form(
        ["SlipstreamTorchvision"],
        *lists(("2541", "2543", "2542"), first=1, kind=np.int64),
        names_classes=True,
    ),
    "EfficientNMS": Form(
        ["SlipstreamEfficientNms", "NvDsInferParseYoloV5CustomBatchedNMSTLT"],
        *lists(NMS),
        names_classes=True,
    ),
    "BatchedNMS": Form(
        ["NvDsInferParseCustomBatchedNMSTLT"],
        *lists(BATCHED, relative=True, kind=np.float32, count_kind=np.int32),
        names_classes=True,
    ),
    "EfficientDet of TAO": Form(
        ["NvDsInferParseCustomEfficientDetTAO"], *lists(NMS, swapped=True, kind=np.float32), names_classes=True
    ),
    "PicoDet": Form(["SlipstreamPicoDet"], *nanodet(FOUR, 0.5, 8, apart=True), turned=["scale_0", "scale_5"]),
    "NanoDet": Form(["SlipstreamNanoDet"], *nanodet(THREE, 0.5, 8), turned=["output"]),
    "NanoDet-g": Form(["SlipstreamNanoDet"], *nanodet(THREE, 0.5, 11), turned=["output"]),
    "NanoDet-Plus": Form(["SlipstreamNanoDet"], *nanodet(FOUR, 0.0, 8), turned=["output"]),
    "DetectNet_v2": Form(["SlipstreamDetectNet", "NvDsInferParseCustomResnet"], *detectnet()),
}
