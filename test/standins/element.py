"""The base class of all stand-ins: GObject properties from the catalogue, registration, and errors on the bus."""

import ctypes
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple, Type

from sidecar.gst import GLib, GObject, Gst
from standins import catalogue, native

_MUTABLE = {None: 0, "ready": 1 << 10, "paused": 1 << 11, "playing": 1 << 12}  # GST_PARAM_MUTABLE_*

_DIRECTIONS = {"sink": Gst.PadDirection.SINK, "src": Gst.PadDirection.SRC}
_PRESENCES = {
    "always": Gst.PadPresence.ALWAYS,
    "sometimes": Gst.PadPresence.SOMETIMES,
    "request": Gst.PadPresence.REQUEST,
}
_TYPES = {
    "boolean": GObject.TYPE_BOOLEAN,
    "int": GObject.TYPE_INT,
    "uint": GObject.TYPE_UINT,
    "int64": GObject.TYPE_INT64,
    "uint64": GObject.TYPE_UINT64,
    "string": GObject.TYPE_STRING,
    "pointer": GObject.TYPE_POINTER,
}


class Standin:
    """The values of properties are in self.values, by name.

    Subclasses are not GObject classes yet: register() combines each with its gst_class. With an intermediate GType, an
    instance would not see the pad templates of its own class while it is initialised.
    """

    # The GStreamer class to combine with.
    gst_class: Any
    # In the form of __gsignals__.
    signals: Dict[str, Any] = {}

    # Set on the class that is registered for a release and board.
    spec: catalogue.Element
    options: Any

    def __init__(self) -> None:
        super().__init__()
        self.values: Dict[str, Any] = {prop.name: prop.default for prop in self.spec.properties}
        # PyGObject takes the floating reference that a factory owes its caller, and GStreamer complains with a
        # CRITICAL. Another reference, made floating, replaces it.
        native.g_object_ref(hash(self))
        native.g_object_force_floating(hash(self))
        # PyGObject also keeps a reference for the first use from Python, which an element that another element created
        # never sees. This use takes it.
        GObject.Value(GObject.TYPE_OBJECT, self).get_object()
        self.build()

    def has_state(self) -> bool:
        """False while GStreamer disposes of the element: virtual functions then get a new and empty Python object."""
        return "values" in self.__dict__

    def build(self) -> None:
        """Creates the element's pads or inner elements."""

    def changed(self, name: str, value: Any) -> None:
        """Called after a property was set, on the thread that set it."""

    def do_get_property(self, prop: GObject.ParamSpec) -> Any:
        return self.values[prop.name]

    def do_set_property(self, prop: GObject.ParamSpec, value: Any) -> None:
        self.values[prop.name] = value
        self.changed(prop.name, value)

    def fail(self, text: str, code: Gst.ResourceError = Gst.ResourceError.SETTINGS, debug: str = "") -> None:
        """Posts an error of this element on the bus."""
        error = GLib.Error.new_literal(Gst.ResourceError.quark(), text, int(code))
        self.post_message(Gst.Message.new_error(self, error, debug))

    def template(self, name: str) -> Gst.PadTemplate:
        return self.get_pad_template(name)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The members of gst_class."""


def requested(pad: Gst.Pad) -> Gst.Pad:
    """A pad as do_request_new_pad must return it: PyGObject returns a reference that GStreamer does not take."""
    native.g_object_unref(hash(pad))
    return pad


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """A bound method as a callback that does not keep its element alive, which holds the callback."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        alive = reference()
        return None if alive is None else alive(*arguments)

    return call


def register(base: Type[Standin], spec: catalogue.Element, options: Any, rank: int, klass: str) -> None:
    """Creates and registers the class of one element. The GType has the element's name, as those of NVIDIA's V4L2
    do."""
    inherited = {prop.name for prop in GObject.list_properties(base.gst_class)}
    # The class keeps the memory of its enumerations alive.
    enums: List[Any] = []
    members: Dict[str, Any] = {
        "__gtype_name__": spec.name,
        "__gstmetadata__": (spec.name, klass, "Stands in for NVIDIA's element", "Slipstream"),
        "__gsttemplates__": tuple(
            Gst.PadTemplate.new(
                pad.name, _DIRECTIONS[pad.direction], _PRESENCES[pad.presence], Gst.Caps.from_string(pad.caps)
            )
            for pad in spec.pads
        ),
        "__gproperties__": {
            prop.name: _declaration(spec.name, prop, enums) for prop in spec.properties if prop.name not in inherited
        },
        "spec": spec,
        "options": options,
        "enums": enums,
    }
    # PyGObject looks for virtual functions and signals only in the dictionary of a GObject class itself.
    members.update({name: getattr(base, name) for name in dir(base) if name.startswith("do_")})
    members["__gsignals__"] = base.signals
    made = type(spec.name, (base, base.gst_class), members)
    if not Gst.Element.register(None, spec.name, rank, made):
        raise RuntimeError("GStreamer refuses to register %s" % spec.name)


def _declaration(element: str, prop: catalogue.Property, enums: List[Any]) -> Tuple[Any, ...]:
    """A property in the form of PyGObject's __gproperties__."""
    flags = _MUTABLE[prop.mutable]
    if prop.readable:
        flags |= int(GObject.ParamFlags.READABLE)
    if prop.writable:
        flags |= int(GObject.ParamFlags.WRITABLE)
    described = (prop.name, prop.name)
    if prop.type == "enum":
        return (_enumeration(element, prop, enums), *described, prop.default, flags)
    gtype = _TYPES[prop.type]
    if prop.type == "pointer":
        return (gtype, *described, flags)
    if prop.type in ("boolean", "string"):
        return (gtype, *described, prop.default, flags)
    return (gtype, *described, prop.minimum, prop.maximum, prop.default, flags)


def _enumeration(element: str, prop: catalogue.Property, enums: List[Any]) -> Any:
    """A new GEnum type with the property's values."""
    table = (native.EnumValue * (len(prop.values) + 1))()
    for slot, (value, nick) in zip(table, prop.values):
        slot.value, slot.name, slot.nick = value, nick.encode(), nick.encode()
    enums.append(table)
    name = "%s-%s" % (element, prop.name)
    native.g_enum_register_static(name.encode(), ctypes.cast(table, ctypes.POINTER(native.EnumValue)))
    return GObject.GType.from_name(name)
