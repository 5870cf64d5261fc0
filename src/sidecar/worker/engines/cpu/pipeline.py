"""The pipelines of engine cpu: every element from camera to viewer, in order.

A camera's decodes:         source -> depayloader -> parser -> decoder -> videoconvert -> appsink
A stream's draws, encodes:  appsrc -> videoscale -> painter -> [compositor] -> encoder -> parser -> payloader -> udpsink
A preview's makes JPEGs:    appsrc -> jpegenc -> appsink

Between them frames pass through Python: frame_processor.py detects objects, and output_pipeline.py feeds the tiles. All
functions are called on the loop thread, and raise ChainError.
"""

from functools import partial
from typing import Callable, List, NamedTuple, Optional, Tuple, Union
from urllib.parse import unquote, urlsplit

from sidecar.chain import Chain, make, request_pad
from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.worker.cameras.addresses import scheme
from sidecar.worker.cameras.failure import CameraFailure, camera_failure
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.cpu.painter import make_painter
from sidecar.worker.engines.hiding import PrivacyError
from sidecar.worker.engines.rtp_packets import note_frames
from sidecar.worker.engines.shared_elements import (
    DEPAYLOADERS,
    add_encoder,
    add_loopback,
    add_recording,
    add_test_source,
    add_window,
    make_rtsp_source,
    refuse_large_frames,
    unsupported_encoding,
    watch_decodebin,
    when_video_appears,
)
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.layout import Rectangle
from sidecar.worker.outputs.plan import StreamPlan, WindowTarget
from sidecar.worker.outputs.receiver import Take

_RTSP = ("rtsp", "rtsps")
# By RTP encoding name.
_PARSERS = {"H264": "h264parse", "H265": "h265parse"}
_DECODERS = {"H264": "avdec_h264", "H265": "avdec_h265"}

# Names in a camera's pipeline: of the element that decoded frames enter, and of the appsink.
_ENTRY = "to-i420"
_FRAMES = "frames"


class CameraPipelineCallbacks(NamedTuple):
    """What a camera's pipeline reports. Called on the loop thread, but for the first two."""

    # On a streaming thread: a pad probe that gets the events between decoded frames, and appsink's new-sample, each of
    # them.
    event: Callable[[Gst.Pad, Gst.PadProbeInfo], Gst.PadProbeReturn]
    sample: Callable[[Gst.Element], Gst.FlowReturn]
    stats: CameraStats
    encoding: Callable[[str], None]
    failed: Callable[[CameraFailure], None]
    # A file is open and can be sought in; the pipeline is still paused.
    opened: Callable[[], None]
    # Asked before elements are added for a pad that appeared late: a pipeline that is being closed gets none.
    is_wanted: Callable[[], bool]


def build_camera_pipeline(pipeline: Gst.Pipeline, camera: spec.Camera, callbacks: CameraPipelineCallbacks) -> None:
    """Fills an empty pipeline: from the camera's address to I420 frames."""
    kind, chain = scheme(camera.uri), Chain(pipeline)
    if kind in _RTSP:
        chain.append(make_rtsp_source(camera, callbacks.failed, callbacks.stats), "rtspsrc")
    elif kind == "file":
        chain.add("filesrc", "source", location=unquote(urlsplit(camera.uri).path))
        watch_decodebin(chain.add("decodebin", "decode"), camera, callbacks.encoding, callbacks.failed)
    elif kind == "/dev/video":
        chain.add("v4l2src", "source", device=camera.uri)
        watch_decodebin(chain.add("decodebin", "decode"), camera, callbacks.encoding, callbacks.failed)
        callbacks.encoding("raw")
    else:
        # videotestsrc -> capsfilter
        add_test_source(chain, camera.uri)
        callbacks.encoding("raw")
    if kind in (*_RTSP, "file", "/dev/video"):
        # Its pad appears later, and is linked then to what follows here.
        when_video_appears(chain.elements[-1], partial(_attach, camera, callbacks))
        chain = Chain(pipeline)

    entry = chain.add("videoconvert", _ENTRY, n_threads=1)
    # Behind the decoder too: not every source says its size before.
    refuse_large_frames(entry.get_static_pad("sink"), camera, callbacks.failed)
    chain.caps("video/x-raw, format=I420")
    if kind == "file":
        # A file is played at its own speed, as a camera would.
        chain.add("identity", "pace", sync=True)
    sink = chain.add("appsink", _FRAMES, sync=False, emit_signals=True, max_buffers=1, drop=True)
    sink.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, callbacks.event)

    def on_sample(sink: Gst.Element) -> Gst.FlowReturn:
        # Flushing after a failure: with ERROR the source would post one of its own, which may be handled first.
        try:
            return callbacks.sample(sink)
        except PrivacyError as error:
            Log("camera").error("cannot protect privacy, showing nothing", camera=camera.id, err=str(error))
            MainLoop.post(callbacks.failed, camera_failure(state.CAMERA_LOST_REASON_PRIVACY, camera.uri, str(error)))
            return Gst.FlowReturn.FLUSHING
        except Exception as error:  # PyGObject would only print it, and the camera would stay live without a frame
            Log("camera").exception("cannot process a frame", camera=camera.id)
            said = "%s: %s" % (type(error).__name__, error)
            MainLoop.post(callbacks.failed, camera_failure(state.CAMERA_LOST_REASON_INTERNAL, camera.uri, said))
            return Gst.FlowReturn.FLUSHING

    sink.connect("new-sample", on_sample)


def _attach(
    camera: spec.Camera, callbacks: CameraPipelineCallbacks, container: Gst.Bin, pad: Gst.Pad, encoding: str
) -> None:
    """Links a source's pad to videoconvert: that of rtspsrc through depayloader, parser and decoder."""
    if not callbacks.is_wanted():
        return
    chain = Chain(container)
    if scheme(camera.uri) in _RTSP:
        if encoding not in DEPAYLOADERS:
            callbacks.failed(unsupported_encoding(camera, encoding))
            return
        callbacks.encoding(encoding)
        described = chain.add(DEPAYLOADERS[encoding])
        if encoding != "JPEG":
            described = chain.add(_PARSERS[encoding])
        refuse_large_frames(described.get_static_pad("src"), camera, callbacks.failed)
        note_frames(described.get_static_pad("src"), callbacks.stats)
        if encoding == "JPEG":
            chain.add("jpegdec")
        else:
            # One thread: each frame thread would add a frame of delay. A frame with missing parts is not shown: better
            # an older whole one.
            chain.add(_DECODERS[encoding], "decoder", max_threads=1, output_corrupt=False)
    entry = chain.link(container.get_by_name(_ENTRY), _ENTRY)
    for element in chain.elements:
        element.sync_state_with_parent()
    first = chain.elements[0] if chain.elements else entry
    pad.link_full(first.get_static_pad("sink"), Gst.PadLinkCheck.DEFAULT)
    if scheme(camera.uri) == "file":
        # After this call, when the pad is no longer blocked.
        MainLoop.post(callbacks.opened)


def stop_frames(pipeline: Gst.Pipeline) -> None:
    """Returns when no frame leaves a camera's pipeline any more, for good; its source may still run."""
    element = pipeline.get_by_name(_FRAMES)
    # None: the pipeline could not be built so far.
    if element is not None:
        # Locked: a change of the pipeline's state that is under way must not start it again.
        element.set_locked_state(True)
        element.set_state(Gst.State.NULL)


class OutputElements(NamedTuple):
    """An output's pipeline, and the elements that are used while it runs."""

    pipeline: Gst.Pipeline
    # For each tile, the appsrc and the painter.
    tiles: List[Tuple[Gst.Element, Gst.Element]]
    # None: the stream shows one camera, at that camera's rate and on its time line.
    mixer: Optional[Gst.Element]
    # None: a window's frames are not encoded.
    encoder: Optional[Gst.Element]
    # udpsink or appsink.
    sink: Gst.Element


def build_output_pipeline(plan: StreamPlan, rectangles: List[Rectangle], end: Union[int, Take]) -> OutputElements:
    """rectangles: of the tiles. end: see OutputPipeline."""
    encoding = plan.encoding
    pipeline = Gst.Pipeline.new("output-" + "-".join(filter(None, plan.key)))
    # With a base time of our own, the time line is known before the first frame.
    pipeline.use_clock(Gst.SystemClock.obtain())
    pipeline.set_start_time(Gst.CLOCK_TIME_NONE)
    pipeline.set_base_time(Gst.SystemClock.obtain().get_time())
    mixer = None
    if len(rectangles) > 1:
        mixer = make("compositor", "mixer", background="black")
        pipeline.add(mixer)
    tiles = []
    for rectangle in rectangles:
        chain = Chain(pipeline)
        source = chain.add("appsrc", is_live=True, format="time", do_timestamp=False, block=False)
        # Each frame reaches the painter: the last one of a camera carries the text of its tile.
        chain.add("videoscale", n_threads=1, add_borders=True, qos=False)
        chain.caps("video/x-raw, width=%d, height=%d, pixel-aspect-ratio=1/1" % (rectangle.width, rectangle.height))
        painter = chain.append(make_painter(), "painter")
        tiles.append((source, painter))
        if mixer is not None:
            pad = request_pad(mixer, "sink_%u")
            pad.set_property("xpos", rectangle.x)
            pad.set_property("ypos", rectangle.y)
            chain.into(pad, "mixer")
    if mixer is not None:
        chain = Chain(pipeline, after=mixer)
        size = "width=%d, height=%d" % (encoding.width, encoding.height)
        chain.caps("video/x-raw, format=I420, %s, framerate=%d/1" % (size, encoding.frame_rate))
    if isinstance(plan.target, WindowTarget):
        assert not isinstance(end, int), "a window has no port"
        # capsfilter -> appsink
        return OutputElements(pipeline, tiles, mixer, None, add_window(chain, encoding, end))
    # x264enc -> h264parse, or x265enc -> h265parse
    encoder = add_encoder(chain, encoding)
    # rtph264pay or rtph265pay -> udpsink, or to a recording: capsfilter -> appsink
    sink = add_loopback(chain, encoding, end) if isinstance(end, int) else add_recording(chain, encoding, end)
    return OutputElements(pipeline, tiles, mixer, encoder, sink)


def build_preview_pipeline(on_jpeg: Callable[[Gst.Element], Gst.FlowReturn]) -> Tuple[Gst.Pipeline, Gst.Element]:
    """Returns the pipeline and its appsrc. on_jpeg: appsink's new-sample."""
    pipeline = Gst.Pipeline.new("preview")
    chain = Chain(pipeline)
    source = chain.add("appsrc", is_live=True, format="time", do_timestamp=True, block=False)
    chain.add("jpegenc", quality=85)
    sink = chain.add("appsink", sync=False, emit_signals=True, max_buffers=1, drop=True)
    sink.connect("new-sample", on_jpeg)
    return pipeline, source
