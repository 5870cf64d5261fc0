"""The file of a Unix socket by which others find a process, in a directory that may be missing, read-only or full, and
in which anybody may remove it.
"""

import errno
import os
import socket
from typing import Callable, Optional, Tuple

from sidecar.log import Log
from sidecar.timer import every

# How soon a removed file is there again, and a mended directory is used.
_LOOK_MS = 1000

_log = Log("socket")


class SocketFile:
    """Listens at a path for as long as it lives: begins as soon as that can be, and again when the file is gone.

    Methods and callbacks are on the main-loop thread.
    """

    def __init__(self, path: str, mode: int, listen: Callable[[], None], close: Callable[[], None]) -> None:
        """Begins at once. Says why it cannot, once for each reason, and tries again every second.

        listen: makes the socket at the path. Raises OSError.
        close: gives up the socket if one was made. May remove whatever is at the path.
        """
        self._path = path
        self._mode = mode
        self._listen = listen
        self._close = close
        # Device and number of the file that was made.
        self._made: Optional[Tuple[int, int]] = None
        self._said = ""
        self._look()
        self._timer = every(_LOOK_MS, self._look)

    def stop(self) -> None:
        """Gives up the socket, and removes its file."""
        self._timer.stop()
        if self._made is None:
            return
        is_ours = _identity(self._path) == self._made
        self._close()
        if is_ours:
            _remove(self._path)

    def _look(self) -> None:
        if self._made is not None and _identity(self._path) != self._made:
            _log.warning("the file of a socket is gone; it is made again", path=self._path)
            self._made = None
            self._close()
        if self._made is None:
            self._try()

    def _try(self) -> None:
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            _clear(self._path)
            self._listen()
            os.chmod(self._path, self._mode)
        except OSError as error:
            self._close()
            why = explain(error, self._path)
            if why != self._said:
                _log.error("cannot listen; tried again every second", path=self._path, why=why)
                self._said = why
            return
        self._made = _identity(self._path)
        if self._said:
            _log.info("listening after all", path=self._path)
            self._said = ""


def try_to_bind(path: str) -> None:
    """Whether a socket can be made at a path, for what does not say why it cannot. Raises OSError. Leaves nothing."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(path)
    os.unlink(path)


def explain(error: OSError, path: str) -> str:
    """One line: what is wrong with the directory of a socket, and what to do."""
    directory = os.path.dirname(path)
    if error.errno == errno.EROFS:
        return "%s is read-only; mount it so that it can be written to" % directory
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "%s is full; remove something there, or give it more room" % directory
    if error.errno in (errno.EACCES, errno.EPERM):
        return "%s cannot be written to%s" % (directory, _owner(directory))
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        return "%s is no directory and cannot be made one (%s); mount a volume there" % (directory, error.strerror)
    if error.errno == errno.EADDRINUSE:
        return "another process listens at %s; end it: a directory is for one sidecar" % path
    return str(error)


def _owner(directory: str) -> str:
    try:
        status = os.stat(directory)
    except OSError:
        return "; let uid %d write to it" % os.geteuid()
    return ": it is of uid %d, gid %d, mode %o; let uid %d, gid %d write to it" % (
        status.st_uid,
        status.st_gid,
        status.st_mode & 0o7777,
        os.geteuid(),
        os.getegid(),
    )


def _clear(path: str) -> None:
    """Removes what a killed process left behind. Raises OSError, EADDRINUSE if somebody listens there."""
    if _identity(path) is None:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        # A Unix socket connects at once or fails at once.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            _remove(path)
            return
        except OSError:
            pass  # Its queue is full, or it is none of ours to connect to: somebody listens.
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass  # Somebody cleaned up.


def _identity(path: str) -> Optional[Tuple[int, int]]:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
