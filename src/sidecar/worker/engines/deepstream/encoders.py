"""Which encoder makes a codec's stream here: the hardware's if it really encodes a frame, else the CPU's."""

from typing import Dict, List, NamedTuple, Optional

from sidecar.chain import Chain, ChainError
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.worker.engines.deepstream.elements import ENCODERS, Elements
from sidecar.worker.engines.software_encoder import add_encoder as add_software_encoder
from sidecar.worker.engines.software_encoder import available_codecs, kilobits
from sidecar.worker.outputs.plan import CODEC_NAMES, codec_name

# CUDA's first use alone may take seconds.
_PROBE_SECONDS = 10
_PARSERS = {"H264": "h264parse", "H265": "h265parse"}
# Of a picture whose rate is the camera's own.
_USUAL_FRAME_RATE = 30


class Encoders(NamedTuple):
    """By codec name; why not, where the hardware does not encode it."""

    hardware: List[str]
    refusals: Dict[str, str]

    def codecs(self) -> List["spec.Codec"]:
        """What this machine can encode at all."""
        software = available_codecs()
        return [codec for codec, name in CODEC_NAMES.items() if name in self.hardware or codec in software]


def probe_encoders(elements: Elements) -> Encoders:
    """Encodes one frame with each hardware encoder. That its factory is there proves nothing: Orin Nano has no NVENC,
    and the element fails at the first frame's format. Waits at most _PROBE_SECONDS for each; on the loop thread."""
    hardware = []
    refusals = {}
    for codec in sorted(ENCODERS):
        refusal = _refusal(codec, elements)
        if refusal is None:
            hardware.append(codec)
        else:
            refusals[codec] = refusal
    Log("encoders").info("encoders probed", hardware=hardware, refusals=refusals)
    return Encoders(hardware, refusals)


def _refusal(codec: str, elements: Elements) -> Optional[str]:
    pipeline = Gst.Pipeline.new("encoder-probe")
    try:
        chain = Chain(pipeline)
        chain.add("videotestsrc", num_buffers=1)
        chain.caps("video/x-raw, format=I420, width=256, height=256, framerate=30/1")
        chain.add("nvvideoconvert", **elements.converter())
        chain.caps("video/x-raw(memory:NVMM), format=I420")
        encoder = chain.add(ENCODERS[codec], None, **elements.encoder(codec, 1000000, 30))
        chain.add("fakesink", None, sync=False)
    except ChainError as error:
        return str(error)
    encoded: List[Gst.Buffer] = []

    def on_encoded(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        encoded.append(info.get_buffer())
        return Gst.PadProbeReturn.OK

    encoder.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, on_encoded)
    try:
        pipeline.set_state(Gst.State.PLAYING)
        wanted = Gst.MessageType.ERROR | Gst.MessageType.EOS
        message = pipeline.get_bus().timed_pop_filtered(_PROBE_SECONDS * Gst.SECOND, wanted)
    finally:
        pipeline.set_state(Gst.State.NULL)
    if message is None:
        return "it encoded nothing within %d s" % _PROBE_SECONDS
    if message.type == Gst.MessageType.ERROR:
        return str(message.parse_error()[0].message)
    return None if encoded else "it ended without a frame"


def raw_caps(codec: str, encoders: Encoders, width: int, height: int) -> str:
    """What the encoder of a codec takes: on the GPU, or in system memory for the CPU's."""
    memory = "(memory:NVMM)" if codec in encoders.hardware else ""
    return "video/x-raw%s, format=I420, width=%d, height=%d" % (memory, width, height)


def add_encoder(chain: Chain, encoding: spec.Encoding, encoders: Encoders, elements: Elements) -> Gst.Element:
    """From raw_caps() to a parsed stream; the parser puts the parameter sets in front of every key frame, which
    insert-sps-pps would do on some boards only. Returns the encoder. Raises ChainError."""
    codec = codec_name(encoding)
    if codec not in encoders.hardware:
        return add_software_encoder(chain, encoding)
    rate = encoding.frame_rate or _USUAL_FRAME_RATE
    encoder = chain.add(ENCODERS[codec], None, **elements.encoder(codec, encoding.bitrate, rate))
    chain.add(_PARSERS[codec], None, config_interval=-1)
    return encoder


def set_bitrate(encoder: Gst.Element, encoding: spec.Encoding) -> bool:
    """Changes the bit rate while frames flow. False: this encoder cannot."""
    name = encoder.get_factory().get_name()
    if name in ENCODERS.values():
        encoder.set_property("bitrate", encoding.bitrate)
    elif name == "x264enc":
        encoder.set_property("bitrate", kilobits(encoding))
    else:
        return False
    return True
