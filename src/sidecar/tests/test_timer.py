"""Callbacks on a real main loop: one that raises costs nothing but its own run, and is logged once."""

import logging
import os
import re
import signal
import subprocess
import sys

import pytest

from sidecar.gst import GLib
from sidecar.tests.main_loop import turn_until
from sidecar.timer import attempt, every, on_signal, once, soon, when_ended, when_ready


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


def test_an_attempt_is_made_again_until_it_succeeds(failures):
    first, second = ValueError("first"), ValueError("second")
    callback = Failing(first, first, second, None)
    others = Failing(None)
    attempt(1, callback)
    every_other = every(1, others)
    turn(lambda: callback.runs >= 4 and others.runs >= 10)
    every_other.stop()
    assert callback.runs == 4
    assert failures() == [first, second]


def test_an_attempt_that_is_stopped_while_it_fails_is_not_made_again():
    others = Failing(None)
    runs = []

    def fail():
        runs.append(1)
        timer.stop()
        raise ValueError("stopped")

    timer = attempt(1, fail)
    turn(lambda: runs)
    every_other = every(1, others)
    turn(lambda: others.runs >= 5)
    every_other.stop()
    assert runs == [1]


def test_the_end_of_a_child_is_told_with_its_status(failures):
    statuses = []
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.exit(3)"]) as child:
        when_ended(child.pid, statuses.append)
        turn(lambda: statuses)
    assert [os.WEXITSTATUS(status) for status in statuses] == [3]
    assert failures() == []


def test_a_signal_whose_callback_raises_is_not_lost(failures):
    error = ValueError("cannot stop")
    callback = Failing(error, None)
    on_signal(signal.SIGUSR1, callback)
    for runs in (1, 2):
        os.kill(os.getpid(), signal.SIGUSR1)
        turn(lambda runs=runs: callback.runs >= runs)
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


HANDS_A_CALLBACK_TO_GLIB = re.compile(r"GLib\.(?!log)\w*(?:_add\b|_add_|add_watch|_source_new)|set_callback\(")


def modules_of_the_sidecar():
    for folder, folders, names in os.walk(SIDECAR):
        folders[:] = [one for one in folders if one not in ("tests", "gen", "__pycache__")]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), SIDECAR)
            if name.endswith(".py") and path not in MAY_USE_GLIB:
                yield path


def test_nothing_else_hands_a_callback_to_glib():
    found = []
    for path in modules_of_the_sidecar():
        with open(os.path.join(SIDECAR, path), encoding="utf-8") as file:
            found += [path for line in file if HANDS_A_CALLBACK_TO_GLIB.search(line)]
    assert found == []


@pytest.mark.parametrize(
    "function",
    [
        "timeout_add",
        "timeout_add_seconds",
        "idle_add",
        "io_add_watch",
        "unix_fd_add_full",
        "unix_signal_add",
        "child_watch_add",
        "timeout_source_new",
    ],
)
def test_the_rule_knows_every_way_to_hand_glib_a_callback(function):
    assert HANDS_A_CALLBACK_TO_GLIB.search("GLib.%s(" % function)
