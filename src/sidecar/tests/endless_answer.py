"""A camera that begins an answer and never ends it."""

import contextlib
import socket
import threading


class EndlessAnswer:
    """Answers a camera's first request with a line that has no end, until it is released."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "rtsp://127.0.0.1:%d/x" % self._listener.getsockname()[1]
        self._released = threading.Event()
        self.reading = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def release(self):
        if not self._released.is_set():
            self._released.set()
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _listen(self):
        try:
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()
        except OSError:
            pass  # released

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"RTSP/1.0 20")
            self.reading += 1
            while not self._released.wait(0.01):
                connection.sendall(b"x" * 1000)
