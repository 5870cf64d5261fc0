"""nvurisrcbin: uridecodebin with NVIDIA's name, pads and properties. It does not reconnect, loop or record."""

from typing import Any

from sidecar.gst import Gst
from standins.element import Standin, weakly
from standins.frames import NVMM


class UriSource(Standin):
    """nvurisrcbin. Its pad vsrc_0 appears with the first video stream; audio is dropped."""

    gst_class = Gst.Bin

    def build(self) -> None:
        self._decoder = Gst.ElementFactory.make("uridecodebin", None)
        self._decoder.connect("source-setup", weakly(self._on_source))
        self._decoder.connect("pad-added", weakly(self._on_pad))
        self.add(self._decoder)

    def changed(self, name: str, value: Any) -> None:
        if name == "uri":
            self._decoder.set_property("uri", value)

    def _on_source(self, decoder: Gst.Element, source: Gst.Element) -> None:
        # The numbers of protocols are rtspsrc's. 0, before release 8.0, leaves the choice to it.
        settings = {
            "latency": self.values.get("latency"),
            "udp-buffer-size": self.values.get("udp-buffer-size"),
            "drop-on-latency": self.values.get("drop-on-latency"),
            "protocols": int(self.values.get("select-rtp-protocol", 0)) or None,
        }
        for name, value in settings.items():
            if value is not None and source.find_property(name) is not None:
                source.set_property(name, value)

    def _on_pad(self, decoder: Gst.Element, pad: Gst.Pad) -> None:
        caps = pad.get_current_caps() or pad.query_caps(None)
        if not caps.get_structure(0).get_name().startswith("video/") or self.get_static_pad("vsrc_0") is not None:
            return
        if not caps.get_features(0).contains(NVMM):
            pad = self._uploaded(pad)
        shown = Gst.GhostPad.new_from_template("vsrc_0", pad, self.template("vsrc_%u"))
        shown.set_active(True)
        self.add_pad(shown)

    def _uploaded(self, pad: Gst.Pad) -> Gst.Pad:
        """A pad behind a converter that brings a software decoder's frames into memory:NVMM."""
        converter = Gst.ElementFactory.make("nvvideoconvert", None)
        memory = Gst.ElementFactory.make("capsfilter", None)
        memory.set_property("caps", Gst.Caps.from_string("video/x-raw(%s)" % NVMM))
        for element in (converter, memory):
            self.add(element)
            element.sync_state_with_parent()
        converter.link(memory)
        pad.link(converter.get_static_pad("sink"))
        return memory.get_static_pad("src")
