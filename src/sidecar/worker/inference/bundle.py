"""Reads and checks model bundles: config_infer.txt, the network, the labels, and the files of the decoder."""

import os
from typing import Callable, List, NamedTuple, Optional, Tuple

from sidecar.worker.inference.bundle_file import (
    MOST_NETWORK,
    MOST_TABLE,
    MOST_TEXT,
    BundleFileError,
    check_bundle_file,
    read_bundle_file,
)
from sidecar.worker.inference.cascade import Member
from sidecar.worker.inference.decoders import REGISTRY
from sidecar.worker.inference.nvinfer_config import NvinferConfig, build_config, check_for_cpu
from sidecar.worker.inference.nvinfer_file import (
    CLASSIFIER,
    DETECTOR,
    PROPERTY,
    RAW_TENSORS,
    NvinferFile,
    read_nvinfer_file,
)
from sidecar.worker.inference.nvinfer_keys import Key, KeyTable, all_keys
from sidecar.worker.inference.object_rules import SECONDARY
from sidecar.worker.inference.onnx_network import Network, read_network
from sidecar.worker.inference.onnx_network import Value as GraphValue
from sidecar.worker.inference.protobuf_file import OnnxError
from sidecar.worker.problem import ERROR, WARNING, Problem, error, has_errors

CONFIG_NAME = "config_infer.txt"
# A bundle is a handful of files. A directory that holds more is none.
_MOST_FILES = 1000
# Numbers of a box in a list that a network with its NMS gives.
_ROWS = (4, 6, 7)

# Path, size, inode and time of change of files.
FilesStamp = Tuple[Tuple[str, int, int, int], ...]


class ClassifierOutput(NamedTuple):
    """What one output of a classifier says of an object."""

    # Of the attribute.
    name: str
    # By class.
    labels: Tuple[str, ...]


class Bundle(NamedTuple):
    """A bundle whose files exist and agree. Only an engine can tell whether the network loads."""

    directory: str
    config: NvinferConfig
    # By class id: one for each class. Empty for a classifier.
    labels: Tuple[str, ...]
    # In the order of the network's outputs. Empty for a detector.
    attributes: Tuple[ClassifierOutput, ...] = ()

    @property
    def is_classifier(self) -> bool:
        return bool(self.attributes)

    @property
    def all_labels(self) -> Tuple[str, ...]:
        """What may be asked for: classes of objects, or values of attributes."""
        return self.labels or tuple(label for output in self.attributes for label in output.labels)

    @property
    def member(self) -> Member:
        """What the other models of a specification must know of it."""
        config = self.config
        name = bundle_name(self.directory)
        return Member(name, config.unique_id, config.rules, self.is_classifier, len(self.labels))


def load_bundle(directory: str) -> Tuple[Optional[Bundle], List[Problem]]:
    """A bundle for engine cpu, or none if there is an error among the problems. Never raises for bad content."""
    directory = os.path.abspath(directory)
    file, problems = read_config(directory, all_keys())
    if file is None:
        return None, problems
    check_for_cpu(file, REGISTRY)
    check_files(file, lambda key: key.name in ("onnx-file", "labelfile-path"), lambda path: directory)
    check_decoder_files(file, directory)
    labels = read_labels(file, lambda path: directory)
    network = read_bundle_network(file)
    if network is not None:
        _check_operators(file, network)
        check_finds_boxes(file, network)
    attributes = read_attributes(file, network, directory, lambda path: directory)
    if has_errors(problems):
        return None, problems
    return Bundle(directory, build_config(file), labels, attributes), problems


def _check_operators(file: NvinferFile, network: Network) -> None:
    """ONNX Runtime has none of TensorRT's plugins, which some exporters put into a network."""
    known = {one.name for one in network.functions}
    for node in network.graph.nodes:
        if node.operator.endswith("_TRT") and node.operator not in known:
            message = "%s has the operator %s, a plugin of TensorRT that engine cpu does not have; export it without %s"
            cure = "its NMS: the sidecar's decoders suppress boxes themselves" if "NMS" in node.operator else "it"
            file.tell(ERROR, "onnx-operator", "onnx-file", message % (file.own["onnx-file"].raw, node.operator, cure))
            return


def bundle_name(directory: str) -> str:
    """The model's name: that of its directory, without a version (NAME@VERSION)."""
    return os.path.basename(os.path.normpath(directory)).split("@")[0]


def read_config(directory: str, table: KeyTable) -> Tuple[Optional[NvinferFile], List[Problem]]:
    """The configuration file of a bundle; problems that are found later are added to the same list."""
    if not os.path.isdir(directory):
        message = "there is no such directory; a model bundle is a directory that holds %s" % CONFIG_NAME
        return None, [error("file-missing", directory, message)]
    try:
        data = read_bundle_file(directory, os.path.join(directory, CONFIG_NAME), MOST_TEXT)
    except BundleFileError as why:
        return None, [error(why.code, CONFIG_NAME, str(why))]
    file = read_nvinfer_file(data, CONFIG_NAME, directory, table)
    return file if PROPERTY in file.groups else None, file.problems


def check_files(file: NvinferFile, is_used: Callable[[Key], bool], root: Callable[[str], str]) -> None:
    """Whether the files that [property] names are there. root: the directory in which a file must lie."""
    for name, entry in file.own.items():
        if entry.key.type != "path" or entry.key.written or entry.value is None or not is_used(entry.key):
            continue
        most = MOST_TEXT if name == "labelfile-path" else MOST_NETWORK
        try:
            check_bundle_file(root(entry.value), entry.value, most)
        except BundleFileError as why:
            # Whoever reads an empty file's content reports it.
            if why.code != "file-empty":
                file.tell(ERROR, why.code, name, "%s names %s, which %s" % (name, entry.value, _told(why)))


def check_decoder_files(file: NvinferFile, directory: str) -> None:
    """Whether the files are there that the decoder of raw tensors reads."""
    decoder = REGISTRY.get(file.value("parse-bbox-func-name"))
    for name in () if decoder is None else decoder.files:
        try:
            check_bundle_file(directory, os.path.join(directory, name), MOST_TABLE)
        except BundleFileError as why:
            message = "%s reads %s, which %s" % (file.value("parse-bbox-func-name"), name, _told(why))
            file.tell(ERROR, why.code, "parse-bbox-func-name", message)


def _told(why: BundleFileError) -> str:
    """What is wrong with a file, and what to do."""
    if why.code == "file-missing":
        return "is not there; copy it into the bundle or correct its name"
    return str(why)


def read_labels(file: NvinferFile, root: Callable[[str], str]) -> Tuple[str, ...]:
    """The names of the classes, one a line. Blank lines do not count, as for nvinfer. A class that has none is named
    after its number. No problem for a file that is not there: check_files() reports it."""
    if file.network_type == CLASSIFIER:
        return ()
    count = file.classes
    labels: Tuple[str, ...] = ()
    path = file.value("labelfile-path")
    if "labelfile-path" not in file.own and file.has_classes:
        message = "labelfile-path is missing: classes have no names; set it in [property]"
        file.tell(WARNING, "labels-missing", "", message)
    elif path is not None:
        lines = _label_lines(file, path, root)
        if lines is None:
            return ()
        # Of a line with several, nvinfer takes the first for the name of a class.
        labels = tuple(line.split(";")[0].strip() for line in lines)
        is_stated = count is not None and "num-detected-classes" in file.own
        if len(labels) != count and is_stated and file.has_classes:
            message = "%s has %d labels, num-detected-classes is %d; write one a line, in the order of class ids"
            file.tell(WARNING, "labels-mismatch", "labelfile-path", message % (path, len(labels), count))
    number = file.value("num-detected-classes", 0)
    return labels[:number] + tuple("class %d" % one for one in range(len(labels), number))


def _label_lines(file: NvinferFile, path: str, root: Callable[[str], str]) -> Optional[List[str]]:
    """The lines of the file of labels that are not blank. None: it cannot be read."""
    try:
        text = read_bundle_file(root(path), path, MOST_TEXT).decode("utf-8-sig")
    except BundleFileError:
        return None
    except UnicodeDecodeError as why:
        message = "%s is not UTF-8 text (byte %d); save it as UTF-8" % (path, why.start)
        file.tell(ERROR, "not-text", "labelfile-path", message)
        return None
    return [line for line in text.split("\n") if line.strip()]


def read_attributes(
    file: NvinferFile, network: Optional[Network], directory: str, root: Callable[[str], str]
) -> Tuple[ClassifierOutput, ...]:
    """What each output of a classifier says. nvinfer reads the labels of one output from one line, separated by
    semicolons. Empty for a detector."""
    if file.network_type != CLASSIFIER or file.value("process-mode") != SECONDARY or network is None:
        return ()
    path = file.value("labelfile-path")
    lines: Optional[List[str]] = None
    if path is not None:
        lines = _label_lines(file, path, root)
    elif "labelfile-path" not in file.own:
        message = "labelfile-path is missing: no class without a label is shown; set it in [property]"
        file.tell(WARNING, "labels-missing", "", message)
    labels = [tuple(label.strip() for label in line.split(";")) for line in lines or ()]
    names = [output.name for output in network.graph.outputs]
    if lines is not None and len(labels) != len(names):
        message = (
            "%s has %d lines, the classifier %d outputs (%s); write the labels of each in a line, separated by ';'"
        )
        file.tell(
            WARNING, "labels-mismatch", "labelfile-path", message % (path, len(labels), len(names), ", ".join(names))
        )
    rows = [*labels[: len(names)], *[()] * (len(names) - len(labels))]
    for output, row in zip(network.graph.outputs, rows):
        _check_classifier_output(file, output, row)
    if len(names) == 1:
        names = [file.value("classifier-type") or bundle_name(directory)]
    return tuple(ClassifierOutput(name, row) for name, row in zip(names, rows))


def _check_classifier_output(file: NvinferFile, output: GraphValue, labels: Tuple[str, ...]) -> None:
    """Whether an output has one probability for each label, as far as its shape is known."""
    sizes = [size for size in output.shape[1:] if size != 1]
    if len(sizes) > 1:
        message = "the output %s has the shape %s; a classifier's has one probability for each class. Is it a detector?"
        told = message % (output.name, _shape(output)) + " Set network-type=0 or 100"
        file.tell(ERROR, "not-a-classifier", "onnx-file", told)
    elif labels and len(output.shape) > 1 and None not in sizes and (sizes or [1])[0] != len(labels):
        message = "%s has %d labels for the output %s of %d classes; write one for each, separated by ';'"
        told = message % (file.value("labelfile-path"), len(labels), output.name, (sizes or [1])[0])
        file.tell(WARNING, "labels-mismatch", "labelfile-path", told)


def check_finds_boxes(file: NvinferFile, network: Network) -> None:
    """Whether a network that is given as a detector is a classifier, as far as the shapes of its outputs tell."""
    outputs = network.graph.outputs
    # Without a batch, an output may be a list of boxes.
    batches = (1, None) if network.input_shape[:1] == (None,) else (1,)
    is_detector = file.network_type in (DETECTOR, RAW_TENSORS)
    if not is_detector or not outputs or not all(_is_classes(one) and one.shape[0] in batches for one in outputs):
        return
    shown = ", ".join("%s %s" % (one.name, _shape(one)) for one in outputs)
    message = "the outputs are %s: a classifier, which finds no boxes. Set network-type=1 and process-mode=2, and"
    told = message % shown + " name it behind a detector"
    file.tell(ERROR, "not-a-detector", "onnx-file", told)


def _is_classes(output: GraphValue) -> bool:
    """Rows of 4, 6 or 7 numbers are boxes, whose number may be any."""
    shape = output.shape
    return len(shape) > 1 and shape[1] not in (None, *_ROWS) and all(size == 1 for size in shape[2:])


def _shape(output: GraphValue) -> str:
    return "x".join("n" if size is None else str(size) for size in output.shape)


def read_bundle_network(file: NvinferFile) -> Optional[Network]:
    """The network in onnx-file, without its weights; None if it is missing or cannot be read."""
    path = file.value("onnx-file")
    if path is None or any(one.path == file.place("onnx-file") and one.severity == ERROR for one in file.problems):
        return None
    try:
        network = read_network(path)
    except (OSError, OnnxError) as why:
        file.tell(
            ERROR,
            "network-unreadable",
            "onnx-file",
            "%s cannot be read as a network: it %s; copy it again" % (path, why),
        )
        return None
    _check_weights(file, path, network)
    return network


def _check_weights(file: NvinferFile, path: str, network: Network) -> None:
    """Whether the files are there that hold weights of the network: they lie beside it."""
    directory = os.path.dirname(path)
    for one in network.external:
        if os.path.isabs(one) or os.pardir in one.split(os.sep):
            message = "%s has weights in %s, outside its directory; export it again" % (path, one)
            file.tell(ERROR, "file-outside", "onnx-file", message)
            continue
        try:
            check_bundle_file(directory, os.path.join(directory, one), MOST_NETWORK)
        except BundleFileError as why:
            file.tell(ERROR, why.code, "onnx-file", "%s has weights in %s, which %s" % (path, one, _told(why)))


def files_stamp(directory: str, *others: str) -> FilesStamp:
    """What changes with the files of a bundle, and with others that it names, without reading them. Raises OSError."""
    with os.scandir(directory) as entries:
        files = [(entry.path, entry.stat()) for _, entry in zip(range(_MOST_FILES), entries)]
    files += [(path, os.stat(path)) for path in others]
    return tuple(sorted((path, one.st_size, one.st_ino, one.st_mtime_ns) for path, one in files))
