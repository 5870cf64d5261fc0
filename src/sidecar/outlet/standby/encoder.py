"""Encodes one standby picture: a pipeline that lives for as long as that takes."""

from typing import Any, Callable, List, Optional

from sidecar.chain import Chain
from sidecar.gst import Gst, GstVideo
from sidecar.outlet.codec import codec
from sidecar.outlet.protocol import Mount
from sidecar.outlet.standby.mark import mark


class StandbyEncoder:
    """Encodes a picture to frames that can each be decoded alone. Methods are called on the main-loop thread."""

    def __init__(
        self,
        mount: Mount,
        picture: bytes,
        on_frames: Callable[[List[Any]], None],
        on_failed: Callable[[str], None],
    ) -> None:
        """picture: GRAY8 of the mount's size. One of the two is called once on the main-loop thread unless stop() came
        first: on_frames with frames to be sent in turn. Raises ChainError.
        """
        self._codec = mount.codec
        self._on_frames = on_frames
        self._on_failed = on_failed
        self._frames: List[Any] = []
        elements = codec(mount.codec)
        pipeline = Gst.Pipeline.new(None)
        chain = Chain(pipeline)
        # The level that the encoder writes down depends on the frame rate: it is that of many cameras.
        source = chain.add(
            "appsrc",
            format="time",
            caps="video/x-raw, format=GRAY8, width=%d, height=%d, framerate=30/1" % (mount.width, mount.height),
        )
        chain.add("videoconvert")
        chain.caps("video/x-raw, format=I420")
        chain.add(elements.encoder, **elements.standby_settings)
        chain.add(elements.parser, config_interval=-1)
        sink = chain.add("appsink", caps=elements.frames, sync=False, emit_signals=True)
        sink.connect("new-sample", self._on_sample)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::eos", lambda *_: self._end())
        bus.connect("message::error", lambda _, message: self._end(message.parse_error()[0].message))
        self._pipeline: Optional[Any] = pipeline
        pipeline.set_state(Gst.State.PLAYING)
        for number in range(elements.standby_frames):
            frame = Gst.Buffer.new_wrapped(picture)
            frame.pts = number * Gst.SECOND // 30
            source.emit("push-buffer", frame)
            none = Gst.CLOCK_TIME_NONE
            source.send_event(GstVideo.video_event_new_downstream_force_key_unit(none, none, none, True, number))
        source.emit("end-of-stream")

    def stop(self) -> None:
        """Gives up. Nothing is called after this."""
        if self._pipeline is not None:
            self._pipeline.get_bus().remove_signal_watch()
            self._pipeline.set_state(Gst.State.NULL)
            self._pipeline = None

    def _on_sample(self, sink: Any) -> Any:
        frame = sink.emit("pull-sample").get_buffer()
        if not frame.has_flags(Gst.BufferFlags.DELTA_UNIT):
            self._frames.append(Gst.Buffer.new_wrapped(mark(self._codec, frame.extract_dup(0, frame.get_size()))))
        return Gst.FlowReturn.OK

    def _end(self, problem: str = "the encoder made no key frame") -> None:
        # The last frame was handed over before the end was posted.
        self.stop()
        if self._frames:
            self._on_frames(self._frames)
        else:
            self._on_failed(problem)
