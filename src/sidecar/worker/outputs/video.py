"""The encoded frames of one stream, for a reader beside its viewers."""

from typing import Optional

from sidecar.contract import pipeline, spec
from sidecar.gst import Gst
from sidecar.worker.outputs.recording.frame_queue import Frame, FrameQueue

# A reader that is further behind goes on at a later key frame.
_MOST_BYTES = 2000000

_CODECS = {"video/x-h264": spec.CODEC_H264, "video/x-h265": spec.CODEC_H265}


class Video:
    """Made and stopped on the loop thread."""

    def __init__(self, pad: Gst.Pad) -> None:
        """pad: where whole encoded frames pass."""
        self.pad = pad
        self._frames = FrameQueue(_MOST_BYTES)
        self._probe = pad.add_probe(Gst.PadProbeType.BUFFER, self._on_frame)

    def stop(self) -> None:
        """May be called twice."""
        if self._probe:
            self.pad.remove_probe(self._probe)
            self._probe = 0

    def take(self, timeout: float) -> Optional[pipeline.WatchVideoResponse]:
        """The next frame; None if none came within timeout seconds. Called on any thread."""
        frame = self._frames.get(timeout)
        return None if frame is None else _to_contract(frame)

    def _on_frame(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """Called on the stream's streaming thread. Keeps a copy: the buffers of a hardware encoder are few."""
        buffer = info.get_buffer()
        is_key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        self._frames.put(Frame(buffer.copy_deep(), pad.get_current_caps(), is_key, buffer.pts, buffer.get_size()))
        return Gst.PadProbeReturn.OK


def _to_contract(frame: Frame) -> pipeline.WatchVideoResponse:
    structure = frame.caps.get_structure(0)
    response = pipeline.WatchVideoResponse(
        data=frame.buffer.extract_dup(0, frame.size), key=frame.is_key, codec=_CODECS[structure.get_name()]
    )
    if frame.is_key and structure.has_field("codec_data"):
        description = structure.get_value("codec_data")
        response.description = description.extract_dup(0, description.get_size())
    return response
