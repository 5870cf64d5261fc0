"""From a camera's address to decoded I420 frames: one function a kind of source, each reading as its chain."""

from typing import Callable, NamedTuple, Optional
from urllib.parse import unquote, urlsplit

from sidecar.chain import Chain
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.cameras.addresses import scheme
from sidecar.worker.cameras.failure import CameraFailure
from sidecar.worker.engines.source_parts import (
    DEPAYLOADERS,
    add_test_source,
    make_rtsp_source,
    unsupported_encoding,
    when_video_appears,
)
from sidecar.worker.main_loop import MainLoop

# By RTP encoding name. One thread a decoder: each frame thread would add a frame of delay.
_PARSERS = {"H264": "h264parse", "H265": "h265parse"}
_LIBAV_DECODERS = {"H264": "avdec_h264", "H265": "avdec_h265"}

# Names: of the element at which decoded frames come in, of the queue of one, and of the appsink.
_ENTRY = "to-i420"
FRESHEST = "freshest"
_FRAMES = "frames"


class SourceEvents(NamedTuple):
    """What a source tells while it runs. Called on the loop thread."""

    encoding: Callable[[str], None]
    failed: Callable[[CameraFailure], None]
    # A file is open and may be sought in; the pipeline is still paused.
    opened: Callable[[], None]
    # Asked before something is built for a pad that came late.
    is_wanted: Callable[[], bool]


def build(camera: spec.Camera, pipeline: Gst.Pipeline, events: SourceEvents) -> Gst.Element:
    """Builds the whole camera pipeline and returns its appsink, which gets I420 frames, the freshest only.

    Called on the loop thread. Raises ChainError.
    """
    kind = scheme(camera.uri)
    # The frames' end is made first: sources of which the pads come late are linked to it later.
    frames = Chain(pipeline)
    entry = frames.add("videoconvert", _ENTRY, n_threads=1)
    frames.caps("video/x-raw, format=I420")
    if kind == "file":
        # A file is played at its own speed, as a camera would.
        frames.add("identity", "pace", sync=True)
    frames.add("queue", FRESHEST, max_size_buffers=1, max_size_bytes=0, max_size_time=0, leaky="downstream")
    sink = frames.add("appsink", _FRAMES, sync=False, emit_signals=True, max_buffers=1, drop=True)

    if kind in ("rtsp", "rtsps"):
        _rtsp(camera, pipeline, events)
    elif kind == "file":
        _file(camera, pipeline, events)
    elif kind == "/dev/video":
        _device(camera, pipeline, events)
    else:
        _test(camera, pipeline, entry, events)
    return sink


def shut(pipeline: Gst.Pipeline) -> None:
    """Returns when no frame comes out of a camera pipeline any more, for good; its source may still run."""
    for name in (_FRAMES, FRESHEST):
        element = pipeline.get_by_name(name)
        # None: build() has failed before it.
        if element is not None:
            # Locked, so that a change of the pipeline's state that is under way does not start it again.
            element.set_locked_state(True)
            element.set_state(Gst.State.NULL)


def _rtsp(camera: spec.Camera, pipeline: Gst.Pipeline, events: SourceEvents) -> None:
    source = make_rtsp_source(camera, events.failed)
    pipeline.add(source)

    def attach(container: Gst.Bin, pad: Gst.Pad, encoding: str) -> None:
        if encoding not in DEPAYLOADERS:
            events.failed(unsupported_encoding(camera, encoding))
            return
        events.encoding(encoding)
        chain = Chain(container)
        chain.add(DEPAYLOADERS[encoding])
        if encoding == "JPEG":
            chain.add("jpegdec")
        else:
            chain.add(_PARSERS[encoding])
            # A picture with missing parts is not shown: better an older true one.
            chain.add(_LIBAV_DECODERS[encoding], "decoder", max_threads=1, output_corrupt=False)
        _join(container, pad, chain)

    _when_video_appears(source, events, attach)


def _file(camera: spec.Camera, pipeline: Gst.Pipeline, events: SourceEvents) -> None:
    chain = Chain(pipeline)
    chain.add("filesrc", "source", location=unquote(urlsplit(camera.uri).path))
    demuxer = chain.add("decodebin", "decode")

    def attach(container: Gst.Bin, pad: Gst.Pad, _encoding: str) -> None:
        _join(container, pad, None)
        # Behind this call, when the pad is not blocked any more.
        MainLoop.post(events.opened)

    _when_video_appears(demuxer, events, attach)


def _device(camera: spec.Camera, pipeline: Gst.Pipeline, events: SourceEvents) -> None:
    chain = Chain(pipeline)
    chain.add("v4l2src", "source", device=camera.uri)
    demuxer = chain.add("decodebin", "decode")
    _when_video_appears(demuxer, events, lambda container, pad, _encoding: _join(container, pad, None))
    events.encoding("raw")


def _test(camera: spec.Camera, pipeline: Gst.Pipeline, entry: Gst.Element, events: SourceEvents) -> None:
    chain = Chain(pipeline)
    add_test_source(chain, camera.uri)
    chain.link(entry, entry.get_name())
    events.encoding("raw")


def _when_video_appears(
    element: Gst.Element, events: SourceEvents, attach: Callable[[Gst.Bin, Gst.Pad, str], None]
) -> None:
    """As when_video_appears(); a pipeline that is being ended gets no new elements, which nobody would end."""
    when_video_appears(element, lambda *found: attach(*found) if events.is_wanted() else None)


def _join(container: Gst.Bin, pad: Gst.Pad, between: Optional[Chain]) -> None:
    """Links a pad that appeared, through a chain if there is one, to the entry of the frames' chain."""
    entry = container.get_by_name(_ENTRY)
    first = entry
    if between is not None:
        between.link(entry, entry.get_name())
        first = between.elements[0]
        for element in between.elements:
            element.sync_state_with_parent()
    pad.link_full(first.get_static_pad("sink"), Gst.PadLinkCheck.DEFAULT)
