"""Keeps a camera's login at the camera: rtspsrc by itself takes it wherever the camera redirects it, without end, and
sends it in clear whenever it is asked to.
"""

import re
from typing import Any, Callable, Iterable, List, NamedTuple, Optional, Set
from urllib.parse import unquote, urlsplit

from sidecar.contract import spec, state
from sidecar.gst import Gst, GstRtsp
from sidecar.log import Log
from sidecar.redact import redact
from sidecar.worker.cameras.failure import CameraFailure, camera_failure
from sidecar.worker.engines.rtsp_challenge import Challenge, best_digest, challenges
from sidecar.worker.main_loop import MainLoop

# A camera may redirect this often until it describes its stream.
MOST_REDIRECTS = 3
# Requests to one server until it describes its stream: OPTIONS and DESCRIBE, each again with the login, and one that
# a new nonce costs. rtspsrc would send a wrong password eight times, and cameras lock accounts.
_MOST_REQUESTS = 5
# Answers in a row that ask for a login: the first, one whose nonce is old, and one for which it was wrong.
_MOST_REFUSALS = 3
# More headers with offers of a login are not read.
_MOST_CHALLENGES = 16
# Whatever has another form is nobody's server: two readers of an address may differ in what its host is.
_SERVER = re.compile(r"(rtsps?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(?:[/?][^@]*)?\Z")
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}


class Server(NamedTuple):
    """To whom a login belongs."""

    scheme: str
    host: str
    port: int


# What has offered a digest login since the process began, and what was told to take its login in clear: one server of a
# camera, or its address if that is nobody's server. They grow by what specifications name.
_offered_digest: Set[Any] = set()
_told_clear: Set[Any] = set()


class LoginGuard:
    """Watches the requests and answers of one rtspsrc. Its callbacks are called on the threads of rtspsrc, one at a
    time.

    A request that the signal before-send skips counts as answered with nothing (GStreamer 1.14 to 1.22): an rtspsrc
    that may not ask any more ends with an error, or with the refusal that it got before.
    """

    def __init__(self, camera: spec.Camera, failed: Callable[[CameraFailure], None]) -> None:
        """failed is called on the loop thread."""
        self._camera_id = camera.id
        self._uri = camera.uri
        self._failed = failed
        self._home = server_of(without_login(camera.uri))
        self._login = login_of(camera)
        # What rtspsrc is connected to. None: a description may have replaced it by an address that is not used.
        self._location: Optional[str] = camera.uri
        self._is_home = True
        self._redirects = 0
        self._requests = 0
        self._is_described = False
        self._refusals = 0
        self._refused_clear = False

    def watch(self, source: Gst.Element) -> None:
        # For explained().
        source.login_guard = self
        self._give(source, self._login)
        source.connect("before-send", self._on_before_send)
        source.connect("on-sdp", self._on_description)

    @staticmethod
    def _give(source: Gst.Element, login: Any) -> None:
        source.set_property("user-id", login[0])
        source.set_property("user-pw", login[1])

    def _on_description(self, _source: Gst.Element, _description: Any) -> None:
        self._location = None
        self._is_described = True

    def _on_before_send(self, source: Gst.Element, _message: Any) -> bool:
        """Returns whether the request is sent. _message is not parsed: old bindings free its address twice."""
        location = source.get_property("location")
        if self._location is None:
            self._location = location
        elif location != self._location:
            self._on_redirected(source, location)
        if self._is_described:
            return True
        self._requests += 1
        return self._redirects <= MOST_REDIRECTS and self._requests <= _MOST_REQUESTS

    def _on_redirected(self, source: Gst.Element, location: str) -> None:
        self._location = location
        self._redirects += 1
        self._requests = 0
        self._is_described = False
        self._is_home = self._home is not None and server_of(location) == self._home
        self._give(source, self._login if self._is_home else (None, None))
        if self._redirects > MOST_REDIRECTS:
            said = "it redirects more than %d times, last to %s" % (MOST_REDIRECTS, without_login(location))
            MainLoop.post(self._failed, camera_failure(state.CAMERA_LOST_REASON_NOT_FOUND, self._uri, said))

    def on_answer(self, answer: Any) -> None:
        """Leaves in an answer what rtspsrc may take of its offers of a login, in a form that does it no harm."""
        offered = challenges(_headers(answer))
        self._refusals = self._refusals + 1 if offered else 0
        if offered:
            answer.remove_header(GstRtsp.RTSPHeaderField.WWW_AUTHENTICATE, -1)
            for one in self._allowed(offered) if self._refusals <= _MOST_REFUSALS else []:
                answer.add_header(GstRtsp.RTSPHeaderField.WWW_AUTHENTICATE, one.header())

    def _allowed(self, offered: List[Challenge]) -> List[Challenge]:
        """A login in clear only where a digest was never offered: whoever stands between could ask for it."""
        camera = self._home or self._uri
        if any(one.scheme == "digest" for one in offered):
            if self._is_home:
                _offered_digest.add(camera)
            # Alone: rtspsrc would take the next best if it cannot take the best.
            return best_digest(offered)
        if self._is_home and self._login[0] is not None and urlsplit(self._uri).scheme.lower() != "rtsps":
            self._refused_clear = camera in _offered_digest
            if not self._refused_clear:
                self._tell_clear(camera)
        return [] if self._refused_clear else offered

    def _tell_clear(self, camera: Any) -> None:
        if camera not in _told_clear:
            _told_clear.add(camera)
            Log("camera").warning(
                "camera takes its login in clear only, so whoever can listen on the network learns it;"
                " turn on digest authentication or rtsps at the camera",
                camera=self._camera_id,
            )

    def explain(self, why: CameraFailure, location: str) -> CameraFailure:
        """See explained(). location: what rtspsrc is connected to, or could not connect to."""
        if why.reason == state.CAMERA_LOST_REASON_AUTH_FAILED and self._refused_clear:
            said = (
                "it asks for the login in clear, though it took a digest before, and is not given it: somebody may"
                " stand between; if you have changed the camera, restart the sidecar"
            )
            return camera_failure(state.CAMERA_LOST_REASON_AUTH_FAILED, self._uri, said)
        is_redirected = self._redirects or location != self._location
        if self._location is None or not is_redirected or server_of(location) == self._home:
            return why
        if why.reason != state.CAMERA_LOST_REASON_AUTH_FAILED:
            return why._replace(detail="%s; it redirects to %s" % (why.detail, redact(without_login(location))))
        said = "it redirects to %s, which asks for a login and is not given the camera's; set that address" % (
            without_login(location)
        )
        return camera_failure(state.CAMERA_LOST_REASON_AUTH_FAILED, self._uri, said)


def _headers(answer: Any) -> Iterable[str]:
    """The values of WWW-Authenticate."""
    for number in range(_MOST_CHALLENGES):
        result, value = answer.get_header(GstRtsp.RTSPHeaderField.WWW_AUTHENTICATE, number)
        if result != GstRtsp.RTSPResult.OK:
            return
        yield value


def explained(element: Any, why: CameraFailure) -> CameraFailure:
    """A failure that an element has reported, with the address to which the camera redirects, if it has happened there.

    Called on the loop thread.
    """
    guard = getattr(element, "login_guard", None)
    return why if guard is None else guard.explain(why, element.get_property("location"))


def login_of(camera: spec.Camera) -> Any:
    """User and password: those of the specification, else those of the address, else None and None."""
    if camera.HasField("credentials"):
        return camera.credentials.username, camera.credentials.password
    userinfo, at, _ = urlsplit(camera.uri).netloc.rpartition("@")
    user, colon, password = userinfo.partition(":")
    return (unquote(user), unquote(password)) if at and colon else (None, None)


def without_login(address: str) -> str:
    """An address without user and password."""
    parts = urlsplit(address)
    return address.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1) if "@" in parts.netloc else address


def server_of(address: str) -> Optional[Server]:
    """None: it is not certain whose address it is."""
    match = _SERVER.match(address)
    if match is None:
        return None
    scheme, host, port = match.group(1), match.group(2).lower(), match.group(3)
    return Server(scheme, host, int(port) if port else _DEFAULT_PORTS[scheme])
