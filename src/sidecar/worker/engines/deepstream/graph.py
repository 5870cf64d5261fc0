"""The graph: one pipeline from the cameras' places at the muxer to the pictures, built top to bottom."""

from functools import partial
from itertools import groupby
from typing import Callable, Dict, List, NamedTuple, Tuple

from sidecar.chain import Chain, ChainError, request_pad
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.encoders import Encoders
from sidecar.worker.engines.deepstream.lettering import Lettering
from sidecar.worker.engines.deepstream.picture import Picture
from sidecar.worker.engines.deepstream.place import Place
from sidecar.worker.engines.deepstream.probes import add_probe
from sidecar.worker.engines.deepstream.sizes import places
from sidecar.worker.engines.deepstream.vision import Seat, Vision
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.outputs.plan import StreamPlan
from sidecar.worker.status.store import OutputKey

# nvinfer's interval with which it passes a batch over: its first was looked at.
_NEVER = 2**31 - 2
# How long the sources of a graph that ends are waited for.
_CLOSE_SECONDS = 0.5

Failed = Callable[[Exception], None]


def is_mux_new() -> bool:
    """Whether nvstreammux is the new one here: USE_NEW_NVSTREAMMUX=yes makes it so when GStreamer loads the plugin, and
    a release may have no other. Asked of the element itself."""
    mux = Gst.ElementFactory.make("nvstreammux", None)
    return mux is not None and mux.find_property("width") is None


class InferSwitch:
    """Has nvinfer look at a batch, or pass it over. On nvinfer's streaming thread, in a probe in front of it."""

    def __init__(self, infer: Gst.Element) -> None:
        # Weak: a probe of the pipeline's must not hold an element of it.
        self._infer = infer.weak_ref()
        self._looks = True

    def set(self, looks: bool) -> None:
        infer = self._infer()
        if looks != self._looks and infer is not None:
            self._looks = looks
            # It counts batches since it started, and passes over those that its interval does not divide.
            infer.set_property("interval", 0 if looks else _NEVER)


class GraphPlan(NamedTuple):
    """All that a graph is built from."""

    # In the order of the muxer's pads.
    seats: List[Seat]
    pictures: List[StreamPlan]
    mux_size: Tuple[int, int]
    # Configuration files of nvinfer and of the new muxer.
    infer_config: str
    mux_config: str
    # Pictures that the network takes at once.
    batch: int
    tracker: "spec.TrackerAlgorithm"


class Graph:
    """Built in state NULL. Methods are called on the loop thread, except load()."""

    def __init__(
        self,
        plan: GraphPlan,
        elements: Elements,
        encoders: Encoders,
        vision: Vision,
        closer: SourceCloser,
        failed: Failed,
        take: Callable[[OutputKey, Gst.Sample], None],
    ) -> None:
        """closer: ends the cameras' sources. failed: see add_probe(). take: see Outputs.

        Raises ChainError; then nothing is left of it.
        """
        self.pipeline = Gst.Pipeline.new("deepstream")
        # Sources come and go, and with them the clocks that they offer.
        self.pipeline.use_clock(Gst.SystemClock.obtain())
        chain = Chain(self.pipeline)
        self.mux = add_mux(chain, plan, elements)
        self._closer = closer
        self.places = [
            Place(self.pipeline, self.mux, index, seat.camera_id, closer) for index, seat in enumerate(plan.seats)
        ]
        self.infer = add_infer(chain, plan, vision, failed)
        add_tracker(chain, plan, elements, vision, failed)
        self.pictures = add_pictures(chain, plan, elements, encoders, vision, failed, take)

    def load(self) -> Gst.StateChangeReturn:
        """Takes the elements to PAUSED, in which nvinfer loads its engine: seconds on a Jetson, so that this one call
        is made on a thread of its own while the main loop goes on beating."""
        return self.pipeline.set_state(Gst.State.PAUSED)

    def close(self) -> None:
        """Returns when nothing runs any more, but for sources that do not end."""
        for place in self.places:
            place.clear()
        self.pipeline.set_state(Gst.State.NULL)
        self._closer.wait(_CLOSE_SECONDS)


def add_mux(chain: Chain, plan: GraphPlan, elements: Elements) -> Gst.Element:
    """All cameras into one batch."""
    settings = elements.mux(len(plan.seats), plan.mux_size, plan.mux_config)
    return chain.add("nvstreammux", "mux", **settings)


def add_infer(chain: Chain, plan: GraphPlan, vision: Vision, failed: Failed) -> Gst.Element:
    """One inference for the whole batch."""
    infer = chain.add("nvinfer", "infer", config_file_path=plan.infer_config, batch_size=plan.batch)
    vision.control(InferSwitch(infer).set)
    add_probe(infer.get_static_pad("sink"), vision.on_entering, failed)
    add_probe(infer.get_static_pad("src"), vision.on_inferred, failed)
    return infer


def add_tracker(chain: Chain, plan: GraphPlan, elements: Elements, vision: Vision, failed: Failed) -> None:
    """Numbers for the objects, if they are asked for."""
    if plan.tracker:
        chain.add("nvtracker", "tracker", **elements.tracker(plan.tracker))
    add_probe(chain.elements[-1].get_static_pad("src"), vision.on_seen, failed)


def add_pictures(
    chain: Chain,
    plan: GraphPlan,
    elements: Elements,
    encoders: Encoders,
    vision: Vision,
    failed: Failed,
    take: Callable[[OutputKey, Gst.Sample], None],
) -> Dict[OutputKey, Picture]:
    """The batch goes to each tiled picture as a whole, and to the pictures of single cameras frame by frame.

    All are drawn on one after the other, on the thread of one queue: a tee gives the same metadata to every branch, and
    what one picture has drawn is removed before the next one sees them. Those of single cameras come first, so that it
    does not matter whether the tiler moves the boxes of the batch itself or of a copy.
    """
    chain.add("queue", "drawing", max_size_buffers=2, max_size_bytes=0, max_size_time=0, leaky="downstream")
    seen = chain.add("tee", "seen")
    order = [seat.camera_id for seat in plan.seats]
    pictures: Dict[OutputKey, Picture] = {}
    in_turn = sorted(plan.pictures, key=lambda one: not one.key[1])
    for _, group in groupby(in_turn, key=lambda one: one.key[0]):
        branch = Chain(chain.container, after=seen)
        for one in group:
            numbers = [order.index(camera.id) for camera in one.cameras]
            lettering = Lettering(vision, numbers, places(one, plan.mux_size))
            picture = pictures[one.key] = Picture(one, encoders, elements, lettering, failed, partial(take, one.key))
            if not one.key[1]:
                branch.append(picture.container, picture.container.get_name())
                continue
            if branch.last is seen:
                branch.add("nvstreamdemux")
            _link_camera(branch, picture, plan.seats[numbers[0]], numbers[0])
    return pictures


def _link_camera(branch: Chain, picture: Picture, seat: Seat, index: int) -> None:
    branch.container.add(picture.container)
    pad = request_pad(branch.last, "src_%d" % index)
    sink = picture.container.get_static_pad("sink")
    result = pad.link_full(sink, Gst.PadLinkCheck.DEFAULT)
    if result != Gst.PadLinkReturn.OK:
        raise ChainError(picture.container.get_name(), "cannot be linked after nvstreamdemux: %s" % result.value_nick)

    def on_frame(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        # A picture of one camera shows that camera or nothing: the outlet then says what is wrong.
        return Gst.PadProbeReturn.OK if seat.is_seen else Gst.PadProbeReturn.DROP

    sink.add_probe(Gst.PadProbeType.BUFFER, on_frame)
