"""Turns the main loop on the test's own thread while it waits."""

import time

from sidecar.gst import GLib


def turn_until(condition, told, within):
    """Returns once the condition holds; fails with what told() gives when that takes more than so many seconds."""
    context = GLib.MainContext.default()
    # A source that fires now and then, so that the loop never sleeps past the deadline.
    tick = GLib.timeout_add(10, lambda: True)
    deadline = time.monotonic() + within
    try:
        while not condition():
            assert time.monotonic() < deadline, told()
            context.iteration(True)
    finally:
        GLib.source_remove(tick)
