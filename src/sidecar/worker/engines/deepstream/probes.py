"""Pad probes of the pipeline. They run on streaming threads, do arithmetic and hand over, and never wait.

A callback must not hold an element or a pad: it and the pipeline would hold each other, and never be freed.
"""

import time
from typing import Callable, Tuple

from sidecar.gst import Gst
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.engines.deepstream.sizes import fitted_size
from sidecar.worker.main_loop import MainLoop

# nvinfer's interval at which it skips every batch but the first.
_INFER_NONE = 2**31 - 2


def add_probe(pad: Gst.Pad, act: Callable[[Gst.Buffer], None], failed: Callable[[Exception], None]) -> None:
    """Calls act with every buffer that passes a pad.

    failed: called on the loop thread with an exception of act. PyGObject would only print it, and drop the buffer.
    """

    def on_buffer(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        try:
            act(info.get_buffer())
        except Exception as error:  # whatever is wrong with this graph is reported
            MainLoop.post(failed, error)
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)


def on_frame(pad: Gst.Pad, act: Callable[[], None]) -> None:
    """Calls act for every frame that passes a pad."""

    def on_buffer(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        act()
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)


def on_size(pad: Gst.Pad, act: Callable[[int, int], None]) -> None:
    """Calls act with the width and height of the frames that will pass a pad, whenever they change."""

    def on_event(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        event = info.get_event()
        if event.type == Gst.EventType.CAPS:
            structure = event.parse_caps().get_structure(0)
            act(structure.get_int("width")[1], structure.get_int("height")[1])
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, on_event)


def pass_if(pad: Gst.Pad, condition: Callable[[], bool]) -> None:
    """Drops the frames that arrive at a pad while the condition is false."""

    def on_buffer(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        return Gst.PadProbeReturn.OK if condition() else Gst.PadProbeReturn.DROP

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)


def limit_rate(pad: Gst.Pad, frame_rate: int) -> None:
    """Drops frames at a pad, by their PTS, so that no more than so many a second pass."""
    interval = Gst.SECOND // frame_rate
    # Cameras jitter.
    tolerance = interval // 2
    due = 0

    def on_buffer(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        nonlocal due
        pts = info.get_buffer().pts
        if pts + tolerance < due:
            return Gst.PadProbeReturn.DROP
        due = max(due, pts - tolerance) + interval
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)


def keep_shape(converter: Gst.Element, size: Tuple[int, int]) -> None:
    """Has an nvvideoconvert scale frames into the top left of a size without distortion."""
    # Asked on the element's own streaming thread alone: it ends before anybody lets go of the element.
    reference = converter.weak_ref()

    def fit(width: int, height: int) -> None:
        element = reference()
        if element is not None:
            element.set_property("dest-crop", "0:0:%d:%d" % fitted_size(width, height, size))

    on_size(converter.get_static_pad("sink"), fit)


def watch_for_freeze(entry: Gst.Pad, sink: Gst.Element, luma_bytes: int, detector: FreezeDetector) -> None:
    """Lets frames pass a pad as often as the detector wants one, and gives it the luma that arrives at an appsink."""
    pass_if(entry, lambda: detector.is_due(time.monotonic()))

    def on_sample(sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            # The luma plane comes first.
            detector.observe(sample.get_buffer().extract_dup(0, luma_bytes), time.monotonic())
        return Gst.FlowReturn.OK

    sink.connect("new-sample", on_sample)


def infer_switch(infer: Gst.Element) -> Callable[[bool], None]:
    """A function that has nvinfer infer the next batch, or skip it: to be called in a probe at its sink pad."""
    # Asked on the element's own streaming thread alone: it ends before anybody lets go of the element.
    reference = infer.weak_ref()
    current = True

    def switch(on: bool) -> None:
        nonlocal current
        element = reference()
        if on != current and element is not None:
            current = on
            # nvinfer numbers batches from its start, and infers those that interval + 1 divides.
            element.set_property("interval", 0 if on else _INFER_NONE)

    return switch
