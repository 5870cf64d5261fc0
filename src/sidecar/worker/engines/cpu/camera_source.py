"""A camera's source on engine cpu: a pipeline of its own, which lives as long as the connection.

What happens to one camera never affects another.
"""

from typing import Callable, Optional

from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.worker.cameras import failure
from sidecar.worker.cameras.addresses import scheme
from sidecar.worker.cameras.controller import CameraCallbacks, CameraSource, StreamFormat
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.cpu import pipeline as elements
from sidecar.worker.engines.cpu.frame_processor import FrameProcessor
from sidecar.worker.engines.describe import log_playing
from sidecar.worker.engines.shared_elements import camera_error
from sidecar.worker.engines.source_closer import SourceCloser


class CpuCameraSource(CameraSource):
    """All methods are called on the loop thread."""

    def __init__(
        self,
        camera: spec.Camera,
        processor: FrameProcessor,
        set_tile_text: Callable[[TileText], None],
        closer: SourceCloser,
    ) -> None:
        """processor: gets the frames. set_tile_text: see CameraSource. closer: ends the pipelines of all cameras."""
        self._camera = camera
        self._processor = processor
        self._set_tile_text = set_tile_text
        self._closer = closer
        # None: the camera is not connected.
        self.pipeline: Optional[Gst.Pipeline] = None
        # Which pipeline it is: callbacks hold this number, not the pipeline, which they would keep alive for ever.
        self._number = 0
        self._bus_handler = 0
        self._encoding = ""

    def open(self, callbacks: CameraCallbacks) -> None:
        self.close()
        self._encoding = ""
        refusal = self._closer.refusal(self._camera.id)
        if refusal:
            callbacks.failed(failure.camera_failure(state.CAMERA_LOST_REASON_TIMEOUT, self._camera.uri, refusal))
            return
        number = self._number
        pipeline = self.pipeline = Gst.Pipeline.new("camera-" + self._camera.id)
        pipeline.use_clock(Gst.SystemClock.obtain())
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        self._bus_handler = bus.connect("message", lambda _bus, message: self._on_message(number, callbacks, message))
        elements.build_camera_pipeline(
            pipeline,
            self._camera,
            elements.CameraPipelineCallbacks(
                event=self._processor.on_event,
                sample=self._processor.on_sample,
                stats=self._processor.stats,
                encoding=lambda encoding: self._on_encoding(number, encoding),
                failed=callbacks.failed,
                opened=lambda: self._play_file() if number == self._number else None,
                is_wanted=lambda: number == self._number,
            ),
        )
        self._start_time_line(pipeline)
        pipeline.set_state(Gst.State.PAUSED if scheme(self._camera.uri) == "file" else Gst.State.PLAYING)

    def show(self) -> None:
        """Frames are shown as they arrive."""
        if self.pipeline is not None:
            log_playing(self.pipeline)

    def close(self) -> None:
        pipeline, self.pipeline = self.pipeline, None
        self._number += 1
        if pipeline is not None:
            bus = pipeline.get_bus()
            bus.disconnect(self._bus_handler)
            bus.remove_signal_watch()
            elements.stop_frames(pipeline)
            self._processor.drop_frames()
            self._closer.end(self._camera.id, pipeline)

    def set_tile_text(self, text: TileText) -> None:
        self._set_tile_text(text)

    def format(self) -> StreamFormat:
        return StreamFormat(self._encoding, *self._processor.size)

    def _on_encoding(self, number: int, encoding: str) -> None:
        if number == self._number:
            self._encoding = encoding

    def _on_message(self, number: int, callbacks: CameraCallbacks, message: Gst.Message) -> None:
        pipeline = self.pipeline
        if number != self._number or pipeline is None:
            return
        if message.type == Gst.MessageType.ERROR:
            callbacks.failed(camera_error(message, self._camera))
        elif message.type == Gst.MessageType.EOS:
            callbacks.ended()
        elif message.type == Gst.MessageType.SEGMENT_DONE:
            # The file starts again without a flush: frames under way are not lost, and time runs on.
            _seek_to_start(pipeline, Gst.SeekFlags.SEGMENT)

    def _play_file(self) -> None:
        """From here on each segment that is played is the whole file."""
        assert self.pipeline is not None
        _seek_to_start(self.pipeline, Gst.SeekFlags.SEGMENT | Gst.SeekFlags.FLUSH)
        self._start_time_line(self.pipeline)
        self.pipeline.set_state(Gst.State.PLAYING)

    def _start_time_line(self, pipeline: Gst.Pipeline) -> None:
        """With a base time of our own, the time line is known before the first frame."""
        base_time = Gst.SystemClock.obtain().get_time()
        pipeline.set_start_time(Gst.CLOCK_TIME_NONE)
        pipeline.set_base_time(base_time)
        self._processor.reset(base_time)


def _seek_to_start(pipeline: Gst.Pipeline, flags: Gst.SeekFlags) -> None:
    pipeline.seek(1.0, Gst.Format.TIME, flags, Gst.SeekType.SET, 0, Gst.SeekType.NONE, -1)
