"""nvstreamdemux: pushes every frame of a batch, with its own metadata alone, to the pad of its source."""

import threading
from typing import Any, Dict, Optional

from sidecar.gst import Gst
from standins import batch, pyds
from standins.copies import copied_frame
from standins.element import Standin, requested, weakly
from standins.frames import raw_video, split


class Demux(Standin):
    """nvstreamdemux. The frames of source k leave at pad src_k; those of a source without a pad are dropped."""

    gst_class = Gst.Element

    def build(self) -> None:
        sink = Gst.Pad.new_from_template(self.template("sink"), "sink")
        sink.set_chain_function_full(weakly(self._chain))
        sink.set_event_function_full(weakly(self._event))
        self.add_pad(sink)
        self._size = 0
        self._lock = threading.Lock()
        self._pads: Dict[int, Gst.Pad] = {}
        # The events that a pad must get before its first buffer, by type.
        self._sticky: Dict[Any, Gst.Event] = {}

    def do_request_new_pad(self, template: Gst.PadTemplate, name: Optional[str], caps: Optional[Gst.Caps]) -> Any:
        with self._lock:
            if name is None:
                name = "src_%d" % next(index for index in range(len(self._pads) + 1) if index not in self._pads)
            index = int(name[len("src_") :])
            if index in self._pads:
                return None
            pad = Gst.Pad.new_from_template(template, name)
            pad.set_active(True)
            self._pads[index] = pad
            sticky = list(self._sticky.values())
        self.add_pad(pad)
        for event in sticky:
            pad.push_event(event)
        return requested(pad)

    def do_release_pad(self, pad: Gst.Pad) -> None:
        if self.has_state():
            with self._lock:
                self._pads = {index: each for index, each in self._pads.items() if each != pad}
        pad.set_active(False)
        self.remove_pad(pad)

    def _event(self, sink: Gst.Pad, parent: Optional[Gst.Object], event: Gst.Event) -> bool:
        with self._lock:
            pads = dict(self._pads)
            if event.type in (Gst.EventType.STREAM_START, Gst.EventType.CAPS, Gst.EventType.SEGMENT):
                self._sticky[event.type] = event
        if event.type == Gst.EventType.CAPS:
            self._size = raw_video(event.parse_caps()).info().size
        for index, pad in pads.items():
            if event.type == Gst.EventType.STREAM_START:
                pad.push_event(Gst.Event.new_stream_start("%s/%d" % (event.parse_stream_start(), index)))
            else:
                pad.push_event(event)
        return True

    def _chain(self, sink: Gst.Pad, parent: Optional[Gst.Object], buffer: Gst.Buffer) -> Gst.FlowReturn:
        meta = batch.find(hash(buffer))
        if meta is None or not self._size:
            self.fail("a buffer without batch metadata", Gst.ResourceError.READ)
            return Gst.FlowReturn.ERROR
        with self._lock:
            pads = dict(self._pads)
        buffers = split(buffer, self._size)
        results = []
        for frame in list(meta.items("frame_meta_list")):
            pad = pads.get(frame.pad_index)
            if pad is not None:
                results.append(pad.push(_single(buffers[frame.batch_id], frame, buffer.pts)))
        return _combined(results)


def _single(buffer: Gst.Buffer, frame: pyds.NvDsFrameMeta, pts: int) -> Gst.Buffer:
    """A batch of one frame, which shares the memory of the whole batch."""
    buffer = buffer.copy_region(Gst.BufferCopyFlags.MEMORY, 0, buffer.get_size())
    buffer.pts = pts
    meta = pyds.nvds_create_batch_meta(1)
    frame = copied_frame(frame, meta)
    frame.batch_id = 0
    pyds.nvds_add_frame_meta_to_batch(meta, frame)
    batch.attach(buffer, meta)
    return buffer


def _combined(results: Any) -> Gst.FlowReturn:
    """One result for many: an error counts before all else, and the stream ends when all outputs have ended."""
    for result in results:
        if result in (Gst.FlowReturn.ERROR, Gst.FlowReturn.NOT_NEGOTIATED, Gst.FlowReturn.FLUSHING):
            return result
    if results and all(result == Gst.FlowReturn.EOS for result in results):
        return Gst.FlowReturn.EOS
    return Gst.FlowReturn.OK
