"""Which class stands in for which element."""

from typing import FrozenSet, List, NamedTuple, Tuple, Type

from sidecar.gst import Gst
from standins import batch, bridge, catalogue, element, generic, objects
from standins.codec import Decoder, Encoder, JpegEncoder
from standins.convert import Convert
from standins.demux import Demux
from standins.infer import Infer
from standins.mux import Mux
from standins.osd import Osd
from standins.source import UriSource
from standins.tiler import Tiler
from standins.tracker import Tracker
from standins.window_sink import Window

# Above every software decoder, so that uridecodebin chooses it.
_DECODER_RANK = int(Gst.Rank.PRIMARY) + 11

# If this one is real, so is the GPU memory of its frames.
_CONVERTER = "nvvideoconvert"

_ELEMENTS = {
    "nvstreammux": (Mux, "Generic/Video"),
    "nvstreamdemux": (Demux, "Generic/Video"),
    "nvinfer": (Infer, "Filter/Video"),
    "nvtracker": (Tracker, "Filter/Video"),
    "nvvideoconvert": (Convert, "Filter/Converter/Video/Scaler"),
    "nvmultistreamtiler": (Tiler, "Filter/Video"),
    "nvdsosd": (Osd, "Filter/Video"),
    "nvv4l2decoder": (Decoder, "Codec/Decoder/Video"),
    "nvjpegdec": (Decoder, "Codec/Decoder/Video"),
    "nvv4l2h264enc": (Encoder, "Codec/Encoder/Video"),
    "nvv4l2h265enc": (Encoder, "Codec/Encoder/Video"),
    "nvjpegenc": (JpegEncoder, "Codec/Encoder/Image"),
    "nvurisrcbin": (UriSource, "Source/Video"),
    "nv3dsink": (Window, "Sink/Video"),
    "nveglglessink": (Window, "Sink/Video"),
}


class Options(NamedTuple):
    """What the elements know about the release and the board that they stand for."""

    release: str
    board: str
    order: Tuple[str, ...]
    encoder_works: bool
    build_seconds: float
    detect: objects.Detect
    # Elements that GStreamer has already, and that are not replaced.
    real: FrozenSet[str] = frozenset()

    def later_than(self, release: str) -> bool:
        return self.order.index(self.release) > self.order.index(release)

    def before(self, release: str) -> bool:
        return self.order.index(self.release) < self.order.index(release)


def register_all(specs: List[catalogue.Element], options: Options) -> None:
    """Registers all elements of a release and board, except the real ones. Once in a process."""
    batch.register()
    for spec in specs:
        if spec.name in options.real:
            continue
        base, klass = _ELEMENTS.get(spec.name) or (_generic(spec), "Generic")
        if _CONVERTER in options.real and bridge.needed(spec.name):
            inside = spec._replace(name=bridge.inside_name(spec.name))
            element.register(base, inside, options, 0, klass)
            base = bridge.Bridge
        element.register(base, spec, options, _DECODER_RANK if spec.name == "nvv4l2decoder" else 0, klass)


def _generic(spec: catalogue.Element) -> Type[element.Standin]:
    pads = {(pad.name, pad.presence) for pad in spec.pads}
    if pads == {("sink", "always"), ("src", "always")}:
        return generic.Filter
    if pads == {("sink", "always")}:
        return generic.Sink
    return generic.Shell
