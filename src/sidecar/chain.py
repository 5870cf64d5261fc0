"""Chain: a pipeline that reads as the list of its elements.

Each element is created, configured, added and linked in one step, so that a graph can be read from top to bottom and an
engine, a source or a sink is swapped by changing one line.
"""

from typing import Any, List, Optional

from sidecar.gst import GObject, Gst


class ChainError(Exception):
    """A graph cannot be built. The message names the element, the property if it is one, and the reason."""

    def __init__(self, element: str, problem: str, prop: Optional[str] = None) -> None:
        self.element = element
        self.prop = prop
        where = element if prop is None else "%s, property %s" % (element, prop)
        super().__init__("%s: %s" % (where, problem))


def make(factory: str, name: Optional[str] = None, **properties: Any) -> Gst.Element:
    """Creates one element with its properties. Underscores in property names stand for dashes.

    Enumerations and flags are given by nick or number, caps as text. Raises ChainError.
    """
    label = factory if name is None else "%s (%s)" % (factory, name)
    element = Gst.ElementFactory.make(factory, name)
    if element is None:
        raise ChainError(label, "there is no such element; is its GStreamer plugin installed?")
    for key, value in properties.items():
        set_property(element, label, key.replace("_", "-"), value)
    return element


def set_property(element: Any, label: str, key: str, value: Any) -> None:
    """Sets a property of an element or a pad; label names it in errors. Raises ChainError."""
    spec = element.find_property(key)
    if spec is None:
        raise ChainError(label, "it has no such property", key)
    reason = _refusal(spec, value)
    if reason is not None:
        raise ChainError(label, "value %r is refused: %s" % (value, reason), key)
    try:
        if isinstance(value, str) and not spec.value_type.is_a(GObject.TYPE_STRING):
            # Nicks and caps are written as text, as on a gst-launch line.
            Gst.util_set_object_arg(element, key, value)
        else:
            element.set_property(key, value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ChainError(label, "value %r is refused: %s" % (value, error), key) from error


def _refusal(spec: Any, value: Any) -> Optional[str]:
    """Why a value does not fit a property; None: it may. GLib would change or skip it, with a warning at most."""
    kind = spec.value_type
    if isinstance(value, str):
        if kind.is_a(GObject.TYPE_ENUM):
            nicks = [one.value_nick for one in type(spec.default_value).__enum_values__.values()]
            return None if value in nicks else "it is none of %s" % ", ".join(nicks)
        if kind.is_a(GObject.TYPE_FLAGS):
            values = type(spec.default_value).__flags_values__.values()
            nicks = [nick for one in values for nick in one.value_nicks]
            unknown = [nick for nick in value.split("+") if nick not in nicks]
            return "%s is none of %s" % (unknown[0], ", ".join(nicks)) if unknown else None
        if kind.is_a(Gst.Caps.__gtype__):
            return None if Gst.Caps.from_string(value) is not None else "it is not in the form of caps"
        return None if kind.is_a(GObject.TYPE_STRING) else "it is text"
    if isinstance(value, (int, float)) and not isinstance(value, bool) and hasattr(spec, "minimum"):
        if isinstance(value, float) and not kind.is_a(GObject.TYPE_FLOAT) and not kind.is_a(GObject.TYPE_DOUBLE):
            return "it is not a whole number"
        if not spec.minimum <= value <= spec.maximum:
            return "it is not within %s to %s" % (spec.minimum, spec.maximum)
    return None


class Chain:
    """Adds elements to a bin one after the other, each linked to the one before.

    chain = Chain(pipeline)
    chain.add("videotestsrc", is_live=True)
    chain.caps("video/x-raw, width=640, height=360")
    chain.add("x264enc", "encoder", tune="zerolatency")
    """

    def __init__(self, container: Gst.Bin, after: Optional[Gst.Element] = None) -> None:
        """Starts empty, or behind an element that is in the container already."""
        self.container = container
        self.elements: List[Gst.Element] = []
        self.last = after
        self._last_label = "" if after is None else after.get_name()

    def add(self, factory: str, name: Optional[str] = None, **properties: Any) -> Gst.Element:
        """Creates, configures, adds and links one element, and returns it. Raises ChainError."""
        label = factory if name is None else "%s (%s)" % (factory, name)
        return self.append(make(factory, name, **properties), label)

    def append(self, element: Gst.Element, label: str) -> Gst.Element:
        """Adds and links an element that was made elsewhere. Raises ChainError."""
        if self.container.get_by_name(element.get_name()) is not None:
            raise ChainError(label, "the name %s is taken already" % element.get_name())
        self.container.add(element)
        self.elements.append(element)
        return self.link(element, label)

    def link(self, element: Gst.Element, label: str) -> Gst.Element:
        """Links an element that is in the container already: chains meet here. Raises ChainError."""
        if self.last is not None and not self.last.link(element):
            raise ChainError(label, "cannot be linked after %s: their caps have nothing in common" % self._last_label)
        self.last = element
        self._last_label = label
        return element

    def caps(self, caps: str) -> Gst.Element:
        """Adds a capsfilter: what follows gets this format."""
        return self.add("capsfilter", caps=caps)

    def into(self, pad: Gst.Pad, label: str) -> None:
        """Ends the chain in a pad, for example one requested from a mixer. Raises ChainError."""
        assert self.last is not None, "an empty chain cannot end"
        # link() raises in some versions of the bindings and returns in others; link_full() always returns.
        result = self.last.get_static_pad("src").link_full(pad, Gst.PadLinkCheck.DEFAULT)
        if result != Gst.PadLinkReturn.OK:
            raise ChainError(label, "cannot be linked after %s: %s" % (self._last_label, result.value_nick))


def request_pad(element: Gst.Element, template: str) -> Gst.Pad:
    """Requests a pad, for example sink_%u of a mixer. GStreamer 1.20 renamed the call; this is the place that knows."""
    if hasattr(element, "request_pad_simple"):
        return element.request_pad_simple(template)
    return element.get_request_pad(template)
