"""One picture that leaves the machine: its cameras, fitted into tiles, drawn on, encoded, sent where it is to go."""

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from sidecar.buffers import restamped
from sidecar.chain import Chain, make, request_pad
from sidecar.contract import spec
from sidecar.gst import GLib, Gst, GstVideo
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.appsink import add_recording, add_showing
from sidecar.worker.engines.cpu.intake import SeenFrame
from sidecar.worker.engines.cpu.notice import black_frame, dimmed_frame
from sidecar.worker.engines.cpu.overlay import OverlayContent, TileOverlay
from sidecar.worker.engines.cpu.painter import make_painter
from sidecar.worker.engines.software_encoder import add_encoder, add_loopback, kilobits
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.outputs.layout import Rectangle, fit, tiles
from sidecar.worker.outputs.plan import StreamPlan, WindowTarget
from sidecar.worker.outputs.receiver import Take

_KEY_FRAME_INTERVAL = Gst.SECOND
_FRESH = TileText("")


class Look(NamedTuple):
    """What is drawn; replaced as a whole while frames flow."""

    boxes: bool
    labels: bool
    counts: bool
    names: bool


class Picture:
    """push() is called on the cameras' streaming threads, the rest on the loop thread."""

    def __init__(
        self,
        one: StreamPlan,
        look: Look,
        notes: Dict[str, TileText],
        end: Union[int, Take],
        failed: Callable[[GLib.Error, str], None],
    ) -> None:
        """Builds the pipeline; it starts to play with the first frame. Raises ChainError.

        notes: by camera id, what a tile says until its camera sends a frame, see note(). end: the outlet's RTP port on
        loopback, or who takes the frames.
        """
        encoding, cameras = one.encoding, one.cameras
        self.look = look
        self._notes = {camera.id: notes.get(camera.id, _FRESH) for camera in cameras}
        # Nothing is sent: no camera is to be seen. The standby picture says so.
        self._rests = all(one.dark for one in self._notes.values())
        self.frames = 0
        self.frames_dropped = 0
        self._started = False
        self._probes: List[Tuple[Gst.Pad, int]] = []
        self._pipeline = Gst.Pipeline.new("picture")
        self._pipeline.use_clock(Gst.SystemClock.obtain())
        self._pipeline.set_start_time(Gst.CLOCK_TIME_NONE)
        self._pipeline.set_base_time(Gst.SystemClock.obtain().get_time())
        places = tiles(len(cameras), encoding.width, encoding.height)
        self._tiles: Dict[str, _Tile] = {}
        if len(cameras) == 1:
            # The picture has the camera's own rate and time line: nothing is waited for.
            tile = _Tile(self, cameras[0], places[0], alone=True)
            chain = tile.chain
            self._tiles[cameras[0].id] = tile
        else:
            mixer = make("compositor", "mixer", background="black")
            self._pipeline.add(mixer)
            for camera, place in zip(cameras, places):
                tile = _Tile(self, camera, place, alone=False)
                pad = request_pad(mixer, "sink_%u")
                pad.set_property("xpos", place.x)
                pad.set_property("ypos", place.y)
                tile.chain.into(pad, "mixer")
                self._tiles[camera.id] = tile
            # The mixer goes on by the clock, whether there are frames or not.
            self._probe(mixer.get_static_pad("src"), self._on_mixed)
            chain = Chain(self._pipeline, after=mixer)
            chain.caps(
                "video/x-raw, format=I420, width=%d, height=%d, framerate=%d/1"
                % (encoding.width, encoding.height, encoding.frame_rate)
            )
        self._encoder: Optional[Gst.Element] = None
        self._loopback: Optional[Gst.Element] = None
        if isinstance(one.target, WindowTarget):
            assert not isinstance(end, int), "no window has a port"
            self._last = add_showing(chain, encoding, end)
            self._probe(self._last.get_static_pad("sink"), self._on_frame)
        else:
            self._last = self._encoder = add_encoder(chain, encoding)
            self._probe(self._encoder.get_static_pad("src"), self._on_frame)
            if isinstance(end, int):
                self._loopback = add_loopback(chain, encoding, end)
            else:
                add_recording(chain, encoding, end)
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _bus, message: failed(*message.parse_error()))

    @property
    def pipeline(self) -> Gst.Pipeline:
        return self._pipeline

    @property
    def raw_pad(self) -> Gst.Pad:
        """Where annotated frames go into the encoder or to the window, as I420."""
        return self._last.get_static_pad("sink")

    def push(self, frame: SeenFrame) -> None:
        """Takes a frame of one of the cameras. Never waits: a frame that finds the encoder busy is dropped."""
        tile = self._tiles.get(frame.camera_id)
        if tile is None:
            return
        if not self._started:
            self._started = True
            GLib.idle_add(self._play)
        if not tile.push(frame):
            self.frames_dropped += 1

    def note(self, camera_id: str, note: TileText) -> None:
        """Says on a camera's tile why it shows nothing fresh. A picture of one camera has the standby picture."""
        tile = self._tiles.get(camera_id)
        if tile is None:
            return
        self._notes[camera_id] = note
        if self._started and note.text:
            tile.note(note)
        rested, self._rests = self._rests, all(one.dark for one in self._notes.values())
        if rested and not self._rests and self._encoder is not None:
            # The outlet goes on with a key frame.
            none = Gst.CLOCK_TIME_NONE
            self._encoder.get_static_pad("src").send_event(
                GstVideo.video_event_new_upstream_force_key_unit(none, True, 0)
            )

    def set_rtp_port(self, port: int) -> None:
        assert self._loopback is not None, "it goes to the outlet"
        self._loopback.set_property("port", port)

    def set_bitrate(self, encoding: spec.Encoding) -> bool:
        """Changes the bit rate while frames flow. False: this encoder cannot, it takes a new picture."""
        if self._encoder is None:
            return True
        if self._encoder.get_factory().get_name() != "x264enc":
            return False
        self._encoder.set_property("bitrate", kilobits(encoding))
        return True

    def stop(self) -> None:
        """Returns when the pipeline is gone."""
        self._started = True
        self._pipeline.get_bus().remove_signal_watch()
        self._pipeline.set_state(Gst.State.NULL)
        for pad, number in self._probes:
            pad.remove_probe(number)
        for tile in self._tiles.values():
            tile.close()
        self._tiles = {}

    def _play(self) -> bool:
        if self._tiles:
            self._pipeline.set_state(Gst.State.PLAYING)
            for camera_id, tile in self._tiles.items():
                if not tile.has_frame:
                    tile.note(self._notes[camera_id])
        return bool(GLib.SOURCE_REMOVE)

    def _probe(self, pad: Gst.Pad, act: Callable[[Gst.Pad, Gst.PadProbeInfo], Gst.PadProbeReturn]) -> None:
        self._probes.append((pad, pad.add_probe(Gst.PadProbeType.BUFFER, act)))

    def _on_mixed(self, _pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        return Gst.PadProbeReturn.DROP if self._rests else Gst.PadProbeReturn.OK

    def _on_frame(self, _pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        self.frames += 1
        return Gst.PadProbeReturn.OK


class _Tile:
    """One camera's part of a picture: its frames are fitted in and drawn on at the size in which they are seen."""

    def __init__(self, picture: Picture, camera: spec.Camera, place: Rectangle, alone: bool) -> None:
        self._picture = picture
        self._name = camera.name or camera.id
        self._place = place
        self._alone = alone
        self._last_key = 0
        self._overlay = TileOverlay(place.width, place.height)
        # Written on the camera's streaming thread, read on the loop's when the camera is lost and the other is gone.
        self._last: Optional[SeenFrame] = None
        # What is drawn on the frames under way, by their PTS: scaling keeps it.
        self._contents: Dict[int, OverlayContent] = {}
        self.chain = Chain(picture.pipeline)
        self._source = self.chain.add(
            "appsrc",
            is_live=True,
            format="time",
            do_timestamp=False,
            block=False,
        )
        self.chain.add("videoscale", n_threads=1, add_borders=True)
        self.chain.caps("video/x-raw, width=%d, height=%d, pixel-aspect-ratio=1/1" % (place.width, place.height))
        self._painter = self.chain.append(make_painter(self._on_paint), "overlay")

    @property
    def has_frame(self) -> bool:
        return self._last is not None

    def note(self, note: TileText) -> None:
        """Shows the camera's last frame dimmed, or black if there was none, with a text. Called on the loop thread."""
        if not self._alone:
            if note.dark:
                self._last = None
            last = self._last
            frame = black_frame(self._place.width, self._place.height) if last is None else dimmed_frame(last)
            self._send(frame, note.text)

    def push(self, frame: SeenFrame) -> bool:
        """False: the frame before still waits, and this one is dropped. Called on the camera's streaming thread."""
        if not self._alone:
            self._last = frame
        return self._send(frame, "")

    def _send(self, frame: SeenFrame, note: str) -> bool:
        if self._source.get_property("current-level-bytes") > 0:
            return False
        base_time = self._picture.pipeline.get_base_time()
        # Tiles of several cameras show what is newest: their frames are stamped with the moment they come in, so that
        # the mixer never takes one for late.
        moment = frame.clock_time if self._alone else Gst.SystemClock.obtain().get_time()
        pts = max(0, moment - base_time)
        buffer = restamped(frame.buffer, pts)
        look = self._picture.look
        self._contents[pts] = OverlayContent(
            frame_width=frame.width,
            frame_height=frame.height,
            picture=fit(frame.width, frame.height, self._place.width, self._place.height),
            objects=frame.objects,
            name=self._name if look.names else "",
            boxes=look.boxes,
            labels=look.labels,
            counts=look.counts,
            note=note,
        )
        if not self._last_key:
            # The first frame is a key frame in any case; before it there are no caps, and nothing may be asked for.
            self._last_key = moment
        elif self._alone and moment - self._last_key >= _KEY_FRAME_INTERVAL:
            self._last_key = moment
            none = Gst.CLOCK_TIME_NONE
            self._source.send_event(GstVideo.video_event_new_downstream_force_key_unit(none, none, none, True, 0))
        self._source.emit("push-sample", Gst.Sample.new(buffer, frame.caps, None, None))
        return True

    def close(self) -> None:
        """Lets go of the pipeline: the collector cannot see the ring of pipeline, painter and tile."""
        self._painter.paint = lambda _frame, _pts: None

    def _on_paint(self, frame: I420Frame, pts: int) -> None:
        """Called on the picture's streaming thread for each frame."""
        content = self._contents.pop(pts, None)
        for older in [moment for moment in self._contents if moment < pts]:
            del self._contents[older]
        if content is not None:
            self._overlay.paint(frame, content)
