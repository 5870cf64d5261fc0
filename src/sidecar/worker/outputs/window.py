"""Shows a stream in a window: starts a process for it, sends it the newest frames, and restarts it."""

import os
import select
import subprocess
import sys
import threading
import time
from typing import List, Mapping, NamedTuple, Optional

from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.worker.outputs.receiver import Failed, OnPhase, Receiver, Serving

# A sink that works with every X display.
X_SINK = "ximagesink"
# A process that takes no frame for this long hangs.
_TIMEOUT_SECONDS = 10.0
# Between two attempts; doubles with each failure in a row.
_FIRST_DELAY = 2.0
_LONGEST_DELAY = 30.0
_END_SECONDS = 1.0
_NO_DISPLAY = (
    "DISPLAY is not set for the sidecar, so there is nothing to open a window on; set it, and let the sidecar reach the"
    " display's socket (/tmp/.X11-unix)"
)


class WindowOptions(NamedTuple):
    """The size, title and sinks of a window."""

    width: int
    height: int
    title: str
    # Elements to try, the best first.
    sinks: List[str]


class _WindowError(Exception):
    """The window is gone. The message says why."""


class Window(Receiver):
    """A thread of its own starts and feeds the process, since both may wait."""

    def __init__(self, options: WindowOptions, environment: Mapping[str, str], on_phase: OnPhase, module: str) -> None:
        """on_phase: called on the window's thread. module: the Python module that the process runs. The process starts
        with the first frame."""
        self._options = options
        self._environment = environment
        self._on_phase = on_phase
        self._module = module
        self._newest: Optional[Gst.Buffer] = None
        self._changed = threading.Condition()
        self._stopped = False
        self._shown = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="window", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        return self._dropped

    def take(self, sample: Gst.Sample) -> None:
        structure = sample.get_caps().get_structure(0)
        sizes = structure.get_int("width")[1], structure.get_int("height")[1]
        if sizes != (self._options.width, self._options.height):
            return  # A frame of an earlier pipeline.
        with self._changed:
            if self._newest is not None:
                self._dropped += 1
            self._newest = sample.get_buffer()
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        failures = 0
        while not self._stopped:
            frame = self._next_frame()
            if frame is None:
                continue
            problem = self._show_with_any_sink(frame)
            if problem is None:
                continue
            failures = 1 if self._shown else failures + 1
            delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures - 1, 10))
            can_change = bool(self._environment.get("DISPLAY"))
            self._on_phase(Failed(state.OUTPUT_FAILED_REASON_DISPLAY, problem, delay if can_change else None))
            self._pause(delay)

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)

    def _next_frame(self) -> Optional[Gst.Buffer]:
        """None: the window is stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._newest is not None)
            frame, self._newest = self._newest, None
            return None if self._stopped else frame

    def _show_with_any_sink(self, frame: Gst.Buffer) -> Optional[str]:
        """Keeps a window open with the first sink that works. Returns why it ended; None: it was stopped."""
        if not self._environment.get("DISPLAY"):
            return _NO_DISPLAY
        self._shown = False
        problems = []
        for sink in self._options.sinks:
            problem = self._show(frame, sink)
            if problem is None or self._stopped or self._shown:
                return None if self._stopped else problem
            problems.append(problem)
        return "%s: %s" % (self._environment["DISPLAY"], "; ".join(problems))

    def _show(self, first: Gst.Buffer, sink: str) -> Optional[str]:
        frame: Optional[Gst.Buffer] = first
        try:
            process = self._start(sink)
        except OSError as error:
            return "the window's process does not start: %s" % error
        try:
            while frame is not None:
                self._write(process, frame.extract_dup(0, frame.get_size()))
                frame = self._next_frame()
            return None
        except (_WindowError, OSError) as error:
            return str(error)
        finally:
            _end(process)

    def _start(self, sink: str) -> "subprocess.Popen[bytes]":
        options = self._options
        command = [sys.executable, "-m", self._module, "--width", str(options.width), "--height", str(options.height)]
        command += ["--title", options.title, "--sink", sink]
        process = subprocess.Popen(
            command, env=dict(self._environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert process.stdin is not None, "it is a pipe"
        os.set_blocking(process.stdin.fileno(), False)
        return process

    def _write(self, process: "subprocess.Popen[bytes]", data: bytes) -> None:
        """Hands over a whole frame. Raises _WindowError and OSError."""
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        pipe, status = process.stdin.fileno(), process.stdout.fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLOUT)
        poll.register(status, select.POLLIN)
        rest = memoryview(data)
        moved = time.monotonic()
        while rest:
            ready = dict(poll.poll(500))
            if status in ready:
                self._read_status(process)
            if pipe in ready and not self._stopped:
                try:
                    rest = rest[os.write(pipe, rest) :]
                except BrokenPipeError:
                    self._read_status(process)
                moved = time.monotonic()
            if self._stopped:
                return
            if time.monotonic() - moved > _TIMEOUT_SECONDS:
                raise _WindowError("the window takes no more frames; is the display stopped?")

    def _read_status(self, process: "subprocess.Popen[bytes]") -> None:
        """Raises _WindowError when the process has ended."""
        assert process.stdout is not None, "it is a pipe"
        lines = os.read(process.stdout.fileno(), 4096).decode(errors="replace").split("\n")
        if "shown" in lines:
            self._shown = True
            self._on_phase(Serving())
        problems = [line for line in lines if line and line != "shown"]
        if problems or lines == [""]:
            # Xlib's own message goes to standard error.
            raise _WindowError(problems[-1] if problems else "the display is gone")


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
