"""The GLib main loop: the one thread that touches GStreamer, and the way into it from others."""

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import Any, Callable, TypeVar

from sidecar.gst import GLib
from sidecar.log import Log
from sidecar.timer import soon

T = TypeVar("T")


class MainLoop:
    """Owns the GLib main loop of the thread that calls run()."""

    def __init__(self) -> None:
        self._loop = GLib.MainLoop()
        self._thread = threading.current_thread()

    def run(self) -> None:
        """Runs until quit(). Called on the thread that made this object."""
        self._loop.run()

    def quit(self) -> None:
        """Ends run(). Called on the loop thread."""
        self._loop.quit()

    def call(self, function: Callable[[], T], timeout: float, undo: Callable[[T], Any] = lambda _: None) -> T:
        """Runs a function on the loop thread and returns its result, or raises what it raised.

        Never called on the loop thread itself. Raises concurrent.futures.TimeoutError after timeout seconds. A function
        that has begun by then goes on: undo gets its result, on the loop thread.
        """
        assert threading.current_thread() is not self._thread
        future: "Future[T]" = Future()

        def run() -> bool:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:
                    future.set_exception(error)
            return bool(GLib.SOURCE_REMOVE)

        GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT)
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            if not future.cancel():
                future.add_done_callback(partial(self._undo, undo))
            raise

    def _undo(self, undo: Callable[[T], Any], done: "Future[T]") -> None:
        error = done.exception()
        if error is None:
            self.post(undo, done.result())
        else:
            Log("loop").error("call failed after its caller had given up", err=str(error))

    @staticmethod
    def post(function: Callable[..., Any], *arguments: Any) -> None:
        """Runs a function on the loop thread soon. Called on any thread; keeps the order of calls."""
        soon(partial(function, *arguments))
