"""Who may watch: the RTSP server's digest logins (RFC 7826), and the outlet's own."""

import os
from typing import Any, Iterable, NamedTuple, Set

from sidecar.gst import GstRtsp, GstRtspServer
from sidecar.outlet.protocol import User
from sidecar.redact import add_secrets, login_secrets

# The role of everybody who may watch; it may do everything that a viewer does.
_ROLE = "viewer"


class LoopbackIdentity(NamedTuple):
    """How the outlet recognises its own client. It cannot be guessed, so that no viewer passes for the outlet."""

    user_agent: str
    login: User


def loopback_identity() -> LoopbackIdentity:
    secret = os.urandom(16).hex()
    return LoopbackIdentity("slipstream-outlet/" + secret[:16], User("slipstream-outlet-" + secret[:8], secret[8:]))


class Access:
    """Decides about new viewers; those who already watch stay. Methods are called on the main-loop thread.

    One object for as long as the server lives, whose users change: the server's threads use it without holding it.
    """

    def __init__(self, own: User) -> None:
        """At first everybody may watch. own: may always watch."""
        self.auth = GstRtspServer.RTSPAuth()
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
