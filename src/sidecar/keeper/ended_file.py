"""How the last worker ended, in a file beside the sockets: the agent reads it where no worker lives to be asked."""

import os
from typing import Optional

from sidecar.json_file import write_json
from sidecar.keeper.previous_worker import Ended
from sidecar.log import Log
from sidecar.version import VERSION

_NAME = "worker-ended.json"

_log = Log("keeper")


class EndedFile:
    """The file is whole or not there. What cannot be written is only logged: the child matters more."""

    def __init__(self, run_dir: str) -> None:
        """Removes what a keeper before this one has left: the directory may be older than this container."""
        self._path = os.path.join(run_dir, _NAME)
        self._trouble: Optional[str] = None
        try:
            os.unlink(self._path)
        except OSError:
            pass  # It was not there, or its directory is not there yet.

    def write(self, ended: Ended) -> None:
        """In place of the one before."""
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            write_json(self._path, dict(ended._asdict(), version=VERSION))
            self._trouble = None
        except OSError as error:
            if self._trouble != str(error):
                _log.warning("how the worker ended cannot be told to the agent", path=self._path, error=str(error))
            self._trouble = str(error)
