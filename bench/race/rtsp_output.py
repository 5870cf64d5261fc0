"""An RTSP server with one stream of frames that a program pushes, as a contestant in the race would write it."""

import json
import threading
from typing import Any, Optional

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

# The encoder that Slipstream uses, with the same settings.
ENCODER = (
    "x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=4000 key-int-max=%d"
    " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1"
)


class RtspOutput:
    """Serves what write() gets, and prints its address as JSON."""

    def __init__(self, launch: str) -> None:
        """launch: the elements. Frames of write() enter an appsrc named source, if there is one."""
        Gst.init(None)
        self._source: Optional[Gst.Element] = None
        server = GstRtspServer.RTSPServer()
        server.set_address("127.0.0.1")
        server.set_service("0")
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch("( %s )" % launch)
        factory.set_shared(True)
        factory.connect("media-configure", self._configure)
        server.get_mount_points().add_factory("/race", factory)
        server.attach(None)
        self._server = server
        threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
        print(json.dumps({"address": "rtsp://127.0.0.1:%d/race" % server.get_bound_port()}), flush=True)

    def write(self, frame: Any) -> None:
        """frame: BGR, height x width x 3."""
        source = self._source
        if source is None:
            return
        if source.get_property("caps") is None:
            caps = "video/x-raw,format=BGR,width=%d,height=%d,framerate=0/1" % (frame.shape[1], frame.shape[0])
            source.set_property("caps", Gst.Caps.from_string(caps))
        source.emit("push-buffer", Gst.Buffer.new_wrapped(frame.tobytes()))

    def _configure(self, _factory: Any, media: Any) -> None:
        self._source = media.get_element().get_by_name("source")


def from_frames(rate: int) -> RtspOutput:
    """An output whose frames come from write(). An encoder that is busy gets the newest frame."""
    source = "appsrc name=source is-live=true format=time do-timestamp=true max-buffers=1 leaky-type=downstream"
    return RtspOutput("%s ! videoconvert n-threads=1 ! video/x-raw,format=I420 ! %s" % (source, ENCODER % rate))
