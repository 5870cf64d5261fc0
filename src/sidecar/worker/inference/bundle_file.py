"""Reads the files of a model bundle: regular files inside its directory, up to a size. It never waits for one."""

import errno
import os
import stat
from typing import BinaryIO

# In bytes.
MOST_TEXT = 1 << 20
MOST_TABLE = 64 << 20
MOST_NETWORK = 1 << 30

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class BundleFileError(Exception):
    """A file cannot be used. code: of the problem. The message is one line without the file's name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_bundle_file(directory: str, path: str, most: int) -> bytes:
    """The content of a file of at most so many bytes. Raises BundleFileError."""
    with open_bundle_file(directory, path, most) as file:
        # A file that grows meanwhile is read no further.
        content = file.read(most + 1)
    if len(content) > most:
        raise _too_large(most)
    return content


def check_bundle_file(directory: str, path: str, most: int) -> None:
    """Raises BundleFileError unless there is such a file, which can be read, is not empty and not larger than that."""
    with open_bundle_file(directory, path, most) as file:
        if not file.read(1):
            raise BundleFileError("file-empty", "is empty; copy it anew")


def open_bundle_file(directory: str, path: str, most: int) -> BinaryIO:
    """Opens a file for reading. Raises BundleFileError."""
    real, inside = os.path.realpath(path), os.path.join(os.path.realpath(directory), "")
    try:
        if os.path.lexists(path) and not os.path.join(real, "").startswith(inside):
            raise BundleFileError("file-outside", "lies outside the bundle; copy it into the bundle's directory")
        # Opening a named pipe or a device must not wait.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            _check_status(os.fstat(descriptor), most)
        except BundleFileError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")
    except OSError as why:
        is_missing = why.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
        code = "file-missing" if is_missing else "file-unreadable"
        raise BundleFileError(code, "cannot be read: %s" % (why.strerror or why)) from why


def _check_status(status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "no file")
        raise BundleFileError("file-unreadable", "is %s; a bundle holds regular files" % kind)
    if status.st_size > most:
        raise _too_large(most)


def _too_large(most: int) -> BundleFileError:
    amount = "%d MiB" % (most >> 20)
    return BundleFileError("file-too-large", "is larger than %s; is it the right file?" % amount)
