"""The graph: one pipeline from the cameras' places at the muxer to the pictures, built top to bottom."""

from functools import partial
from itertools import groupby
from typing import Callable, Dict, List, NamedTuple, Tuple

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.chain import Chain, ChainError, request_pad  # noqa: E402
from sidecar.contract import spec  # noqa: E402
from sidecar.worker.board import OutputKey  # noqa: E402
from sidecar.worker.engines.deepstream import meta  # noqa: E402
from sidecar.worker.engines.deepstream.elements import Elements  # noqa: E402
from sidecar.worker.engines.deepstream.encoders import Encoders  # noqa: E402
from sidecar.worker.engines.deepstream.lettering import Lettering  # noqa: E402
from sidecar.worker.engines.deepstream.picture import Picture  # noqa: E402
from sidecar.worker.engines.deepstream.place import Place  # noqa: E402
from sidecar.worker.engines.deepstream.probes import add_probe  # noqa: E402
from sidecar.worker.engines.deepstream.sizes import places  # noqa: E402
from sidecar.worker.engines.deepstream.vision import Seat, Vision  # noqa: E402
from sidecar.worker.outputs import Plan  # noqa: E402

# What a muxer waits for if no picture says a rate.
_USUAL_FRAME_RATE = 30

Failed = Callable[[Exception], None]


class GraphPlan(NamedTuple):
    """All that a graph is built from."""

    # In the order of the muxer's pads.
    seats: List[Seat]
    pictures: List[Plan]
    mux_size: Tuple[int, int]
    # nvinfer's configuration file.
    infer_config: str
    # Pictures that the network takes at once.
    batch: int
    interval: int
    tracker: "spec.TrackerAlgorithm"


class Graph:
    """Built in state NULL. Methods are called on the loop thread, except load()."""

    def __init__(
        self,
        plan: GraphPlan,
        elements: Elements,
        encoders: Encoders,
        vision: Vision,
        failed: Failed,
        take: Callable[[OutputKey, Gst.Sample], None],
    ) -> None:
        """failed: see add_probe(). take: see Outputs. Raises ChainError; then nothing is left of it."""
        self.pipeline = Gst.Pipeline.new("deepstream")
        # Sources come and go, and with them the clocks that they offer.
        self.pipeline.use_clock(Gst.SystemClock.obtain())
        chain = Chain(self.pipeline)
        self.mux = add_mux(chain, plan, elements)
        self.places = [Place(self.pipeline, self.mux, index) for index in range(len(plan.seats))]
        self.infer = add_infer(chain, plan, vision, failed)
        add_tracker(chain, plan, elements, vision, failed)
        self.pictures = add_pictures(chain, plan, elements, encoders, vision, failed, take)

    def load(self) -> Gst.StateChangeReturn:
        """Takes the elements to PAUSED, in which nvinfer loads its engine: seconds on a Jetson, so that this one call
        is made on a thread of its own while the main loop goes on beating."""
        return self.pipeline.set_state(Gst.State.PAUSED)

    def close(self) -> None:
        """Returns when nothing runs any more."""
        for place in self.places:
            place.clear()
        self.pipeline.set_state(Gst.State.NULL)


def add_mux(chain: Chain, plan: GraphPlan, elements: Elements) -> Gst.Element:
    """All cameras into one batch."""
    settings = elements.mux(len(plan.seats), plan.mux_size, frame_rate(plan.pictures))
    return chain.add("nvstreammux", "mux", **settings)


def frame_rate(pictures: List[Plan]) -> int:
    """The highest that a picture asks for."""
    return max([one.encoding.frame_rate for one in pictures] or [0]) or _USUAL_FRAME_RATE


def add_infer(chain: Chain, plan: GraphPlan, vision: Vision, failed: Failed) -> Gst.Element:
    """One inference for the whole batch."""
    infer = chain.add(
        "nvinfer", "infer", config_file_path=plan.infer_config, batch_size=plan.batch, interval=plan.interval
    )
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
    """The batch goes to each tiled picture as a whole, and to the pictures of single cameras frame by frame."""
    seen = chain.add("tee", "seen")
    order = [seat.camera_id for seat in plan.seats]
    pictures: Dict[OutputKey, Picture] = {}
    for _, group in groupby(plan.pictures, key=lambda one: one.key[0]):
        branch = Chain(chain.container, after=seen)
        for one in group:
            numbers = [order.index(camera.id) for camera in one.cameras]
            lettering = Lettering(vision, numbers, places(one, plan.mux_size))
            picture = pictures[one.key] = Picture(one, encoders, elements, lettering, failed, partial(take, one.key))
            if not one.key[1]:
                branch.append(picture.container, picture.container.get_name())
                continue
            if branch.last is seen:
                add_demux(branch)
            _link_camera(branch, picture, plan.seats[numbers[0]], numbers[0])
    return pictures


def add_demux(branch: Chain) -> None:
    """The batch apart again; in front of it a queue, so that no picture waits for another."""
    branch.add("queue", None, max_size_buffers=2, max_size_bytes=0, max_size_time=0, leaky="downstream")
    branch.add("nvstreamdemux")


def _link_camera(branch: Chain, picture: Picture, seat: Seat, index: int) -> None:
    branch.container.add(picture.container)
    pad = request_pad(branch.last, "src_%d" % index)
    sink = picture.container.get_static_pad("sink")
    result = pad.link_full(sink, Gst.PadLinkCheck.DEFAULT)
    if result != Gst.PadLinkReturn.OK:
        raise ChainError(picture.container.get_name(), "cannot be linked after nvstreamdemux: %s" % result.value_nick)

    def on_frame(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        # A picture of one camera shows that camera or nothing: the outlet then says what is wrong.
        shown = all(seat.owns(frame) for frame in meta.frames(info.get_buffer()))
        return Gst.PadProbeReturn.OK if shown else Gst.PadProbeReturn.DROP

    sink.add_probe(Gst.PadProbeType.BUFFER, on_frame)
