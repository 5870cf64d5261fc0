"""Which codecs the hardware encodes here: those of which it really encodes a frame."""

from typing import Dict, List, NamedTuple, Optional

from sidecar.chain import Chain, ChainError
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.pipeline import ENCODERS, converter_settings, encoder_settings
from sidecar.worker.engines.deepstream.probes import on_frame
from sidecar.worker.engines.shared_elements import available_codecs
from sidecar.worker.outputs.plan import CODEC_NAMES

# The first use of CUDA alone may take seconds.
_PROBE_SECONDS = 10


class Encoders(NamedTuple):
    """By codec name."""

    hardware: List[str]
    # Why the hardware does not encode the others.
    refusals: Dict[str, str]

    def codecs(self) -> List["spec.Codec"]:
        """What this machine can encode, by hardware or software."""
        software = available_codecs()
        return [codec for codec, name in CODEC_NAMES.items() if name in self.hardware or codec in software]


def probe_encoders(elements: Elements) -> Encoders:
    """Encodes one frame with each hardware encoder. A factory proves nothing: Orin Nano has no NVENC, and its element
    fails when the first frame's format is set. Waits at most _PROBE_SECONDS for each. Called on the loop thread."""
    found = {codec: _refusal(codec, elements) for codec in sorted(ENCODERS)}
    hardware = [codec for codec, refusal in found.items() if refusal is None]
    refusals = {codec: refusal for codec, refusal in found.items() if refusal is not None}
    Log("encoders").info("encoders probed", hardware=hardware, refusals=refusals)
    return Encoders(hardware, refusals)


def _refusal(codec: str, elements: Elements) -> Optional[str]:
    pipeline = Gst.Pipeline.new("encoder-probe")
    try:
        chain = Chain(pipeline)
        chain.add("videotestsrc", num_buffers=1)
        chain.caps("video/x-raw, format=I420, width=256, height=256, framerate=30/1")
        chain.add("nvvideoconvert", **converter_settings(elements))
        chain.caps("video/x-raw(memory:NVMM), format=I420")
        encoder = chain.add(ENCODERS[codec], None, **encoder_settings(elements, codec, 1000000, 30))
        chain.add("fakesink", None, sync=False)
    except ChainError as error:
        return str(error)
    encoded: List[bool] = []
    on_frame(encoder.get_static_pad("src"), lambda: encoded.append(True))
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
