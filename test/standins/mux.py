"""Both elements that are named nvstreammux: the legacy one scales the frames of its sources and batches them, the new
one batches them as they are.

Every sink pad keeps a small queue; one task on the source pad forms the batches. The legacy muxer waits for the slowest
source no longer than batched-push-timeout after a batch's first frame. The new one sends a partial batch as often as
overall-min-fps in its file demands; without a file that is 5 a second, whatever batched-push-timeout is
(configure_module() in gstnvstreammux.cpp of 9.0).
"""

import configparser
import threading
import time
from collections import deque
from typing import Any, Deque, Dict, List, NamedTuple, Optional

from sidecar.gst import Gst
from standins import batch, pyds
from standins.element import Standin, requested, weakly
from standins.frames import Converter, RawVideo, Rectangle, raw_video, stack

_OUTPUT_FORMATS = ("NV12", "RGBA", "I420")


class _Frame(NamedTuple):
    buffer: Gst.Buffer
    source: int
    number: int
    pts: int
    running_time: int
    width: int
    height: int
    framerate: str
    ntp: int


class _Source:
    """One sink pad. The muxer's lock guards it, except for what the pad's streaming thread owns."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.queue: Deque[_Frame] = deque()
        self.ended = False
        self.flushing = False
        self.number = 0
        self.segment = Gst.Segment()
        self.video: Optional[RawVideo] = None
        self.converter: Optional[Converter] = None


class _Rules(NamedTuple):
    """The new muxer's configuration file, with its defaults."""

    min_fps: float = 5.0
    adaptive: bool = True
    batch_size: Optional[int] = None


def _rules(path: Optional[str]) -> _Rules:
    if not path:
        return _Rules()
    parser = configparser.ConfigParser(delimiters="=", comment_prefixes="#", strict=False, interpolation=None)
    parser.read(path)
    if not parser.has_section("property"):
        return _Rules()
    entry = parser["property"]
    min_fps = entry.getint("overall-min-fps-n", 5) / entry.getint("overall-min-fps-d", 1)
    size = entry.getint("batch-size") if "batch-size" in entry else None
    return _Rules(min_fps, entry.getint("adaptive-batching", 1) == 1, size)


class Mux(Standin):
    """nvstreammux. Source k is pad sink_k."""

    gst_class = Gst.Element

    def build(self) -> None:
        self._src = Gst.Pad.new_from_template(self.template("src"), "src")
        self.add_pad(self._src)
        self._changed = threading.Condition()
        self._sources: Dict[str, _Source] = {}
        self._reset()

    def _reset(self) -> None:
        self._running = False
        # None: this is the legacy muxer.
        self._rules = None if "width" in self.values else _rules(self.values["config-file-path"])
        self._last_push = time.monotonic()
        self._output: Optional[RawVideo] = None
        self._last_pts = -1

    def do_request_new_pad(self, template: Gst.PadTemplate, name: Optional[str], caps: Optional[Gst.Caps]) -> Any:
        with self._changed:
            if name is None:
                taken = {source.index for source in self._sources.values()}
                name = "sink_%d" % next(index for index in range(len(taken) + 1) if index not in taken)
            if name in self._sources:
                return None
            self._sources[name] = _Source(int(name[len("sink_") :]))
        pad = Gst.Pad.new_from_template(template, name)
        pad.set_chain_function_full(weakly(self._chain))
        pad.set_event_function_full(weakly(self._event))
        pad.set_active(True)
        self.add_pad(pad)
        return requested(pad)

    def do_release_pad(self, pad: Gst.Pad) -> None:
        if self.has_state():
            with self._changed:
                source = self._sources.pop(pad.get_name(), None)
                if source is not None:
                    source.flushing = True
                self._changed.notify_all()
        pad.set_active(False)
        self.remove_pad(pad)

    def do_change_state(self, transition: Gst.StateChange) -> Gst.StateChangeReturn:
        if transition == Gst.StateChange.READY_TO_PAUSED:
            for name in ("width", "height") if "width" in self.values else ():
                if not self.values[name]:
                    # As seen on devices: levipereira/deepstream-yolo-e2e#6.
                    self.fail(
                        "Output %s not set" % name, Gst.ResourceError.OPEN_READ, "gst_nvstreammux_change_state ()"
                    )
                    return Gst.StateChangeReturn.FAILURE
            if not self.values["batch-size"]:
                self.fail("Batch size not set", Gst.ResourceError.OPEN_READ)
                return Gst.StateChangeReturn.FAILURE
            self._start()
        elif transition == Gst.StateChange.PAUSED_TO_READY:
            self._stop()
        result = Gst.Element.do_change_state(self, transition)
        if transition == Gst.StateChange.READY_TO_PAUSED and result != Gst.StateChangeReturn.FAILURE:
            self._src.start_task(weakly(self._push_batch))
        elif transition == Gst.StateChange.PAUSED_TO_READY:
            self._src.stop_task()
        return result

    def _start(self) -> None:
        with self._changed:
            self._reset()
            self._running = True
            for source in self._sources.values():
                source.__init__(source.index)  # type: ignore[misc]

    def _stop(self) -> None:
        with self._changed:
            self._running = False
            self._changed.notify_all()

    # On the streaming threads of the sources.

    def _event(self, pad: Gst.Pad, parent: Optional[Gst.Object], event: Gst.Event) -> bool:
        source = self._sources.get(pad.get_name())
        if source is None:
            return False
        if event.type == Gst.EventType.CAPS:
            source.video, source.converter = raw_video(event.parse_caps()), None
        elif event.type == Gst.EventType.SEGMENT:
            source.segment = event.parse_segment().copy()
        with self._changed:
            if event.type == Gst.EventType.EOS:
                source.ended = True
            elif event.type == Gst.EventType.STREAM_START:
                source.ended = False
            elif event.type == Gst.EventType.FLUSH_START:
                source.flushing = True
                source.queue.clear()
            elif event.type == Gst.EventType.FLUSH_STOP:
                source.flushing = source.ended = False
            self._changed.notify_all()
        return True

    def _chain(self, pad: Gst.Pad, parent: Optional[Gst.Object], buffer: Gst.Buffer) -> Gst.FlowReturn:
        source = self._sources.get(pad.get_name())
        if source is None or source.video is None:
            return Gst.FlowReturn.NOT_NEGOTIATED
        try:
            frame = self._frame(source, source.video, buffer)
        except ValueError as error:
            self.fail(str(error), Gst.ResourceError.READ)
            return Gst.FlowReturn.ERROR
        with self._changed:
            while self._running and not source.flushing and len(source.queue) >= self._share():
                self._changed.wait()
            if not self._running or source.flushing:
                return Gst.FlowReturn.FLUSHING
            source.queue.append(frame)
            self._changed.notify_all()
        return Gst.FlowReturn.OK

    def _frame(self, source: _Source, video: RawVideo, buffer: Gst.Buffer) -> _Frame:
        if source.converter is None:
            target = self._negotiated(video)
            if self._rules is not None and (video.width, video.height) != (target.width, target.height):
                # A batch of the real one may hold several sizes, a buffer of the stand-ins only one.
                raise ValueError("a frame of another size than the first: the new muxer does not scale")
            into = _inside(video, target) if self.values.get("enable-padding") else None
            source.converter = Converter(video, target, into)
        number = source.number
        source.number += 1
        ntp = int(time.time() * 1e9) if self.values["attach-sys-ts"] else 0
        running_time = source.segment.to_running_time(Gst.Format.TIME, buffer.pts)
        converted = source.converter.converted(buffer)
        return _Frame(
            converted,
            source.index,
            number,
            buffer.pts,
            running_time,
            video.width,
            video.height,
            video.framerate,
            ntp,
        )

    def _negotiated(self, first: RawVideo) -> RawVideo:
        """The output: frames of the muxer's size, in the first format that the next element accepts."""
        with self._changed:
            if self._output is None:
                allowed = self._src.peer_query_caps(self.template("src").get_caps())
                width, height = self.values.get("width", first.width), self.values.get("height", first.height)
                choices = [RawVideo(name, width, height, first.framerate) for name in _OUTPUT_FORMATS]
                self._output = next((each for each in choices if each.caps().can_intersect(allowed)), choices[0])
            return self._output

    def _share(self) -> int:
        """How many frames of one source a batch may hold."""
        if self._rules is not None:
            return 1
        return max(1, -(-int(self.values["batch-size"]) // max(1, len(self._sources))))

    # On the task of the source pad.

    def _push_batch(self) -> None:
        with self._changed:
            frames = self._collected()
            ended = self._running and not frames and self._all_ended()
        if frames:
            result = self._src.push(self._batch(frames))
            if result in (Gst.FlowReturn.OK, Gst.FlowReturn.FLUSHING):
                return
            if result != Gst.FlowReturn.EOS:
                self.fail("Internal data stream error.", debug="streaming stopped, reason %s" % result.value_nick)
        elif ended:
            if self.values.get("drop-pipeline-eos"):
                with self._changed:
                    while self._running and self._all_ended():
                        self._changed.wait()
                return
            self._src.push_event(Gst.Event.new_eos())
        self._src.pause_task()

    def _all_ended(self) -> bool:
        return bool(self._sources) and all(each.ended and not each.queue for each in self._sources.values())

    def _collected(self) -> List[_Frame]:
        """Waits for a batch. Empty if the muxer stopped, or all sources have ended. Called with the lock held."""
        timeout = self.values.get("batched-push-timeout", 0)
        deadline: Optional[float] = None
        if self._rules is not None:
            timeout, deadline = 0, self._last_push + 1.0 / self._rules.min_fps
        while self._running and not self._all_ended():
            size = self._batch_size()
            waiting = sum(len(source.queue) for source in self._sources.values())
            if waiting and (waiting >= size or not self._lacking()):
                return self._taken(size)
            if waiting and timeout >= 0:
                now = time.monotonic()
                deadline = now + timeout / 1e6 if deadline is None else deadline
                if now >= deadline:
                    return self._taken(size)
                self._changed.wait(deadline - now)
            else:
                self._changed.wait()
        return []

    def _batch_size(self) -> int:
        if self._rules is None:
            return int(self.values["batch-size"])
        if self._rules.adaptive:
            return len([one for one in self._sources.values() if not one.ended])
        return self._rules.batch_size or int(self.values["batch-size"])

    def _lacking(self) -> bool:
        """Whether a source that has not ended could still add to the batch."""
        share = self._share()
        return any(len(each.queue) < share for each in self._sources.values() if not each.ended)

    def _taken(self, size: int) -> List[_Frame]:
        frames: List[_Frame] = []
        for _ in range(self._share()):
            for source in sorted(self._sources.values(), key=lambda each: (each.number, each.index)):
                if source.queue and len(frames) < size:
                    frames.append(source.queue.popleft())
        self._last_push = time.monotonic()
        self._changed.notify_all()
        return sorted(frames, key=lambda frame: frame.source)

    def _batch(self, frames: List[_Frame]) -> Gst.Buffer:
        output = self._output
        assert output is not None, "a frame was converted, so the output is known"
        if self._last_pts < 0:
            self._src.push_event(Gst.Event.new_stream_start("%s-batches" % self.get_name()))
            self._src.push_event(Gst.Event.new_caps(output.caps()))
            segment = Gst.Segment()
            segment.init(Gst.Format.TIME)
            self._src.push_event(Gst.Event.new_segment(segment))
        buffer = stack([frame.buffer for frame in frames])
        times = [frame.running_time for frame in frames if frame.running_time != Gst.CLOCK_TIME_NONE]
        self._last_pts = max([self._last_pts + 1, *times])
        buffer.pts = self._last_pts
        meta = pyds.nvds_create_batch_meta(int(self.values["batch-size"]))
        for index, frame in enumerate(frames):
            pyds.nvds_add_frame_meta_to_batch(meta, _frame_meta(meta, index, frame))
        batch.attach(buffer, meta)
        return buffer


def _frame_meta(meta: pyds.NvDsBatchMeta, index: int, frame: _Frame) -> pyds.NvDsFrameMeta:
    found = pyds.nvds_acquire_frame_meta_from_pool(meta)
    found.batch_id = index
    found.pad_index = found.source_id = frame.source
    found.frame_num = frame.number
    found.buf_pts = frame.pts
    found.ntp_timestamp = frame.ntp
    found.source_frame_width, found.source_frame_height = frame.width, frame.height
    return found


def _inside(video: RawVideo, target: RawVideo) -> Rectangle:
    """The largest part of the target with the frame's shape, at its top left: padding goes right and below."""
    scale = min(target.width / video.width, target.height / video.height)
    return Rectangle(0, 0, int(video.width * scale), int(video.height * scale))
