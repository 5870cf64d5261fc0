"""Elements with only the name, pads and properties of NVIDIA's: filters pass buffers on, sinks drop them."""

from sidecar.gst import Gst, GstBase
from standins.element import Standin


class Filter(Standin):
    """Passes buffers on unchanged."""

    gst_class = GstBase.BaseTransform

    def build(self) -> None:
        self.set_passthrough(True)


class Sink(Standin):
    """Drops buffers, with sync at their time."""

    gst_class = GstBase.BaseSink


class Shell(Standin):
    """Can be created and configured, but does not start."""

    gst_class = Gst.Bin

    def do_change_state(self, transition: Gst.StateChange) -> Gst.StateChangeReturn:
        if transition == Gst.StateChange.READY_TO_PAUSED:
            self.fail("%s has no stand-in that works" % self.spec.name, Gst.ResourceError.NOT_FOUND)
            return Gst.StateChangeReturn.FAILURE
        return Gst.Bin.do_change_state(self, transition)
