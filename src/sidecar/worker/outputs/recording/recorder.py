"""Records one stream: writes its encoded frames into one file after the other."""

import errno
import os
import threading
import time
from typing import Callable, NamedTuple, Optional

from sidecar.chain import ChainError
from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.worker.outputs.receiver import Failed, OnPhase, Phase, Receiver, Serving, Waiting
from sidecar.worker.outputs.recording.folder import Folder, NoRoomError, Opened
from sidecar.worker.outputs.recording.frame_queue import Frame, FrameQueue, frame_of
from sidecar.worker.outputs.recording.matroska import MAGIC, Matroska

# How far the disk may fall behind, in seconds of the stream, but no less than so many bytes.
_QUEUE_SECONDS = 4
_SMALLEST_QUEUE = 2000000
# Bytes in the pipeline of a file.
_MOST_IN_PIPELINE = 1000000
# A file is begun only if there is room for this many seconds.
_ROOM_SECONDS = 10
# The limit of an output is divided among at least this many files, since only a whole file can be removed.
_FILES_AT_LEAST = 4
_CHECK_SECONDS = 1.0
_FIRST_CHECK_SECONDS = 0.1
_TIDY_SECONDS = 5.0
_RETRY_SECONDS = 2.0


class Timeouts(NamedTuple):
    """Timeouts, in seconds."""

    # A file ends after this long without a frame: the name of the next one says when recording went on.
    pause: float = 10.0
    # A disk that takes nothing for this long is a failure.
    stalled: float = 10.0


class Limits(NamedTuple):
    """What can change while frames flow."""

    # Seconds.
    file_duration: float
    # All files of the output together. 0: no limit.
    max_bytes: int
    # The encoder's target, in bits a second.
    bitrate: int


_TIMEOUTS = Timeouts()


class _RecordingError(Exception):
    """A file can no longer be written. The message is one line: what, where and what to do."""

    def __init__(self, message: str, reason: "state.OutputFailedReason" = state.OUTPUT_FAILED_REASON_FILE) -> None:
        super().__init__(message)
        self.reason = reason


class Recorder(Receiver):
    """A thread of its own opens, writes and closes files, since a disk may make it wait."""

    def __init__(
        self, folder: Folder, camera_id: str, limits: Limits, on_phase: OnPhase, timeouts: Timeouts = _TIMEOUTS
    ) -> None:
        """camera_id: empty for a tiled stream. on_phase: called on the recorder's or a streaming thread."""
        self.limits = limits
        self._folder = folder
        self._camera_id = camera_id
        self._timeouts = timeouts
        self._on_phase = on_phase
        self._phase: Phase = Waiting()
        self._frames = FrameQueue(max(_SMALLEST_QUEUE, _bytes(limits, _QUEUE_SECONDS)))
        self._stopped = False
        self._stalled = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        return self._frames.dropped

    def take(self, sample: Gst.Sample) -> None:
        self._frames.put(frame_of(sample))
        full_since = self._frames.full_since
        stalled = full_since is not None and time.monotonic() - full_since > self._timeouts.stalled
        if stalled and not self._stalled:
            # The recorder's own thread cannot report it: it waits for the disk.
            self._set_phase(_failed("%s: the disk takes no more data; check it" % self._folder.path))
        self._stalled = stalled

    def stop(self) -> None:
        self._stopped = True
        self._frames.close()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        first: Optional[Frame] = None
        while first is not None or not self._stopped:
            if first is None:
                first = self._frames.get(_CHECK_SECONDS)
                continue
            if not first.is_key:
                first = None
                continue
            try:
                first = self._record(first)
                if first is None and not self._stopped:
                    self._set_phase(Waiting())
            except (_RecordingError, NoRoomError, ChainError, OSError) as error:
                self._set_phase(_failure(error))
                self._skip(_RETRY_SECONDS)
                first = None

    def _skip(self, seconds: float) -> None:
        """Drops frames for a while."""
        until = time.monotonic() + seconds
        while not self._stopped and time.monotonic() < until:
            if self._frames.get(until - time.monotonic()) is not None:
                self._frames.dropped += 1

    def _record(self, first: Frame) -> Optional[Frame]:
        """Writes one file, which begins with this key frame. Returns the first frame of the next file; None after a
        pause and at the end."""
        self._folder.tidy(self.limits.max_bytes, "")
        file = self._folder.begin(self._camera_id, _bytes(self.limits, _ROOM_SECONDS))
        self.path = file.path
        try:
            matroska = Matroska(first, file.descriptor)
            try:
                return self._write(first, matroska, _FileCheck(file, self._folder, first.size, self._on_written))
            finally:
                matroska.finish()
                os.fsync(file.descriptor)
        finally:
            if os.fstat(file.descriptor).st_size <= first.size:
                self._folder.remove(file.name)
            os.close(file.descriptor)

    def _write(self, first: Frame, matroska: Matroska, file_check: "_FileCheck") -> Optional[Frame]:
        frame: Optional[Frame] = first
        last = first
        arrived = time.monotonic()
        while True:
            if frame is not None:
                duration, pause = self.limits.file_duration, self._timeouts.pause
                if not _belongs(first, last, frame, duration, pause, file_check.is_done):
                    return frame
                matroska.push(frame)
                last = frame
                arrived = time.monotonic()
            while matroska.waiting_bytes > _MOST_IN_PIPELINE and not self._stopped:
                self._check(matroska, file_check)
                time.sleep(_FIRST_CHECK_SECONDS)
            self._check(matroska, file_check)
            if frame is None and (self._stopped or time.monotonic() - arrived > self._timeouts.pause):
                return None
            frame = self._frames.get(_CHECK_SECONDS if file_check.is_written else _FIRST_CHECK_SECONDS)

    def _check(self, matroska: Matroska, file_check: "_FileCheck") -> None:
        error = matroska.error()
        if error is not None:
            no_space = error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NO_SPACE_LEFT)
            reason = state.OUTPUT_FAILED_REASON_DISK_FULL if no_space else state.OUTPUT_FAILED_REASON_FILE
            raise _RecordingError("%s: %s" % (self.path, error.message), reason)
        file_check.run(self.limits.max_bytes)

    def _on_written(self) -> None:
        if not self._stalled:
            self._set_phase(Serving())

    def _set_phase(self, phase: Phase) -> None:
        # Each failure has a next attempt of its own.
        if isinstance(phase, Failed) or type(phase) is not type(self._phase):
            self._phase = phase
            self._on_phase(phase)


class _FileCheck:
    """Checks now and then whether the current file reaches the disk, still exists and leaves room."""

    def __init__(self, file: Opened, folder: Folder, first_size: int, on_written: Callable[[], None]) -> None:
        """on_written: called when the first frame is on the disk, and again whenever more is."""
        self.is_written = False
        # The next key frame begins another file.
        self.is_done = False
        self._file = file
        self._folder = folder
        self._first_size = first_size
        self._on_written = on_written
        self._next_check = 0.0
        self._next_tidy = time.monotonic() + _TIDY_SECONDS

    def run(self, max_bytes: int) -> None:
        """Makes the checks that are due. Raises NoRoomError and OSError."""
        now = time.monotonic()
        if now < self._next_check:
            return
        os.fdatasync(self._file.descriptor)
        status = os.fstat(self._file.descriptor)
        has_header = os.pread(self._file.descriptor, len(MAGIC), 0) == MAGIC
        is_large = max_bytes > 0 and status.st_size >= max_bytes // _FILES_AT_LEAST
        # No link: somebody has removed the file, and nobody would ever find the recording.
        self.is_done = is_large or status.st_nlink == 0
        if has_header and status.st_size > self._first_size:
            self.is_written = True
            self._on_written()
        if now >= self._next_tidy:
            self._folder.tidy(max_bytes, self._file.name)
            self._next_tidy = now + _TIDY_SECONDS
        self._next_check = now + (_CHECK_SECONDS if self.is_written else _FIRST_CHECK_SECONDS)


def _belongs(first: Frame, last: Frame, frame: Frame, duration: float, pause: float, is_done: bool) -> bool:
    """Whether a frame belongs in the file that begins with first and ends with last. Times in seconds. Pure."""
    if frame is first:
        return True
    is_same_stream = frame.caps.is_equal(first.caps) and last.pts < frame.pts < last.pts + pause * Gst.SECOND
    is_full = frame.is_key and (is_done or frame.pts - first.pts >= duration * Gst.SECOND)
    return is_same_stream and not is_full


def _bytes(limits: Limits, seconds: int) -> int:
    return limits.bitrate // 8 * seconds


def _failed(detail: str, reason: "state.OutputFailedReason" = state.OUTPUT_FAILED_REASON_FILE) -> Failed:
    return Failed(reason, detail, _RETRY_SECONDS)


def _failure(error: Exception) -> Failed:
    if isinstance(error, _RecordingError):
        return _failed(str(error), error.reason)
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full or isinstance(error, NoRoomError):
        return _failed(str(error), state.OUTPUT_FAILED_REASON_DISK_FULL)
    return _failed(str(error))
