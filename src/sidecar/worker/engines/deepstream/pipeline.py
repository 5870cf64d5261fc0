"""Engine deepstream's pipeline: every element with its properties, in the order in which frames pass them.

    source_bin()   rtspsrc -> depay -> parse -> nvv4l2decoder -> [masks] -> queue
    add_batch()    nvstreammux -> nvinfer -> [nvtracker] -> queue -> tee
    add_outputs()  tee -> nvstreamdemux -> an output bin for each camera; tee -> an output bin with all cameras
    output_bin()   [nvmultistreamtiler] -> nvvideoconvert -> nvdsosd -> tee -> queue -> nvvideoconvert
                   -> encoder -> parse -> pay -> udpsink

Properties are given for all boards; Elements.available() leaves out those that an element does not have here.
Everything is built in state NULL, on the loop thread. Functions that build raise ChainError.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Collection, Dict, Iterable, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import unquote, urlsplit

from sidecar.chain import Chain, ChainError, make, request_pad, set_property
from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.worker.cameras.addresses import scheme
from sidecar.worker.cameras.failure import CameraFailure, camera_failure
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.mask_probe import add_masks
from sidecar.worker.engines.deepstream.probes import (
    add_probe,
    infer_switch,
    keep_shape,
    limit_rate,
    on_frame,
    on_size,
    watch_for_freeze,
)
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.rtp_packets import note_frames
from sidecar.worker.engines.shared_elements import (
    DEPAYLOADERS,
    add_loopback,
    add_recording,
    add_test_source,
    add_window,
    begin_with_a_key_frame,
    make_rtsp_source,
    refuse_large_frames,
    unsupported_encoding,
    watch_decodebin,
    when_video_appears,
)
from sidecar.worker.engines.shared_elements import add_encoder as add_software_encoder
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.layout import grid
from sidecar.worker.outputs.plan import FileTarget, StreamPlan, WindowTarget, codec_name
from sidecar.worker.outputs.receiver import Take

if TYPE_CHECKING:
    # It imports pyds, which only a worker has that runs this engine.
    from sidecar.worker.engines.deepstream.batch_probes import BatchProbes

# By RTP encoding name.
_PARSERS = {"H264": "h264parse", "H265": "h265parse", "JPEG": "jpegparse"}
ENCODERS = {"H264": "nvv4l2h264enc", "H265": "nvv4l2h265enc"}

_ON_GPU = "video/x-raw(memory:NVMM), format=NV12"
_IN_MEMORY = "video/x-raw, format=I420"
# Name of the element in a source bin where decoded frames arrive.
_DECODED = "decoded"

# A partial batch follows the one before this soon, so that no frame waits for another camera that is slow or lost, as
# long as no camera sends more a second. Where the GPU is slower, batches fill up by themselves.
_BATCHES_PER_SECOND = 120
# Decoders have few surfaces to lend.
_QUEUED_FRAMES = 1
# Of the copies that the freeze detector compares: a Jetson's VIC scales down to no less than a sixteenth at once.
_COPY_SIZE = (512, 288)
# The discard service, until the outlet has named a port.
_NO_PORT = 9
_JPEG_QUALITY = 85


def _leaky_queue(chain: Chain, frames: int, name: Optional[str] = None) -> Gst.Element:
    """The elements behind it run on a thread of their own. While they are late, the oldest frame is dropped."""
    return chain.add("queue", name, max_size_buffers=frames, max_size_bytes=0, max_size_time=0, leaky="downstream")


class SourceCallbacks(NamedTuple):
    """What a source bin reports."""

    # On the loop thread.
    encoding: Callable[[str], None]
    failed: Callable[[CameraFailure], None]
    # Its fields are written on streaming threads, also for each decoded frame.
    stats: CameraStats
    # On a streaming thread, with the size of the frames that follow.
    sized: Callable[[int, int], None]
    # Gets small copies of the frames. None: frames are not compared.
    freeze_detector: Optional[FreezeDetector] = None


def source_bin(
    name: str,
    camera: spec.Camera,
    elements: Elements,
    mux_size: Tuple[int, int],
    callbacks: SourceCallbacks,
    running_time: Callable[[], int],
) -> Gst.Bin:
    """From a camera's address to decoded frames on the GPU at the ghost pad src: the source of one connection.

    mux_size: of the muxer's frames. running_time: the pipeline's, in nanoseconds.
    """
    container = Gst.Bin.new(name)
    # Asynchronous state changes stay inside: they must not take the whole pipeline out of PLAYING.
    container.set_property("async-handling", True)
    chain = Chain(container)
    kind = scheme(camera.uri)
    if kind in ("rtsp", "rtsps"):
        _add_rtsp(container, camera, elements, callbacks)
        chain.add("identity", _DECODED, silent=True)
    else:
        if kind == "file":
            source = make("filesrc", None, location=unquote(urlsplit(camera.uri).path))
            _add_decodebin(container, source, camera, elements, callbacks, running_time)
        elif kind == "/dev/video":
            source = make("v4l2src", None, device=camera.uri)
            _add_decodebin(container, source, camera, elements, callbacks, lambda: 0)
        else:
            add_test_source(chain, camera.uri)
        if kind != "file":
            callbacks.encoding("raw")
        decoded = chain.add("nvvideoconvert", _DECODED, **converter_settings(elements))
        # Behind the decoder too: not every source says its size before.
        refuse_large_frames(decoded.get_static_pad("sink"), camera, callbacks.failed)
        chain.caps(_ON_GPU)
    if kind == "file":
        # A file is played at its own speed, as a camera would send it.
        chain.add("identity", "pace", sync=True)
    if callbacks.freeze_detector is not None:
        _add_freeze_watch(chain, elements, callbacks.freeze_detector)
    if camera.masks:
        _add_masks(chain, elements, camera, callbacks)
    # A busy muxer makes the source drop frames, never wait.
    arrival = _leaky_queue(chain, _QUEUED_FRAMES).get_static_pad("sink")
    on_frame(arrival, callbacks.stats.on_received)
    on_size(arrival, callbacks.sized)
    if not elements.mux_scales:
        # The legacy muxer does the same by itself: frames keep their shape, at the top left of a black frame.
        converter = chain.add("nvvideoconvert", None, **converter_settings(elements))
        chain.caps("%s, width=%d, height=%d" % (_ON_GPU, mux_size[0], mux_size[1]))
        keep_shape(converter, mux_size)
    container.add_pad(Gst.GhostPad.new("src", chain.elements[-1].get_static_pad("src")))
    return container


def _add_rtsp(container: Gst.Bin, camera: spec.Camera, elements: Elements, callbacks: SourceCallbacks) -> None:
    """rtspsrc. Its pad appears when the camera has described its stream; then the elements up to the decoder follow."""
    source = make_rtsp_source(camera, callbacks.failed, callbacks.stats)
    container.add(source)

    def attach(container: Gst.Bin, pad: Gst.Pad, encoding: str) -> None:
        if encoding not in DEPAYLOADERS:
            callbacks.failed(unsupported_encoding(camera, encoding))
            return
        callbacks.encoding(encoding)
        chain = Chain(container)
        try:
            chain.add(DEPAYLOADERS[encoding])
            parsed = chain.add(_PARSERS[encoding]).get_static_pad("src")
            refuse_large_frames(parsed, camera, callbacks.failed)
            note_frames(parsed, callbacks.stats)
            begin_with_a_key_frame(parsed)
            chain.add("nvv4l2decoder", None, **decoder_settings(elements, encoding))
            chain.link(container.get_by_name(_DECODED), _DECODED)
        except ChainError as error:
            callbacks.failed(camera_failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, str(error)))
            return
        for element in chain.elements:
            element.sync_state_with_parent()
        pad.link_full(chain.elements[0].get_static_pad("sink"), Gst.PadLinkCheck.DEFAULT)

    when_video_appears(source, attach)


def _add_decodebin(
    container: Gst.Bin,
    source: Gst.Element,
    camera: spec.Camera,
    elements: Elements,
    callbacks: SourceCallbacks,
    begins: Callable[[], int],
) -> None:
    """A source and decodebin. begins: the running time of the first frame of a time line that starts at 0."""
    chain = Chain(container)
    chain.append(source, source.get_factory().get_name())
    decoder = chain.add("decodebin")

    def configure(_bin: Gst.Bin, _inner: Gst.Bin, element: Gst.Element) -> None:
        factory = element.get_factory()
        if factory is not None and factory.get_name() == "nvv4l2decoder":
            try:
                for key, value in decoder_settings(elements, "").items():
                    set_property(element, "nvv4l2decoder", key, value)
            except ChainError as error:
                why = camera_failure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, camera.uri, str(error))
                MainLoop.post(callbacks.failed, why)

    def attach(container: Gst.Bin, pad: Gst.Pad, _encoding: str) -> None:
        pad.set_offset(begins())
        pad.link_full(container.get_by_name(_DECODED).get_static_pad("sink"), Gst.PadLinkCheck.DEFAULT)

    watch_decodebin(decoder, camera, callbacks.encoding, callbacks.failed)
    decoder.connect("deep-element-added", configure)
    when_video_appears(decoder, attach)


def _add_freeze_watch(chain: Chain, elements: Elements, detector: FreezeDetector) -> None:
    """A small copy of a frame in system memory, as often as the detector wants one: twice a second.

    For the GPU, or a Jetson's VIC, that is less work than one more frame a second. Encoded frames would not do: an
    encoder that gets the same frame again and again still writes other bytes.
    """
    copy = Chain(chain.container, after=chain.add("tee"))
    # No queue: a decoder has few surfaces to lend, and this one is returned before the frame goes on.
    converter = copy.add("nvvideoconvert", None, **converter_settings(elements))
    copy.caps("%s, width=%d, height=%d" % (_IN_MEMORY, _COPY_SIZE[0], _COPY_SIZE[1]))
    sink = copy.add("appsink", None, sync=False, emit_signals=True, max_buffers=1, drop=True, **{"async": False})
    watch_for_freeze(converter.get_static_pad("sink"), sink, _COPY_SIZE[0] * _COPY_SIZE[1], detector)


def _add_masks(chain: Chain, elements: Elements, camera: spec.Camera, callbacks: SourceCallbacks) -> None:
    """Frames of a camera with masks go through system memory."""

    def failed(why: str) -> None:
        callbacks.failed(camera_failure(state.CAMERA_LOST_REASON_PRIVACY, camera.uri, why))

    chain.add("nvvideoconvert", None, **converter_settings(elements))
    add_masks(chain.caps(_IN_MEMORY).get_static_pad("src"), Masks(camera.masks), failed)
    chain.add("nvvideoconvert", None, **converter_settings(elements))
    chain.caps(_ON_GPU)


def decoder_settings(elements: Elements, encoding: str) -> Dict[str, Any]:
    """nvv4l2decoder. encoding: the RTP encoding name, empty if it is not known."""
    return elements.available(
        "nvv4l2decoder",
        {
            "bufapi-version": True,
            "enable-max-performance": True,
            "mjpeg": encoding == "JPEG",
            # Decoded frames stay on the GPU: nothing here reads their pixels.
            "cudadec-memtype": 0,
        },
    )


def converter_settings(elements: Elements, own_surface: bool = False) -> Dict[str, Any]:
    """nvvideoconvert. own_surface: its output is never its input's surface, which others may be reading."""
    settings = {"nvbuf-memory-type": elements.memory_type, "disable-passthrough": own_surface}
    if elements.copies_by_vic:
        settings["copy-hw"] = 2
    return elements.available("nvvideoconvert", settings)


class Nvinfer(NamedTuple):
    """One nvinfer of a graph."""

    name: str
    config_path: str
    # Frames, or objects, that the network takes at once.
    batch: int


def add_batch(
    pipeline: Gst.Pipeline,
    elements: Elements,
    probes: "BatchProbes",
    nvinfers: Sequence[Nvinfer],
    tracker: "spec.TrackerAlgorithm",
    mux_config_path: str,
    failed: Callable[[Exception], None],
) -> None:
    """From the muxer, with one pad for each camera, to the tee in front of the outputs: one inference for all cameras,
    and then those on the objects that it found. failed: see add_probe().
    """
    chain = Chain(pipeline)
    chain.add("nvstreammux", "mux", **mux_settings(elements, len(probes.slots), probes.mux_size, mux_config_path))
    infer = _add_nvinfer(chain, nvinfers[0])
    probes.switch_inference = infer_switch(infer)
    add_probe(infer.get_static_pad("sink"), probes.before_inference, failed)
    add_probe(infer.get_static_pad("src"), probes.after_inference, failed)
    if tracker:
        chain.add("nvtracker", "tracker", **tracker_settings(elements, tracker))
    if len(nvinfers) > 1:
        add_probe(chain.elements[-1].get_static_pad("src"), probes.before_other_models, failed)
    for number, nvinfer in enumerate(nvinfers[1:], 1):
        behind = _add_nvinfer(chain, nvinfer).get_static_pad("src")
        add_probe(behind, partial(probes.after_other_model, number), failed)
    add_probe(chain.elements[-1].get_static_pad("src"), probes.after_models, failed)
    # One thread draws on all streams: see add_outputs().
    _leaky_queue(chain, 2, "drawing")
    chain.add("tee", "outputs")


def _add_nvinfer(chain: Chain, nvinfer: Nvinfer) -> Gst.Element:
    return chain.add("nvinfer", nvinfer.name, config_file_path=nvinfer.config_path, batch_size=nvinfer.batch)


def mux_settings(elements: Elements, cameras: int, size: Tuple[int, int], config: str) -> Dict[str, Any]:
    """nvstreammux. config: the path of a file with the text of mux_config()."""
    settings: Dict[str, Any] = {
        "batch-size": cameras,
        # The end of a camera is not the end of the pipeline.
        "drop-pipeline-eos": True,
    }
    if elements.mux_scales:
        settings.update(
            {
                "width": size[0],
                "height": size[1],
                # A camera of another shape gets black borders and is not distorted.
                "enable-padding": True,
                "live-source": True,
                "batched-push-timeout": 1000000 // _BATCHES_PER_SECOND,
                "nvbuf-memory-type": elements.memory_type,
            }
        )
    else:
        settings["config-file-path"] = config
    return elements.available("nvstreammux", settings)


def mux_config(cameras: int) -> str:
    """The text of the new muxer's configuration file.

    The new muxer goes by this file alone: with its first source it replaces the property batched-push-timeout by its
    default (seen in its source, 9.0), and would send five batches a second while a camera is lost.
    """
    settings = {
        "algorithm-type": 1,
        "batch-size": cameras,
        # Would wait for every source that has not ended; a lost camera has not.
        "adaptive-batching": 0,
        "overall-min-fps-n": _BATCHES_PER_SECOND,
        "overall-min-fps-d": 1,
        "overall-max-fps-n": _BATCHES_PER_SECOND,
        "overall-max-fps-d": 1,
        "max-fps-control": 0,
        "max-same-source-frames": 1,
    }
    return "[property]\n" + "".join("%s=%d\n" % item for item in settings.items())


def tracker_settings(elements: Elements, algorithm: "spec.TrackerAlgorithm") -> Dict[str, Any]:
    """nvtracker. algorithm: one of Elements.trackers()."""
    library, config, width, height = elements.tracker(algorithm)
    return elements.available(
        "nvtracker",
        {
            "ll-lib-file": library,
            "ll-config-file": config,
            "tracker-width": width,
            "tracker-height": height,
            # OsdText writes the labels.
            "display-tracking-id": False,
            "enable-batch-process": True,
        },
    )


def add_outputs(pipeline: Gst.Pipeline, per_camera: Iterable[Dict[int, Gst.Bin]], tiled: Iterable[Gst.Bin]) -> None:
    """Links output_bin()s to the tee. per_camera: for each output, its streams by the number of the muxer's pad.

    All are drawn on one after the other, on the thread of the queue in front: the tee gives every branch the same
    metadata, and what was drawn for one stream is removed before the next one gets them. Streams of single cameras come
    first, so that it does not matter whether the tiler moves the boxes of the batch itself or of a copy.
    """
    tee = pipeline.get_by_name("outputs")
    for bins in per_camera:
        demux = Chain(pipeline, after=tee).add("nvstreamdemux")
        for index, container in bins.items():
            pipeline.add(container)
            pad = request_pad(demux, "src_%d" % index)
            result = pad.link_full(container.get_static_pad("sink"), Gst.PadLinkCheck.DEFAULT)
            if result != Gst.PadLinkReturn.OK:
                problem = "cannot be linked after nvstreamdemux: %s" % result.value_nick
                raise ChainError(container.get_name(), problem)
    for container in tiled:
        Chain(pipeline, after=tee).append(container, container.get_name())


class OutputCallbacks(NamedTuple):
    """What an output bin calls on its streaming threads."""

    # With each buffer in front of nvdsosd, and behind it. failed gets their exceptions, on the loop thread.
    draw: Callable[[Gst.Buffer], None]
    clear: Callable[[Gst.Buffer], None]
    failed: Callable[[Exception], None]
    # For each frame that was encoded, or handed to a window.
    sent: Callable[[], None]
    # new-sample of the appsink that gets JPEG images.
    jpeg: Callable[[Gst.Element], Gst.FlowReturn]
    # With the frames of a stream that does not go to the outlet.
    take: Take


def output_bin(plan: StreamPlan, elements: Elements, hardware: Collection[str], callbacks: OutputCallbacks) -> Gst.Bin:
    """A stream, from frames with metadata at the ghost pad sink to RTP on a loopback port, or to a receiver.

    While frames flow, set bitrate of the encoder, drop of the valves preview and gate, and port of the loopback.
    hardware: the codecs that the GPU encodes.
    """
    container = Gst.Bin.new("output-" + "-".join(filter(None, plan.key)))
    chain = Chain(container)
    encoding = plan.encoding
    if plan.key[1]:
        # A stream of one camera. Other streams share its frames: what is drawn on must be its own.
        chain.add("nvvideoconvert", None, **converter_settings(elements, own_surface=True))
    else:
        _add_tiler(chain, plan, elements)
        chain.add("nvvideoconvert", None, **converter_settings(elements))
    chain.caps("video/x-raw(memory:NVMM), format=%s" % elements.osd_format)
    osd = chain.add("nvdsosd", "osd", process_mode=elements.osd_mode, display_mask=False)
    add_probe(osd.get_static_pad("sink"), callbacks.draw, callbacks.failed)
    add_probe(osd.get_static_pad("src"), callbacks.clear, callbacks.failed)
    drawn = chain.add("tee")
    # A stream that is late does not delay the others.
    _leaky_queue(chain, 2)
    chain.add("nvvideoconvert", None, **converter_settings(elements))
    if isinstance(plan.target, WindowTarget):
        sent = add_window(chain, encoding, callbacks.take).get_static_pad("sink")
    else:
        sent = add_encoder(chain, encoding, elements, hardware).get_static_pad("src")
        if isinstance(plan.target, FileTarget):
            add_recording(chain, encoding, callbacks.take)
        else:
            # Opened when the outlet has named its port.
            chain.add("valve", "gate", drop=True)
            add_loopback(chain, encoding, _NO_PORT)
    on_frame(sent, callbacks.sent)
    _add_preview(Chain(container, after=drawn), elements, callbacks)
    container.add_pad(Gst.GhostPad.new("sink", chain.elements[0].get_static_pad("sink")))
    return container


def _add_tiler(chain: Chain, plan: StreamPlan, elements: Elements) -> None:
    """All cameras in one frame."""
    rows, columns = grid(len(plan.cameras))
    tiler = chain.add(
        "nvmultistreamtiler",
        None,
        rows=rows,
        columns=columns,
        width=plan.encoding.width,
        height=plan.encoding.height,
        nvbuf_memory_type=elements.memory_type,
    )
    if len(plan.cameras) > 1:
        # Before anything is drawn and encoded. No videorate: it goes by the rate in the muxer's caps, which is that of
        # any one camera.
        limit_rate(tiler.get_static_pad("src"), plan.encoding.frame_rate)


def _add_preview(chain: Chain, elements: Elements, callbacks: OutputCallbacks) -> None:
    """JPEG images while the valve is open."""
    chain.add("valve", "preview", drop=True)
    _leaky_queue(chain, 1)
    chain.add("nvvideoconvert", None, **converter_settings(elements))
    chain.caps(_IN_MEMORY)
    chain.add("jpegenc", None, quality=_JPEG_QUALITY)
    sink = chain.add("appsink", None, sync=False, emit_signals=True, max_buffers=1, drop=True, **{"async": False})
    sink.connect("new-sample", callbacks.jpeg)


def add_encoder(chain: Chain, encoding: spec.Encoding, elements: Elements, hardware: Collection[str]) -> Gst.Element:
    """From nvvideoconvert to a parsed stream. The parser repeats the parameter sets in front of every key frame, which
    insert-sps-pps would do on some boards only. Returns the encoder."""
    codec = codec_name(encoding)
    size = "width=%d, height=%d" % (encoding.width, encoding.height)
    if codec not in hardware:
        chain.caps("%s, %s" % (_IN_MEMORY, size))
        return add_software_encoder(chain, encoding)
    chain.caps("video/x-raw(memory:NVMM), format=I420, %s" % size)
    settings = encoder_settings(elements, codec, encoding.bitrate, encoding.frame_rate)
    encoder = chain.add(ENCODERS[codec], "encoder", **settings)
    chain.add(_PARSERS[codec], None, config_interval=-1)
    return encoder


def encoder_settings(elements: Elements, codec: str, bitrate: int, frames_between_keys: int) -> Dict[str, Any]:
    """The hardware encoder of a codec (H264 or H265): the least delay, and a key frame every so many frames."""
    return elements.available(
        ENCODERS[codec],
        {
            "bitrate": bitrate,
            "iframeinterval": frames_between_keys,
            # 256 by default on Jetsons: a new viewer would wait eight seconds.
            "idrinterval": frames_between_keys,
            "bufapi-version": True,
            "preset-level": 1,
            "maxperf-enable": True,
            "preset-id": 1,
            "tuning-info-id": 3,
        },
    )
