"""The last configuration, kept over restarts of the container: viewers get a standby picture before a worker connects.

The directory of the sockets is a volume that the next version of the service mounts too.
"""

import os
from typing import Optional

from sidecar.json_file import read_json, write_json
from sidecar.log import Log
from sidecar.outlet.protocol import Configuration, ProtocolError, configure_body, parse_configuration

_NAME = "outlet-served.json"
# Larger than any configuration of as many cameras as a machine can process.
_MOST_BYTES = 1 << 20

_log = Log("outlet")


class SavedConfiguration:
    """One configuration. A file that is damaged or cannot be written counts as none."""

    def __init__(self, run_dir: str) -> None:
        self._path = os.path.join(run_dir, _NAME)
        self._written: Optional[Configuration] = None

    def load(self) -> Optional[Configuration]:
        """None: nothing is saved."""
        try:
            return parse_configuration(read_json(self._path, _MOST_BYTES))
        except (OSError, ValueError, ProtocolError):
            return None

    def save(self, configuration: Configuration) -> None:
        """Saves it, unless there are users: passwords are stored nowhere, so the outlet then waits for the worker."""
        if configuration == self._written:
            return
        self._written = configuration
        try:
            if configuration.users:
                self.delete()
                return
            write_json(self._path, configure_body(configuration), 0o600)
        except OSError as error:
            _log.warning("cannot save the configuration for the next start", path=self._path, error=str(error))

    def delete(self) -> None:
        """Deletes the saved configuration."""
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
