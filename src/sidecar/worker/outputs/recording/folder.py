"""The directory of one output's recordings: begins files, and removes the oldest. Every call may wait for the disk.

Whatever a specification says, nothing outside the directory of recordings is touched, nothing is overwritten, and no
symbolic link below it is followed.
"""

import errno
import os
import stat
import time
from typing import List, Mapping, NamedTuple, Optional

from sidecar.contract import spec
from sidecar.worker.outputs.recording.names import Entry, Stem, file_name, stem, surplus
from sidecar.worker.problem import WARNING, Problem

# Left free for other programs: this share of the disk, but no more bytes than that.
_RESERVED_SHARE = 0.05
_MOST_RESERVED = 1 << 30
_DIRECTORY_MODE = 0o2770
_FILE_MODE = 0o640


class NoRoomError(Exception):
    """The disk has no room for recordings. The message says where, and what to do."""


class Opened(NamedTuple):
    """A new file, open for writing and reading. The caller closes the descriptor."""

    descriptor: int
    name: str
    path: str


def recordings_dir(environment: Mapping[str, str]) -> str:
    """SLIPSTREAM_RECORDINGS_DIR, by default recordings in SLIPSTREAM_DATA_DIR."""
    data_dir = environment.get("SLIPSTREAM_DATA_DIR") or "/var/lib/slipstream"
    return environment.get("SLIPSTREAM_RECORDINGS_DIR") or os.path.join(data_dir, "recordings")


def reserved(size: int) -> int:
    """The bytes of a disk of this size that recordings leave free. Pure."""
    return min(int(size * _RESERVED_SHARE), _MOST_RESERVED)


def unusable_folders(specification: spec.PipelineSpec, root: str) -> List[Problem]:
    """Warnings: a disk that cannot be written to now is no reason to refuse the other outputs.

    specification: one without errors of check(). root: the directory of recordings.
    """
    problems = []
    for index, output in enumerate(specification.outputs):
        problem = Folder(root, stem(output.file.path)).problem() if output.HasField("file") else None
        if problem is not None:
            message = "%s; nothing is recorded until it can be; this is tried again and again" % problem
            problems.append(Problem(WARNING, "recordings-unwritable", "outputs[%d].file.path" % index, message))
    return problems


class Folder:
    """The directory of one output's files."""

    def __init__(self, root: str, stem: Stem) -> None:
        """root: the directory of recordings. It and those below it are made if they are missing."""
        self._root = root
        self._stem = stem
        self.path = os.path.join(root, *stem.directories)

    def problem(self) -> Optional[str]:
        """Why no file can be begun here now, in one line; None: one can. Changes nothing."""
        there = self._root
        for part in self._stem.directories:
            below = os.path.join(there, part)
            if not os.path.lexists(below):
                break
            there = below
            if os.path.islink(there) or not os.path.isdir(there):
                return "%s is a symbolic link or no directory" % there
        while not os.path.lexists(there):
            there = os.path.dirname(there)
        if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
            return "%s cannot be written to" % there
        return None

    def begin(self, camera_id: str, room: int) -> Opened:
        """Begins a file under a name of its own. room: bytes that must be free. Raises NoRoomError and OSError."""
        directory = self._open_directory()
        try:
            self._check_room(directory, room)
            start = time.time()
            number = 1
            while True:
                name = file_name(self._stem, camera_id, start, number)
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                try:
                    descriptor = os.open(name, flags, _FILE_MODE, dir_fd=directory)
                except FileExistsError:
                    number += 1
                    continue
                os.fsync(directory)
                return Opened(descriptor, name, os.path.join(self.path, name))
        finally:
            os.close(directory)

    def tidy(self, max_bytes: int, current: str) -> None:
        """Removes the oldest files until the others have no more than max_bytes, and checks that recording can go on.

        max_bytes: 0: removes nothing. current: a file that stays. Raises NoRoomError and OSError.
        """
        directory = self._open_directory()
        try:
            if max_bytes:
                for name in surplus(self._stem, _entries(directory), max_bytes, current):
                    os.unlink(name, dir_fd=directory)
            self._check_room(directory, 0)
        finally:
            os.close(directory)

    def remove(self, name: str) -> None:
        """Raises OSError."""
        directory = self._open_directory()
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            pass  # Somebody else has removed it.
        finally:
            os.close(directory)

    def _check_room(self, directory: int, room: int) -> None:
        disk = os.fstatvfs(directory)
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        if free < reserved(size) + room:
            raise NoRoomError(
                "%s: %d MB of the disk are free, and recordings leave %d MB free; make room, or lower the outputs'"
                " limits" % (self.path, free // 1000000, reserved(size) // 1000000)
            )

    def _open_directory(self) -> int:
        os.makedirs(self._root, exist_ok=True)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        descriptor = os.open(self._root, flags)
        for part in self._stem.directories:
            above = descriptor
            try:
                try:
                    os.mkdir(part, _DIRECTORY_MODE, dir_fd=above)
                except FileExistsError:
                    pass  # It exists.
                descriptor = os.open(part, flags | os.O_NOFOLLOW, dir_fd=above)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise OSError(error.errno, "is a symbolic link or no directory", part) from error
                raise
            finally:
                os.close(above)
        return descriptor


def _entries(directory: int) -> List[Entry]:
    found = []
    for name in os.listdir(directory):
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue  # Somebody else has removed it.
        if stat.S_ISREG(status.st_mode):
            found.append(Entry(name, status.st_size))
    return found
