"""One mount of the outlet: its input, what feeds its viewers, and whether that is proven."""

import time
from typing import Callable, Optional

from sidecar.gst import GLib
from sidecar.log import Log
from sidecar.outlet.access import LoopbackIdentity
from sidecar.outlet.fallback_switch import Feed
from sidecar.outlet.loopback_viewer import Proof
from sidecar.outlet.media import MountFactory
from sidecar.outlet.protocol import Mount, MountStatus
from sidecar.outlet.rtp_input import RtpInput
from sidecar.outlet.server import Server
from sidecar.outlet.standby.picture import Standby
from sidecar.outlet.standby.text import Facts, standby_text

_log = Log("outlet")


class MountPoint:
    """Serves one mount from its making until stop(). Methods are called on the main-loop thread."""

    def __init__(self, mount: Mount, server: Server, own: LoopbackIdentity, on_change: Callable[[], None]) -> None:
        """on_change is called on the main-loop thread when the mount begins to be served."""
        self.mount = mount
        self._server = server
        self._own = own
        self._on_change = on_change
        self._feed = Feed(
            on_stream=lambda: GLib.idle_add(self._prove, priority=GLib.PRIORITY_DEFAULT),
            on_viewer=lambda: GLib.idle_add(self._on_viewer, priority=GLib.PRIORITY_DEFAULT),
        )
        self._input = RtpInput(mount, self._feed.push)
        self._standby = Standby(mount, self.show)
        self._stands_by = False
        self._said = ""
        self._worker_is_here = True
        self._served_since = time.time()
        self._proof: Optional[Proof] = None
        self._served = False
        self._stopped = False
        server.add(mount.path, MountFactory(mount, self._feed))

    @property
    def rtp_port(self) -> int:
        """Where the worker sends this mount's RTP. Stays the same."""
        return self._input.port

    def expect_new_stream(self, title: str) -> None:
        """The worker begins a new stream. Viewers keep their session. Raises ChainError."""
        self._standby.title = title
        self._worker_is_here = True
        self._doubt()
        self._feed.expect_new_stream()
        self._input.restart()

    def say(self, text: str) -> None:
        """What the standby picture says while the worker is here; empty: what we know ourselves."""
        self._said = text

    def worker_is_gone(self) -> None:
        """Nobody sends, and what was said no longer holds."""
        self._worker_is_here = False
        self._said = ""

    def show(self) -> None:
        """Sends the standby picture if it is wanted now. To be called several times a second."""
        stands_by = self._feed.wants_standby()
        if stands_by != self._stands_by:
            self._stands_by = stands_by
            if not stands_by:
                self._standby.clear()
        if stands_by:
            frame = self._standby.frame(self._text(), time.monotonic())
            if frame is not None:
                self._feed.push_standby(frame)

    def prove_again(self) -> None:
        """The server moved: what was proven no longer counts."""
        self._doubt()
        self._prove()

    def status(self, viewers: int) -> MountStatus:
        """What is known of the mount; viewers are counted by the server."""
        return MountStatus(self._feed.frames, viewers, self._served)

    def stop(self) -> None:
        """Cuts the viewers off and gives the input's port back."""
        self._stopped = True
        self._doubt()
        self._server.remove(self.mount.path)
        self._input.stop()
        self._standby.clear()

    def _text(self) -> str:
        last_frame = self._feed.last_frame_at
        return standby_text(
            Facts(
                said=self._said,
                worker_is_here=self._worker_is_here,
                has_stream=self._feed.has_stream,
                last_frame=None if last_frame is None else _time_of_day(last_frame),
                served_since=_time_of_day(self._served_since),
            )
        )

    def _on_viewer(self) -> bool:
        if not self._stopped:
            self.show()
        return False

    def _prove(self) -> bool:
        # The stream that this was asked for may have ended in the meantime.
        if self._feed.has_stream and self._server.port is not None and not self._stopped:
            self._doubt()
            self._proof = Proof(self.mount, self._server.port, self._own, self._on_proven)
        return False

    def _on_proven(self) -> None:
        self._proof = None
        self._served = True
        self._on_change()

    def _doubt(self) -> None:
        self._served = False
        if self._proof is not None:
            self._proof.stop()
            self._proof = None


def _time_of_day(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))
