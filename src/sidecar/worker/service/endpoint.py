"""The Unix socket to which the agent connects: a gRPC server, which is replaced when the socket's file is gone."""

import errno
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional

import grpc

from sidecar.socket_file import SocketFile, try_to_bind
from sidecar.worker.service.pipeline_service import MOST_STREAMS

# The streams, and a few short calls. Apply and Check have threads of their own.
_THREADS = MOST_STREAMS + 4
# In seconds: for calls to end by themselves, and for all of the server's end.
_GRACE = 0.2
_END = 0.5


class GrpcEndpoint:
    """Serves the agent. Methods and callbacks are on the main-loop thread."""

    def __init__(self, path: str, add_services: Callable[[Any], None]) -> None:
        """Begins as soon as the directory allows it. add_services: called with each server before it starts."""
        self._path = path
        self._add_services = add_services
        self._server: Optional[Any] = None
        # For the agent's user, who is in the same group, and for nobody else.
        self._file = SocketFile(path, 0o660, self._listen, self._close)

    def stop(self) -> None:
        """Ends every call, and stops serving."""
        self._file.stop()

    def _listen(self) -> None:
        # gRPC does not report why it cannot listen.
        try_to_bind(self._path)
        server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="grpc"))
        self._add_services(server)
        try:
            bound = server.add_insecure_port("unix:" + self._path)
        except RuntimeError as error:
            raise OSError(errno.EIO, str(error)) from error
        if not bound:
            # Older releases of gRPC return 0 instead.
            raise OSError(errno.EIO, "gRPC cannot listen at %s" % self._path)
        server.start()
        self._server = server

    def _close(self) -> None:
        # The agent reconnects. gRPC removes any file at its path: this server must be gone before another one listens.
        if self._server is not None:
            self._server.stop(grace=_GRACE).wait(_END)
            self._server = None
