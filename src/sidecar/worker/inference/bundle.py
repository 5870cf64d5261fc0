"""Reads and checks model bundles: config_infer.txt, the network, the labels, and the files of the decoder."""

import os
from typing import List, NamedTuple, Optional, Tuple

from sidecar.worker.inference.bundle_file import (
    MOST_NETWORK,
    MOST_TABLE,
    MOST_TEXT,
    BundleFileError,
    check_bundle_file,
    open_bundle_file,
    read_bundle_file,
)
from sidecar.worker.inference.decoders import REGISTRY
from sidecar.worker.inference.nvinfer_config import NvinferConfig, parse_nvinfer_config
from sidecar.worker.inference.onnx_network import Network, read_open_network
from sidecar.worker.inference.protobuf_file import OnnxError
from sidecar.worker.problem import Problem, error, has_errors

CONFIG_NAME = "config_infer.txt"
# A bundle is a handful of files. A directory that holds more is none.
_MOST_FILES = 1000

# Path, size, inode and time of change of files.
FilesStamp = Tuple[Tuple[str, int, int, int], ...]


class Bundle(NamedTuple):
    """A bundle whose files exist and agree. Only an engine can tell whether the network loads."""

    directory: str
    config: NvinferConfig
    # By class id.
    labels: Tuple[str, ...]


def load_bundle(directory: str) -> Tuple[Optional[Bundle], List[Problem]]:
    """Returns no bundle if there is an error among the problems. Never raises for bad content."""
    directory = os.path.abspath(directory)
    if not os.path.isdir(directory):
        message = "there is no such directory; a model bundle is a directory that holds %s" % CONFIG_NAME
        return None, [error("bundle-missing", directory, message)]
    problems: List[Problem] = []
    text = _read(directory, os.path.join(directory, CONFIG_NAME), problems)
    if text is None:
        return None, problems
    config, problems = parse_nvinfer_config(text, CONFIG_NAME, directory, REGISTRY)
    if config is None:
        return None, problems
    labels = _read_labels(directory, config, problems)
    _check_file(directory, config.network_path, MOST_NETWORK, problems)
    problems += _weight_problems(directory, config.network_path)
    for name in REGISTRY[config.decoder].files:
        _check_file(directory, os.path.join(directory, name), MOST_TABLE, problems)
    if has_errors(problems):
        return None, problems
    return Bundle(directory, config, labels), problems


def weight_problems(network_path: str, network: Network) -> List[Problem]:
    """What is wrong with the files that hold weights of a network: they lie beside it."""
    problems = []
    directory = os.path.dirname(network_path)
    for one in network.external:
        path = os.path.join(directory, one)
        if os.path.isabs(one) or os.pardir in one.split(os.sep):
            message = "%s has weights in %s, outside its directory; export it again" % (network_path, one)
            problems.append(error("file-missing", CONFIG_NAME, message))
            continue
        try:
            check_bundle_file(directory, path, MOST_NETWORK)
        except BundleFileError as why:
            message = "%s has weights in %s, which %s" % (network_path, path, why)
            if why.code == "file-missing":
                message = "%s has weights in %s, which is not there; copy it into the bundle" % (network_path, path)
            problems.append(error(why.code, CONFIG_NAME, message))
    return problems


def files_stamp(directory: str, *others: str) -> FilesStamp:
    """What changes with the files of a bundle, and with others that it names, without reading them. Raises OSError."""
    with os.scandir(directory) as entries:
        files = [(entry.path, entry.stat()) for _, entry in zip(range(_MOST_FILES), entries)]
    files += [(path, os.stat(path)) for path in others]
    return tuple(sorted((path, one.st_size, one.st_ino, one.st_mtime_ns) for path, one in files))


def _read_labels(directory: str, config: NvinferConfig, problems: List[Problem]) -> Tuple[str, ...]:
    text = _read(directory, config.labels_path, problems)
    if text is None:
        return ()
    name = _shown(directory, config.labels_path)
    labels = tuple(line.strip() for line in text.rstrip().splitlines())
    for number, label in enumerate(labels, 1):
        if not label:
            message = "is empty; every class needs a label, one a line"
            problems.append(error("labels-empty", "%s:%d" % (name, number), message))
    if len(labels) != len(config.classes):
        message = "has %d labels, num-detected-classes is %d; write one label a line, in the order of the class ids"
        problems.append(error("labels-mismatch", name, message % (len(labels), len(config.classes))))
    return labels


def _weight_problems(directory: str, network_path: str) -> List[Problem]:
    try:
        with open_bundle_file(directory, network_path, MOST_NETWORK) as file:
            return weight_problems(network_path, read_open_network(file))
    except (BundleFileError, OSError, OnnxError):
        # _check_file(), or whoever loads it, says why.
        return []


def _check_file(directory: str, path: str, most: int, problems: List[Problem]) -> None:
    try:
        check_bundle_file(directory, path, most)
    except BundleFileError as why:
        problems.append(error(why.code, _shown(directory, path), str(why)))


def _read(directory: str, path: str, problems: List[Problem]) -> Optional[str]:
    name = _shown(directory, path)
    try:
        return read_bundle_file(directory, path, MOST_TEXT).decode("utf-8-sig")
    except BundleFileError as why:
        problems.append(error(why.code, name, str(why)))
    except UnicodeDecodeError as why:
        problems.append(error("file-encoding", name, "is not UTF-8 text (byte %d); save it as UTF-8" % why.start))
    return None


def _shown(directory: str, path: str) -> str:
    """A path as the author of the bundle wrote it: relative if the file lies inside."""
    relative = os.path.relpath(path, directory)
    return path if relative.startswith(os.pardir) else relative
