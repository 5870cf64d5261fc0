"""Cameras that begin an answer and never end it, or say too much in it."""

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


class Describes:
    """A camera that answers DESCRIBE as it is told and everything else with 200, and counts what it is asked."""

    def __init__(self, header, body):
        """header: lines beside the usual ones. body: chunks of bytes."""
        self._header = header
        self._body = body
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = "rtsp://127.0.0.1:%d/x" % self.port
        self.methods = []
        # Bytes of bodies that the other side took.
        self.sent = 0
        # Connections that the other side has not closed.
        self.open = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, connection):
        self.open += 1
        try:
            self._answer(connection)
        finally:
            self.open -= 1

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as requests:
            while True:
                lines = []
                for line in requests:
                    if line in (b"\r\n", b""):
                        break
                    lines.append(line.decode())
                if not lines:
                    return
                method = lines[0].split()[0]
                self.methods.append(method)
                number = next(line for line in lines if line.lower().startswith("cseq:"))
                answer = "RTSP/1.0 200 OK\r\n" + number
                if method == "OPTIONS":
                    answer += "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
                elif method == "SETUP":
                    transport = next(line for line in lines if line.lower().startswith("transport:"))
                    answer += transport + "Session: 1\r\n"
                elif method == "DESCRIBE":
                    answer += "Content-Type: application/sdp\r\n" + self._header
                connection.sendall((answer + "\r\n").encode())
                if method == "DESCRIBE":
                    for chunk in self._body:
                        connection.sendall(chunk)
                        self.sent += len(chunk)
