"""The process that shows a picture, and what the worker makes of its end."""

import os
import queue
import subprocess
import sys

import pytest

import standins
from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.tests.deepstream_sidecar import BOARDS, PYTHONPATH, eventually
from sidecar.tests.display import Display
from sidecar.worker.outputs.receiver import Failed, Serving
from sidecar.worker.outputs.window import Window, WindowOptions

Gst.init(None)

DEADLINE_SECONDS = 30
WIDTH, HEIGHT = 64, 48
# Blue, as I420.
BLUE = bytes([29]) * (WIDTH * HEIGHT) + bytes([255]) * (WIDTH * HEIGHT // 4) + bytes([107]) * (WIDTH * HEIGHT // 4)
CAPS = "video/x-raw, format=I420, width=%d, height=%d"


@pytest.fixture(scope="module")
def display():
    one = Display()
    yield one
    one.stop()


def environment(display_name, board=""):
    own = dict(os.environ, PYTHONPATH=PYTHONPATH, DISPLAY=display_name)
    if board:
        own[standins.VARIABLE] = BOARDS[board][0]
    return own


def window_process(sink, environment, frames):
    """How it ends: its status, and what it wrote."""
    module = "standins.window" if standins.VARIABLE in environment else "sidecar.window"
    command = [sys.executable, "-m", module, "--width", str(WIDTH), "--height", str(HEIGHT)]
    command += ["--title", "a test", "--sink", sink]
    ended = subprocess.run(
        command, input=BLUE * frames, stdout=subprocess.PIPE, env=environment, timeout=DEADLINE_SECONDS
    )
    return ended.returncode, ended.stdout.decode().splitlines()


SINKS = [("ximagesink", ""), ("nv3dsink", "nano"), ("nveglglessink", "t4")]


@pytest.mark.parametrize(("sink", "board"), SINKS)
def test_it_says_when_it_has_shown_something_and_ends_with_its_input(display, sink, board):
    assert window_process(sink, environment(display.name, board), frames=3) == (0, ["shown"])


@pytest.mark.parametrize(("sink", "board"), SINKS)
def test_without_a_display_it_ends_and_says_so(sink, board):
    status, said = window_process(sink, environment(":nowhere", board), frames=3)
    assert status == 1
    assert said[-1].startswith(sink + ": ")
    assert "shown" not in said


def test_a_sink_that_does_not_exist_is_told(display):
    status, said = window_process("nosuchsink", environment(display.name), frames=3)
    assert status == 1
    assert "there is no such element" in said[-1]


class Shown:
    """A window of the worker's, and what it tells."""

    def __init__(self, environment, sinks):
        self.told = queue.Queue()
        self.window = Window(
            WindowOptions(WIDTH, HEIGHT, "a test", sinks), environment, self.told.put, "sidecar.window"
        )

    def take(self, data=BLUE, width=WIDTH):
        caps = Gst.Caps.from_string(CAPS % (width, HEIGHT))
        self.window.take(Gst.Sample.new(Gst.Buffer.new_wrapped(data), caps, None, None))

    def until(self, kind):
        """Frames go on until this is told."""
        while True:
            self.take()
            try:
                told = self.told.get(timeout=0.05)
            except queue.Empty:
                continue
            if isinstance(told, kind):
                return told

    def end(self):
        self.window.stop()
        self.window.wait(DEADLINE_SECONDS)
        assert not self.window._thread.is_alive()


def is_blue(colour):
    red, green, blue = colour
    return blue > 200 and red < 60 and green < 60


def test_the_first_sink_that_shows_a_frame_is_taken(display):
    shown = Shown(environment(display.name), ["nosuchsink", "ximagesink"])
    shown.until(Serving)
    eventually(lambda: is_blue(display.pixel(20, 20)), "blue", DEADLINE_SECONDS)
    shown.end()
    eventually(lambda: display.pixel(20, 20) == (0, 0, 0), "the end of the window", DEADLINE_SECONDS)


def test_a_frame_of_another_size_does_not_upset_the_picture(display):
    shown = Shown(environment(display.name), ["ximagesink"])
    shown.until(Serving)
    shown.take(b"\0" * 1234, width=WIDTH + 2)
    # take() gives None.
    eventually(lambda: shown.take() or is_blue(display.pixel(20, 20)), "blue", DEADLINE_SECONDS)
    shown.end()


def test_a_display_that_refuses_is_told_and_tried_again():
    shown = Shown(environment(":nowhere"), ["ximagesink"])
    failed = shown.until(Failed)
    assert failed.reason == state.OUTPUT_FAILED_REASON_DISPLAY
    assert failed.detail.startswith(":nowhere: ximagesink: ")
    assert failed.retry_seconds == 2.0
    assert shown.until(Failed).retry_seconds == 4.0
    shown.end()


def test_a_process_that_takes_nothing_is_ended(display, monkeypatch, tmp_path):
    hanging = tmp_path / "hanging"
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    monkeypatch.setattr("sidecar.worker.outputs.window._TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("sidecar.worker.outputs.window.sys.executable", str(hanging))
    shown = Shown(environment(display.name), ["ximagesink"])
    assert "takes no more frames" in shown.until(Failed).detail
    shown.end()
