"""From a camera's address to decoded frames on the GPU: one bin a connection, one function a kind of source.

A bin ends in a leaky queue and the ghost pad src: a muxer that is busy makes it drop frames, never wait.
"""

import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple
from urllib.parse import unquote, urlsplit

from sidecar.chain import Chain, ChainError, set_property
from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.worker.cameras.addresses import SCHEMES, scheme
from sidecar.worker.cameras.failure import CameraFailure, camera_failure
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.mask_probe import add_masks
from sidecar.worker.engines.deepstream.sizes import inside
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.shared_elements import (
    DEPAYLOADERS,
    add_test_source,
    begin_with_a_key_frame,
    make_rtsp_source,
    unsupported_encoding,
    when_video_appears,
)
from sidecar.worker.main_loop import MainLoop

__all__ = ["SCHEMES", "SourceEvents", "build", "scheme"]

# By RTP encoding name.
_PARSERS = {"H264": "h264parse", "H265": "h265parse", "JPEG": "jpegparse"}

# Name in the bin: where decoded frames come in.
_ENTRY = "entry"
_ON_GPU = "video/x-raw(memory:NVMM), format=NV12"

# Decoders have few pictures to lend.
_QUEUED_FRAMES = 1
# Of the copies that are compared, in pixels: a Jetson's VIC makes a picture no smaller than a sixteenth in one step.
_COPY_SIZE = (512, 288)


class SourceEvents(NamedTuple):
    """What a source tells while it runs. Called on the loop thread, but stats is written on a streaming thread."""

    encoding: Callable[[str], None]
    failed: Callable[[CameraFailure], None]
    stats: CameraStats
    # The size of the frames that follow, on a streaming thread.
    sized: Callable[[int, int], None]
    # Sees small copies of the frames now and then, on a streaming thread. None: nobody compares them.
    freeze_detector: Optional[FreezeDetector] = None


def build(
    name: str,
    camera: spec.Camera,
    elements: Elements,
    mux_size: Tuple[int, int],
    events: SourceEvents,
    running_time: Callable[[], int],
) -> Gst.Bin:
    """A bin that opens a camera. mux_size: of the picture that the muxer makes of its frames. running_time: the
    pipeline's. Called on the loop thread. Raises ChainError."""
    kind = scheme(camera.uri)
    container = _new_bin(name)
    # The frames' end is made first: sources of which the pads come late are linked to it later.
    frames = Chain(container)
    if kind in ("rtsp", "rtsps"):
        entry = frames.add("identity", _ENTRY, silent=True)
    else:
        entry = frames.add("nvvideoconvert", _ENTRY, **elements.converter())
        frames.caps(_ON_GPU)
    if kind == "file":
        # A file is played at its own speed, as a camera would.
        frames.add("identity", "pace", sync=True)
    if events.freeze_detector is not None:
        _compare(frames, elements, events.freeze_detector)
    if camera.masks:
        _mask(frames, elements, camera, events)
    queue = frames.add(
        "queue", None, max_size_buffers=_QUEUED_FRAMES, max_size_bytes=0, max_size_time=0, leaky="downstream"
    )
    _watch(queue.get_static_pad("sink"), events)
    if not elements.mux_scales:
        _fit(frames, elements, mux_size)
    container.add_pad(Gst.GhostPad.new("src", frames.elements[-1].get_static_pad("src")))
    if kind in ("rtsp", "rtsps"):
        _rtsp(camera, container, elements, events)
    elif kind == "file":
        _decoded(
            "filesrc",
            {"location": unquote(urlsplit(camera.uri).path)},
            camera,
            container,
            elements,
            events,
            running_time,
        )
        events.encoding("file")
    elif kind == "/dev/video":
        _decoded("v4l2src", {"device": camera.uri}, camera, container, elements, events, lambda: 0)
        events.encoding("raw")
    else:
        _test(camera, container, entry)
        events.encoding("raw")
    return container


def _new_bin(name: str) -> Gst.Bin:
    container = Gst.Bin.new(name)
    # Its elements' asynchronous changes of state stay inside: they must not take the pipeline out of PLAYING.
    container.set_property("async-handling", True)
    return container


def _compare(frames: Chain, elements: Elements, freeze_detector: FreezeDetector) -> None:
    """Takes a small copy of a frame into the CPU's memory as often as it is wanted, twice a second.

    That is for the GPU, or a Jetson's VIC, less than one more picture a second. Encoded frames tell less: an encoder
    that gets the same picture again and again still writes other bytes.
    """
    entry = frames.add("tee")
    copy = Chain(frames.container, after=entry)
    # There is no queue: a decoder has few pictures to lend, and this is done before the frame goes on.
    converter = copy.add("nvvideoconvert", None, **elements.converter())

    def on_frame(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        return Gst.PadProbeReturn.OK if freeze_detector.is_due(time.monotonic()) else Gst.PadProbeReturn.DROP

    converter.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, on_frame)
    copy.caps("video/x-raw, format=I420, width=%d, height=%d" % _COPY_SIZE)
    sink = copy.add("appsink", None, sync=False, emit_signals=True, max_buffers=1, drop=True, **{"async": False})

    def on_copy(sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            # The luma comes first.
            freeze_detector.observe(sample.get_buffer().extract_dup(0, _COPY_SIZE[0] * _COPY_SIZE[1]), time.monotonic())
        return Gst.FlowReturn.OK

    sink.connect("new-sample", on_copy)


def _mask(frames: Chain, elements: Elements, camera: spec.Camera, events: SourceEvents) -> None:
    """Frames with masks take a way through the CPU's memory."""
    frames.add("nvvideoconvert", None, **elements.converter())
    in_memory = frames.caps("video/x-raw, format=I420")

    def on_failed(why: str) -> None:
        events.failed(camera_failure(state.CAMERA_LOST_REASON_INTERNAL, camera.uri, why))

    add_masks(in_memory.get_static_pad("src"), Masks(camera.masks), on_failed)
    frames.add("nvvideoconvert", None, **elements.converter())
    frames.caps(_ON_GPU)


def _watch(pad: Gst.Pad, events: SourceEvents) -> None:
    """Tells of frames as they come from the decoder."""

    def on_frame(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        events.stats.on_received()
        return Gst.PadProbeReturn.OK

    def on_event(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        event = info.get_event()
        if event.type == Gst.EventType.CAPS:
            structure = event.parse_caps().get_structure(0)
            events.sized(structure.get_int("width")[1], structure.get_int("height")[1])
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_frame)
    pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, on_event)


def _fit(frames: Chain, elements: Elements, size: Tuple[int, int]) -> None:
    """Every frame at the muxer's size, its shape kept, at the top left of black, as the legacy muxer does by itself."""
    converter = frames.add("nvvideoconvert", None, **elements.converter())
    frames.caps("%s, width=%d, height=%d" % (_ON_GPU, size[0], size[1]))
    # Weak: a probe of the element's own pad must not hold it.
    reference = converter.weak_ref()

    def on_event(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        event, element = info.get_event(), reference()
        if event.type == Gst.EventType.CAPS and element is not None:
            structure = event.parse_caps().get_structure(0)
            width, height = inside(structure.get_int("width")[1], structure.get_int("height")[1], size)
            element.set_property("dest-crop", "0:0:%d:%d" % (width, height))
        return Gst.PadProbeReturn.OK

    converter.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, on_event)


def _rtsp(camera: spec.Camera, container: Gst.Bin, elements: Elements, events: SourceEvents) -> None:
    source = make_rtsp_source(camera, events.failed, events.stats)
    container.add(source)

    def attach(container: Gst.Bin, pad: Gst.Pad, encoding: str) -> None:
        if encoding not in DEPAYLOADERS:
            events.failed(unsupported_encoding(camera, encoding))
            return
        events.encoding(encoding)
        chain = Chain(container)
        try:
            chain.add(DEPAYLOADERS[encoding])
            begin_with_a_key_frame(chain.add(_PARSERS[encoding]).get_static_pad("src"))
            chain.add("nvv4l2decoder", None, **elements.decoder(encoding))
            chain.link(container.get_by_name(_ENTRY), _ENTRY)
        except ChainError as error:
            events.failed(camera_failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, str(error)))
            return
        for element in chain.elements:
            element.sync_state_with_parent()
        pad.link_full(chain.elements[0].get_static_pad("sink"), Gst.PadLinkCheck.DEFAULT)

    when_video_appears(source, attach)


def _decoded(
    factory: str,
    properties: Dict[str, Any],
    camera: spec.Camera,
    container: Gst.Bin,
    elements: Elements,
    events: SourceEvents,
    begins: Callable[[], int],
) -> None:
    """begins: running time of the first frame on a time line that begins at 0."""
    chain = Chain(container)
    chain.add(factory, None, **properties)
    decoder = chain.add("decodebin")

    def configure(_bin: Gst.Bin, _inner: Gst.Bin, element: Gst.Element) -> None:
        factory = element.get_factory()
        if factory is not None and factory.get_name() == "nvv4l2decoder":
            try:
                for key, value in elements.decoder("").items():
                    set_property(element, "nvv4l2decoder", key, value)
            except ChainError as error:
                why = camera_failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, str(error))
                MainLoop.post(events.failed, why)

    def attach(container: Gst.Bin, pad: Gst.Pad, _encoding: str) -> None:
        pad.set_offset(begins())
        entry = container.get_by_name(_ENTRY)
        pad.link_full(entry.get_static_pad("sink"), Gst.PadLinkCheck.DEFAULT)

    decoder.connect("deep-element-added", configure)
    when_video_appears(decoder, attach)


def _test(camera: spec.Camera, container: Gst.Bin, entry: Gst.Element) -> None:
    chain = Chain(container)
    add_test_source(chain, camera.uri)
    chain.link(entry, _ENTRY)
