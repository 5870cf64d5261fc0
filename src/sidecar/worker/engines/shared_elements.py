"""Elements that both engines have: sources of cameras, pads that appear late, software encoders, and sinks."""

import re
from functools import partial
from typing import Any, Callable, List, NamedTuple, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

from sidecar.chain import Chain, make
from sidecar.contract import spec, state
from sidecar.gst import GLib, Gst
from sidecar.outlet.protocol import RTP_LARGEST_PACKET, RTP_PAYLOAD_TYPE
from sidecar.timer import soon
from sidecar.worker.cameras.failure import CameraFailure, camera_failure, failure_from_error
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines import rtp_packets
from sidecar.worker.engines.rtp_packets import note_packets
from sidecar.worker.engines.rtsp_connections import MOST_BYTES, limit_answers
from sidecar.worker.engines.rtsp_habits import MOST_ANSWER_SECONDS, habits_of
from sidecar.worker.engines.rtsp_keep_alive import keep_alive
from sidecar.worker.engines.rtsp_liveness import note_connection, note_reports
from sidecar.worker.engines.rtsp_login import LoginGuard, explained
from sidecar.worker.engines.rtsp_messages import MessageWatch, make_rtspsrc
from sidecar.worker.engines.rtsp_options import OptionsGuard
from sidecar.worker.engines.rtsp_refusals import RefusalWatch
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.plan import CODEC_NAMES, codec_name
from sidecar.worker.outputs.receiver import Take
from sidecar.worker.outputs.rtp_sender import sender_socket

# RTP encoding names of what files and devices deliver.
_ENCODINGS = {
    "video/x-h264": "H264",
    "video/x-h265": "H265",
    "image/jpeg": "JPEG",
    "video/mpeg": "MPEG",
    "video/x-vp8": "VP8",
    "video/x-vp9": "VP9",
    "video/x-av1": "AV1",
    "video/x-theora": "THEORA",
}
# RTP encoding names of payload types that need no name in a camera's description (RFC 3551).
_STATIC_PAYLOADS = {25: "CELB", 26: "JPEG", 28: "NV", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}
# By RTP encoding name.
DEPAYLOADERS = {"H264": "rtph264depay", "H265": "rtph265depay", "JPEG": "rtpjpegdepay"}

# The largest frame that is taken of a camera, in pixels, and its longest side: decoders hold up to twenty frames.
MOST_PIXELS = 4096 * 4096
_LONGEST_SIDE = 8192

_DEFAULT_LATENCY_MILLISECONDS = 100
# How long a host may take to accept a connection.
_CONNECT_SECONDS = 5
# Streams of video that are set up of those that a camera describes. The first that appears is shown.
_MOST_STREAMS = 4

Failed = Callable[[CameraFailure], None]


class _OutputElements(NamedTuple):
    """What encodes a codec, parses it and puts it into RTP packets, and the form in which it is recorded."""

    encoder: str
    parser: str
    payloader: str
    # As Matroska has it: whole frames, parameter sets in the caps.
    recorded: str


class _Offered(NamedTuple):
    """A stream that a camera describes: video, audio or something else, and the RTP encoding name of video."""

    kind: str
    encoding: str


_OUTPUT_ELEMENTS = {
    "H264": _OutputElements("x264enc", "h264parse", "rtph264pay", "video/x-h264, stream-format=avc, alignment=au"),
    "H265": _OutputElements("x265enc", "h265parse", "rtph265pay", "video/x-h265, stream-format=hvc1, alignment=au"),
}


def make_rtsp_source(camera: spec.Camera, failed: Failed, stats: CameraStats) -> Gst.Element:
    """An rtspsrc for the video of an rtsp:// or rtsps:// camera. failed is called on the loop thread.

    stats: learns of the camera's packets and answers.
    """
    habits = habits_of(camera)
    transport = camera.transport if habits.transport is None else habits.transport
    latency = camera.latency.ToMilliseconds() if camera.HasField("latency") else _DEFAULT_LATENCY_MILLISECONDS
    keeps_session = transport != spec.TRANSPORT_UDP
    guard = LoginGuard(camera, failed)
    options = OptionsGuard(habits, keeps_session)
    refusals = RefusalWatch(camera, habits, failed)

    def on_request(request: Any) -> None:
        options.on_request(request)
        refusals.on_request(request)

    def on_answer(request: Any, answer: Any) -> None:
        options.on_answer(request, answer)
        refusals.on_answer(request, answer)
        guard.on_answer(answer)

    source = make_rtspsrc(
        MessageWatch(on_request, on_answer),
        location=camera.uri,
        protocols="udp" if transport == spec.TRANSPORT_UDP else "tcp",
        latency=latency,
        drop_on_latency=True,
        tcp_timeout=_CONNECT_SECONDS * 1000000,
        # Otherwise rtspsrc switches to TCP by itself when nothing arrives over UDP, against the setting.
        timeout=0,
    )
    _wait_for_answers(source, habits.answer_seconds)
    source.connect("accept-certificate", _on_untrusted_certificate, camera, failed)
    guard.watch(source)
    keep_alive(source, camera, stats, keeps_session)
    source.connect("pad-added", _on_rtp_pad, camera, stats, failed)
    # For camera_error().
    offered: List[_Offered] = []
    source.offered = offered
    source.refusals = refusals

    def on_select_stream(_source: Gst.Element, _number: int, caps: Optional[Gst.Caps]) -> bool:
        """What cannot be shown is not even set up: each stream that is takes a session of its own."""
        structure = None if caps is None or caps.is_empty() else caps.get_structure(0)
        kind = "" if structure is None else structure.get_string("media") or ""
        encoding = _encoding(structure) if kind == "video" else ""
        offered.append(_Offered(kind, encoding))
        most = 1 if habits.sends_one_stream else _MOST_STREAMS
        return encoding in DEPAYLOADERS and sum(one.encoding in DEPAYLOADERS for one in offered) <= most

    source.connect("select-stream", on_select_stream)
    # After the login guard, whose refusal to send ends the signal.
    said = (
        "it answers with more than %d bytes before it plays, or too many while it does:"
        " something else than a camera is there" % MOST_BYTES
    )
    limit_answers(
        source,
        lambda: stats.packets,
        lambda: failed(camera_failure(state.CAMERA_LOST_REASON_BROKEN_STREAM, camera.uri, said)),
        partial(note_connection, stats, stats.connections),
    )
    note_reports(source, stats)
    return source


def _wait_for_answers(source: Gst.Element, seconds: int) -> None:
    """From its first request on, an rtspsrc waits so long for each answer. Until then it waits for its connection."""

    def on_send(one: Gst.Element, _message: Any) -> bool:
        one.disconnect(handler)
        one.set_property("tcp-timeout", seconds * 1000000)
        return True

    handler = source.connect("before-send", on_send)


def _on_rtp_pad(_source: Gst.Element, pad: Gst.Pad, camera: spec.Camera, stats: CameraStats, failed: Failed) -> None:
    said = "%d bytes have come, and no whole frame" % rtp_packets.MOST_FRAME_BYTES
    failure = camera_failure(state.CAMERA_LOST_REASON_BROKEN_STREAM, camera.uri, said)
    note_packets(pad, stats, lambda: MainLoop.post(failed, failure))


def camera_error(message: Gst.Message, camera: spec.Camera) -> CameraFailure:
    """What an error message on the bus means for a camera. Called on the loop thread, once for each message."""
    error, debug = message.parse_error()
    offered: Optional[List[_Offered]] = getattr(message.src, "offered", None)
    if offered is not None and error.matches(Gst.StreamError.quark(), Gst.StreamError.CODEC_NOT_FOUND):
        # rtspsrc has set up no stream, and does not say why.
        encodings = [one.encoding for one in offered if one.kind == "video"]
        if not encodings:
            return _no_video(camera, [one.kind for one in offered])
        if not any(encoding in DEPAYLOADERS for encoding in encodings):
            return unsupported_encoding(camera, " and ".join(sorted(set(encodings))))
        said = "its description gives its video no address, or a transport that is not known here"
        broken = camera_failure(state.CAMERA_LOST_REASON_BROKEN_STREAM, camera.uri, said)
        return message.src.refusals.failure() or broken
    refused = None if offered is None else message.src.refusals.failure()
    why = refused or failure_from_error(error, debug, camera.uri)
    if offered is not None and why.reason == state.CAMERA_LOST_REASON_TIMEOUT:
        habits = habits_of(camera)
        habits.answer_seconds = min(2 * habits.answer_seconds, MOST_ANSWER_SECONDS)
    return explained(message.src, why)


def _no_video(camera: spec.Camera, offered: List[str]) -> CameraFailure:
    kinds = sorted({kind for kind in offered if kind in ("audio", "application", "text")})
    said = "it offers %s" % " and ".join(kinds) if kinds else ""
    return camera_failure(state.CAMERA_LOST_REASON_NO_VIDEO, camera.uri, said)


def refuse_large_frames(pad: Gst.Pad, camera: spec.Camera, failed: Failed) -> None:
    """Lets no frame pass through a pad that is larger than a camera may send, nor its caps: whatever is behind it never
    allocates one. failed is called on the loop thread, once. Before a decoder, the pad is its parser's source."""
    is_refused = False

    def on_event(pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        nonlocal is_refused
        event = info.get_event()
        if not is_refused and event.type == Gst.EventType.CAPS and _is_too_large(event.parse_caps()):
            is_refused = True
            # Only now: a call of Python for each frame costs processor time.
            pad.add_probe(Gst.PadProbeType.BUFFER, lambda *_: Gst.PadProbeReturn.DROP)
            MainLoop.post(failed, _large_frames(camera, event.parse_caps()))
        return Gst.PadProbeReturn.DROP if is_refused else Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, on_event)


def watch_decodebin(
    decodebin: Gst.Element, camera: spec.Camera, encoding: Callable[[str], None], failed: Failed
) -> None:
    """The same for what a decodebin is about to decode. encoding: gets its RTP encoding name, on the loop thread."""

    def on_autoplug_continue(_decodebin: Gst.Element, _pad: Gst.Pad, caps: Gst.Caps) -> bool:
        name = _ENCODINGS.get(caps.get_structure(0).get_name())
        if name is not None:
            MainLoop.post(encoding, name)
        if not _is_too_large(caps):
            return True
        MainLoop.post(failed, _large_frames(camera, caps))
        return False

    decodebin.connect("autoplug-continue", on_autoplug_continue)


def _frame_size(caps: Gst.Caps) -> Tuple[int, int]:
    """(0, 0): the caps do not say."""
    structure = caps.get_structure(0)
    (has_width, width), (has_height, height) = structure.get_int("width"), structure.get_int("height")
    return (width, height) if has_width and has_height else (0, 0)


def _is_too_large(caps: Gst.Caps) -> bool:
    width, height = _frame_size(caps)
    return width * height > MOST_PIXELS or max(width, height) > _LONGEST_SIDE


def _large_frames(camera: spec.Camera, caps: Gst.Caps) -> CameraFailure:
    said = "its frames are %dx%d, more than %d pixels or %d a side: set a smaller size at the camera" % (
        *_frame_size(caps),
        MOST_PIXELS,
        _LONGEST_SIDE,
    )
    return camera_failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, said)


def unsupported_encoding(camera: spec.Camera, encoding: str) -> CameraFailure:
    """The failure of a camera that sends what no table here has."""
    return camera_failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, "it sends %s" % encoding)


def add_test_source(chain: Chain, uri: str) -> None:
    """test://PATTERN?width=W&height=H&rate=FPS, all optional; patterns are videotestsrc's: ball, smpte, ..."""
    address = urlsplit(uri)
    query = parse_qs(address.query)

    def number(name: str, default: int, most: int) -> int:
        text = query.get(name, [""])[0]
        # \d would match digits of other scripts, which are no numbers to caps.
        return int(text) if re.match(r"[0-9]{1,5}\Z", text) and 0 < int(text) <= most else default

    chain.add("videotestsrc", None, is_live=True, pattern=address.netloc or "ball")
    chain.caps(
        "video/x-raw, format=I420, width=%d, height=%d, framerate=%d/1"
        % (number("width", 640, 8192), number("height", 360, 8192), number("rate", 15, 120))
    )


def when_video_appears(source: Gst.Element, attach: Callable[[Gst.Bin, Gst.Pad, str], None]) -> None:
    """Calls attach on the loop thread with the first video pad that an element adds, its container and its encoding. A
    pad that continues the stream takes its place.

    The pad appears on a streaming thread: a blocking probe holds its data back until the loop thread has linked it.
    attach gets the container as an argument, because a callback that holds its own pipeline would keep it alive for
    ever.
    """
    seen: List[Gst.Pad] = []

    def on_pad(_source: Gst.Element, pad: Gst.Pad) -> None:
        caps = pad.get_current_caps() or pad.query_caps(None)
        structure = caps.get_structure(0)
        is_video = structure.get_name().startswith("video/") or structure.get_string("media") == "video"
        earlier = seen[-1] if seen else None
        if not is_video or (earlier is not None and not _continues(earlier, pad)):
            return
        seen.append(pad)
        encoding = _encoding(structure) if structure.has_field("payload") else ""
        block = pad.add_probe(Gst.PadProbeType.BLOCK_DOWNSTREAM, lambda *_: Gst.PadProbeReturn.OK)

        def on_loop() -> None:
            element = pad.get_parent_element()
            container = None if element is None else element.get_parent()
            # None: the camera has been closed meanwhile.
            if container is not None and earlier is None:
                attach(container, pad, encoding)
            elif container is not None and earlier is not None:
                receiver = earlier.get_peer()
                if receiver is not None:
                    earlier.unlink(receiver)
                    pad.link_full(receiver, Gst.PadLinkCheck.DEFAULT)
            pad.remove_probe(block)

        MainLoop.post(on_loop)

    source.connect("pad-added", on_pad)


def _continues(earlier: Gst.Pad, pad: Gst.Pad) -> bool:
    """Whether a pad of rtspsrc has the stream of an earlier one, whose camera has changed its SSRC."""
    names = [re.match(r"recv_rtp_src_(\d+)_", one.get_name()) for one in (earlier, pad)]
    return names[0] is not None and names[1] is not None and names[0].group(1) == names[1].group(1)


def _encoding(rtp: Gst.Structure) -> str:
    """The RTP encoding name of a stream of video."""
    _, payload_type = rtp.get_int("payload")
    named = (rtp.get_string("encoding-name") or "").upper()
    return named or _STATIC_PAYLOADS.get(payload_type, "a codec without a name")


def begin_with_a_key_frame(pad: Gst.Pad) -> None:
    """Drops frames until the first key frame leaves a parser.

    NVIDIA's decoder, if it starts elsewhere, shows moving parts on grey (seen with 9.0.2).
    """

    def on_buffer(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        is_key = not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT)
        return Gst.PadProbeReturn.REMOVE if is_key else Gst.PadProbeReturn.DROP

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)


def _on_untrusted_certificate(
    _source: Gst.Element, _connection: Any, _certificate: Any, flaws: Any, camera: spec.Camera, failed: Failed
) -> bool:
    """Returns whether the certificate is accepted. Called on a streaming thread."""
    if not camera.accept_any_certificate:
        reasons = ", ".join(flaws.value_nicks).replace("-", " ")
        failure = camera_failure(state.CAMERA_LOST_REASON_CERTIFICATE, camera.uri, reasons)
        # First: rtspsrc's own error, which follows at once, does not tell the reason.
        soon(lambda: failed(failure), priority=GLib.PRIORITY_HIGH)
    return camera.accept_any_certificate


def available_codecs() -> List["spec.Codec"]:
    """The codecs that this machine's GStreamer can encode."""
    return [
        codec
        for codec, name in CODEC_NAMES.items()
        if Gst.ElementFactory.find(_OUTPUT_ELEMENTS[name].encoder) is not None
    ]


def add_encoder(chain: Chain, encoding: spec.Encoding) -> Gst.Element:
    """x264enc -> h264parse, or the same for H.265: from I420 to encoded frames, with little delay. Returns the encoder.

    Raises ChainError.
    """
    elements = _OUTPUT_ELEMENTS[codec_name(encoding)]
    # A key frame a second at the rate of a tiled stream. A stream of one camera, which has the camera's own rate, asks
    # for key frames by time.
    settings = {
        "bitrate": kilobits(encoding),
        "tune": "zerolatency",
        "speed_preset": "ultrafast",
        "key_int_max": max(1, encoding.frame_rate),
    }
    if elements.encoder == "x264enc":
        encoder = chain.add("x264enc", "encoder", threads=1, **settings)
    else:
        # One thread: pools of threads cost more than they give at these sizes, and add delay.
        options = "pools=none:frame-threads=1:log-level=none"
        encoder = chain.add("x265enc", "encoder", option_string=options, **settings)
    chain.add(elements.parser)
    return encoder


def encoded_pad(encoder: Gst.Element) -> Gst.Pad:
    """Where the frames of an encoder leave the parser behind it."""
    return encoder.get_static_pad("src").get_peer().get_parent_element().get_static_pad("src")


def kilobits(encoding: spec.Encoding) -> int:
    """x264enc and x265enc count in kbit/s."""
    return max(1, encoding.bitrate // 1000)


def add_loopback(chain: Chain, encoding: spec.Encoding, port: int) -> Gst.Element:
    """rtph264pay -> udpsink: from encoded frames to a loopback port, on which the outlet listens. Returns the udpsink.

    Raises ChainError.
    """
    payloader = _OUTPUT_ELEMENTS[codec_name(encoding)].payloader
    chain.add(payloader, config_interval=-1, pt=RTP_PAYLOAD_TYPE, mtu=RTP_LARGEST_PACKET)
    # The element may be started again after NULL, where it would close a socket that it was given.
    address = {"host": "127.0.0.1", "port": port, "socket": sender_socket(), "close_socket": False}
    return chain.add("udpsink", "loopback", sync=False, **address, **{"async": False})


def add_recording(chain: Chain, encoding: spec.Encoding, take: Take) -> Gst.Element:
    """capsfilter -> appsink: from parsed frames to the recorder. Returns the appsink. Raises ChainError."""
    chain.caps(_OUTPUT_ELEMENTS[codec_name(encoding)].recorded)
    return _add_appsink(chain, take)


def add_window(chain: Chain, encoding: spec.Encoding, take: Take) -> Gst.Element:
    """capsfilter -> appsink: from I420 in system memory to the window. Returns the appsink. Raises ChainError."""
    chain.caps("video/x-raw, format=I420, width=%d, height=%d" % (encoding.width, encoding.height))
    return _add_appsink(chain, take)


def _add_appsink(chain: Chain, take: Take) -> Gst.Element:
    # The callback must hold no element: a pipeline would keep itself alive for ever.
    def on_sample(sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            take(sample)
        return Gst.FlowReturn.OK

    sink = make("appsink", None, sync=False, emit_signals=True, max_buffers=1, **{"async": False})
    chain.append(sink, "appsink").connect("new-sample", on_sample)
    return sink
