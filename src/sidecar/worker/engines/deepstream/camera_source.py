"""A camera's source on engine deepstream: a bin that is put into the camera's place at the muxer.

What happens to one camera never touches another: only what is in front of the muxer's pad comes and goes.
"""

from typing import Callable, Optional, Tuple

from sidecar.contract import spec, state
from sidecar.gst import GLib
from sidecar.worker.cameras import failure
from sidecar.worker.cameras.controller import CameraCallbacks, CameraSource, StreamFormat
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.state import camera_rules
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.deepstream import source
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.place import Place
from sidecar.worker.engines.deepstream.vision import Seat

# Until the note comes that says it better.
_NO_SIGNAL = TileText("no signal")


class DeepstreamCameraSource(CameraSource):
    """All methods are called on the loop thread."""

    def __init__(
        self,
        camera: spec.Camera,
        seat: Seat,
        place: Place,
        elements: Elements,
        mux_size: Tuple[int, int],
        say: Callable[[str], None],
    ) -> None:
        """say: what stands in place of the camera's picture."""
        self._camera = camera
        self._seat = seat
        self._place = place
        self._elements = elements
        self._mux_size = mux_size
        self._say = say
        # Frames are compared only if that is wanted.
        self.freeze_detector = FreezeDetector()
        self._compared = self.freeze_detector if camera_rules(camera).frozen_seconds != float("inf") else None
        # Which bins they are: what is callbacks of an earlier connection does not count.
        self._number = 0
        self._callbacks: Optional[CameraCallbacks] = None
        self._encoding = ""
        self._has_arrived = False

    def open(self, callbacks: CameraCallbacks) -> None:
        refusal = self._place.refusal()
        if refusal:
            callbacks.failed(failure.camera_failure(state.CAMERA_LOST_REASON_TIMEOUT, self._camera.uri, refusal))
            return
        self._number += 1
        number = self._number
        self._callbacks = callbacks
        self._encoding = ""
        self._has_arrived = False

        def on_encoding(encoding: str) -> None:
            if number == self._number:
                self._encoding = encoding

        def on_arrived() -> None:
            if number == self._number:
                self._has_arrived = True
                callbacks.changed()

        events = source.SourceEvents(
            on_encoding, callbacks.failed, self._seat.stats, self._seat.set_frame_size, self._compared
        )
        container = source.build(
            self._bin_name(), self._camera, self._elements, self._mux_size, events, self._place.running_time
        )
        self._place.open(container, arrived=on_arrived, ended=callbacks.ended)

    def show(self) -> None:
        self._seat.connections += 1
        self._place.take(linked=lambda: self._note(TileText("")))

    def close(self) -> None:
        if not self._seat.note.text:
            self._note(_NO_SIGNAL)
        self.leave()

    def set_tile_text(self, text: TileText) -> None:
        self._note(text)
        self._say(text.text)

    def format(self) -> StreamFormat:
        if not self._has_arrived:
            return StreamFormat(self._encoding)
        return StreamFormat(self._encoding, *self._seat.frame_size)

    def leave(self) -> None:
        """Nothing is in the place any more."""
        self._number += 1
        self._callbacks = None
        self._has_arrived = False
        self._place.clear()

    def on_error(self, name: str, error: GLib.Error, debug: str) -> bool:
        """Takes an error message from within a bin of that name. False: it is no bin of this source."""
        if not name.startswith("camera-%d-" % self._place.index):
            return False
        if name == self._bin_name() and self._callbacks is not None:
            self._callbacks.failed(failure.failure_from_error(error, debug, self._camera.uri))
        return True

    def _bin_name(self) -> str:
        return "camera-%d-%d" % (self._place.index, self._number)

    def _note(self, note: TileText) -> None:
        self._seat.note = note
