"""Model bundles: a directory with config_infer.txt, the network, the labels, and what the decoder needs beside them."""

import os
from typing import List, NamedTuple, Optional, Tuple

from sidecar.worker.inference.decoders import REGISTRY
from sidecar.worker.inference.nvinfer_config import NvinferConfig, parse_nvinfer_config
from sidecar.worker.problem import ERROR, Problem, has_errors

CONFIG_NAME = "config_infer.txt"
# A bundle is a handful of files. A directory that holds more is none.
_MOST_FILES = 1000

# Path, size, inode and time of change of files.
FilesStamp = Tuple[Tuple[str, int, int, int], ...]


class Bundle(NamedTuple):
    """A bundle whose files are there and agree. Whether the network loads, only an engine can tell."""

    directory: str
    config: NvinferConfig
    # Index is the class id.
    labels: Tuple[str, ...]


def load_bundle(directory: str) -> Tuple[Optional[Bundle], List[Problem]]:
    """Reads and checks a bundle. Returns none if there is an error among the problems. Never raises for bad content."""
    directory = os.path.abspath(directory)
    if not os.path.isdir(directory):
        message = "there is no such directory; a model bundle is a directory that holds %s" % CONFIG_NAME
        return None, [Problem(ERROR, "bundle-missing", directory, message)]
    problems: List[Problem] = []
    text = _read(directory, os.path.join(directory, CONFIG_NAME), problems)
    if text is None:
        return None, problems
    config, problems = parse_nvinfer_config(text, CONFIG_NAME, directory, REGISTRY)
    if config is None:
        return None, problems
    labels = _read_labels(directory, config, problems)
    _check_file(directory, config.network_path, problems)
    for name in REGISTRY[config.decoder].files:
        _check_file(directory, os.path.join(directory, name), problems)
    if has_errors(problems):
        return None, problems
    return Bundle(directory, config, labels), problems


def files_stamp(directory: str, *others: str) -> FilesStamp:
    """Tells whether the files of a bundle, or files that lie elsewhere, have changed, without reading them.

    Raises OSError.
    """
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
            problems.append(Problem(ERROR, "labels-empty", "%s:%d" % (name, number), message))
    if len(labels) != len(config.classes):
        message = "has %d labels, num-detected-classes is %d; write one label a line, in the order of the class ids" % (
            len(labels),
            len(config.classes),
        )
        problems.append(Problem(ERROR, "labels-mismatch", name, message))
    return labels


def _check_file(directory: str, path: str, problems: List[Problem]) -> None:
    name = _shown(directory, path)
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                problems.append(Problem(ERROR, "file-empty", name, "is empty; copy it anew"))
    except OSError as error:
        problems.append(_unreadable(name, error))


def _read(directory: str, path: str, problems: List[Problem]) -> Optional[str]:
    name = _shown(directory, path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        problems.append(_unreadable(name, error))
    except UnicodeDecodeError as error:
        message = "is not UTF-8 text (byte %d); save it as UTF-8" % error.start
        problems.append(Problem(ERROR, "file-encoding", name, message))
    return None


def _unreadable(name: str, error: OSError) -> Problem:
    code = "file-missing" if isinstance(error, FileNotFoundError) else "file-unreadable"
    return Problem(ERROR, code, name, "cannot be read: %s" % (error.strerror or error))


def _shown(directory: str, path: str) -> str:
    """A path as the bundle's author wrote it: relative, if the file lies inside."""
    relative = os.path.relpath(path, directory)
    return path if relative.startswith(os.pardir) else relative
