"""A live RTSP camera: one stream for all viewers, over TCP and UDP, with or without a password.

Its frames come from a Feed, which differs between the demo camera and the cameras of the tests.
"""

import argparse
import json
import os
import signal
import sys
import time
from typing import Callable, NamedTuple, Optional, Tuple

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

_ROLE = "viewer"
_REALM = "camera"
_SESSION_SWEEP_S = 5

# A key frame is sent as a burst of packets, which must fit into the socket's buffer.
_UDP_BUFFER_BYTES = 1 << 20


class Feed:
    """Supplies a stream with frames in real time. One is created whenever a first viewer connects.

    All methods are called on the stream's own thread.
    """

    def __init__(self) -> None:
        self._started_ns: Optional[int] = None
        self._base = 0

    def frame(self, elapsed_ns: int) -> Tuple[int, Gst.Buffer]:
        """The next frame and when it is due, in nanoseconds since the stream started, like elapsed_ns."""
        raise NotImplementedError

    def leaving(self, now_ns: int) -> None:
        """Called when the last frame leaves the camera, at now_ns of the monotonic clock."""

    def feed(self, source: Gst.Element, _length: int) -> None:
        """Waits until the next frame is due and pushes it into an appsrc that needs data."""
        now = time.monotonic_ns()
        if self._started_ns is None:
            self._started_ns = now
            self._base = source.get_clock().get_time() - source.get_base_time()
        due, buffer = self.frame(now - self._started_ns)
        delay = self._started_ns + due - time.monotonic_ns()
        if delay > 0:
            time.sleep(delay / 1e9)
        buffer.pts = buffer.dts = self._base + due
        self.leaving(time.monotonic_ns())
        source.emit("push-buffer", buffer)


class Login(NamedTuple):
    """What a viewer must send."""

    user: str
    password: str
    method: str
    """basic or digest."""


class Camera:
    """An RTSP server with one live stream."""

    def __init__(
        self,
        launch: str,
        caps: Gst.Caps,
        feed: Callable[[], Feed],
        path: str,
        login: Optional[Login] = None,
        certificate: Optional[str] = None,
    ) -> None:
        """launch: the elements after the source, up to the payloader. caps: the format of the frames.

        certificate: file with a certificate and its key, for an rtsps:// camera. Raises GLib.Error.
        """
        self._caps = caps
        self._feed = feed
        self._path = path
        self._scheme = "rtsp" if certificate is None else "rtsps"
        self._server = GstRtspServer.RTSPServer()
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch("( appsrc name=source is-live=true format=time ! %s name=pay0 pt=96 )" % launch)
        factory.set_shared(True)
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP)
        factory.set_buffer_size(_UDP_BUFFER_BYTES)
        factory.connect("media-configure", self._configure)
        if login is not None or certificate is not None:
            self._protect(factory, login, certificate)
        self._server.get_mount_points().add_factory(path, factory)

    def listen(self, address: str, port: int) -> str:
        """Starts to serve and returns the URI. Port 0 means any. Raises OSError."""
        self._server.set_address(address)
        self._server.set_service(str(port))
        if self._server.attach(None) == 0:
            raise OSError("cannot listen on %s, port %d; is the port in use?" % (address, port))
        # A UDP viewer that disappears is noticed only when its session times out.
        GLib.timeout_add_seconds(_SESSION_SWEEP_S, self._sweep)
        return "%s://%s:%d%s" % (self._scheme, address, self._server.get_bound_port(), self._path)

    def _configure(self, _factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_by_name("source")
        source.set_property("caps", self._caps)
        source.connect("need-data", self._feed().feed)

    def _protect(
        self, factory: GstRtspServer.RTSPMediaFactory, login: Optional[Login], certificate: Optional[str]
    ) -> None:
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, _ROLE)
        auth = GstRtspServer.RTSPAuth()
        auth.set_realm(_REALM)
        if certificate is not None:
            auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
        if login is None:
            auth.set_default_token(token)
        elif login.method == "basic":
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(login.user, login.password), token)
        else:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(login.user, login.password, token)
        self._server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role(_ROLE)
        permissions.add_permission_for_role(_ROLE, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
        permissions.add_permission_for_role(_ROLE, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
        factory.set_permissions(permissions)

    def _sweep(self) -> bool:
        self._server.get_session_pool().cleanup()
        return bool(GLib.SOURCE_CONTINUE)


def arguments(description: str, path: str) -> argparse.ArgumentParser:
    """The command line that all cameras share. path: the default path of the stream."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--address", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--port", type=int, default=0, help="TCP port (default: any that is free)")
    parser.add_argument("--path", default=path, help="path of the stream (default: %(default)s)")
    parser.add_argument("--user", help="who may watch (default: anybody)")
    parser.add_argument("--password", default="", help="the user's password")
    parser.add_argument("--auth", choices=["basic", "digest"], default="digest", help="how viewers authenticate")
    parser.add_argument("--certificate", help="file with a certificate and its key (default: no TLS)")
    return parser


def run(options: argparse.Namespace, launch: str, caps: Gst.Caps, feed: Callable[[], Feed]) -> int:
    """Serves until SIGTERM, SIGINT, or the end of the lifeline, and returns the exit status.

    Prints its address on stdout as one line of JSON.
    """
    loop = GLib.MainLoop()
    for number in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    if os.environ.get("SLIPSTREAM_LIFELINE") == "stdin":
        GLib.unix_fd_add_full(
            GLib.PRIORITY_HIGH, sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, _on_lifeline, loop
        )
    login = None if options.user is None else Login(options.user, options.password, options.auth)
    try:
        camera = Camera(launch, caps, feed, options.path, login, options.certificate)
        address = camera.listen(options.address, options.port)
    except (OSError, GLib.Error) as error:
        print("camera: %s" % error, file=sys.stderr)
        return 1
    print(json.dumps({"address": address}), flush=True)
    loop.run()
    return 0


def _on_lifeline(descriptor: int, _condition: GLib.IOCondition, loop: GLib.MainLoop) -> bool:
    """The process that started this one holds the other end of its stdin, and has ended when that is closed."""
    if os.read(descriptor, 4096):
        return bool(GLib.SOURCE_CONTINUE)
    loop.quit()
    return bool(GLib.SOURCE_REMOVE)
