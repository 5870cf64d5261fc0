"""What was served last, kept over restarts of the container: the standby picture is there before anybody can be asked.

The directory of the sockets is a volume that the next version of the service mounts too.
"""

import json
import os
from typing import Optional

from sidecar.json_file import write_json
from sidecar.log import Log
from sidecar.outlet.protocol import Configuration, ProtocolError, configure_message, parse_configuration

_NAME = "outlet-served.json"
# Longer than any configuration of as many cameras as a machine bears.
_MOST_BYTES = 1 << 20

_log = Log("outlet")


class SavedConfiguration:
    """One configuration. A file that is spoilt, or cannot be written, is as good as none."""

    def __init__(self, run_dir: str) -> None:
        self._path = os.path.join(run_dir, _NAME)
        self._written: Optional[Configuration] = None

    def load(self) -> Optional[Configuration]:
        """None: nothing is remembered."""
        try:
            with open(self._path, encoding="utf-8") as file:
                return parse_configuration(json.loads(file.read(_MOST_BYTES)).get("configure"))
        except (OSError, ValueError, AttributeError, ProtocolError):
            return None

    def save(self, configuration: Configuration) -> None:
        """Remembers it, unless there are users: passwords are kept nowhere, so there the worker is waited for."""
        if configuration == self._written:
            return
        self._written = configuration
        try:
            if configuration.users:
                self.forget()
                return
            write_json(self._path, configure_message(configuration))
        except OSError as error:
            _log.warning("what is served cannot be remembered for the next start", path=self._path, error=str(error))

    def forget(self) -> None:
        """Nothing is remembered any more."""
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
