"""A camera of one graph: its line, and who attends to it."""

from typing import NamedTuple

from sidecar.contract import spec
from sidecar.worker.attendant import Attendant
from sidecar.worker.engines.deepstream.line import PlaceLine


class Camera(NamedTuple):
    """Methods are called on the loop thread."""

    attendant: Attendant
    line: PlaceLine

    def start(self) -> None:
        """The graph plays. Raises ChainError if not even black frames can be made."""
        self.attendant.start()

    def turn(self, camera: spec.Camera, rests: bool) -> None:
        """See Attendant.turn() and PlaceLine.rest()."""
        self.attendant.turn(camera)
        self.line.rest(rests)

    def stop(self) -> None:
        """Returns when nothing comes from the camera any more. Its state on the board stays as it was."""
        self.attendant.stop()
        self.line.leave()
