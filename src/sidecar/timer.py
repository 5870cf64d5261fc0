"""Callbacks on the main loop that survive an exception: GLib itself would end a timer or a watch for good, silently."""

import enum
from functools import partial
from typing import Any, Callable

from sidecar.gst import GLib
from sidecar.log import Log

# Hands a function to GLib and returns the number of its source. The function returns whether it is to run again, and
# passes its arguments on to the callback.
Attach = Callable[[Callable[..., bool]], int]

_log = Log("timer")


class _Runs(enum.Enum):
    ONCE = "once"
    UNTIL_SUCCESS = "until it raises nothing"
    ALWAYS = "always"


class Timer:
    """A callback that the main loop runs, until stop(). Made, run and stopped on the main-loop thread."""

    def __init__(self, attach: Attach, callback: Callable[..., Any], runs: _Runs) -> None:
        self._callback = callback
        self._runs = runs
        # A callback that fails again in the same way is not logged again.
        self._last_error = ""
        # GLib source number; 0: none.
        self._source = attach(self._run)

    def stop(self) -> None:
        """Ends it. Does nothing if it has ended already."""
        if self._source:
            GLib.source_remove(self._source)
            self._source = 0

    def _run(self, *arguments: Any) -> bool:
        if self._runs is _Runs.ONCE:
            self._source = 0
        self._last_error = _run_and_log(partial(self._callback, *arguments), self._last_error)
        if self._runs is _Runs.UNTIL_SUCCESS and not self._last_error:
            self._source = 0
        return bool(self._source)


def every(milliseconds: int, callback: Callable[[], Any], priority: int = GLib.PRIORITY_DEFAULT) -> Timer:
    """Runs a callback again and again."""
    return Timer(lambda run: int(GLib.timeout_add(milliseconds, run, priority=priority)), callback, _Runs.ALWAYS)


def once(milliseconds: int, callback: Callable[[], Any]) -> Timer:
    """Runs a callback a single time."""
    return Timer(lambda run: int(GLib.timeout_add(milliseconds, run)), callback, _Runs.ONCE)


def attempt(milliseconds: int, callback: Callable[[], Any]) -> Timer:
    """Runs a callback a single time, and again after the same time for as long as it raises."""
    return Timer(lambda run: int(GLib.timeout_add(milliseconds, run)), callback, _Runs.UNTIL_SUCCESS)


def when_ready(descriptor: int, condition: Any, callback: Callable[[], Any]) -> Timer:
    """Runs a callback whenever a descriptor is ready. condition: GLib.IO_IN and its like."""
    priority = GLib.PRIORITY_DEFAULT
    return Timer(
        lambda run: int(GLib.io_add_watch(descriptor, priority, condition, lambda *_: run())), callback, _Runs.ALWAYS
    )


def when_ended(process_id: int, callback: Callable[[int], Any]) -> Timer:
    """Runs a callback with the wait status of a child process, which has then ended."""
    priority = GLib.PRIORITY_DEFAULT
    return Timer(
        lambda run: int(GLib.child_watch_add(priority, process_id, lambda _, status: run(status))), callback, _Runs.ONCE
    )


def on_signal(number: int, callback: Callable[[], Any]) -> Timer:
    """Runs a callback when the process gets a signal, before whatever else waits. After that the signal does what it
    does to any process, unless the callback raised."""
    return Timer(lambda run: int(GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, run)), callback, _Runs.UNTIL_SUCCESS)


def soon(callback: Callable[[], Any], priority: int = GLib.PRIORITY_DEFAULT) -> None:
    """Runs a callback a single time, in the order of these calls. Called on any thread."""

    def run() -> bool:
        _run_and_log(callback, "")
        return bool(GLib.SOURCE_REMOVE)

    GLib.idle_add(run, priority=priority)


def _run_and_log(callback: Callable[[], Any], last_error: str) -> str:
    """Returns the callback's error; empty: it succeeded."""
    error_text = ""
    try:
        callback()
    except Exception as error:  # whatever it is, it costs this run of the callback and no other
        error_text = repr(error)
        if error_text != last_error:
            _log.exception("callback failed")
    return error_text
