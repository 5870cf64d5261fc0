"""One child process: started so that it cannot outlive the keeper, with a pipe for its heartbeat."""

import ctypes
import os
import signal
import subprocess
from typing import Callable, Dict, List, NamedTuple, Optional

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


class Command(NamedTuple):
    """A child to keep: its name in logs and what is run."""

    name: str
    argv: List[str]
    env: Dict[str, str]


class Process:
    """A running child, leader of its own session: a Ctrl-C at the terminal reaches the keeper only."""

    def __init__(self, command: Command) -> None:
        """Starts the child. Raises OSError."""
        self.heartbeat, write_end = os.pipe()
        try:
            os.set_blocking(self.heartbeat, False)
            self._popen = subprocess.Popen(
                command.argv,
                env=dict(command.env, SLIPSTREAM_HEARTBEAT_FD=str(write_end)),
                stdin=subprocess.DEVNULL,
                pass_fds=(write_end,),
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
        except (OSError, subprocess.SubprocessError):
            os.close(self.heartbeat)
            raise
        finally:
            os.close(write_end)
        self.pid = self._popen.pid

    def beats(self) -> Optional[bool]:
        """Empties the heartbeat pipe. True: there were beats; False: there were none; None: the child closed it."""
        try:
            return True if os.read(self.heartbeat, 65536) else None
        except BlockingIOError:
            return False

    def signal(self, number: int) -> None:
        """Sends a signal. Only before reap(), so that the pid is still the child's."""
        os.kill(self.pid, number)

    def reap(self) -> int:
        """Collects the exit status of a child that has ended, and ends what it left behind in its session.

        Returns the exit code, or the negative number of the signal that ended it.
        """
        # Before the status is collected: as long as it is not, the number cannot belong to a new process group.
        kill_group(self.pid)
        code = self._popen.wait()
        os.close(self.heartbeat)
        return code


def kill_group(leader: int) -> None:
    """Kills what is left of a process group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # Nothing is left, or only the ended leader.


def adopt_orphans() -> None:
    """Makes this process the parent of its descendants' orphans, as process 1 of a container is anyway."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _die_with(keeper: int) -> Callable[[], None]:
    def prepare() -> None:
        # Runs in the child between fork and exec. The signal comes when the forking thread ends: the keeper has one.
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)  # The keeper died before the request was made.

    return prepare
