"""Callbacks on a real main loop: one that raises costs nothing but its own run, and is logged once."""

import logging
import os
import re

import pytest

from sidecar.gst import GLib
from sidecar.tests.main_loop import turn_until
from sidecar.timer import every, once, soon, when_ready


def turn(condition):
    turn_until(condition, lambda: "did not happen in time", within=30.0)


@pytest.fixture
def failures(caplog):
    def logged():
        return [record.exc_info[1] for record in caplog.records if record.levelno == logging.ERROR]

    return logged


class Failing:
    """A callback that raises what it is told to, and counts its runs."""

    def __init__(self, *errors):
        self.runs = 0
        self._errors = errors

    def __call__(self):
        error = self._errors[min(self.runs, len(self._errors) - 1)]
        self.runs += 1
        if error is not None:
            raise error


def test_a_timer_goes_on_after_an_exception_that_is_logged_once(failures):
    error = ValueError("the same every time")
    callback = Failing(error)
    timer = every(1, callback)
    turn(lambda: callback.runs >= 5)
    timer.stop()
    assert failures() == [error]


def test_another_exception_and_one_after_a_success_are_logged_too(failures):
    first, second = ValueError("first"), ValueError("second")
    callback = Failing(first, first, second, None, second, None)
    timer = every(1, callback)
    turn(lambda: callback.runs >= 6)
    timer.stop()
    assert failures() == [first, second, second]


def test_a_watch_of_a_descriptor_goes_on_after_an_exception(failures):
    error = OSError("cannot accept")
    readable, writable = os.pipe()
    callback = Failing(error)
    watch = when_ready(readable, GLib.IO_IN, callback)
    os.write(writable, b".")
    turn(lambda: callback.runs >= 5)
    watch.stop()
    os.close(readable)
    os.close(writable)
    assert failures() == [error]


@pytest.mark.parametrize("begin", [lambda callback: once(1, callback), soon])
def test_what_is_to_run_once_runs_once_and_is_logged_if_it_raises(failures, begin):
    error = ValueError("once")
    callback = Failing(error)
    others = Failing(None)
    begin(callback)
    every_other = every(1, others)
    turn(lambda: callback.runs and others.runs >= 5)
    every_other.stop()
    assert callback.runs == 1
    assert failures() == [error]


def test_a_timer_can_be_stopped_before_during_and_after_its_run_and_twice():
    before, after = Failing(None), Failing(None)
    stopped = once(1, before)
    stopped.stop()
    stopped.stop()
    ended = once(1, after)
    turn(lambda: after.runs)
    ended.stop()
    runs = []
    timer = every(1, lambda: (runs.append(1), timer.stop()))
    turn(lambda: runs)
    others = Failing(None)
    every_other = every(1, others)
    turn(lambda: others.runs >= 5)
    every_other.stop()
    assert (before.runs, after.runs, len(runs)) == (0, 1, 1)


SIDECAR = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
# MainLoop.call() hands every exception to the caller.
MAY_USE_GLIB = {"timer.py", os.path.join("worker", "main_loop.py")}


@pytest.mark.parametrize("folder", [".", "keeper", "outlet", os.path.join("worker", "outputs"), "worker"])
def test_nothing_else_hands_a_callback_to_glib(folder):
    found = []
    for name in sorted(os.listdir(os.path.join(SIDECAR, folder))):
        path = os.path.normpath(os.path.join(folder, name))
        if name.endswith(".py") and path not in MAY_USE_GLIB:
            with open(os.path.join(SIDECAR, path), encoding="utf-8") as file:
                found += [path for line in file if re.search(r"GLib\.(timeout_add|idle_add|io_add_watch)", line)]
    assert found == []
