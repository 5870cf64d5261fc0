"""Bridges between stand-ins, whose frames are in system memory, and real elements, whose frames are on the GPU.

Beside a real nvvideoconvert, a stand-in that is linked to real elements becomes a bin between real converters: they
copy frames to system memory in front of it, and to the GPU behind it. Frames between two stand-ins stay in system
memory.
"""

from typing import Any, Dict, List, Optional, Tuple

from sidecar.gst import GObject, Gst
from standins.codec import Relabel
from standins.element import Standin, requested
from standins.frames import NVMM

# The pads at which an element is linked to real ones.
_REAL_SIDES: Dict[str, Tuple[str, ...]] = {
    "nvstreammux": ("sink",),
    "nvstreamdemux": ("src",),
    "nvmultistreamtiler": ("src",),
    "nvdsosd": ("sink", "src"),
}
_FORMATS = "{ NV12, RGBA, I420 }"


def needed(element: str) -> bool:
    """Whether a stand-in is linked to real elements in the engine's graph."""
    return element in _REAL_SIDES


def inside_name(element: str) -> str:
    """The factory of the stand-in inside a bridge."""
    return element + "-inside"


class Bridge(Standin):
    """A stand-in between real converters, with the stand-in's own name, pads and properties."""

    gst_class = Gst.Bin

    def build(self) -> None:
        self._inside = _make(inside_name(self.spec.name))
        self.add(self._inside)
        # By the name of a requested pad: the elements in front of it, or behind it.
        self._converters: Dict[str, List[Gst.Element]] = {}
        for pad in self.spec.pads:
            if pad.presence == "always":
                outside, _ = self._converted(self._inside.get_static_pad(pad.name))
                self.add_pad(Gst.GhostPad.new_from_template(pad.name, outside, self.template(pad.name)))

    def changed(self, name: str, value: Any) -> None:
        self._inside.set_property(name, int(value) if isinstance(value, GObject.GEnum) else value)

    def do_request_new_pad(self, template: Gst.PadTemplate, name: Optional[str], caps: Optional[Gst.Caps]) -> Any:
        inside = self._inside.request_pad(self._inside.get_pad_template(template.name_template), name, caps)
        if inside is None:
            return None
        outside, converters = self._converted(inside)
        pad = Gst.GhostPad.new_from_template(inside.get_name(), outside, template)
        self._converters[pad.get_name()] = converters
        pad.set_active(True)
        self.add_pad(pad)
        return requested(pad)

    def do_release_pad(self, pad: Gst.Pad) -> None:
        pad.set_active(False)
        self.remove_pad(pad)
        if not self.has_state():
            return
        for element in self._converters.pop(pad.get_name(), []):
            element.set_state(Gst.State.NULL)
            self.remove(element)
        self._inside.release_request_pad(self._inside.get_static_pad(pad.get_name()))

    def _converted(self, pad: Gst.Pad) -> Tuple[Gst.Pad, List[Gst.Element]]:
        """The pad that other elements see in place of the stand-in's, and the elements between the two."""
        down = pad.get_direction() == Gst.PadDirection.SINK
        if pad.get_direction().value_nick not in _REAL_SIDES[self.spec.name]:
            return pad, []
        elements = [_make("nvvideoconvert"), _make("capsfilter"), Relabel(to_nvmm=True)] if down else []
        if not down:
            elements = [Relabel(to_nvmm=False), _make("nvvideoconvert"), _make("capsfilter")]
        memory = "" if down else "(%s)" % NVMM
        elements[1 if down else 2].set_property(
            "caps", Gst.Caps.from_string("video/x-raw%s, format=%s" % (memory, _FORMATS))
        )
        for element in elements:
            self.add(element)
        for before, after in zip(elements, elements[1:]):
            before.link(after)
        for element in elements:
            element.sync_state_with_parent()
        if down:
            elements[-1].get_static_pad("src").link(pad)
            return elements[0].get_static_pad("sink"), elements
        pad.link(elements[0].get_static_pad("sink"))
        return elements[-1].get_static_pad("src"), elements


def _make(factory: str) -> Gst.Element:
    element = Gst.ElementFactory.make(factory, None)
    if element is None:
        raise RuntimeError("there is no %s" % factory)
    return element
