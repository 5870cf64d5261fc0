"""One child process, which cannot outlive the keeper, with pipes for its heartbeat and its standard error."""

import ctypes
import os
import signal
import subprocess
from functools import partial
from typing import Dict, List, Mapping, NamedTuple, Optional

from sidecar.keeper.previous_worker import PreviousWorkerFile

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


# Read from a child's standard error at once, in bytes: what a pipe holds.
_STDERR_AT_ONCE = 65536


class Command(NamedTuple):
    """A child to keep: its name in logs and what is run."""

    name: str
    argv: List[str]
    env: Dict[str, str]
    # Whether it can run as a placeholder: see keeper/previous_worker.py.
    has_placeholder: bool = False
    # Where to write how the last process ended. None: nowhere.
    previous_worker_file: Optional[PreviousWorkerFile] = None
    # Below 0: others give way to it, where the system permits that. 0: like the keeper.
    niceness: int = 0


class Process:
    """A running child, leader of its own session: a Ctrl-C at the terminal reaches the keeper only."""

    def __init__(self, command: Command, environment: Mapping[str, str]) -> None:
        """Starts the child. environment: added to the command's. Raises OSError."""
        self.heartbeat, beat_end = os.pipe()
        self.stderr, error_end = os.pipe()
        try:
            for ours in (self.heartbeat, self.stderr):
                os.set_blocking(ours, False)
            self._popen = subprocess.Popen(
                command.argv,
                env=dict(command.env, SLIPSTREAM_HEARTBEAT_FD=str(beat_end), **environment),
                stdin=subprocess.DEVNULL,
                stderr=error_end,
                pass_fds=(beat_end,),
                start_new_session=True,
                preexec_fn=partial(_prepare, os.getpid(), command.niceness),
            )
        except (OSError, subprocess.SubprocessError):
            self.close()
            raise
        finally:
            os.close(beat_end)
            os.close(error_end)
        self.pid = self._popen.pid

    def read_heartbeats(self) -> Optional[bool]:
        """Empties the heartbeat pipe. True: there were beats; False: there were none; None: the child closed it."""
        try:
            return True if os.read(self.heartbeat, 65536) else None
        except BlockingIOError:
            return False

    def read_stderr(self) -> Optional[bytes]:
        """What it wrote to its standard error since the last call, or a part of it; None: it is closed."""
        try:
            return os.read(self.stderr, _STDERR_AT_ONCE) or None
        except BlockingIOError:
            return b""

    def signal(self, number: int) -> None:
        """Sends a signal. Only before reap(), so that the pid is still the child's."""
        os.kill(self.pid, number)

    def reap(self) -> int:
        """Collects the exit status of a child that has ended, and ends what it left behind in its session.

        Returns the exit code, or the negative number of the signal that ended it. read_stderr() still returns the rest.
        """
        # Before the status is collected: as long as it is not, the number cannot belong to a new process group.
        kill_group(self.pid)
        return self._popen.wait()

    def close(self) -> None:
        """Closes both pipes. Called after reap()."""
        os.close(self.heartbeat)
        os.close(self.stderr)


def _prepare(parent: int, niceness: int) -> None:
    """Called in a child before anything else."""
    die_with_parent(parent)
    try:
        if niceness:
            os.setpriority(os.PRIO_PROCESS, 0, niceness)
    except PermissionError:
        pass  # It takes CAP_SYS_NICE, or a limit of the container's (ulimit nice).


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
    """Called in a child before anything else: it is killed when the thread that forked it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # The parent died before the request was made.
