"""One camera from the first connection to the last: its state machine, and the source that is put in its place.

What happens to one camera never touches another: only the bin in front of the muxer's pad comes and goes.
"""

import random
import time
from typing import Any, Callable, NamedTuple, Union

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from sidecar.chain import ChainError  # noqa: E402
from sidecar.contract import spec, state  # noqa: E402
from sidecar.log import Log, redact  # noqa: E402
from sidecar.worker import reasons  # noqa: E402
from sidecar.worker.backoff import retry_delay  # noqa: E402
from sidecar.worker.board import Board  # noqa: E402
from sidecar.worker.engines.deepstream import source  # noqa: E402
from sidecar.worker.engines.deepstream.elements import Elements  # noqa: E402
from sidecar.worker.engines.deepstream.place import Place  # noqa: E402
from sidecar.worker.engines.deepstream.vision import Seat  # noqa: E402

# How long a camera may take until its first frame, and how long it may be silent afterwards, in seconds.
FIRST_FRAME_SECONDS = 10.0
SILENCE_SECONDS = 1.5
_WATCH_MILLISECONDS = 250


class Connecting(NamedTuple):
    """A source runs beside the place and has not sent a frame yet."""

    began: float
    container: Gst.Bin


class Live(NamedTuple):
    """Its frames go to the muxer."""


class Waiting(NamedTuple):
    """Lost; the next attempt is planned."""

    timer: int


class Stopped(NamedTuple):
    """Not wanted, the graph is not there yet, or trying again cannot help."""


Phase = Union[Connecting, Live, Waiting, Stopped]


class Camera:
    """All methods are called on the loop thread."""

    def __init__(
        self, camera: spec.Camera, seat: Seat, place: Place, elements: Elements, board: Board, filler_rate: int
    ) -> None:
        """filler_rate: while the camera is away its place is taken by black frames that say why; 0: it is not."""
        self.spec = camera
        self._seat = seat
        self._place = place
        self._elements = elements
        self._board = board
        self._filler_rate = filler_rate
        self._log = Log("camera")
        self._phase: Phase = Stopped()
        # Which connection it is: what is heard of an earlier one does not count.
        self._number = 0
        self._watch = 0
        self._encoding = ""
        self._attempts = 0

    def start(self) -> None:
        """The graph plays: connects. Raises ChainError if even black frames cannot be made."""
        self._watch = GLib.timeout_add(_WATCH_MILLISECONDS, self._look_after)
        self._be_away("connecting")
        self._connect()

    def stop(self) -> None:
        """Returns when the source is gone. The camera's state on the board stays as it was."""
        self._leave_phase()
        self._number += 1
        if self._watch:
            GLib.source_remove(self._watch)
            self._watch = 0
        self._place.clear()

    def on_error(self, name: str, error: GLib.Error, debug: str) -> bool:
        """Takes an error message from within a bin of that name. False: it is no bin of this camera's."""
        if not name.startswith("camera-%d-" % self._place.index):
            return False
        if name == self._bin_name():
            self._fail(reasons.from_error(error, debug, self.spec.uri))
        return True

    def _bin_name(self) -> str:
        return "camera-%d-%d" % (self._place.index, self._number)

    def _connect(self) -> None:
        self._number += 1
        self._seat.tally.last_received = 0.0
        events = source.SourceEvents(
            encoding=self._heard(self._on_encoding),
            failed=self._heard(self._fail),
            decoded=self._seat.tally.on_received,
        )
        try:
            container = source.build(self._bin_name(), self.spec, self._elements, events, self._place.running_time)
        except ChainError as error:
            detail = redact("%s: %s" % (self.spec.uri, error))
            self._fail(reasons.Failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, detail))
            return
        self._phase = Connecting(time.monotonic(), container)
        self._place.open(container, arrived=self._heard(self._on_arrived), ended=self._heard(self._on_end))

    def _heard(self, act: Callable[..., None]) -> Callable[..., None]:
        """act, as long as this connection is the one in force."""
        number = self._number

        def on_loop(*values: Any) -> None:
            if number == self._number:
                act(*values)

        return on_loop

    def _on_encoding(self, encoding: str) -> None:
        self._encoding = encoding

    def _on_arrived(self) -> None:
        if not isinstance(self._phase, Connecting):
            return
        width, height = source.decoded_size(self._phase.container)
        try:
            self._place.take(linked=lambda: self._say(""))
        except ChainError as error:
            self._fail(reasons.failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, self.spec.uri, str(error)))
            return
        self._phase = Live()
        self._attempts = 0
        live = state.CameraStatus.Live(encoding=self._encoding, width=width, height=height)
        self._board.set_camera(state.CameraStatus(id=self.spec.id, live=live))

    def _on_end(self) -> None:
        if source.scheme(self.spec.uri) == "file" and isinstance(self._phase, Live):
            # A file is played again and again; its last frame stays until then.
            self._connect()
            return
        self._fail(reasons.failure(state.CAMERA_LOST_REASON_ENDED, self.spec.uri))

    def _look_after(self) -> bool:
        """Notices silence."""
        newest, now = self._seat.tally.last_received, time.monotonic()
        if isinstance(self._phase, Connecting):
            if not newest and now - self._phase.began > FIRST_FRAME_SECONDS:
                self._fail(reasons.failure(state.CAMERA_LOST_REASON_TIMEOUT, self.spec.uri))
        elif isinstance(self._phase, Live) and newest and now - newest > SILENCE_SECONDS:
            said = "no frame for %.1f s" % (now - newest)
            self._fail(reasons.failure(state.CAMERA_LOST_REASON_TIMEOUT, self.spec.uri, said))
        return bool(GLib.SOURCE_CONTINUE)

    def _fail(self, why: reasons.Failure) -> None:
        was_live = isinstance(self._phase, Live)
        self._leave_phase()
        self._number += 1
        self._place.shut()
        if was_live or not self._attempts:
            self._be_away("no signal since %s" % time.strftime("%H:%M:%S"))
        self._attempts += 1
        delay = retry_delay(why.reason, self._attempts, random.random)
        lost = state.CameraStatus.Lost(reason=why.reason, detail=why.detail, attempts=self._attempts)
        if delay is not None:
            lost.next_attempt.FromNanoseconds(int((time.time() + delay) * 1e9))
            self._phase = Waiting(GLib.timeout_add(int(delay * 1000), self._retry))
        self._board.set_camera(state.CameraStatus(id=self.spec.id, lost=lost))
        self._log.debug("camera lost", camera=self.spec.id, detail=why.detail, attempts=self._attempts)

    def _retry(self) -> bool:
        # The timer ends with this call.
        self._phase = Stopped()
        self._connect()
        return bool(GLib.SOURCE_REMOVE)

    def _leave_phase(self) -> None:
        if isinstance(self._phase, Waiting):
            GLib.source_remove(self._phase.timer)
        self._phase = Stopped()

    def _say(self, note: str) -> None:
        """Why the frames in the camera's place are not its own; empty: they are."""
        self._seat.note = note

    def _be_away(self, note: str) -> None:
        """Black frames in the camera's place, if its tile has neighbours; else none."""
        self._say(note)
        self._place.clear()
        if self._filler_rate:
            self._number += 1
            name = "filler-%d-%d" % (self._place.index, self._number)
            self._place.fill(source.filler(name, self._elements, self._filler_rate))
