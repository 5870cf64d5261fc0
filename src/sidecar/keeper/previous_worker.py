"""How the worker before this one ended, and when it is tried again: the keeper tells the worker and the agent.

The worker reads it from two variables of its environment, each one line of JSON; the agent from a file beside the
sockets, where no worker lives to be asked.
"""

import json
import os
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from sidecar.json_file import write_json
from sidecar.log import Log
from sidecar.version import VERSION

_PREVIOUS = "SLIPSTREAM_PREVIOUS"
_CRASH_LOOP = "SLIPSTREAM_CRASH_LOOP"
_FILE_NAME = "worker-ended.json"

_log = Log("keeper")


class PreviousWorker(NamedTuple):
    """How a worker ended."""

    # When, as time.time().
    at: float
    # One line, for example: exited with signal SIGSEGV after 12.3 s.
    how: str
    # What it wrote last to standard error that was no log line, oldest first. Holds no secret.
    last_lines: Tuple[str, ...]
    # Workers in a row that ended like this, this one included.
    failures: int


class CrashLoop(NamedTuple):
    """The worker that gets this is a placeholder: it reports the crash loop, and ends when a worker is tried again."""

    # When, as time.time().
    next_attempt: float


def to_environment(previous: Optional[PreviousWorker], crash_loop: Optional[CrashLoop]) -> Dict[str, str]:
    """The variables for a process that is about to be started."""
    values = {_PREVIOUS: previous, _CRASH_LOOP: crash_loop}
    return {name: json.dumps(value._asdict()) for name, value in values.items() if value is not None}


def previous_worker(environment: Mapping[str, str]) -> Optional[PreviousWorker]:
    """How the worker before this one ended. None: there was none, or no keeper started this one."""
    value = _read(environment, _PREVIOUS)
    return None if value is None else PreviousWorker(**value)._replace(last_lines=tuple(value["last_lines"]))


def crash_loop(environment: Mapping[str, str]) -> Optional[CrashLoop]:
    """None: this worker is no placeholder."""
    value = _read(environment, _CRASH_LOOP)
    return None if value is None else CrashLoop(**value)


def _read(environment: Mapping[str, str], name: str) -> Optional[Dict[str, Any]]:
    text = environment.get(name)
    return None if not text else dict(json.loads(text))


class PreviousWorkerFile:
    """The file is complete or absent. A file that cannot be written is only logged: the worker matters more."""

    def __init__(self, run_dir: str) -> None:
        """Removes the file of an earlier keeper: the directory may be older than this container."""
        self._path = os.path.join(run_dir, _FILE_NAME)
        self._last_error: Optional[str] = None
        try:
            os.unlink(self._path)
        except OSError:
            pass  # It was not there, or its directory is not there yet.

    def write(self, previous: PreviousWorker) -> None:
        """Replaces the file."""
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            # For the agent too, who is in the same group.
            write_json(self._path, dict(previous._asdict(), version=VERSION), 0o640)
            self._last_error = None
        except OSError as error:
            if self._last_error != str(error):
                _log.warning("cannot write how the worker ended", path=self._path, error=str(error))
            self._last_error = str(error)
