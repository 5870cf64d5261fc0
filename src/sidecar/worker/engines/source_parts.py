"""What the sources of both engines share: rtspsrc with its settings, the test source, pads that appear late."""

import re
from typing import Any, Callable, List
from urllib.parse import parse_qs, urlsplit

from sidecar.chain import Chain, make
from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.worker.cameras.failure import CameraFailure, camera_failure
from sidecar.worker.main_loop import MainLoop

# By RTP encoding name.
DEPAYLOADERS = {"H264": "rtph264depay", "H265": "rtph265depay", "JPEG": "rtpjpegdepay"}

_DEFAULT_LATENCY_MILLISECONDS = 100
_TCP_TIMEOUT_MICROSECONDS = 5000000

Failed = Callable[[CameraFailure], None]


def make_rtsp_source(camera: spec.Camera, failed: Failed) -> Gst.Element:
    """An rtspsrc for an rtsp:// or rtsps:// camera, for video alone. failed is called on the loop thread."""
    latency = camera.latency.ToMilliseconds() if camera.HasField("latency") else _DEFAULT_LATENCY_MILLISECONDS
    source = make(
        "rtspsrc",
        None,
        location=camera.uri,
        protocols="udp" if camera.transport == spec.TRANSPORT_UDP else "tcp",
        latency=latency,
        drop_on_latency=True,
        tcp_timeout=_TCP_TIMEOUT_MICROSECONDS,
        # Without an answer by UDP rtspsrc would turn to TCP by itself, and the setting would say one thing while
        # another is done.
        timeout=0,
    )
    source.connect("accept-certificate", _judge_certificate, camera, failed)
    if camera.HasField("credentials"):
        source.set_property("user-id", camera.credentials.username)
        source.set_property("user-pw", camera.credentials.password)
    # Audio is not even set up: nothing would take it.
    source.connect("select-stream", lambda _source, _number, caps: caps.get_structure(0).get_string("media") == "video")
    return source


def unsupported_encoding(camera: spec.Camera, encoding: str) -> CameraFailure:
    """The camera sends what is in none of the tables."""
    return camera_failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, "it sends %s" % encoding)


def add_test_source(chain: Chain, uri: str) -> None:
    """test://PATTERN?width=W&height=H&rate=FPS, all optional; patterns are videotestsrc's: ball, smpte, ..."""
    address = urlsplit(uri)
    query = parse_qs(address.query)

    def number(name: str, default: int, most: int) -> int:
        text = query.get(name, [""])[0]
        # Digits of other scripts are digits too, and no numbers to caps.
        return int(text) if re.match(r"[0-9]{1,5}\Z", text) and 0 < int(text) <= most else default

    chain.add("videotestsrc", None, is_live=True, pattern=address.netloc or "ball")
    chain.caps(
        "video/x-raw, format=I420, width=%d, height=%d, framerate=%d/1"
        % (number("width", 640, 8192), number("height", 360, 8192), number("rate", 15, 120))
    )


def when_video_appears(source: Gst.Element, attach: Callable[[Gst.Bin, Gst.Pad, str], None]) -> None:
    """Calls attach on the loop thread with the first video pad of an element whose pads come late, and the encoding.

    The pad appears on a streaming thread: its data wait behind a blocking probe until the loop thread has linked it.
    attach gets the element's container as an argument: a callback that holds its own pipeline would keep it alive for
    ever.
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
            # None: the camera was closed meanwhile.
            if container is not None:
                attach(container, pad, encoding)
            pad.remove_probe(block)

        MainLoop.post(on_loop)

    source.connect("pad-added", on_pad)


def begin_with_a_key_frame(pad: Gst.Pad) -> None:
    """Drops what comes out of a parser before its first key frame: a decoder that starts in between shows grey moving
    parts (NVIDIA's, seen with 9.0.2)."""

    def on_buffer(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        is_key = not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT)
        return Gst.PadProbeReturn.REMOVE if is_key else Gst.PadProbeReturn.DROP

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)


def _judge_certificate(
    _source: Gst.Element, _connection: Any, _certificate: Any, flaws: Any, camera: spec.Camera, failed: Failed
) -> bool:
    """Asked on a streaming thread about a certificate that the system does not trust; rtspsrc's own error is silent."""
    if not camera.accept_any_certificate:
        said = ", ".join(flaws.value_nicks).replace("-", " ")
        MainLoop.post(failed, camera_failure(state.CAMERA_LOST_REASON_CERTIFICATE, camera.uri, said))
    return camera.accept_any_certificate
