"""Callbacks on the main loop that survive an exception: GLib itself would end a timer or a watch for good, silently."""

from typing import Any, Callable

from sidecar.gst import GLib
from sidecar.log import Log

# Hands a function to GLib and returns the number of its source. The function returns whether it is to run again.
Attach = Callable[[Callable[..., bool]], int]

_log = Log("timer")


class Timer:
    """A callback that the main loop runs, until stop(). Made, run and stopped on the main-loop thread."""

    def __init__(
        self, attach: Callable[[Callable[..., bool]], int], callback: Callable[[], Any], repeats: bool
    ) -> None:
        """attach: hands a function to GLib and returns the number of the source."""
        self._callback = callback
        self._repeats = repeats
        # A callback that fails again in the same way is not logged again.
        self._last_error = ""
        # GLib source number; 0: none.
        self._source = attach(self._run)

    def stop(self) -> None:
        """Ends it. Does nothing if it has ended already."""
        if self._source:
            GLib.source_remove(self._source)
            self._source = 0

    def _run(self, *_: Any) -> bool:
        if not self._repeats:
            self._source = 0
        self._last_error = _run_and_log(self._callback, self._last_error)
        return self._repeats


def every(milliseconds: int, callback: Callable[[], Any], priority: int = GLib.PRIORITY_DEFAULT) -> Timer:
    """Runs a callback again and again."""
    return Timer(lambda run: int(GLib.timeout_add(milliseconds, run, priority=priority)), callback, repeats=True)


def once(milliseconds: int, callback: Callable[[], Any]) -> Timer:
    """Runs a callback a single time."""
    return Timer(lambda run: int(GLib.timeout_add(milliseconds, run)), callback, repeats=False)


def when_ready(descriptor: int, condition: Any, callback: Callable[[], Any]) -> Timer:
    """Runs a callback whenever a descriptor is ready. condition: GLib.IO_IN and its like."""
    return Timer(
        lambda run: int(GLib.io_add_watch(descriptor, GLib.PRIORITY_DEFAULT, condition, run)), callback, repeats=True
    )


def soon(callback: Callable[[], Any]) -> None:
    """Runs a callback a single time, in the order of these calls. Called on any thread."""

    def run() -> bool:
        _run_and_log(callback, "")
        return bool(GLib.SOURCE_REMOVE)

    GLib.idle_add(run, priority=GLib.PRIORITY_DEFAULT)


def _run_and_log(callback: Callable[[], Any], last_error: str) -> str:
    """Returns the callback's error; empty: it succeeded."""
    error_text = ""
    try:
        callback()
    except Exception as error:  # whatever it is, it costs this run of the callback and no other
        error_text = repr(error)
        if error_text != last_error:
            _log.exception("callback failed", callback=getattr(callback, "__qualname__", repr(callback)))
    return error_text
