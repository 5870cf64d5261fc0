"""The outlet: applies the configuration of the active worker, and reports to it."""

from typing import Any, Dict, Optional, Tuple

from sidecar.log import Log
from sidecar.outlet.access import own_login
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
    parse_holds,
    parse_rtp_from,
    parse_texts,
    parse_users,
    status_message,
)
from sidecar.outlet.saved_configuration import SavedConfiguration
from sidecar.outlet.server import PortError, Server
from sidecar.timer import Timer, every, once, soon

_RETRY_MS = 2000
_STATUS_MS = 1000
# How often a standby picture is sent: a decoder that missed one waits no longer.
_STANDBY_MS = 250
# A client's request is signalled before it is carried out: count again this much later.
_RECOUNT_MS = 50

_log = Log("outlet")


class Outlet:
    """Keeps mounts and viewers while workers come and go. Methods are called on the main-loop thread."""

    def __init__(self, saved: Optional[SavedConfiguration] = None) -> None:
        """saved: what was served last is served at once, by standby pictures. None: only what a worker configures."""
        self._saved = saved
        self._own_login = own_login()
        self._server = Server(lambda: soon(self._recount_soon), self._own_login)
        self._mounts: Dict[str, MountPoint] = {}
        self._worker: Optional[JsonLines] = None
        # What the active worker wants.
        self._wanted: Optional[Configuration] = None
        # The port from which it sends RTP; None: no worker has configured since the last one was gone.
        self._rtp_from: Optional[int] = None
        # Why that failed last.
        self._failure: Optional[Failure] = None
        # The port for which the warning was logged that everybody may watch; 0: none.
        self._open_port = 0
        self._retry: Optional[Timer] = None
        self._recount: Optional[Timer] = None
        self._reported: Dict[str, MountStatus] = {}
        self._ticks = [every(_STATUS_MS, self._on_status_tick), every(_STANDBY_MS, self._on_standby_tick)]
        self._wanted = None if saved is None else saved.load()
        if self._wanted is not None:
            self._configure()

    def set_active_worker(self, connection: Any) -> None:
        """A worker has connected: it becomes the active worker in place of an earlier one."""
        if self._worker is not None:
            self._worker.close()
            self._end_streams()
        self._worker = JsonLines(connection, self._on_message, self._on_worker_gone)
        _log.info("worker connected")

    def stop(self) -> None:
        """Ends everything."""
        for tick in self._ticks:
            tick.stop()
        self._cancel_retry()
        if self._worker is not None:
            self._worker.close()
        for mount in self._mounts.values():
            mount.stop()
        self._server.close()

    def _on_message(self, message: Dict[str, Any]) -> None:
        try:
            if "text" in message:
                self._set_texts(parse_texts(message["text"]))
                return
            if "hold" in message:
                self._set_holds(parse_holds(message["hold"]))
                return
            if "users" in message:
                self._set_users(parse_users(message["users"]))
                return
            self._wanted, self._rtp_from = parse_configuration(message.get("configure")), parse_rtp_from(message)
        except ProtocolError as error:
            self._send(failed_message(Failure(INTERNAL, "the outlet cannot parse the worker's message: %s" % error)))
            return
        self._failure = None
        self._configure()

    def _set_users(self, users: Tuple[User, ...]) -> None:
        if self._wanted is not None:
            self._wanted = self._wanted._replace(users=users)
            self._server.set_users(users)
            if self._saved is not None:
                self._saved.save(self._wanted)

    def _set_texts(self, texts: Dict[str, str]) -> None:
        for path, text in texts.items():
            if path in self._mounts:
                self._mounts[path].set_text(text)

    def _set_holds(self, holds: Dict[str, bool]) -> None:
        for path, is_held in holds.items():
            if path in self._mounts:
                self._mounts[path].hold_last_frame(is_held)

    def _configure(self) -> None:
        """Applies what is wanted, and tries again later if that fails."""
        configuration = self._wanted
        assert configuration is not None, "it was set before this is called"
        self._cancel_retry()
        try:
            self._server.set_users(configuration.users)
            self._set_mounts(configuration)
            self._listen(configuration.port)
        except PortError as error:
            self._fail(error.failure)
        except Exception as error:  # whatever it is, it may pass
            self._fail(Failure(INTERNAL, str(error)))
        else:
            if self._saved is not None:
                self._saved.save(configuration)
            self._warn_if_open(configuration)
            rtp_ports = {path: mount_point.rtp_port for path, mount_point in self._mounts.items()}
            _log.info("configured", port=configuration.port, mounts=sorted(rtp_ports), users=len(configuration.users))
            self._reported = {}
            self._send(configured_message(rtp_ports))

    def _warn_if_open(self, configuration: Configuration) -> None:
        """Once for each port."""
        if not configuration.users and configuration.port != self._open_port:
            self._open_port = configuration.port
            _log.warning(
                "everybody who reaches the RTSP port may watch; give the outputs users, or restrict the network",
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
                self._mounts[path] = MountPoint(mount, self._server, self._own_login, self._recount_now)
            self._mounts[path].set_title(mount.title)
            if self._rtp_from is not None:
                self._mounts[path].expect_new_stream(self._rtp_from)

    def _listen(self, port: int) -> None:
        if port != self._server.port:
            self._server.listen(port)
            for mount_point in self._mounts.values():
                mount_point.check_again()

    def _fail(self, failure: Failure) -> None:
        # Reported once, however often it is tried.
        if failure != self._failure:
            _log.error("cannot apply the worker's configuration; trying again", **failure._asdict())
            self._failure = failure
            self._send(failed_message(failure))
        self._retry = once(_RETRY_MS, self._configure)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.stop()

    def _on_standby_tick(self) -> None:
        for mount_point in self._mounts.values():
            mount_point.update_standby()

    def _on_status_tick(self) -> None:
        self._server.drop_lost_viewers()
        self._report_status()

    def _report_status(self) -> None:
        """Reports what has changed since the last report."""
        viewers = self._server.viewers(self._mounts)
        statuses = {path: mount_point.status(viewers[path]) for path, mount_point in self._mounts.items()}
        if statuses != self._reported:
            self._reported = statuses
            self._send(status_message(statuses))

    def _recount_soon(self) -> None:
        if self._recount is None:
            self._recount = once(_RECOUNT_MS, self._recount_now)

    def _recount_now(self) -> None:
        self._recount = None
        self._report_status()

    def _send(self, message: Dict[str, Any]) -> None:
        if self._worker is not None:
            self._worker.send(message)

    def _end_streams(self) -> None:
        self._rtp_from = None
        for mount_point in self._mounts.values():
            mount_point.on_worker_gone()

    def _on_worker_gone(self, problem: Optional[str]) -> None:
        self._worker = None
        self._end_streams()
        if problem is None:
            _log.info("worker disconnected; viewers stay")
        else:
            _log.warning("worker was disconnected because of an error; viewers stay", why=problem)
