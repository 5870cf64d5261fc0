"""The standby picture of one mount as encoded frames, drawn again when its text has changed."""

from typing import Any, Callable, List, Optional

from sidecar.chain import ChainError
from sidecar.log import Log
from sidecar.outlet.protocol import Mount
from sidecar.outlet.standby import drawing
from sidecar.outlet.standby.encoder import StandbyEncoder

# How often a text that counts seconds is redrawn: each picture must be encoded, which costs H.265 twice as much.
_REDRAW_SECONDS = {"H264": 3.0, "H265": 5.0}

_log = Log("outlet")


class StandbyPicture:
    """Draws and encodes when frames are needed, and drops them later. Methods are called on the main-loop thread."""

    def __init__(self, mount: Mount, on_made: Callable[[], None]) -> None:
        """on_made is called on the main-loop thread when frame() has something new to give."""
        self.title = mount.title
        self._mount = mount
        self._on_made = on_made
        self._text: Optional[str] = None
        self._drawn_at = 0.0
        self._encoder: Optional[StandbyEncoder] = None
        self._frames: List[Any] = []
        self._given = 0
        self._failed = False

    def frame(self, text: str, now: float) -> Optional[Any]:
        """A key frame with this text, or with the one before; None: it is being encoded, or cannot be.

        now: monotonic, in seconds. Frames have no time stamps.
        """
        if text != self._text and (self._text is None or now - self._drawn_at >= _REDRAW_SECONDS[self._mount.codec]):
            self._draw(text, now)
        if not self._frames:
            return None
        self._given += 1
        return self._frames[self._given % len(self._frames)]

    def clear(self) -> None:
        """Drops the frames: the next standby picture must not begin with an old text."""
        if self._encoder is not None:
            self._encoder.stop()
            self._encoder = None
        self._text = None
        self._frames = []

    def _draw(self, text: str, now: float) -> None:
        if self._encoder is not None:
            self._encoder.stop()
            self._encoder = None
        self._text, self._drawn_at = text, now
        mount = self._mount
        picture = drawing.draw(mount.width, mount.height, self.title, text)
        try:
            self._encoder = StandbyEncoder(mount, picture, self._on_frames, self._on_problem)
        except ChainError as error:
            self._on_problem(str(error))

    def _on_frames(self, frames: List[Any]) -> None:
        self._encoder = None
        self._frames = frames
        self._on_made()

    def _on_problem(self, problem: str) -> None:
        self._encoder = None
        # Logged once: it would be the same for every text.
        if not self._failed:
            self._failed = True
            _log.error(
                "cannot encode a standby picture; viewers see nothing meanwhile", path=self._mount.path, why=problem
            )
