"""What people write: a loop of VideoCapture, ONNX Runtime, drawing and RTSP, with one camera in a process.

    python bench/race/opencv_loop.py CAMERA RATE BUNDLE [--reading-thread]

With a reading thread, the loop takes the newest frame; without, all of them. A stream that ends is opened again.
"""

import os
import sys
import threading
import time
from typing import Any, Optional

# VideoCapture reads it when it is made: without them ffmpeg's own buffers add a second.
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|threads;1"

import cv2
from bgr_detector import BgrDetector
from rtsp_output import from_frames


class Reader:
    """Reads one camera for ever."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._capture: Optional[Any] = None

    def read(self) -> Any:
        while True:
            if self._capture is None:
                self._capture = cv2.VideoCapture(self._uri, cv2.CAP_FFMPEG)
            ok, frame = self._capture.read()
            if ok:
                return frame
            self._capture.release()
            self._capture = None
            time.sleep(0.5)


class NewestReader:
    """Reads on a thread of its own."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._changed = threading.Condition()
        self._frame: Optional[Any] = None
        threading.Thread(target=self._run, daemon=True).start()

    def read(self) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None)
            frame, self._frame = self._frame, None
            return frame

    def _run(self) -> None:
        while True:
            frame = self._reader.read()
            with self._changed:
                self._frame = frame
                self._changed.notify()


def main() -> None:
    uri, rate, bundle = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    output, detector = from_frames(rate), BgrDetector(bundle)
    reader = NewestReader(Reader(uri)) if "--reading-thread" in sys.argv else Reader(uri)
    while True:
        frame = reader.read()
        detector.draw(frame, detector.detect(frame))
        output.write(frame)


if __name__ == "__main__":
    main()
