"""Cameras of a few lines: one that answers as a test says, and one that stands between and answers some requests."""

import contextlib
import socket
import threading


class ScriptedCamera:
    """Answers each request with what answer(method, cseq, request) returns as text. None ends the connection."""

    def __init__(self, answer):
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = "rtsp://127.0.0.1:%d/x" % self.port
        self.connections = 0
        # Whole requests, as text.
        self.requests = []
        threading.Thread(target=self._listen, daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def methods(self):
        return [request.split(" ")[0] for request in self.requests]

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
            for request in requests(stream):
                if isinstance(request, bytes):
                    continue
                self.requests.append(request)
                method = request.split(" ")[0]
                answer = self._answer(method, cseq(request), request)
                if answer is None:
                    break
                connection.sendall(answer.encode())
                self._on_answered(connection, method, request)
        self._on_closed(connection)

    def _on_answered(self, connection, method, request):
        """For a camera that does more than answer."""

    def _on_closed(self, connection):
        """The same."""


class Between(ScriptedCamera):
    """Passes everything on to a camera and back, but for requests to which answer() gives an answer of its own.

    answer() returns "" for a request that is passed on.
    """

    def __init__(self, port, answer):
        self._upstream = port
        # While it is set, what comes from the camera is thrown away.
        self.holds_back = threading.Event()
        super().__init__(answer)

    def _serve(self, connection):
        with connection, socket.create_connection(("127.0.0.1", self._upstream)) as upstream:
            threading.Thread(target=self._pass_back, args=(upstream, connection), daemon=True).start()
            with connection.makefile("rb") as stream, contextlib.suppress(OSError):
                for request in requests(stream):
                    if isinstance(request, bytes):
                        upstream.sendall(request)
                        continue
                    self.requests.append(request)
                    answer = self._answer(request.split(" ")[0], cseq(request), request)
                    if answer is None:
                        break
                    if answer:
                        connection.sendall(answer.encode())
                    else:
                        upstream.sendall(request.encode())
            for one in (connection, upstream):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _pass_back(self, upstream, connection):
        with upstream.makefile("rb") as stream, contextlib.suppress(OSError):
            for one in requests(stream):
                if not self.holds_back.is_set():
                    connection.sendall(one if isinstance(one, bytes) else one.encode())
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def requests(stream):
    """What one side sends: requests and answers as text, with their bodies, and interleaved packets as bytes."""
    while True:
        first = stream.read(1)
        if not first:
            return
        if first == b"$":
            head = stream.read(3)
            yield first + head + stream.read(int.from_bytes(head[1:], "big"))
            continue
        lines, length = [first + stream.readline()], 0
        while lines[-1] not in (b"\r\n", b""):
            lines.append(stream.readline())
            if lines[-1].lower().startswith(b"content-length:"):
                length = int(lines[-1].split(b":")[1])
        yield (b"".join(lines) + stream.read(length)).decode()


def cseq(request):
    return next(line.split(":")[1].strip() for line in request.split("\r\n") if line.lower().startswith("cseq:"))


def answered(number, status="200 OK", *headers):
    return "\r\n".join(["RTSP/1.0 %s" % status, "CSeq: %s" % number, *headers, "", ""])
