"""What the RTSP server does for the viewers of one mount: one payloader for all of them."""

from typing import Any, Optional

from sidecar.chain import Chain
from sidecar.gst import Gst, GstRtsp, GstRtspServer
from sidecar.outlet.access import permissions
from sidecar.outlet.codec import codec
from sidecar.outlet.fallback_switch import FallbackSwitch
from sidecar.outlet.protocol import RTP_PAYLOAD_TYPE, Mount

_SOURCE = "frames"


class MountFactory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]  # gi has no types
    """Makes the media of a mount when its first viewer comes. Methods are called on server threads."""

    def __init__(self, mount: Mount, switch: FallbackSwitch) -> None:
        super().__init__()
        self._mount = mount
        self._switch = switch
        # Counts the media that began to end.
        self._ended = 0
        self.set_shared(True)
        self.set_protocols(GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP)
        # Frames are due the moment they arrive.
        self.set_latency(0)
        self.set_permissions(permissions())
        self.connect("media-configure", self._on_media_configure)

    def do_gen_key(self, _url: Any) -> str:
        """Names the media that a viewer shares: the same for all, whatever the query of their addresses.

        The server finds a media by this name until it has ended, and refuses (503) a viewer that finds one which has
        only begun to: who comes just after the last viewer has left must find another name.
        """
        return "%s %d" % (self._mount.path, self._ended)

    def do_create_element(self, _url: Any) -> Optional[Any]:
        """None (the client is told that there is nothing yet) if there is neither a frame nor a standby picture."""
        elements = codec(self._mount.codec)
        if not self._switch.has_frames and Gst.ElementFactory.find(elements.encoder) is None:
            return None
        container = Gst.Bin.new(None)
        chain = Chain(container)
        chain.add("appsrc", _SOURCE, caps=elements.frames, format="time", is_live=True, block=False)
        chain.add(elements.payloader, "pay0", pt=RTP_PAYLOAD_TYPE, config_interval=-1)
        return container

    def _on_media_configure(self, _factory: Any, media: Any) -> None:
        source = media.get_element().get_by_name(_SOURCE)
        media.connect("target-state", self._on_target_state)
        media.connect("unprepared", self._on_unprepared, source)
        self._switch.attach(source)

    def _on_target_state(self, _media: Any, target: int) -> None:
        if target == Gst.State.NULL:
            self._ended += 1

    def _on_unprepared(self, _media: Any, source: Any) -> None:
        self._switch.detach(source)
