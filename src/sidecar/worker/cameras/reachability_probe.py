"""Probes an unreachable host: does it accept TCP connections again?"""

from typing import Any, Callable
from urllib.parse import urlsplit

from sidecar.gst import Gio, GLib
from sidecar.timer import every

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
_TIMEOUT_SECONDS = 2


class ReachabilityProbe:
    """Opens a TCP connection and closes it at once. All methods and callbacks are on the loop thread."""

    def __init__(
        self, uri: str, every_milliseconds: int, answered: Callable[[], None], only_after_silence: bool = False
    ) -> None:
        """answered is called once, when the host of the address has accepted a connection.

        only_after_silence: only if a connection has failed before.
        """
        address = urlsplit(uri)
        self._host = address.hostname or ""
        self._port = address.port or _DEFAULT_PORTS.get(address.scheme, 554)
        self._answered = answered
        self._cancel = Gio.Cancellable()
        self._client = Gio.SocketClient.new()
        self._client.set_timeout(_TIMEOUT_SECONDS)
        self._counts = not only_after_silence
        self._is_connecting = False
        self._timer = every(every_milliseconds, self._connect)

    def stop(self) -> None:
        """No callback comes after this."""
        self._cancel.cancel()
        self._timer.stop()

    def _connect(self) -> None:
        if not self._is_connecting:
            self._is_connecting = True
            self._client.connect_to_host_async(self._host, self._port, self._cancel, self._on_end)

    def _on_end(self, client: Any, result: Any) -> None:
        self._is_connecting = False
        try:
            connection = client.connect_to_host_finish(result)
        except GLib.Error:
            self._counts = True
            return  # no answer yet, or stopped
        connection.close(None)
        if self._counts and not self._cancel.is_cancelled():
            self.stop()
            self._answered()
