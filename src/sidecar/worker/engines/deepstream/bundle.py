"""Model bundles for nvinfer: what this release can read, and whether the network can run on this board.

Problems have the linter's codes. nvinfer decodes a network's outputs itself (DetectNet_v2, or by a library), or leaves
that to the decoders that engine cpu uses too.
"""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.catalogue import Board, Catalogue, Format
from sidecar.worker.engines.deepstream.onnx_operators import refusals
from sidecar.worker.engines.deepstream.platform import Platform
from sidecar.worker.inference import bundle as shared
from sidecar.worker.inference.cascade import Member
from sidecar.worker.inference.decoders import REGISTRY
from sidecar.worker.inference.nvinfer_config import build_config, check_for_raw_tensors
from sidecar.worker.inference.nvinfer_file import (
    CLASS_ALL,
    CLASS_PREFIX,
    CLASSIFIER,
    DETECTOR,
    PROPERTY,
    RAW_TENSORS,
    SEGMENTATION,
    NvinferFile,
    Value,
)
from sidecar.worker.inference.object_rules import DEFAULT_UNIQUE_ID, SECONDARY, ObjectRules, object_rules
from sidecar.worker.inference.onnx_network import Network
from sidecar.worker.problem import ERROR, NOTICE, WARNING, Problem, has_errors

_ONNX = "onnx-file"
_PARSER = "parse-bbox-func-name"
_LIBRARY = "custom-lib-path"
_INT8 = 1
# Of nvinfer, for every class.
_DEFAULT_THRESHOLD = 0.2
_MB = 1 << 20


class NvinferBundle(NamedTuple):
    """A bundle whose files exist, and which nvinfer of this platform can read."""

    directory: str
    groups: Dict[str, Dict[str, Value]]
    # The key that names the network, and its file.
    network_key: str
    network_path: str
    # By class id: one for each class.
    labels: Tuple[str, ...]
    # Set if the outputs are decoded here and not by nvinfer.
    decoded_here: Optional[shared.Bundle]
    # The shape of the network's input, with the batch. None: any number. Empty: it is not known.
    input_shape: Tuple[Optional[int], ...]
    # nvinfer finds no boxes with it.
    is_classifier: bool = False
    # What a classifier's outputs say, as far as that is known: see shared.Bundle.
    attributes: Tuple[shared.ClassifierOutput, ...] = ()

    @property
    def name(self) -> str:
        return shared.bundle_name(self.directory)

    @property
    def unique_id(self) -> int:
        """gie-unique-id."""
        return int(self.value("gie-unique-id", DEFAULT_UNIQUE_ID))

    @property
    def rules(self) -> Optional[ObjectRules]:
        """None: nvinfer gives the network whole frames."""
        return object_rules(self.value, self.is_classifier)

    @property
    def all_labels(self) -> Tuple[str, ...]:
        """What may be asked for: classes of objects, or values of attributes."""
        return self.labels or tuple(label for output in self.attributes for label in output.labels)

    @property
    def member(self) -> Member:
        """What the other models of a specification must know of it."""
        return Member(self.name, self.unique_id, self.rules, self.is_classifier, len(self.labels))

    @property
    def largest_batch(self) -> Optional[int]:
        """Frames that the network takes at once. None: any number."""
        return self.input_shape[0] if self.input_shape else None

    def batch(self, cameras: int) -> int:
        """Frames that nvinfer gives the network at once, or objects: as many as the bundle says. nvinfer splits a
        larger batch."""
        wanted = cameras if self.rules is None else int(self.value("batch-size", 1))
        return max(1, wanted if self.largest_batch is None else min(wanted, self.largest_batch))

    def value(self, key: str, default: Any = None) -> Any:
        """A value of [property]. A path is absolute."""
        entry = self.groups[PROPERTY].get(key)
        return default if entry is None or entry.value is None else entry.value

    def text(self, key: str) -> str:
        """A value of [property] as written; empty if it has none."""
        entry = self.groups[PROPERTY].get(key)
        return "" if entry is None else entry.raw.strip()

    @property
    def interval(self) -> int:
        return int(self.value("interval", 0))

    def thresholds(self) -> List[float]:
        """For each class, the lowest confidence that nvinfer lets through."""
        default = _threshold(self.groups.get(CLASS_ALL, {}), _DEFAULT_THRESHOLD)
        return [
            _threshold(self.groups.get("%s%d" % (CLASS_PREFIX, class_id), {}), default)
            for class_id in range(len(self.labels))
        ]


def load_nvinfer_bundle(
    directory: str, platform: Platform, catalogue: Catalogue, cameras: Optional[int] = None
) -> Tuple[Optional[NvinferBundle], List[Problem]]:
    """Reads and checks a bundle. Returns no bundle if a problem is an error. Never raises for bad content.

    cameras: their number, if it is known.
    """
    directory = os.path.abspath(directory)
    file, problems = shared.read_config(directory, catalogue.keys)
    if file is None:
        return None, problems
    form = _network_format(file, catalogue)
    shared.check_files(file, lambda key: True, lambda path: _root(directory, path))
    labels = shared.read_labels(file, lambda path: _root(directory, path))
    is_decoded_here = _is_decoded_here(file)
    if is_decoded_here:
        check_for_raw_tensors(file, REGISTRY)
        shared.check_decoder_files(file, directory)
        if file.network_type == RAW_TENSORS and "infer-dims" not in file.own:
            file.tell(ERROR, "missing-key", "", "raw tensors need the size of the network's input: set infer-dims")
    else:
        _check_boxes(file)
    _tell_decoder(file)
    network = shared.read_bundle_network(file)
    attributes: Tuple[shared.ClassifierOutput, ...] = ()
    if _LIBRARY not in file.own:
        if network is not None:
            shared.check_finds_boxes(file, network)
        attributes = shared.read_attributes(file, network, directory, lambda path: _root(directory, path))
    board = catalogue.boards.get(platform.board)
    _check_precision(file, board)
    if form is None:
        file.tell(ERROR, "missing-key", "", "no network is named: set onnx-file=FILE in [property]")
        return None, problems
    key = form.keys[0]
    _check_format(file, form, catalogue)
    input_shape = network.input_shape if network is not None and key == _ONNX else ()
    _check_engine_file(file, key, input_shape[0] if input_shape else None, cameras, board, catalogue)
    if network is not None and key == _ONNX:
        _check_batch(file, network)
        _check_parser(file, network, platform, catalogue)
    _check_memory(file, key, network, cameras, board, catalogue)
    if has_errors(problems):
        return None, problems
    decoded_here = None
    if is_decoded_here:
        decoded_here = shared.Bundle(directory, build_config(file), labels)
    is_classifier = file.network_type == CLASSIFIER
    bundle = NvinferBundle(
        directory, file.groups, key, file.value(key), labels, decoded_here, input_shape, is_classifier, attributes
    )
    return bundle, problems


def precision(mode: int, board: Optional[Board], catalogue: Catalogue) -> str:
    """The precision that nvinfer really builds for a network-mode."""
    wanted = catalogue.precisions[mode] if mode < len(catalogue.precisions) else catalogue.precisions[0]
    return "fp16" if wanted == "int8" and board is not None and not board.int8 else wanted


def _network_format(file: NvinferFile, catalogue: Catalogue) -> Optional[Format]:
    """The first format that this release reads; if there is none, the first one that it does not."""
    named = [form for form in catalogue.formats if form.keys[0] in file.own]
    kept = [form for form in named if not form.passed_over or not _is_gone(form, catalogue)]
    return next(iter([*kept, *named]), None)


def _is_gone(form: Format, catalogue: Catalogue) -> bool:
    return form.until is not None and catalogue.reached(form.until) and catalogue.release != form.until


def _check_format(file: NvinferFile, form: Format, catalogue: Catalogue) -> None:
    own = file.own
    # A library that reads the network, or builds the engine, has formats of its own.
    is_read_by_library = "engine-create-func-name" in own or ("custom-network-config" in own and _LIBRARY in own)
    if not _is_gone(form, catalogue) or is_read_by_library:
        return
    key = form.keys[0]
    message = "%s is a %s network, which DeepStream reads up to %s: %s. Export it as ONNX, and name it in onnx-file"
    file.tell(ERROR, form.code, key, message % (file.value(key), form.name, form.until, form.why))


def _check_precision(file: NvinferFile, board: Optional[Board]) -> None:
    if file.value("network-mode") != _INT8:
        return
    if board is not None and not board.int8:
        message = "%s has no INT8, so nvinfer builds for FP16; write network-mode=2" % board.name
        file.tell(WARNING, "int8-unsupported", "network-mode", message)
    elif "int8-calib-file" not in file.own:
        message = "INT8 without int8-calib-file: TensorRT guesses the ranges; use network-mode=2 (FP16)"
        file.tell(WARNING, "int8-uncalibrated", "network-mode", message)


def _check_boxes(file: NvinferFile) -> None:
    """nvinfer runs these networks, and shows nothing of what they find."""
    if file.network_type == CLASSIFIER and file.value("process-mode") == SECONDARY:
        return
    if file.network_type in (CLASSIFIER, SEGMENTATION):
        what = "classifier" if file.network_type == CLASSIFIER else "segmentation"
        key = "network-type" if "network-type" in file.own else "is-classifier"
        message = "network-type=%d (%s) finds no boxes, so that none is ever shown; use a detector"
        file.tell(WARNING, "no-boxes", key, message % (file.network_type, what))
    elif file.classes == 0:
        message = "num-detected-classes is %s: nvinfer finds objects of no class, so that no box is ever shown; set it"
        state = "0" if "num-detected-classes" in file.own else "missing"
        file.tell(WARNING, "no-boxes", "num-detected-classes", message % state)


def _is_decoded_here(file: NvinferFile) -> bool:
    """Without a library that brings its parser, nvinfer hands the outputs to a decoder of ours."""
    is_ours = file.value(_PARSER) in REGISTRY and _LIBRARY not in file.own
    return file.network_type == RAW_TENSORS or (file.network_type == DETECTOR and is_ours)


def _tell_decoder(file: NvinferFile) -> None:
    """Who decodes the outputs of a network whose configuration names a parser for nvinfer."""
    parser = file.value(_PARSER)
    if parser is None or file.network_type in (CLASSIFIER, SEGMENTATION, RAW_TENSORS):
        return
    if _LIBRARY in file.own:
        if file.network_type == DETECTOR:
            cpu = "by the sidecar's own" if parser in REGISTRY else "has no decoder for it"
            message = "nvinfer decodes by %s of %s, engine cpu %s"
            file.tell(NOTICE, "decoder-choice", _PARSER, message % (parser, file.own[_LIBRARY].raw, cpu))
    elif _is_decoded_here(file):
        message = "no library brings %s: on both engines the sidecar's own decoder of that name reads the outputs"
        file.tell(NOTICE, "decoder-choice", _PARSER, message % parser)
    else:
        message = "there is no decoder %s, and no custom-lib-path that brings it; known are %s"
        file.tell(ERROR, "unknown-decoder", _PARSER, message % (parser, ", ".join(sorted(REGISTRY))))


def _root(directory: str, path: str) -> str:
    """The directory in which a file must lie. An absolute path names any: NVIDIA's image has networks and libraries."""
    return directory if path.startswith(os.path.join(directory, "")) else "/"


def _check_engine_file(
    file: NvinferFile,
    key: str,
    largest_batch: Optional[int],
    cameras: Optional[int],
    board: Optional[Board],
    catalogue: Catalogue,
) -> None:
    """Whether model-engine-file is the file that nvinfer writes."""
    engine = file.value("model-engine-file")
    # An engine that a library builds is named by the working directory.
    if engine is None or file.value(key) is None or "engine-create-func-name" in file.own:
        return
    asked = file.value("batch-size", 1) if cameras is None else cameras
    batch = asked if largest_batch is None else min(asked, largest_batch)
    core = file.value("use-dla-core", 0)
    device = "dla%d" % core if file.value("enable-dla") and core >= 0 else "gpu%d" % file.value("gpu-id", 0)
    kind = precision(file.value("network-mode", 0), board, catalogue)
    expected = "%s_b%d_%s_%s.engine" % (file.value(key), batch, device, kind)
    if os.path.normpath(engine) != os.path.normpath(expected):
        message = "nvinfer writes %s and does not find it again as %s; engines are kept elsewhere: remove the key"
        message %= (os.path.basename(expected), os.path.basename(engine))
        file.tell(NOTICE, "engine-never-matches", "model-engine-file", message)


def _check_batch(file: NvinferFile, network: Network) -> None:
    asked = file.value("batch-size", 1)
    largest = network.input_shape[0] if network.input_shape else None
    if largest is not None and asked > largest:
        message = "the network takes a batch of %d, batch-size asks for %d; export it with a free first dimension"
        file.tell(WARNING, "batch-above-network", "batch-size", message % (largest, asked))


def _check_parser(file: NvinferFile, network: Network, platform: Platform, catalogue: Catalogue) -> None:
    """What TensorRT's parser would refuse is found before a build of minutes begins."""
    tensorrt = platform.tensorrt or catalogue.tensorrt
    name = file.own[_ONNX].raw
    if catalogue.onnx_opset is not None and network.opset > catalogue.onnx_opset:
        message = "%s uses ONNX operator set %d, TensorRT %s of DeepStream %s knows up to %d; export it with that one"
        told = (name, network.opset, tensorrt, catalogue.release, catalogue.onnx_opset)
        file.tell(WARNING, "onnx-opset", _ONNX, message % told)
    if not tensorrt:
        return
    # A library of the bundle may have more operators.
    for one in refusals(network, tensorrt, catalogue.onnx, _LIBRARY in file.own):
        where = one.where if one.places == 1 else "%s, the first of %d" % (one.where, one.places)
        message = "TensorRT %s of this machine %s (%s, %s): %s" % (tensorrt, one.why, name, where, one.cure)
        file.tell(ERROR, one.code, _ONNX, message)


def _check_memory(
    file: NvinferFile,
    key: str,
    network: Optional[Network],
    cameras: Optional[int],
    board: Optional[Board],
    catalogue: Catalogue,
) -> None:
    """Whether the network fits into the board's memory. release-facts.json has the rule and its figures."""
    try:
        size = os.stat(file.value(key, "")).st_size
    except (OSError, ValueError):
        return  # It has been reported.
    if board is None:
        return
    rule = catalogue.memory
    weights = network.weight_bytes if network is not None and key == _ONNX else size
    kind = precision(file.value("network-mode", 0), board, catalogue)
    engine = weights / rule["fileBytesPerWeight"] / _MB * rule["weightBytes"][kind]
    needed = (
        size / _MB
        + engine * (2 if board.shared_memory else 1)
        # A ceiling: a build takes what it needs below it.
        + min(file.value("workspace-size", 0) or rule["workspaceMB"], rule["workspaceMB"])
        + rule["runtimeMB"]
        + (cameras or 1) * rule["perCameraMB"]
    )
    available = board.memory_mb - rule["systemMB"][catalogue.kind]
    if needed > available:
        message = "%s needs about %d MB, %s has %d MB for it; use a smaller network or a lower precision"
        file.tell(ERROR, "model-too-large", key, message % (file.own[key].raw, needed, board.name, available))


def _threshold(group: Dict[str, Value], default: float) -> float:
    """Of the old name and the new one, the last in the file counts."""
    found = [group[key] for key in ("threshold", "pre-cluster-threshold") if key in group]
    return float(max(found, key=lambda one: one.line).value) if found else default
