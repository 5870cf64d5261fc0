"""nveglglessink and nv3dsink: a real window on the X display; without a display they do not start.

They take frames in system memory only: their caps refuse frames on the GPU, which a stand-in window could not show.
"""

from sidecar.gst import Gst, GstBase
from standins.element import Standin


class Window(Standin):
    """Pushes its frames into a pipeline of its own that ends in an X window."""

    gst_class = GstBase.BaseSink

    def do_start(self) -> bool:
        self._inner = Gst.parse_launch(
            "appsrc name=source format=time ! videoconvert n-threads=1 ! ximagesink sync=false"
        )
        self._source = self._inner.get_by_name("source")
        if self._inner.set_state(Gst.State.READY) == Gst.StateChangeReturn.FAILURE:
            return self._fail_as_inner()
        self._inner.set_state(Gst.State.PLAYING)
        return True

    def do_stop(self) -> bool:
        self._inner.set_state(Gst.State.NULL)
        return True

    def do_set_caps(self, caps: Gst.Caps) -> bool:
        if caps.get_features(0).contains("memory:NVMM"):
            return False
        self._source.set_property("caps", caps)
        return True

    def do_render(self, buffer: Gst.Buffer) -> Gst.FlowReturn:
        flow = self._source.emit("push-buffer", buffer)
        return Gst.FlowReturn.OK if flow == Gst.FlowReturn.OK and self._is_well() else Gst.FlowReturn.ERROR

    def _is_well(self) -> bool:
        return self._inner.get_bus().peek() is None or not self._has_failed()

    def _has_failed(self) -> bool:
        message = self._inner.get_bus().pop_filtered(Gst.MessageType.ERROR)
        if message is not None:
            self.fail(message.parse_error()[0].message, Gst.ResourceError.NOT_FOUND)
        return message is not None

    def _fail_as_inner(self) -> bool:
        self._has_failed()
        self._inner.set_state(Gst.State.NULL)
        return False
