"""An X display without a screen, and what is seen on it."""

import os
import subprocess

from sidecar.tests.ports import free_port

WIDTH, HEIGHT = 1000, 400


class Display:
    """A running Xvfb. name: what DISPLAY is to be."""

    def __init__(self, number=""):
        """number: of the display; without one, any that is free."""
        # Two Xvfb that look for a free number at the same moment may choose the same one, and one of them ends.
        number = number or str(free_port())
        reading, writing = os.pipe()
        options = "-displayfd %d -screen 0 %dx%dx24 -nolisten tcp" % (writing, WIDTH, HEIGHT)
        command = ["Xvfb", ":" + number, *options.split()]
        self._process = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as told:
            self.number = told.readline().strip()
        assert self.number, "Xvfb does not start"
        self.name = ":" + self.number

    def stop(self):
        self._process.kill()
        self._process.wait()

    def pixel(self, x, y):
        """Red, green and blue of a pixel as it is now."""
        grab = "ffmpeg -v error -f x11grab -draw_mouse 0 -video_size 1x1 -i %s+%d,%d" % (self.name, x, y)
        command = [*grab.split(), *"-frames:v 1 -f rawvideo -pix_fmt rgb24 -".split()]
        return tuple(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
