"""Who may watch: the RTSP server's digest logins (RFC 7826), and the outlet's own."""

import os
from typing import Any, Callable, Iterable, Set

from sidecar.gst import GstRtsp, GstRtspServer
from sidecar.outlet.protocol import User
from sidecar.redact import add_secrets, login_secrets

# The role of everybody who may watch; it may do everything that a viewer does.
_ROLE = "viewer"


def own_login() -> User:
    """A login for the outlet's own client, which nobody can guess."""
    secret = os.urandom(20).hex()
    return User("slipstream-outlet-" + secret[:8], secret[8:])


class _Auth(GstRtspServer.RTSPAuth):  # type: ignore[misc]  # gi has no types
    """The server's authentication, which reports what clients ask. Methods are called on server threads."""

    def __init__(self, on_request: Callable[[Any], None], on_failed_login: Callable[[Any], None]) -> None:
        super().__init__()
        self._on_request = on_request
        self._on_failed_login = on_failed_login

    def do_check(self, context: Any, check: str) -> bool:
        """The server asks this of every request first of all, and then of what the request wants."""
        if check == GstRtspServer.RTSP_AUTH_CHECK_URL:
            self._on_request(context.client)
        return bool(GstRtspServer.RTSPAuth.do_check(self, context, check))

    def do_generate_authenticate_header(self, context: Any) -> None:
        """The request is refused for want of a login. A client's first one comes without, to be told how to log in."""
        result, _ = context.request.get_header(GstRtsp.RTSPHeaderField.AUTHORIZATION, 0)
        if result == GstRtsp.RTSPResult.OK:
            self._on_failed_login(context.client)
        GstRtspServer.RTSPAuth.do_generate_authenticate_header(self, context)


class Access:
    """Decides about new viewers; those who already watch stay. Methods are called on the main-loop thread.

    One object for as long as the server lives, whose users change: the server's threads use it without holding it.
    """

    def __init__(self, own: User, on_request: Callable[[Any], None], on_failed_login: Callable[[Any], None]) -> None:
        """At first everybody may watch. own: may always watch.

        on_request and on_failed_login get the client of the server's whose request or login it is, on a server thread.
        """
        self.auth = _Auth(on_request, on_failed_login)
        # Basic sends the password as it is.
        self.auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        # The same for all, and kept: the server goes on with a token whose user was taken away meanwhile.
        self._token = GstRtspServer.RTSPToken.new()
        self._token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, _ROLE)
        self.auth.add_digest(own.username, own.password, self._token)
        self.auth.set_default_token(self._token)
        self._users: Set[str] = set()

    def set_users(self, users: Iterable[User]) -> None:
        """From now on whoever describes or sets up a stream must be one of these. None: everybody may."""
        wanted = {user.username: user.password for user in users}
        for username, password in wanted.items():
            add_secrets(login_secrets(username, password))
            self.auth.add_digest(username, password, self._token)
        for username in self._users - wanted.keys():
            self.auth.remove_digest(username)
        self._users = set(wanted)
        self.auth.set_default_token(None if wanted else self._token)


def permissions() -> Any:
    """The permissions of a mount's factory."""
    made = GstRtspServer.RTSPPermissions.new()
    for permission in (
        GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS,
        GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
    ):
        made.add_permission_for_role(_ROLE, permission, True)
    return made
