"""One mount of the outlet: its RTP input, the switch to its viewers, and whether a viewer really gets frames."""

import time
from typing import Callable, Optional

from sidecar.log import Log
from sidecar.outlet.fallback_switch import FallbackSwitch
from sidecar.outlet.loopback_viewer import LoopbackViewer
from sidecar.outlet.media import MountFactory
from sidecar.outlet.protocol import Mount, MountStatus, User
from sidecar.outlet.rtp_input import RtpInput
from sidecar.outlet.server import Server
from sidecar.outlet.standby.picture import StandbyPicture
from sidecar.outlet.standby.text import StandbyFacts, standby_text
from sidecar.timer import soon

_log = Log("outlet")


class MountPoint:
    """Serves one mount from its construction until stop(). Methods are called on the main-loop thread."""

    def __init__(self, mount: Mount, server: Server, own_login: User, on_change: Callable[[], None]) -> None:
        """on_change is called on the main-loop thread when the mount begins to be served."""
        self.mount = mount
        self._server = server
        self._own_login = own_login
        self._on_change = on_change
        self._switch = FallbackSwitch(
            on_stream=lambda: soon(self._start_loopback_viewer), on_viewer=lambda: soon(self._on_viewer)
        )
        self._input = RtpInput(mount, self._switch.push)
        self._standby = StandbyPicture(mount, self.update_standby)
        self._is_standing_by = False
        self._text = ""
        self._viewers = 0
        # Somebody has come who may have seen nothing yet.
        self._has_new_viewer = False
        self._worker_is_connected = True
        self._served_since = time.time()
        self._loopback_viewer: Optional[LoopbackViewer] = None
        self._served = False
        self._stopped = False
        server.add(mount.path, MountFactory(mount, self._switch))

    @property
    def rtp_port(self) -> int:
        """Where the worker sends this mount's RTP. Stays the same."""
        return self._input.port

    def set_title(self, title: str) -> None:
        """Sets the title of the standby picture."""
        self._standby.title = title

    def expect_new_stream(self, rtp_from: int) -> None:
        """The worker begins a new stream, from this port of its own. Viewers keep their session. Raises ChainError."""
        self._worker_is_connected = True
        self._reset_served()
        # In this order: a frame that is still on its way through the input belongs to the stream before.
        self._input.end_stream()
        self._switch.expect_new_stream()
        self._input.begin_stream(rtp_from)

    def set_text(self, text: str) -> None:
        """Sets what the standby picture says while the worker is connected; empty: what the outlet knows itself."""
        self._text = text

    def hold_last_frame(self, is_held: bool) -> None:
        """Whether viewers keep the last frame while the worker sends none."""
        self._switch.holds_last_frame = is_held

    def on_worker_gone(self) -> None:
        """Nothing is taken any more: the worker's port may be somebody else's now. Its text no longer holds."""
        self._input.end_stream()
        self._worker_is_connected = False
        self._text = ""
        self.hold_last_frame(False)

    def update_standby(self) -> None:
        """Sends the standby picture if the viewers need it now. To be called several times a second."""
        if self._has_new_viewer and self._switch.repeat_held_frame():
            self._has_new_viewer = False
        is_wanted = self._switch.wants_standby()
        if is_wanted != self._is_standing_by:
            self._is_standing_by = is_wanted
            if not is_wanted:
                self._standby.clear()
        if is_wanted:
            frame = self._standby.frame(self._standby_text(), time.monotonic())
            if frame is not None:
                self._switch.push_standby(frame)

    def check_again(self) -> None:
        """The server has moved to another port: whether frames get through must be checked again."""
        self._reset_served()
        self._start_loopback_viewer()

    def status(self, viewers: int) -> MountStatus:
        """The status of the mount; viewers are counted by the server."""
        self._has_new_viewer = self._has_new_viewer or viewers > self._viewers
        self._viewers = viewers
        return MountStatus(self._switch.frames, viewers, self._served)

    def stop(self) -> None:
        """Cuts the viewers off and gives the input's port back."""
        self._stopped = True
        self._reset_served()
        self._server.remove(self.mount.path)
        self._input.stop()
        self._standby.clear()

    def _standby_text(self) -> str:
        last_frame = self._switch.last_frame_at
        return standby_text(
            StandbyFacts(
                text=self._text,
                worker_is_connected=self._worker_is_connected,
                has_stream=self._switch.has_stream,
                last_frame=None if last_frame is None else _time_of_day(last_frame),
                served_since=_time_of_day(self._served_since),
            )
        )

    def _on_viewer(self) -> None:
        if not self._stopped:
            self.update_standby()

    def _start_loopback_viewer(self) -> None:
        # The stream may have ended in the meantime.
        if self._switch.has_stream and self._server.port is not None and not self._stopped:
            self._reset_served()
            self._loopback_viewer = LoopbackViewer(self.mount, self._server.port, self._own_login, self._on_served)

    def _on_served(self) -> None:
        self._loopback_viewer = None
        self._served = True
        self._on_change()

    def _reset_served(self) -> None:
        self._served = False
        if self._loopback_viewer is not None:
            self._loopback_viewer.stop()
            self._loopback_viewer = None


def _time_of_day(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))
