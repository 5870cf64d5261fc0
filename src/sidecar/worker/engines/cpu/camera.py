"""One camera from the first connection to the last: its state machine, and the pipeline that lives and dies in it.

Each camera has a pipeline of its own, so that what happens to one never touches another.
"""

import random
import time
from typing import Callable, NamedTuple, Optional, Union

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from sidecar.chain import ChainError  # noqa: E402
from sidecar.contract import spec, state  # noqa: E402
from sidecar.log import Log, redact  # noqa: E402
from sidecar.worker import reasons  # noqa: E402
from sidecar.worker.addresses import scheme  # noqa: E402
from sidecar.worker.backoff import retry_delay  # noqa: E402
from sidecar.worker.board import Board  # noqa: E402
from sidecar.worker.engines.cpu import source  # noqa: E402
from sidecar.worker.engines.cpu.intake import Intake  # noqa: E402
from sidecar.worker.knocks import Knocks  # noqa: E402

# How long a camera may take until its first frame, and how long it may be silent afterwards, in seconds. One with few
# frames a second may be silent for so many of its intervals.
FIRST_FRAME_SECONDS = 10.0
SILENCE_SECONDS = 1.5
_SILENT_INTERVALS = 4
_WATCH_MILLISECONDS = 250
# After so many seconds of frames earlier failures are forgotten: the next one is tried again at once.
_HEALTHY_SECONDS = 60.0
# An unreachable host is asked so often whether it answers again, in milliseconds.
_KNOCK_MILLISECONDS = 1000
_DEFAULT_FROZEN_SECONDS = 60.0


class Connecting(NamedTuple):
    """The first attempt, or a later one that did not say anything yet."""

    began: float


class Live(NamedTuple):
    """Frames arrive."""

    since: float


class Waiting(NamedTuple):
    """Lost; the next attempt is planned for a monotonic time, sooner if the host answers again."""

    due: float
    timer: int
    knocks: Optional[Knocks]


class Stopped(NamedTuple):
    """Not wanted any more."""


Phase = Union[Connecting, Live, Waiting, Stopped]


class Camera:
    """All methods are called on the loop thread."""

    def __init__(self, camera: spec.Camera, intake: Intake, board: Board, note: Callable[[str], None]) -> None:
        """note: says on the camera's tiles why they show nothing fresh."""
        self.spec = camera
        self._note = note
        self._intake = intake
        self._board = board
        self._log = Log("camera")
        self._phase: Phase = Stopped()
        self._pipeline: Optional[Gst.Pipeline] = None
        # Which pipeline it is: what is heard from an earlier one does not count. Callbacks hold this number, not the
        # pipeline, which they would keep alive for ever.
        self._number = 0
        self._bus_handler = 0
        self._watch = 0
        self._encoding = ""
        self._attempts = 0
        # Attempts that failed without a healthy time between them.
        self._failures = 0
        self._lost_at = ""
        self._noted = ""
        self._live_size = (0, 0)

    def start(self) -> None:
        self._board.add_camera(self.spec.id, self._intake.counters)
        self._board.set_camera(state.CameraStatus(id=self.spec.id, connecting=state.CameraStatus.Connecting(attempt=1)))
        self._say("connecting")
        self._watch = GLib.timeout_add(_WATCH_MILLISECONDS, self._look_after)
        self._connect()

    def stop(self) -> None:
        """Returns when the pipeline is gone."""
        self._end_waiting()
        self._phase = Stopped()
        GLib.source_remove(self._watch)
        self._close()
        self._board.remove_camera(self.spec.id)

    def _connect(self) -> None:
        self._phase = Connecting(time.monotonic())
        pipeline = Gst.Pipeline.new("camera-" + self.spec.id)
        self._pipeline = pipeline
        self._number += 1
        number = self._number
        pipeline.use_clock(Gst.SystemClock.obtain())
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        self._bus_handler = bus.connect("message", lambda _bus, message: self._on_message(number, message))
        try:
            sink = source.build(
                self.spec,
                pipeline,
                source.SourceEvents(
                    encoding=self._on_encoding,
                    failed=lambda why: self._fail(why) if number == self._number else None,
                    opened=lambda: self._play_file() if number == self._number else None,
                ),
            )
        except ChainError as error:
            self._fail(
                reasons.Failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, redact("%s: %s" % (self.spec.uri, error)))
            )
            return
        sink.connect("new-sample", self._intake.on_sample)
        pipeline.get_by_name("freshest").get_static_pad("sink").add_probe(
            Gst.PadProbeType.BUFFER, self._intake.on_decoded
        )
        self._start_time_line(pipeline)
        pipeline.set_state(Gst.State.PAUSED if scheme(self.spec.uri) == "file" else Gst.State.PLAYING)

    def _close(self) -> None:
        pipeline, self._pipeline = self._pipeline, None
        self._number += 1
        if pipeline is not None:
            bus = pipeline.get_bus()
            bus.disconnect(self._bus_handler)
            bus.remove_signal_watch()
            pipeline.set_state(Gst.State.NULL)

    def _on_encoding(self, encoding: str) -> None:
        self._encoding = encoding

    def _on_message(self, number: int, message: Gst.Message) -> None:
        pipeline = self._pipeline
        if number != self._number or pipeline is None:
            return
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            self._fail(reasons.from_error(error, debug, self.spec.uri))
        elif message.type == Gst.MessageType.EOS:
            self._on_end()
        elif message.type == Gst.MessageType.SEGMENT_DONE:
            # The loop of a file goes on without a flush: frames under way are not lost, and time runs on.
            _seek_to_start(pipeline, Gst.SeekFlags.SEGMENT)
        elif message.type == Gst.MessageType.TAG and not self._encoding:
            found, codec = message.parse_tag().get_string(Gst.TAG_VIDEO_CODEC)
            if found:
                self._encoding = codec

    def _play_file(self) -> None:
        """From here the file is played piece by piece, each piece the whole file."""
        assert self._pipeline is not None
        _seek_to_start(self._pipeline, Gst.SeekFlags.SEGMENT | Gst.SeekFlags.FLUSH)
        self._start_time_line(self._pipeline)
        self._pipeline.set_state(Gst.State.PLAYING)

    def _start_time_line(self, pipeline: Gst.Pipeline) -> None:
        """The base time is ours, so that the time line is known before the first frame."""
        base_time = Gst.SystemClock.obtain().get_time()
        pipeline.set_start_time(Gst.CLOCK_TIME_NONE)
        pipeline.set_base_time(base_time)
        self._intake.reset(base_time)

    def _on_end(self) -> None:
        if scheme(self.spec.uri) == "file" and isinstance(self._phase, Live):
            # A file that cannot be played in segments is opened again.
            self._close()
            self._connect()
            return
        self._fail(reasons.failure(state.CAMERA_LOST_REASON_ENDED, self.spec.uri))

    def _look_after(self) -> bool:
        """Notices the first frame, silence, a picture that stands still, and the time until the next attempt."""
        now = time.monotonic()
        if isinstance(self._phase, Connecting):
            self._look_after_connecting(self._phase, now)
        elif isinstance(self._phase, Live):
            self._look_after_live(self._phase, now)
        elif isinstance(self._phase, Waiting):
            self._say("no signal since %s, next try in %d s" % (self._lost_at, max(0, self._phase.due - now) + 1))
        return bool(GLib.SOURCE_CONTINUE)

    def _look_after_connecting(self, phase: Connecting, now: float) -> None:
        intake = self._intake
        is_frozen = intake.is_frozen()
        if intake.last_decoded and all(intake.size) and not is_frozen:
            intake.frozen_look = b""
            self._phase = Live(now)
            self._attempts = 0
            self._say("")
            self._show_live()
        elif now - phase.began > FIRST_FRAME_SECONDS:
            reason = state.CAMERA_LOST_REASON_FROZEN if is_frozen else state.CAMERA_LOST_REASON_TIMEOUT
            self._fail(reasons.failure(reason, self.spec.uri))

    def _look_after_live(self, phase: Live, now: float) -> None:
        intake = self._intake
        silence = now - intake.last_decoded / 1e9
        still = now - intake.same_since / 1e9
        if silence > allowed_silence(intake.interval):
            said = "no frame for %.1f s" % silence
            self._fail(reasons.failure(state.CAMERA_LOST_REASON_TIMEOUT, self.spec.uri, said))
        elif still > self._frozen_seconds():
            intake.frozen_look = intake.look
            said = "the same picture for %.0f s" % still
            self._fail(reasons.failure(state.CAMERA_LOST_REASON_FROZEN, self.spec.uri, said))
        else:
            if now - phase.since > _HEALTHY_SECONDS:
                self._failures = 0
            if intake.size != self._live_size:
                self._show_live()

    def _frozen_seconds(self) -> float:
        if scheme(self.spec.uri) in ("file", "test"):
            return float("inf")
        if not self.spec.HasField("frozen_after"):
            return _DEFAULT_FROZEN_SECONDS
        return self.spec.frozen_after.ToMilliseconds() / 1000.0 or float("inf")

    def _show_live(self) -> None:
        self._live_size = self._intake.size
        width, height = self._live_size
        live = state.CameraStatus.Live(encoding=self._encoding, width=width, height=height)
        self._board.set_camera(state.CameraStatus(id=self.spec.id, live=live))

    def _say(self, text: str) -> None:
        if text != self._noted:
            self._noted = text
            self._note(text)

    def _fail(self, why: reasons.Failure) -> None:
        self._close()
        if not self._attempts:
            self._lost_at = time.strftime("%H:%M:%S")
        self._attempts += 1
        self._failures += 1
        delay = retry_delay(why.reason, self._failures, random.random)
        lost = state.CameraStatus.Lost(reason=why.reason, detail=why.detail, attempts=self._attempts)
        lost.next_attempt.FromNanoseconds(int((time.time() + delay) * 1e9))
        knocks = None
        if why.reason == state.CAMERA_LOST_REASON_UNREACHABLE and scheme(self.spec.uri) in ("rtsp", "rtsps"):
            knocks = Knocks(self.spec.uri, _KNOCK_MILLISECONDS, self._answered)
        due = time.monotonic() + delay
        self._phase = Waiting(due, GLib.timeout_add(int(delay * 1000), self._retry), knocks)
        self._look_after()
        self._board.set_camera(state.CameraStatus(id=self.spec.id, lost=lost))
        self._log.debug("camera lost", camera=self.spec.id, detail=why.detail, attempts=self._attempts)

    def _retry(self) -> bool:
        phase = self._phase
        if isinstance(phase, Waiting) and phase.knocks is not None:
            phase.knocks.stop()
        self._connect()
        return bool(GLib.SOURCE_REMOVE)

    def _answered(self) -> None:
        """The host of an unreachable camera takes connections again."""
        self._end_waiting()
        self._connect()

    def _end_waiting(self) -> None:
        if isinstance(self._phase, Waiting):
            GLib.source_remove(self._phase.timer)
            if self._phase.knocks is not None:
                self._phase.knocks.stop()


def allowed_silence(interval: float) -> float:
    """Seconds without a frame after which a camera is lost that sends one every interval seconds. Pure."""
    return max(SILENCE_SECONDS, _SILENT_INTERVALS * interval)


def _seek_to_start(pipeline: Gst.Pipeline, flags: Gst.SeekFlags) -> None:
    pipeline.seek(1.0, Gst.Format.TIME, flags, Gst.SeekType.SET, 0, Gst.SeekType.NONE, -1)
