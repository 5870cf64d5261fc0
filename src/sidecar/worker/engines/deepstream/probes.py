"""Pad probes on streaming threads, in which no exception is lost."""

from typing import Callable

from sidecar.gst import Gst
from sidecar.worker.main_loop import MainLoop


def add_probe(pad: Gst.Pad, act: Callable[[Gst.Buffer], None], failed: Callable[[Exception], None]) -> None:
    """Calls act with every buffer that passes a pad, which then goes on.

    failed: called on the loop thread with what act raised. The bindings would only print it, and drop the buffer. What
    both are bound to must not hold the pad's pipeline, which would keep itself alive for ever.
    """

    def on_buffer(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        try:
            act(info.get_buffer())
        except Exception as error:  # whatever is wrong with this graph, it is told
            MainLoop.post(failed, error)
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)
