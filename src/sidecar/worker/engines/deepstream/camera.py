"""A camera of one graph: its line, and who attends to it."""

from typing import NamedTuple

from sidecar.worker.cameras.controller import Attendant
from sidecar.worker.engines.deepstream.line import PlaceLine


class Camera(NamedTuple):
    """Methods are called on the loop thread."""

    attendant: Attendant
    line: PlaceLine

    def start(self) -> None:
        """The graph plays. Raises ChainError if not even black frames can be made."""
        self.attendant.start()

    def stop(self) -> None:
        """Returns when nothing comes from the camera any more. Its state on the board stays as it was."""
        self.attendant.stop()
        self.line.leave()
