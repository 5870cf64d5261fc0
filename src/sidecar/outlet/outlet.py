"""The outlet: does what the newest worker tells it, and tells that worker how it goes."""

from typing import Any, Dict, Optional, Tuple

from sidecar.chain import ChainError
from sidecar.gst import GLib
from sidecar.log import Log
from sidecar.outlet.access import loopback_identity
from sidecar.outlet.json_lines import JsonLines
from sidecar.outlet.mount_point import MountPoint
from sidecar.outlet.protocol import (
    INTERNAL,
    Configuration,
    Failure,
    MountStatus,
    ProtocolError,
    User,
    configured_message,
    failed_message,
    parse_configuration,
    parse_texts,
    parse_users,
    status_message,
)
from sidecar.outlet.saved_configuration import SavedConfiguration
from sidecar.outlet.server import PortError, Server

_RETRY_MS = 2000
_STATUS_MS = 1000
# A standby picture is sent so often: a decoder that missed one, and a person who looks for life, wait no longer.
_STANDBY_MS = 250
# A client's request is heard before it is carried out: look this much later.
_RECOUNT_MS = 50

_log = Log("outlet")


class Outlet:
    """Keeps mounts and viewers while workers come and go. Methods are called on the main-loop thread."""

    def __init__(self, remembered: Optional[SavedConfiguration] = None) -> None:
        """remembered: what was served last is served at once, by standby pictures. None: only what a worker wants."""
        self._remembered = remembered
        self._own = loopback_identity()
        self._server = Server(lambda: GLib.idle_add(self._recount_soon), self._own)
        self._mounts: Dict[str, MountPoint] = {}
        self._worker: Optional[JsonLines] = None
        # What the newest worker wants.
        self._wanted: Optional[Configuration] = None
        # The last failure to do it.
        self._failure: Optional[Failure] = None
        # The port of which was said last that it is open to everybody; 0: of none.
        self._open_port = 0
        # GLib source numbers; 0: none.
        self._retry = 0
        self._recount = 0
        self._told: Dict[str, MountStatus] = {}
        self._ticks = [
            GLib.timeout_add(_STATUS_MS, self._on_status_tick),
            GLib.timeout_add(_STANDBY_MS, self._on_standby_tick),
        ]
        self._wanted = None if remembered is None else remembered.load()
        if self._wanted is not None:
            self._configure()

    def take_worker(self, connection: Any) -> None:
        """A worker has connected: from now on it has the say, and one before it has not."""
        if self._worker is not None:
            self._worker.close()
        self._worker = JsonLines(connection, self._on_message, self._on_worker_gone)
        _log.info("worker connected")

    def stop(self) -> None:
        """Ends everything."""
        for tick in self._ticks:
            GLib.source_remove(tick)
        self._cancel_retry()
        if self._worker is not None:
            self._worker.close()
        for mount in self._mounts.values():
            mount.stop()
        self._server.close()

    def _on_message(self, message: Dict[str, Any]) -> None:
        try:
            if "say" in message:
                self._say(parse_texts(message["say"]))
                return
            if "admit" in message:
                self._admit(parse_users(message["admit"]))
                return
            self._wanted = parse_configuration(message.get("configure"))
        except ProtocolError as error:
            self._tell(failed_message(Failure(INTERNAL, "the outlet cannot read what it was told: %s" % error)))
            return
        self._failure = None
        self._configure()

    def _admit(self, users: Tuple[User, ...]) -> None:
        if self._wanted is not None:
            self._wanted = self._wanted._replace(users=users)
            self._server.admit(users)
            if self._remembered is not None:
                self._remembered.save(self._wanted)

    def _say(self, texts: Dict[str, str]) -> None:
        for path, text in texts.items():
            if path in self._mounts:
                self._mounts[path].say(text)

    def _configure(self) -> bool:
        """Makes true what is wanted, now or by trying again."""
        configuration = self._wanted
        assert configuration is not None, "it was told before this is called"
        self._cancel_retry()
        try:
            self._server.admit(configuration.users)
            self._set_mounts(configuration)
            self._listen(configuration.port)
        except (ChainError, OSError) as error:
            self._fail(Failure(INTERNAL, str(error)))
        except PortError as error:
            self._fail(error.failure)
        else:
            if self._remembered is not None:
                self._remembered.save(configuration)
            self._warn_if_open(configuration)
            rtp_ports = {path: mount_point.rtp_port for path, mount_point in self._mounts.items()}
            _log.info("configured", port=configuration.port, mounts=sorted(rtp_ports), users=len(configuration.users))
            self._told = {}
            self._tell(configured_message(rtp_ports))
        return False

    def _warn_if_open(self, configuration: Configuration) -> None:
        """Once for each port."""
        if not configuration.users and configuration.port != self._open_port:
            self._open_port = configuration.port
            _log.warning(
                "whoever reaches the RTSP port may watch; give the outputs users, or keep the network from it",
                port=configuration.port,
            )

    def _set_mounts(self, configuration: Configuration) -> None:
        wanted = {mount.path: mount for mount in configuration.mounts}
        for path, mount_point in list(self._mounts.items()):
            if path not in wanted or not mount_point.mount.is_same_stream(wanted[path]):
                del self._mounts[path]
                mount_point.stop()
        for path, mount in wanted.items():
            if path not in self._mounts:
                self._mounts[path] = MountPoint(mount, self._server, self._own, self._recount_now)
            self._mounts[path].expect_new_stream(mount.title)

    def _listen(self, port: int) -> None:
        if port != self._server.port:
            self._server.listen(port)
            for mount_point in self._mounts.values():
                mount_point.prove_again()

    def _fail(self, failure: Failure) -> None:
        # Said once, however often it is tried.
        if failure != self._failure:
            _log.error("cannot do what the worker wants; tried again for as long as it does", **failure._asdict())
            self._failure = failure
            self._tell(failed_message(failure))
        self._retry = GLib.timeout_add(_RETRY_MS, self._configure)

    def _cancel_retry(self) -> None:
        if self._retry:
            GLib.source_remove(self._retry)
            self._retry = 0

    def _on_standby_tick(self) -> bool:
        for mount_point in self._mounts.values():
            mount_point.show()
        return True

    def _on_status_tick(self) -> bool:
        self._server.forget_lost_viewers()
        self._tell_status()
        return True

    def _tell_status(self) -> None:
        """Tells what has changed since it was last told."""
        viewers = self._server.viewers(self._mounts)
        statuses = {path: mount_point.status(viewers[path]) for path, mount_point in self._mounts.items()}
        if statuses != self._told:
            self._told = statuses
            self._tell(status_message(statuses))

    def _recount_soon(self) -> bool:
        if not self._recount:
            self._recount = GLib.timeout_add(_RECOUNT_MS, self._recount_now)
        return False

    def _recount_now(self) -> None:
        self._recount = 0
        self._tell_status()

    def _tell(self, message: Dict[str, Any]) -> None:
        if self._worker is not None:
            self._worker.send(message)

    def _on_worker_gone(self, problem: Optional[str]) -> None:
        self._worker = None
        for mount_point in self._mounts.values():
            mount_point.worker_is_gone()
        if problem is None:
            _log.info("worker disconnected; viewers stay")
        else:
            _log.warning("worker was disconnected; viewers stay", why=problem)
