"""From a camera's address to decoded I420 frames: one function a kind of source, each reading as its chain."""

from typing import Any, Callable, List, NamedTuple, Optional
from urllib.parse import parse_qs, unquote, urlsplit

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.chain import Chain, make  # noqa: E402
from sidecar.contract import spec, state  # noqa: E402
from sidecar.worker.addresses import scheme  # noqa: E402
from sidecar.worker.loop import MainLoop  # noqa: E402
from sidecar.worker.reasons import Failure, failure  # noqa: E402

# By RTP encoding name. One thread a decoder: each frame thread would add a frame of delay.
_DEPAYLOADERS = {"H264": "rtph264depay", "H265": "rtph265depay", "JPEG": "rtpjpegdepay"}
_PARSERS = {"H264": "h264parse", "H265": "h265parse"}
_LIBAV_DECODERS = {"H264": "avdec_h264", "H265": "avdec_h265"}

# Name of the element at which decoded frames come in.
_ENTRY = "to-i420"
_DEFAULT_LATENCY_MILLISECONDS = 100
_TCP_TIMEOUT_MICROSECONDS = 5000000


class SourceEvents(NamedTuple):
    """What a source tells while it runs. Called on the loop thread."""

    encoding: Callable[[str], None]
    failed: Callable[[Failure], None]
    # A file is open and may be sought in; the pipeline is still paused.
    opened: Callable[[], None]


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
    frames.add("queue", "freshest", max_size_buffers=1, max_size_bytes=0, max_size_time=0, leaky="downstream")
    sink = frames.add("appsink", "frames", sync=False, emit_signals=True, max_buffers=1, drop=True)

    if kind in ("rtsp", "rtsps"):
        _rtsp(camera, pipeline, events)
    elif kind == "file":
        _file(camera, pipeline, events)
    elif kind == "/dev/video":
        _device(camera, pipeline, events)
    else:
        _test(camera, pipeline, entry, events)
    return sink


def _rtsp(camera: spec.Camera, pipeline: Gst.Pipeline, events: SourceEvents) -> None:
    latency = camera.latency.ToMilliseconds() if camera.HasField("latency") else _DEFAULT_LATENCY_MILLISECONDS
    source = make(
        "rtspsrc",
        "source",
        location=camera.uri,
        protocols="udp" if camera.transport == spec.TRANSPORT_UDP else "tcp",
        latency=latency,
        drop_on_latency=True,
        tcp_timeout=_TCP_TIMEOUT_MICROSECONDS,
        # Without an answer by UDP rtspsrc would turn to TCP by itself, and the setting would say one thing while
        # another is done.
        timeout=0,
    )
    source.connect("accept-certificate", _judge_certificate, camera, events)
    if camera.HasField("credentials"):
        source.set_property("user-id", camera.credentials.username)
        source.set_property("user-pw", camera.credentials.password)
    # Sound is not even set up: nobody would take it.
    source.connect("select-stream", lambda _source, _number, caps: caps.get_structure(0).get_string("media") == "video")
    pipeline.add(source)

    def attach(container: Gst.Bin, pad: Gst.Pad, encoding: str) -> None:
        if encoding not in _DEPAYLOADERS:
            events.failed(failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, "it sends %s" % encoding))
            return
        events.encoding(encoding)
        chain = Chain(container)
        chain.add(_DEPAYLOADERS[encoding])
        if encoding == "JPEG":
            chain.add("jpegdec")
        else:
            chain.add(_PARSERS[encoding])
            # A picture with missing parts is not shown: better an older true one.
            chain.add(_LIBAV_DECODERS[encoding], "decoder", max_threads=1, output_corrupt=False)
        _join(container, pad, chain)

    _when_video_appears(source, attach)


def _judge_certificate(
    _source: Gst.Element, _connection: Any, _certificate: Any, flaws: Any, camera: spec.Camera, events: SourceEvents
) -> bool:
    """Asked on a streaming thread about a certificate that the system does not trust; rtspsrc's own error is silent."""
    if not camera.accept_any_certificate:
        said = ", ".join(flaws.value_nicks).replace("-", " ")
        why = failure(state.CAMERA_LOST_REASON_CERTIFICATE, camera.uri, said)
        MainLoop.post(events.failed, why)
    return camera.accept_any_certificate


def _file(camera: spec.Camera, pipeline: Gst.Pipeline, events: SourceEvents) -> None:
    chain = Chain(pipeline)
    chain.add("filesrc", "source", location=unquote(urlsplit(camera.uri).path))
    demuxer = chain.add("decodebin", "decode")

    def attach(container: Gst.Bin, pad: Gst.Pad, _encoding: str) -> None:
        _join(container, pad, None)
        # Behind this call, when the pad is not blocked any more.
        MainLoop.post(events.opened)

    _when_video_appears(demuxer, attach)


def _device(camera: spec.Camera, pipeline: Gst.Pipeline, events: SourceEvents) -> None:
    chain = Chain(pipeline)
    chain.add("v4l2src", "source", device=camera.uri)
    demuxer = chain.add("decodebin", "decode")
    _when_video_appears(demuxer, lambda container, pad, _encoding: _join(container, pad, None))
    events.encoding("raw")


def _test(camera: spec.Camera, pipeline: Gst.Pipeline, entry: Gst.Element, events: SourceEvents) -> None:
    """test://PATTERN?width=W&height=H&rate=FPS, all optional; patterns are videotestsrc's: ball, smpte, ..."""
    address = urlsplit(camera.uri)
    query = parse_qs(address.query)

    def number(name: str, default: int) -> int:
        text = query.get(name, [str(default)])[0]
        return int(text) if text.isdigit() and int(text) > 0 else default

    chain = Chain(pipeline)
    chain.add("videotestsrc", "source", is_live=True, pattern=address.netloc or "ball")
    chain.caps(
        "video/x-raw, format=I420, width=%d, height=%d, framerate=%d/1"
        % (number("width", 640), number("height", 360), number("rate", 15))
    )
    chain.link(entry, entry.get_name())
    events.encoding("raw")


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


def _when_video_appears(source: Gst.Element, attach: Callable[[Gst.Bin, Gst.Pad, str], None]) -> None:
    """Calls attach on the loop thread with the first video pad of an element whose pads come late, and the encoding.

    The pad appears on a streaming thread: its data wait behind a blocking probe until the loop thread has linked it.
    attach gets the pipeline as an argument: a callback that holds its own pipeline would keep it alive for ever.
    """
    seen: List[Gst.Pad] = []

    def on_pad(_source: Gst.Element, pad: Gst.Pad) -> None:
        caps = pad.get_current_caps() or pad.query_caps(None)
        structure = caps.get_structure(0)
        is_video = structure.get_name().startswith("video/") or structure.get_string("media") == "video"
        if not is_video or seen:
            return
        seen.append(pad)
        encoding = (structure.get_string("encoding-name") or "").upper()
        block = pad.add_probe(Gst.PadProbeType.BLOCK_DOWNSTREAM, lambda *_: Gst.PadProbeReturn.OK)

        def on_loop() -> None:
            element = pad.get_parent_element()
            container = None if element is None else element.get_parent()
            if container is not None:
                attach(container, pad, encoding)
            pad.remove_probe(block)

        MainLoop.post(on_loop)

    source.connect("pad-added", on_pad)
