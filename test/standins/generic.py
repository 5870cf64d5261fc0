"""Elements that only have NVIDIA's name, pads and properties: filters pass buffers on, sinks drop them."""

from sidecar.gst import Gst, GstBase
from standins.element import Standin


class Filter(Standin):
    """Passes buffers on as they are."""

    gst_class = GstBase.BaseTransform

    def build(self) -> None:
        self.set_passthrough(True)


class Sink(Standin):
    """Drops buffers, at their time if sync says so."""

    gst_class = GstBase.BaseSink


class Shell(Standin):
    """Can be made and configured, and refuses to start."""

    gst_class = Gst.Bin

    def do_change_state(self, transition: Gst.StateChange) -> Gst.StateChangeReturn:
        if transition == Gst.StateChange.READY_TO_PAUSED:
            self.fail("%s has no stand-in that works" % self.spec.name, Gst.ResourceError.NOT_FOUND)
            return Gst.StateChangeReturn.FAILURE
        return Gst.Bin.do_change_state(self, transition)
