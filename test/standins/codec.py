"""The codecs: software decoders and encoders with NVIDIA's names, pads and properties."""

import re
from typing import Any, Callable, Optional

from sidecar.gst import Gst, GstBase
from standins.element import Standin, weakly
from standins.frames import NVMM

_RAW = re.compile(r"video/x-raw(\([^)]*\))?")

# By media type, and MPEG version where one type has several.
_DECODERS = {
    "video/x-h264": "avdec_h264",
    "video/x-h265": "avdec_h265",
    "image/jpeg": "jpegdec",
    "video/mpeg4": "avdec_mpeg4",
    "video/mpeg2": "avdec_mpeg2video",
    "video/mpeg1": "avdec_mpeg2video",
    "video/x-vp8": "vp8dec",
    "video/x-vp9": "vp9dec",
    "video/x-av1": "dav1ddec",
}

_H264_PROFILES = {"Baseline": "constrained-baseline", "Main": "main", "High": "high"}


class Relabel(GstBase.BaseTransform):  # type: ignore[misc]  # gi has no types
    """Passes buffers on, and changes only the caps: to memory:NVMM, or from it to system memory."""

    __gtype_name__ = "SlipstreamStandinRelabel"
    __gstmetadata__ = ("Relabel", "Filter/Video", "Changes the memory feature of caps", "Slipstream")
    __gsttemplates__ = (
        Gst.PadTemplate.new(
            "sink", Gst.PadDirection.SINK, Gst.PadPresence.ALWAYS, Gst.Caps.from_string("video/x-raw(ANY)")
        ),
        Gst.PadTemplate.new(
            "src", Gst.PadDirection.SRC, Gst.PadPresence.ALWAYS, Gst.Caps.from_string("video/x-raw(ANY)")
        ),
    )

    def __init__(self, to_nvmm: bool, accept: Callable[[], bool] = lambda: True) -> None:
        """accept: called when caps arrive; False refuses them."""
        super().__init__()
        self._features = {
            Gst.PadDirection.SINK: "(%s)" % NVMM if to_nvmm else "",
            Gst.PadDirection.SRC: "" if to_nvmm else "(%s)" % NVMM,
        }
        self._accept = accept
        self.set_in_place(True)

    def do_transform_caps(
        self, direction: Gst.PadDirection, caps: Gst.Caps, filter_caps: Optional[Gst.Caps]
    ) -> Gst.Caps:
        if caps.is_any():
            text = "video/x-raw" + self._features[direction]
        else:
            text = _RAW.sub("video/x-raw" + self._features[direction], caps.to_string())
        result = Gst.Caps.from_string(text)
        return result if filter_caps is None else filter_caps.intersect_full(result, Gst.CapsIntersectMode.FIRST)

    def do_set_caps(self, incaps: Gst.Caps, outcaps: Gst.Caps) -> bool:
        return self._accept()

    def do_transform_ip(self, buffer: Gst.Buffer) -> Gst.FlowReturn:
        return Gst.FlowReturn.OK


class Codec(Standin):
    """A bin of a chain of elements, with one sink and one source pad."""

    gst_class = Gst.Bin

    def chain(self, *elements: Gst.Element) -> None:
        """Adds elements, links them, and adds ghost pads for both ends."""
        for element in elements:
            self.add(element)
        for before, after in zip(elements, elements[1:]):
            before.link(after)
        self._add_ghost_pad("sink", elements[0])
        self._add_ghost_pad("src", elements[-1])

    def _add_ghost_pad(self, name: str, element: Gst.Element) -> None:
        self.add_pad(Gst.GhostPad.new_from_template(name, element.get_static_pad(name), self.template(name)))


class Decoder(Codec):
    """nvv4l2decoder and nvjpegdec. The first caps determine the inner decoder."""

    def build(self) -> None:
        self._entrance = _make("capsfilter", caps=self.template("sink").get_caps())
        self._converter = _make("videoconvert", n_threads=1)
        raw = _make("capsfilter", caps=Gst.Caps.from_string("video/x-raw, format=%s" % self._format()))
        self._decoder: Optional[Gst.Element] = None
        for element in (self._entrance, self._converter, raw):
            self.add(element)
        self._converter.link(raw)
        relabel = Relabel(to_nvmm=True)
        self.add(relabel)
        raw.link(relabel)
        self._add_ghost_pad("sink", self._entrance)
        self._add_ghost_pad("src", relabel)
        self._entrance.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, weakly(self._on_event))

    def _format(self) -> str:
        """The first format of the source pad, which is the output of hardware decoders."""
        found = re.search(r"format=\(string\)(?:\{ )?(\w+)", self.template("src").get_caps().to_string())
        return "NV12" if found is None else found.group(1)

    def _on_event(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        event = info.get_event()
        if event.type == Gst.EventType.CAPS and self._decoder is None:
            structure = event.parse_caps().get_structure(0)
            known, version = structure.get_int("mpegversion")
            name = _DECODERS.get(structure.get_name() + (str(version) if known else ""))
            self._decoder = None if name is None else Gst.ElementFactory.make(name, None)
            if self._decoder is None:
                self.fail("no software decoder for %s" % structure.get_name(), Gst.ResourceError.NOT_FOUND)
                return Gst.PadProbeReturn.OK
            if self._decoder.find_property("max-threads") is not None:
                self._decoder.set_property("max-threads", 1)
            self.add(self._decoder)
            self._entrance.link(self._decoder)
            self._decoder.link(self._converter)
            self._decoder.sync_state_with_parent()
        return Gst.PadProbeReturn.OK


class Encoder(Codec):
    """nvv4l2h264enc and nvv4l2h265enc. bitrate is in bit/s, and can change while frames flow."""

    def build(self) -> None:
        h264 = self.spec.name == "nvv4l2h264enc"
        self._encoder = _make("x264enc" if h264 else "x265enc", tune="zerolatency", speed_preset="ultrafast")
        if h264:
            self._encoder.set_property("threads", 1)
        else:
            self._encoder.set_property("option-string", "pools=1:frame-threads=1")
        self._caps = _make("capsfilter")
        self.chain(
            Relabel(to_nvmm=False, accept=weakly(self._device_opens)),
            _make("videoconvert", n_threads=1),
            self._encoder,
            self._caps,
        )
        self._configure()

    def changed(self, name: str, value: Any) -> None:
        self._configure()

    def _configure(self) -> None:
        self._encoder.set_property("bitrate", max(1, self.values["bitrate"] // 1000))
        interval = min(self.values[name] for name in ("iframeinterval", "idrinterval") if self.values.get(name))
        self._encoder.set_property("key-int-max", min(interval, 2**31 - 1))
        caps = self.template("src").get_caps().to_string()
        if self.spec.name == "nvv4l2h264enc":
            caps += ", profile=%s" % _H264_PROFILES.get(_nick(self.values["profile"]), "constrained-baseline")
        self._caps.set_property("caps", Gst.Caps.from_string(caps))

    def _device_opens(self) -> bool:
        if self.options.encoder_works:
            return True
        # As on a GPU without NVENC: the factory exists, but the first format is refused.
        self.fail("Device '/dev/v4l2-nvenc' failed during initialization", debug="Call to S_FMT failed")
        return False


class JpegEncoder(Codec):
    """nvjpegenc. Takes system memory too."""

    def build(self) -> None:
        self._encoder = _make("jpegenc")
        self.chain(Relabel(to_nvmm=False), _make("videoconvert", n_threads=1), self._encoder)
        self._encoder.set_property("quality", self.values["quality"])

    def changed(self, name: str, value: Any) -> None:
        if name == "quality":
            self._encoder.set_property("quality", value)


def _make(factory: str, **properties: Any) -> Gst.Element:
    element = Gst.ElementFactory.make(factory, None)
    if element is None:
        raise RuntimeError("the stand-ins need GStreamer's %s" % factory)
    for name, value in properties.items():
        if isinstance(value, str):
            Gst.util_set_object_arg(element, name.replace("_", "-"), value)
        else:
            element.set_property(name.replace("_", "-"), value)
    return element


def _nick(value: Any) -> str:
    return getattr(value, "value_nick", "")
