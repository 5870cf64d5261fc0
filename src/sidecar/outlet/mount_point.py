"""One mount of the outlet: its input, what feeds its viewers, and whether that is proven."""

from typing import Callable, Optional

from gi.repository import GLib

from sidecar.outlet.feed import Feed
from sidecar.outlet.media import MountFactory
from sidecar.outlet.proof import Proof
from sidecar.outlet.protocol import Mount, MountStatus
from sidecar.outlet.rtp_input import RtpInput
from sidecar.outlet.server import Server


class MountPoint:
    """Serves one mount from its making until stop(). Methods are called on the main-loop thread."""

    def __init__(self, mount: Mount, server: Server, own_agent: str, on_change: Callable[[], None]) -> None:
        """on_change is called on the main-loop thread when the mount begins to be served."""
        self.mount = mount
        self._server = server
        self._own_agent = own_agent
        self._on_change = on_change
        self._feed = Feed(lambda: GLib.idle_add(self._prove, priority=GLib.PRIORITY_DEFAULT))
        self._input = RtpInput(mount, self._feed.push)
        self._proof: Optional[Proof] = None
        self._served = False
        self._stopped = False
        server.add(mount.path, MountFactory(mount, self._feed))

    @property
    def rtp_port(self) -> int:
        """Where the worker sends this mount's RTP. Stays the same."""
        return self._input.port

    def expect_new_stream(self) -> None:
        """The worker begins a new stream. Viewers keep their session. Raises ChainError."""
        self._doubt()
        self._feed.expect_new_stream()
        self._input.restart()

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

    def _prove(self) -> bool:
        # The stream that this was asked for may have ended in the meantime.
        if self._feed.has_stream and self._server.port is not None and not self._stopped:
            self._doubt()
            self._proof = Proof(self.mount, self._server.port, self._own_agent, self._on_proven)
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
