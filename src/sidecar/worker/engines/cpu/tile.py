"""A camera's tile in one stream: hands its frames to the pipeline, and draws on them once they have the tile's size."""

import time
from typing import Dict, Optional, Tuple

import numpy as np

from sidecar.buffers import restamped
from sidecar.contract import spec
from sidecar.gst import Gst, GstVideo
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame
from sidecar.worker.engines.cpu.overlay import OverlayContent, TileOverlay
from sidecar.worker.engines.cpu.painter import paint_nothing
from sidecar.worker.engines.overlay import OverlayOptions, Shape
from sidecar.worker.engines.planes import edited_copy, video_info
from sidecar.worker.inference.frame import BLACK_LUMA, NO_COLOUR, I420Frame
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.layout import Rectangle, fit

_KEY_FRAME_INTERVAL = Gst.SECOND
# Dark enough not to be taken for live, light enough to show what was there.
_DIMMED_LUMA = 0.35
# By luma.
_DIMMED = (BLACK_LUMA + (np.arange(256) - BLACK_LUMA) * _DIMMED_LUMA).clip(0, 255).astype(np.uint8)


class Tile:
    """push() is called on one thread at a time, _paint() on the output's, the rest on the loop thread."""

    def __init__(
        self,
        camera: spec.Camera,
        rectangle: Rectangle,
        is_only: bool,
        options: OverlayOptions,
        elements: Tuple[Gst.Element, Gst.Element],
        base_time: int,
    ) -> None:
        """is_only: the stream shows this camera alone, on its time line and at its rate. elements: see OutputElements.
        base_time: of the pipeline."""
        # Both are replaced as a whole while frames flow.
        self.options = options
        self.shapes: Tuple[Shape, ...] = ()
        self._source, self._painter = elements
        self._painter.paint = self._paint
        self._base_time = base_time
        self._name = camera.name or camera.id
        self._rectangle = rectangle
        self._is_only = is_only
        self._overlay = TileOverlay(rectangle.width, rectangle.height)
        # Written by push(); read on the loop thread, once the camera is lost and no frame comes any more.
        self._last: Optional[DetectedFrame] = None
        self._last_key = 0
        self._last_pts = -1
        # A text that found a frame still waiting before it. It is sent again when a frame has passed.
        self._waiting_text: Optional[TileText] = None
        # What is drawn on the frames under way, by their PTS, which scaling does not change.
        self._contents: Dict[int, OverlayContent] = {}

    @property
    def has_frame(self) -> bool:
        return self._last is not None

    def push(self, frame: DetectedFrame) -> bool:
        """False: the frame is dropped, since the one before still waits."""
        if not self._is_only:
            self._last = frame
        self._waiting_text = None
        return self._send(frame, "")

    def forget_frame(self) -> None:
        """Called when the camera's thread is gone."""
        self._last = None

    def set_text(self, text: TileText) -> None:
        """Shows the camera's last frame dimmed, or black if there was none, with a text.

        A stream of one camera has the standby picture instead.
        """
        if self._is_only:
            return
        if text.dark:
            self._last = None
        last = self._last
        # It is dimmed once it has the tile's size, on the output's thread: a camera's frame may be huge.
        frame = _black_frame(self._rectangle.width, self._rectangle.height) if last is None else last
        # Before it is sent: the frame that waits may pass meanwhile.
        self._waiting_text = text
        # Without the objects, which may have moved since.
        if self._send(frame._replace(objects=[]), text.text):
            self._waiting_text = None

    def _paint(self, frame: I420Frame, pts: int) -> None:
        content = self._contents.pop(pts, None)
        # A copy, made at once: push() adds to it meanwhile.
        for moment in list(self._contents):
            if moment < pts:
                del self._contents[moment]
        if content is not None:
            if content.text:
                _dim(frame)
            self._overlay.paint(frame, content)
        if self._waiting_text is not None:
            MainLoop.post(self._send_waiting_text)

    def _send_waiting_text(self) -> None:
        text = self._waiting_text
        if text is not None:
            self.set_text(text)

    def close(self) -> None:
        """Lets go of the pipeline: the collector cannot see the cycle of pipeline, painter and tile."""
        self._painter.paint = paint_nothing
        self._waiting_text = None

    def _send(self, frame: DetectedFrame, text: str) -> bool:
        if self._source.get_property("current-level-bytes") > 0:
            return False
        # With several cameras, frames are stamped with the moment at which they arrive, so that the mixer shows the
        # newest of each and never takes one for late.
        moment = frame.clock_time if self._is_only else int(time.monotonic() * 1e9)
        # Frames that were on their way when the pipeline was built are due before its base time.
        pts = self._last_pts = max(self._last_pts + 1, moment - self._base_time)
        buffer = restamped(frame.buffer, pts)
        self._contents[pts] = OverlayContent(
            frame_width=frame.width,
            frame_height=frame.height,
            area=fit(frame.width, frame.height, self._rectangle.width, self._rectangle.height),
            objects=frame.objects,
            shapes=self.shapes,
            options=self.options,
            name=self._name,
            text=text,
        )
        if not self._last_key:
            # The first frame is a key frame anyway. Before it there are no caps, and none may be requested.
            self._last_key = moment
        elif self._is_only and moment - self._last_key >= _KEY_FRAME_INTERVAL:
            self._last_key = moment
            none = Gst.CLOCK_TIME_NONE
            self._source.send_event(GstVideo.video_event_new_downstream_force_key_unit(none, none, none, True, 0))
        self._source.emit("push-sample", Gst.Sample.new(buffer, frame.caps, None, None))
        return True


def _black_frame(width: int, height: int) -> DetectedFrame:
    """width and height are even."""
    caps = Gst.Caps.from_string("video/x-raw, format=I420, width=%d, height=%d, framerate=0/1" % (width, height))
    info = video_info(caps)

    def blacken(frame: I420Frame) -> None:
        frame.y[:], frame.u[:], frame.v[:] = BLACK_LUMA, NO_COLOUR, NO_COLOUR

    buffer = edited_copy(Gst.Buffer.new_allocate(None, info.size, None), info, blacken)
    return DetectedFrame("", buffer, caps, width, height, 0, [])


def _dim(frame: I420Frame) -> None:
    frame.y[:] = _DIMMED.take(frame.y)
