"""The pipeline of one stream while it runs: frames of its cameras go in, its encoded frames leave."""

import time
from typing import Callable, Dict, List, Tuple, Union

from sidecar.contract import spec
from sidecar.gst import GLib, Gst, GstVideo
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame
from sidecar.worker.engines.cpu.pipeline import build_output_pipeline
from sidecar.worker.engines.cpu.tile import Tile
from sidecar.worker.engines.describe import log_playing
from sidecar.worker.engines.overlay import OverlayOptions, Shapes
from sidecar.worker.engines.shared_elements import encoded_pad, kilobits
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.layout import tiles
from sidecar.worker.outputs.plan import StreamPlan
from sidecar.worker.outputs.receiver import Take
from sidecar.worker.status.latency import LatencyCounts

_FRESH = TileText("")
# How late a tiled frame may be, in nanoseconds. Usually it is less than 10 ms.
_MOST_LATE = 100 * Gst.MSECOND


class OutputPipeline:
    """push() is called on one thread at a time for each camera, the rest on the loop thread."""

    def __init__(
        self,
        plan: StreamPlan,
        options: OverlayOptions,
        texts: Dict[str, TileText],
        end: Union[int, Take],
        failed: Callable[[GLib.Error, str], None],
    ) -> None:
        """Builds the pipeline, which starts to play with the first frame. Raises ChainError.

        texts: of the tiles until their cameras send a frame, by camera id, see set_tile_text(). end: the outlet's RTP
        port on loopback, or what takes the frames.
        """
        cameras = plan.cameras
        rectangles = tiles(len(cameras), plan.encoding.width, plan.encoding.height)
        self._texts = {camera.id: texts.get(camera.id, _FRESH) for camera in cameras}
        elements = build_output_pipeline(plan, rectangles, end)
        self.pipeline = elements.pipeline
        base_time = self.pipeline.get_base_time()
        self._tiles: Dict[str, Tile] = {
            camera.id: Tile(camera, rectangle, len(cameras) == 1, options, own, base_time)
            for camera, rectangle, own in zip(cameras, rectangles, elements.tiles)
        }
        self._encoder = elements.encoder
        self._sink = elements.sink
        # Where annotated I420 frames go into the encoder, or to the window.
        self.raw_pad = (elements.sink if elements.encoder is None else elements.encoder).get_static_pad("sink")
        # Where encoded frames leave the parser. None: a window's frames are not encoded.
        self.encoded_pad = None if elements.encoder is None else encoded_pad(elements.encoder)
        # Frames that left the encoder or went to the window, and frames that found it busy.
        self.frames = 0
        self.frames_dropped = 0
        self.latency = LatencyCounts()
        # In nanoseconds: what an encoded frame's PTS is ahead of the system's monotonic clock. x264enc moves it.
        self._pts_offset = 0
        # The PTS of the newest frame that the mixer has sent.
        self._mixed_pts = -1
        self._started = False
        # All cameras are off: nothing is sent, and the outlet serves the standby picture.
        self._is_dark = self._all_dark()
        self._probes: List[Tuple[Gst.Pad, int]] = []
        encoded = self.raw_pad if elements.encoder is None else elements.encoder.get_static_pad("src")
        self._add_probe(encoded, self._on_frame)
        if elements.mixer is not None:
            # The mixer sends frames by the clock, whether any arrive or not.
            self._add_probe(elements.mixer.get_static_pad("src"), self._on_mixed)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _bus, message: failed(*message.parse_error()))

    def push(self, frame: DetectedFrame) -> None:
        """Takes a frame of any camera. Never waits: a frame that finds the encoder busy is dropped."""
        tile = self._tiles.get(frame.camera_id)
        if tile is None:
            return
        if not self._started:
            self._started = True
            MainLoop.post(self._play)
        if not tile.push(frame):
            self.frames_dropped += 1

    def set_overlay_options(self, options: OverlayOptions) -> None:
        for tile in self._tiles.values():
            tile.options = options

    def show_zones(self, shapes: Shapes) -> None:
        for camera_id, tile in self._tiles.items():
            tile.shapes = shapes.get(camera_id, ())

    def forget_frame(self, camera_id: str) -> None:
        tile = self._tiles.get(camera_id)
        if tile is not None:
            tile.forget_frame()

    def set_tile_text(self, camera_id: str, text: TileText) -> None:
        """Says on a camera's tile why it shows no fresh frames. Empty: it shows them."""
        tile = self._tiles.get(camera_id)
        if tile is None:
            return
        self._texts[camera_id] = text
        if self._started and text.text:
            tile.set_text(text)
        was_dark, self._is_dark = self._is_dark, self._all_dark()
        if was_dark and not self._is_dark and self._encoder is not None:
            # The outlet goes on with a key frame.
            self._encoder.get_static_pad("src").send_event(
                GstVideo.video_event_new_upstream_force_key_unit(Gst.CLOCK_TIME_NONE, True, 0)
            )

    def set_rtp_port(self, port: int) -> None:
        """For a stream that goes to the outlet."""
        self._sink.set_property("port", port)

    def set_bitrate(self, encoding: spec.Encoding) -> bool:
        """Changes the bit rate while frames flow. False: this encoder cannot, and the pipeline must be replaced."""
        if self._encoder is None:
            return True
        if self._encoder.get_factory().get_name() != "x264enc":
            return False
        self._encoder.set_property("bitrate", kilobits(encoding))
        return True

    def stop(self) -> None:
        """Returns when the pipeline is gone."""
        self._started = True
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)
        for pad, number in self._probes:
            pad.remove_probe(number)
        for tile in self._tiles.values():
            tile.close()
        self._tiles = {}

    def _play(self) -> None:
        if self._tiles:
            self.pipeline.set_state(Gst.State.PLAYING)
            for camera_id, tile in self._tiles.items():
                if not tile.has_frame:
                    tile.set_text(self._texts[camera_id])

    def _all_dark(self) -> bool:
        return all(text.dark for text in self._texts.values())

    def _add_probe(self, pad: Gst.Pad, act: Callable[[Gst.Pad, Gst.PadProbeInfo], Gst.PadProbeReturn]) -> None:
        self._probes.append((pad, pad.add_probe(Gst.PadProbeType.BUFFER, act)))

    def _on_mixed(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        # compositor (GStreamer 1.22) sends two frames with one PTS when its first deadline passes while the first input
        # frame arrives, which sets its time line back. The parser behind the encoder takes the second one's PTS away.
        pts = info.get_buffer().pts
        is_new = pts > self._mixed_pts
        self._mixed_pts = max(pts, self._mixed_pts)
        late = int(time.monotonic() * 1e9) - self.pipeline.get_base_time() - pts
        if late > _MOST_LATE:
            # As a sink with a clock would say. Otherwise a mixer that was held up makes each frame that it has missed,
            # and takes nothing newer from its cameras meanwhile.
            pad.send_event(Gst.Event.new_qos(Gst.QOSType.UNDERFLOW, 1.0, late, pts))
        return Gst.PadProbeReturn.OK if is_new and not self._is_dark else Gst.PadProbeReturn.DROP

    def _on_frame(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        pts = info.get_buffer().pts
        if self.frames == 0:
            segment = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
            self._pts_offset = pts - segment.to_running_time(Gst.Format.TIME, pts) - self.pipeline.get_base_time()
        self.frames += 1
        if self._encoder is not None:
            self.latency.observe(time.monotonic() - (pts - self._pts_offset) / 1e9)
        if self.frames == 2:
            # The first one has reached the sink: all caps are negotiated.
            MainLoop.post(log_playing, self.pipeline)
        return Gst.PadProbeReturn.OK
