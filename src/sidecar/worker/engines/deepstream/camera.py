"""A camera of one graph: its line, and who attends to it."""

from typing import NamedTuple

from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.engines.deepstream.camera_source import DeepstreamCameraSource


class Camera(NamedTuple):
    """Methods are called on the loop thread."""

    controller: CameraController
    source: DeepstreamCameraSource

    def start(self) -> None:
        """The graph plays. Raises ChainError if not even black frames can be made."""
        self.controller.start()

    def stop(self) -> None:
        """Returns when nothing comes from the camera any more. Its state on the board stays as it was."""
        self.controller.stop()
        self.source.leave()
