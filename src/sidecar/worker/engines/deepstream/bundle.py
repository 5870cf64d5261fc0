"""Model bundles for nvinfer: what this release can read, and whether the network can run on this board.

Problems have the linter's codes. nvinfer decodes a network's outputs itself (DetectNet_v2, or by a library), or leaves
that to the decoders that engine cpu uses too.
"""

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.bundle_keys import Entry, Groups, key_problems, read_groups
from sidecar.worker.engines.deepstream.catalogue import Catalogue, Format
from sidecar.worker.engines.deepstream.onnx_operators import refusals
from sidecar.worker.engines.deepstream.platform import Platform
from sidecar.worker.inference import bundle as shared
from sidecar.worker.inference.bundle_file import (
    MOST_NETWORK,
    MOST_TEXT,
    BundleFileError,
    check_bundle_file,
    read_bundle_file,
)
from sidecar.worker.inference.decoders import REGISTRY
from sidecar.worker.inference.onnx_network import Network, read_network
from sidecar.worker.inference.protobuf_file import OnnxError
from sidecar.worker.problem import WARNING, Problem, error, has_errors

_NAME = shared.CONFIG_NAME
_RAW_TENSORS = "100"
_DETECTOR = "0"
_PARSER = "parse-bbox-func-name"
_LIBRARY = "custom-lib-path"
_INT8 = "1"
_ONNX = "onnx-file"
# What engine cpu reports about keys that only nvinfer reads.
_ONLY_FOR_CPU = ("config-no-meaning", "config-default")


class NvinferBundle(NamedTuple):
    """A bundle whose files exist, and which nvinfer of this platform can read."""

    directory: str
    groups: Groups
    # The key that names the network, and its file.
    network_key: str
    network_path: str
    labels: Tuple[str, ...]
    # Set if the outputs are decoded here and not by nvinfer.
    decoded_here: Optional[shared.Bundle]
    # The shape of the network's input, with the batch. None: any number. Empty: it is not known.
    input_shape: Tuple[Optional[int], ...]

    @property
    def largest_batch(self) -> Optional[int]:
        """Frames that the network takes at once. None: any number."""
        return self.input_shape[0] if self.input_shape else None

    def batch(self, cameras: int) -> int:
        """Frames that nvinfer gives the network at once. nvinfer splits a larger batch of the muxer."""
        return max(1, cameras if self.largest_batch is None else min(cameras, self.largest_batch))

    def text(self, key: str, default: str = "") -> str:
        """A value of [property]."""
        entry = self.groups["property"].get(key)
        return default if entry is None else entry.value

    def path(self, key: str) -> str:
        """The absolute path of a file that [property] names; empty if it names none."""
        value = self.text(key)
        return os.path.join(self.directory, value) if value else ""

    @property
    def interval(self) -> int:
        return int(self.text("interval", "0"))

    def thresholds(self) -> List[float]:
        """For each class, the lowest confidence that nvinfer lets through."""
        default = _threshold(self.groups.get("class-attrs-all", {}), 0.2)
        return [
            _threshold(self.groups.get("class-attrs-%d" % class_id, {}), default)
            for class_id in range(len(self.labels))
        ]


def load_nvinfer_bundle(
    directory: str, platform: Platform, catalogue: Catalogue
) -> Tuple[Optional[NvinferBundle], List[Problem]]:
    """Reads and checks a bundle. Returns no bundle if a problem is an error. Never raises for bad content."""
    directory = os.path.abspath(directory)
    path = os.path.join(directory, _NAME)
    try:
        text = read_bundle_file(directory, path, MOST_TEXT).decode("utf-8-sig")
    except BundleFileError as why:
        if why.code == "file-missing":
            message = "there is no %s; a model bundle is a directory that holds one" % _NAME
            return None, [error(why.code, path, message)]
        return None, [error(why.code, _NAME, str(why))]
    except UnicodeDecodeError as why:
        return None, [error("file-unreadable", _NAME, "cannot be read as UTF-8 text: %s" % why)]
    groups, problems = read_groups(text, _NAME)
    problems.extend(key_problems(groups, _NAME, catalogue))
    own = groups.get("property", {})
    form = next((one for one in catalogue.formats if one.keys[0] in own), None)
    if form is None:
        message = "it names no network: give onnx-file=FILE in [property]"
        return None, [*problems, error("missing-key", _NAME, message)]
    key = form.keys[0]
    problems += _format_problems(form, own[key], catalogue)
    problems += _precision_problems(own, platform, catalogue)
    decoded_here = None
    if _is_decoded_here(own):
        decoded_here, more = shared.load_bundle(directory)
        known = {problem.path for problem in problems}
        problems += [one for one in more if one.code not in _ONLY_FOR_CPU and one.path not in known]
        if decoded_here is None:
            return None, problems
        labels = decoded_here.labels
    else:
        problems += _parser_problems(own)
        problems += _file_problems(own, directory, catalogue)
        labels, more = _labels(own, directory)
        problems += more
    if has_errors(problems):
        return None, problems
    network_path = os.path.join(directory, own[key].value)
    input_shape: Tuple[Optional[int], ...] = ()
    if key == _ONNX:
        network, more = _read_network(network_path, own[_ONNX], platform, catalogue, _LIBRARY in own)
        problems += more
        if network is None or has_errors(problems):
            return None, problems
        input_shape = network.input_shape
    return NvinferBundle(directory, groups, key, network_path, labels, decoded_here, input_shape), problems


def _at(entry: Entry) -> str:
    return "%s:%d" % (_NAME, entry.line)


def _is_decoded_here(own: Dict[str, Entry]) -> bool:
    """Without a library that brings its parser, nvinfer hands the outputs to a decoder of ours."""
    kind = own.get("network-type", Entry(_DETECTOR, 0)).value
    parser = own.get(_PARSER)
    is_ours = parser is not None and parser.value in REGISTRY and _LIBRARY not in own
    return kind == _RAW_TENSORS or (kind == _DETECTOR and is_ours)


def _parser_problems(own: Dict[str, Entry]) -> List[Problem]:
    parser = own.get(_PARSER)
    if parser is None or _LIBRARY in own:
        return []
    message = "there is no decoder %s, and no custom-lib-path that brings it; known are %s"
    return [error("unknown-decoder", _at(parser), message % (parser.value, ", ".join(sorted(REGISTRY))))]


def _format_problems(form: Format, entry: Entry, catalogue: Catalogue) -> List[Problem]:
    if form.until is None or not catalogue.reached(form.until) or catalogue.release == form.until:
        return []
    message = (
        "%s is a %s network, a format that ended with DeepStream %s: %s. Export it as ONNX, and name it in onnx-file"
    )
    return [error(form.code, _at(entry), message % (entry.value, form.name, form.until, form.why))]


def _precision_problems(own: Dict[str, Entry], platform: Platform, catalogue: Catalogue) -> List[Problem]:
    mode = own.get("network-mode")
    if mode is None or mode.value != _INT8:
        return []
    board = catalogue.boards.get(platform.board)
    if board is not None and not board.int8:
        message = "%s has no INT8, so nvinfer builds for FP16; write network-mode=2" % board.name
        return [Problem(WARNING, "int8-unsupported", _at(mode), message)]
    if "int8-calib-file" not in own:
        message = "INT8 without int8-calib-file: TensorRT guesses the ranges; use network-mode=2 (FP16)"
        return [Problem(WARNING, "int8-uncalibrated", _at(mode), message)]
    return []


def _file_problems(own: Dict[str, Entry], directory: str, catalogue: Catalogue) -> List[Problem]:
    problems = []
    for key, entry in own.items():
        known = catalogue.keys.get(("property", key))
        if known is None or known.type != "path" or known.written or not entry.value:
            continue
        if "\0" in entry.value:
            message = "%s holds a NUL character, which no path does; correct it" % key
            problems.append(error("file-missing", _at(entry), message))
            continue
        path = os.path.join(directory, entry.value)
        try:
            check_bundle_file(_root(directory, entry), path, MOST_NETWORK)
        except BundleFileError as why:
            if why.code == "file-empty":
                # Whoever reads its content reports it.
                continue
            message = "%s names %s, which %s" % (key, path, why)
            if why.code == "file-missing":
                message = "%s names %s, which is not there; copy it into the bundle or correct the path" % (key, path)
            problems.append(error(why.code, _at(entry), message))
    return problems


def _root(directory: str, entry: Entry) -> str:
    """The directory in which a file must lie. An absolute path names any: NVIDIA's image has networks and libraries."""
    return "/" if os.path.isabs(entry.value) else directory


def _labels(own: Dict[str, Entry], directory: str) -> Tuple[Tuple[str, ...], List[Problem]]:
    """No problem for a file that is not there, or is no regular file in the bundle: _file_problems() reports it."""
    entry = own.get("labelfile-path")
    if entry is None:
        return (), [error("missing-key", _NAME, "labelfile-path is missing; set it in [property]")]
    if "\0" in entry.value:
        return (), []
    path = os.path.join(directory, entry.value)
    try:
        text = read_bundle_file(_root(directory, entry), path, MOST_TEXT).decode("utf-8-sig")
        labels = tuple(line.strip() for line in text.rstrip().splitlines())
    except BundleFileError as why:
        if why.code == "file-too-large":
            return (), [error(why.code, _at(entry), "%s %s" % (entry.value, why))]
        return (), []
    except UnicodeDecodeError as why:
        return (), [error("file-unreadable", _at(entry), "%s cannot be read as UTF-8 text: %s" % (entry.value, why))]
    count = own.get("num-detected-classes")
    if count is not None and count.value.isdigit() and int(count.value) != len(labels):
        message = "%s has %d labels, num-detected-classes is %s; write one label a line"
        return labels, [error("labels-mismatch", _at(count), message % (entry.value, len(labels), count.value))]
    return labels, []


def _read_network(
    path: str, entry: Entry, platform: Platform, catalogue: Catalogue, has_library: bool
) -> Tuple[Optional[Network], List[Problem]]:
    """has_library: a library of the bundle may have more operators."""
    try:
        network = read_network(path)
    except (OSError, OnnxError) as why:
        message = "%s cannot be read as a network: it %s; copy it again" % (entry.value, why)
        return None, [error("network-unreadable", _at(entry), message)]
    problems = shared.weight_problems(path, network)
    tensorrt = platform.tensorrt or catalogue.tensorrt
    # What TensorRT's parser would refuse is reported before a build of minutes begins.
    for one in refusals(network, tensorrt, catalogue.onnx, has_library) if tensorrt else ():
        where = one.where if one.places == 1 else "%s, the first of %d" % (one.where, one.places)
        message = "TensorRT %s of this machine %s (%s, %s): %s" % (tensorrt, one.why, entry.value, where, one.cure)
        problems.append(error(one.code, _at(entry), message))
    return network, problems


def _threshold(group: Dict[str, Entry], default: float) -> float:
    for key in ("pre-cluster-threshold", "threshold"):
        if key in group:
            return float(group[key].value)
    return default
