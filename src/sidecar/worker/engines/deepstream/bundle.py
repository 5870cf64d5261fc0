"""Model bundles for nvinfer: what this release reads, and whether the network can run on this board at all.

Codes are those of the linter. The outputs of a network are read by nvinfer itself, or, with network-type 100, by the
decoders that engine cpu has too.
"""

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.bundle_keys import Entry, Groups, key_problems, read_groups
from sidecar.worker.engines.deepstream.catalogue import Catalogue, Format
from sidecar.worker.engines.deepstream.onnx_file import Network, read_network
from sidecar.worker.engines.deepstream.onnx_operators import refusals
from sidecar.worker.engines.deepstream.platform import Platform
from sidecar.worker.engines.deepstream.protobuf_file import OnnxError
from sidecar.worker.inference import bundle as shared
from sidecar.worker.problem import ERROR, WARNING, Problem, has_errors

_RAW_TENSORS = "100"
_INT8 = "1"
_ONNX = "onnx-file"
# What engine cpu has to say of keys that are meant for nvinfer.
_ONLY_OF_CPU = ("config-no-meaning", "config-default")


class NvinferBundle(NamedTuple):
    """A bundle whose files are there and which this platform's nvinfer can read."""

    directory: str
    groups: Groups
    # The key that names the network, and its file.
    network_key: str
    network_path: str
    labels: Tuple[str, ...]
    # Set if the outputs are decoded here and not by nvinfer.
    decoded_here: Optional[shared.Bundle]
    # Pictures that the network takes at once. None: any number.
    most: Optional[int]

    def batch(self, cameras: int) -> int:
        """Pictures that nvinfer gives the network at once: it takes a batch of the muxer apart if it must."""
        return max(1, cameras if self.most is None else min(cameras, self.most))

    def text(self, key: str, default: str = "") -> str:
        """A value of [property]."""
        entry = self.groups["property"].get(key)
        return default if entry is None else entry.value

    def path(self, key: str) -> str:
        """A file that [property] names, absolute; empty if it does not."""
        value = self.text(key)
        return os.path.join(self.directory, value) if value else ""

    @property
    def interval(self) -> int:
        return int(self.text("interval", "0"))

    def thresholds(self) -> List[float]:
        """The lowest confidence of each class that nvinfer lets through."""
        everywhere = _threshold(self.groups.get("class-attrs-all", {}), 0.2)
        return [
            _threshold(self.groups.get("class-attrs-%d" % class_id, {}), everywhere)
            for class_id in range(len(self.labels))
        ]


def load_nvinfer_bundle(
    directory: str, platform: Platform, catalogue: Catalogue
) -> Tuple[Optional[NvinferBundle], List[Problem]]:
    """Reads and checks a bundle. Returns none if there is an error among the problems. Never raises for bad content."""
    directory = os.path.abspath(directory)
    name = shared.CONFIG_NAME
    try:
        with open(os.path.join(directory, name), encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError:
        message = "there is no %s; a model bundle is a directory that holds one" % name
        return None, [Problem(ERROR, "file-missing", os.path.join(directory, name), message)]
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(ERROR, "file-unreadable", name, "cannot be read as UTF-8 text: %s" % error)]
    groups, problems = read_groups(text, name)
    problems = problems + key_problems(groups, name, catalogue)
    own = groups.get("property", {})
    found = _network(own, catalogue)
    if found is None:
        message = "it names no network: give onnx-file=FILE in [property]"
        return None, [*problems, Problem(ERROR, "missing-key", name, message)]
    form, key = found
    problems += _format_problems(form, own[key], name, catalogue)
    problems += _precision_problems(own, name, platform, catalogue)
    if own.get("network-type", Entry("0", 0)).value == _RAW_TENSORS:
        decoded_here, more = shared.load_bundle(directory)
        known = {problem.path for problem in problems}
        problems += [one for one in more if one.code not in _ONLY_OF_CPU and one.path not in known]
        if decoded_here is None or has_errors(problems):
            return None, problems
        labels = decoded_here.labels
    else:
        decoded_here = None
        problems += _file_problems(own, directory, name, catalogue)
        labels, more = _labels(own, directory, name)
        problems += more
    if has_errors(problems):
        return None, problems
    network_path = os.path.join(directory, own[key].value)
    most = None
    if key == _ONNX:
        network, more = _read_network(network_path, own, name)
        problems += more
        if network is None:
            return None, problems
        most = network.batch
        problems += _weight_problems(network_path, network, name)
        problems += _operator_problems(network, own, name, platform, catalogue)
        if has_errors(problems):
            return None, problems
    return NvinferBundle(directory, groups, key, network_path, labels, decoded_here, most), problems


def _network(own: Dict[str, Entry], catalogue: Catalogue) -> Optional[Tuple[Format, str]]:
    for form in catalogue.formats:
        if form.keys[0] in own:
            return form, form.keys[0]
    return None


def _format_problems(form: Format, entry: Entry, name: str, catalogue: Catalogue) -> List[Problem]:
    if form.until is None or not catalogue.reached(form.until) or catalogue.release == form.until:
        return []
    message = "%s is a network in %s format, which ended with DeepStream %s: %s. Export it as ONNX, name that in %s" % (
        entry.value,
        form.name,
        form.until,
        form.why,
        "onnx-file",
    )
    return [Problem(ERROR, form.code, "%s:%d" % (name, entry.line), message)]


def _read_network(path: str, own: Dict[str, Entry], name: str) -> Tuple[Optional[Network], List[Problem]]:
    try:
        return read_network(path), []
    except (OSError, OnnxError) as error:
        message = "%s cannot be read as a network: it %s; copy it anew" % (own[_ONNX].value, error)
        return None, [Problem(ERROR, "network-unreadable", "%s:%d" % (name, own[_ONNX].line), message)]


def _operator_problems(
    network: Network, own: Dict[str, Entry], name: str, platform: Platform, catalogue: Catalogue
) -> List[Problem]:
    """What TensorRT's parser would refuse: told before a build of minutes begins."""
    tensorrt = platform.tensorrt or catalogue.tensorrt
    if not tensorrt:
        return []
    problems = []
    for one in refusals(network, tensorrt, catalogue.onnx, "custom-lib-path" in own):
        every = "" if one.places == 1 else ", the first of %d" % one.places
        message = "TensorRT %s of this machine %s (%s, %s%s): %s" % (
            tensorrt,
            one.why,
            own[_ONNX].value,
            one.where,
            every,
            one.cure,
        )
        problems.append(Problem(ERROR, one.code, "%s:%d" % (name, own[_ONNX].line), message))
    return problems


def _precision_problems(own: Dict[str, Entry], name: str, platform: Platform, catalogue: Catalogue) -> List[Problem]:
    mode = own.get("network-mode")
    if mode is None or mode.value != _INT8:
        return []
    path = "%s:%d" % (name, mode.line)
    board = catalogue.boards.get(platform.board)
    if board is not None and not board.int8:
        message = "%s has no INT8: nvinfer builds an FP16 engine instead; write network-mode=2" % board.name
        return [Problem(WARNING, "int8-unsupported", path, message)]
    if "int8-calib-file" not in own:
        message = "INT8 without int8-calib-file: TensorRT guesses the ranges; use network-mode=2 (FP16)"
        return [Problem(WARNING, "int8-uncalibrated", path, message)]
    return []


def _file_problems(own: Dict[str, Entry], directory: str, name: str, catalogue: Catalogue) -> List[Problem]:
    problems = []
    for key, entry in own.items():
        known = catalogue.keys.get(("property", key))
        if known is None or known.type != "path" or known.written or not entry.value:
            continue
        if "\0" in entry.value:
            message = "%s holds a NUL character, which no path does; correct it" % key
            problems.append(Problem(ERROR, "file-missing", "%s:%d" % (name, entry.line), message))
            continue
        path = os.path.join(directory, entry.value)
        if not os.path.isfile(path):
            message = "%s names %s, which is not there; copy it into the bundle or correct the path" % (key, path)
            problems.append(Problem(ERROR, "file-missing", "%s:%d" % (name, entry.line), message))
    return problems


def _weight_problems(network_path: str, network: Network, name: str) -> List[Problem]:
    """Of the files in which an ONNX network keeps weights of its own."""
    problems = []
    for one in network.external:
        path = os.path.join(os.path.dirname(network_path), one)
        if os.path.isabs(one) or os.pardir in one.split(os.sep):
            message = "%s keeps weights in %s, outside its directory; export it anew" % (network_path, one)
        elif not os.path.isfile(path):
            message = "%s keeps weights in %s, which is not there; copy it into the bundle" % (network_path, path)
        else:
            continue
        problems.append(Problem(ERROR, "file-missing", name, message))
    return problems


def _labels(own: Dict[str, Entry], directory: str, name: str) -> Tuple[Tuple[str, ...], List[Problem]]:
    if "labelfile-path" not in own:
        return (), [Problem(ERROR, "missing-key", name, "labelfile-path is missing; set it in [property]")]
    entry = own["labelfile-path"]
    if "\0" in entry.value:
        return (), []  # Told with the other files.
    try:
        with open(os.path.join(directory, entry.value), encoding="utf-8-sig") as file:
            labels = tuple(line.strip() for line in file.read().rstrip().splitlines())
    except FileNotFoundError:
        return (), []  # Told with the other files.
    except (OSError, UnicodeDecodeError) as error:
        message = "%s cannot be read as UTF-8 text: %s" % (entry.value, error)
        return (), [Problem(ERROR, "file-unreadable", "%s:%d" % (name, entry.line), message)]
    count = own.get("num-detected-classes")
    if count is not None and count.value.isdigit() and int(count.value) != len(labels):
        message = "%s has %d labels, num-detected-classes is %s; write one label a line" % (
            entry.value,
            len(labels),
            count.value,
        )
        return labels, [Problem(ERROR, "labels-mismatch", "%s:%d" % (name, count.line), message)]
    return labels, []


def _threshold(group: Dict[str, Entry], default: float) -> float:
    for key in ("pre-cluster-threshold", "threshold"):
        if key in group:
            return float(group[key].value)
    return default
