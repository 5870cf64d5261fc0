"""Software encoders: little delay, a key frame every second, the bit rate as asked."""

from typing import List, NamedTuple

from sidecar.chain import Chain
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.outlet.protocol import RTP_LARGEST_PACKET, RTP_PAYLOAD_TYPE
from sidecar.worker.outputs.plan import CODEC_NAMES, codec_name
from sidecar.worker.outputs.rtp_sender import sender_socket


class _Elements(NamedTuple):
    """What encodes a codec, parses it and puts it into RTP packets."""

    encoder: str
    parser: str
    payloader: str


_ELEMENTS = {
    "H264": _Elements("x264enc", "h264parse", "rtph264pay"),
    "H265": _Elements("x265enc", "h265parse", "rtph265pay"),
}


def available_codecs() -> List["spec.Codec"]:
    """The codecs that this machine's GStreamer can encode."""
    found = {name: Gst.ElementFactory.find(elements.encoder) for name, elements in _ELEMENTS.items()}
    return [codec for codec, name in CODEC_NAMES.items() if found[name] is not None]


def add_encoder(chain: Chain, encoding: spec.Encoding) -> Gst.Element:
    """From I420 to encoded frames. Raises ChainError."""
    elements = _ELEMENTS[codec_name(encoding)]
    if codec_name(encoding) == "H264":
        encoder = chain.add(
            "x264enc",
            "encoder",
            bitrate=kilobits(encoding),
            tune="zerolatency",
            speed_preset="ultrafast",
            threads=1,
            key_int_max=_most_frames_between_keys(encoding),
        )
    else:
        encoder = chain.add(
            "x265enc",
            "encoder",
            bitrate=kilobits(encoding),
            tune="zerolatency",
            speed_preset="ultrafast",
            key_int_max=_most_frames_between_keys(encoding),
            # One thread: pools of threads cost more than they give at these sizes, and add delay.
            option_string="pools=none:frame-threads=1:log-level=none",
        )
    chain.add(elements.parser)
    return encoder


def add_loopback(chain: Chain, encoding: spec.Encoding, port: int) -> Gst.Element:
    """From encoded frames to RTP on a loopback port, where the outlet listens. Raises ChainError."""
    chain.add(
        _ELEMENTS[codec_name(encoding)].payloader, config_interval=-1, pt=RTP_PAYLOAD_TYPE, mtu=RTP_LARGEST_PACKET
    )
    address = {"host": "127.0.0.1", "port": port, "socket": sender_socket()}
    return chain.add("udpsink", "loopback", sync=False, **address, **{"async": False})


def kilobits(encoding: spec.Encoding) -> int:
    """x264enc and x265enc count in kbit/s."""
    return max(1, encoding.bitrate // 1000)


def _most_frames_between_keys(encoding: spec.Encoding) -> int:
    """One second at the tiled picture's rate. A picture with the camera's own rate asks for key frames by time."""
    return max(1, encoding.frame_rate)
