"""One child process: started so that it cannot outlive the keeper, with pipes for its heartbeat and its errors."""

import ctypes
import os
import signal
import subprocess
from functools import partial
from typing import Dict, List, Mapping, NamedTuple, Optional

from sidecar.keeper.ended_file import EndedFile

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


# Taken from a child's standard error at once, in bytes: what a pipe holds.
_ERRORS_AT_ONCE = 65536


class Command(NamedTuple):
    """A child to keep: its name in logs and what is run."""

    name: str
    argv: List[str]
    env: Dict[str, str]
    # Whether it can be a caretaker: keeper/handover.py says how it is told.
    has_caretaker: bool = False
    # Where it is told how the last process ended. None: nowhere.
    ended_file: Optional[EndedFile] = None


class Process:
    """A running child, leader of its own session: a Ctrl-C at the terminal reaches the keeper only."""

    def __init__(self, command: Command, told: Mapping[str, str]) -> None:
        """Starts the child. told: more of its environment. Raises OSError."""
        self.heartbeat, beat_end = os.pipe()
        self.errors, error_end = os.pipe()
        try:
            for ours in (self.heartbeat, self.errors):
                os.set_blocking(ours, False)
            self._popen = subprocess.Popen(
                command.argv,
                env=dict(command.env, SLIPSTREAM_HEARTBEAT_FD=str(beat_end), **told),
                stdin=subprocess.DEVNULL,
                stderr=error_end,
                pass_fds=(beat_end,),
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )
        except (OSError, subprocess.SubprocessError):
            self.close()
            raise
        finally:
            os.close(beat_end)
            os.close(error_end)
        self.pid = self._popen.pid

    def beats(self) -> Optional[bool]:
        """Empties the heartbeat pipe. True: there were beats; False: there were none; None: the child closed it."""
        try:
            return True if os.read(self.heartbeat, 65536) else None
        except BlockingIOError:
            return False

    def said(self) -> Optional[bytes]:
        """What came on its standard error since the last time, or a part of it; None: it is closed."""
        try:
            return os.read(self.errors, _ERRORS_AT_ONCE) or None
        except BlockingIOError:
            return b""

    def signal(self, number: int) -> None:
        """Sends a signal. Only before reap(), so that the pid is still the child's."""
        os.kill(self.pid, number)

    def reap(self) -> int:
        """Collects the exit status of a child that has ended, and ends what it left behind in its session.

        Returns the exit code, or the negative number of the signal that ended it. said() still tells the rest.
        """
        # Before the status is collected: as long as it is not, the number cannot belong to a new process group.
        kill_group(self.pid)
        return self._popen.wait()

    def close(self) -> None:
        """Hears no more. After reap()."""
        os.close(self.heartbeat)
        os.close(self.errors)


def kill_group(leader: int) -> None:
    """Kills what is left of a process group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # Nothing is left, or only the ended leader.


def adopt_orphans() -> None:
    """Makes this process the parent of its descendants' orphans, as process 1 of a container is anyway."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """In a child, before anything else: it is killed when the thread of its parent ends that forked it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # The parent died before the request was made.
