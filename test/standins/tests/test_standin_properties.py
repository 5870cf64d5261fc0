"""Which properties the stand-ins refuse on each release, and how they differ from the real elements."""

import json
import os
from typing import Any, Dict, List, Set

import pytest

from sidecar.gst import GObject, Gst
from standins import catalogue
from standins.scenario import run

CATALOGUE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "catalogue", "deepstream-elements.json")
SEEN = os.path.join(os.path.dirname(CATALOGUE), "seen-9.0.2-dgpu.json")

TARGETS = ("6.0.1/jetson", "6.3/dgpu", "7.1/dgpu", "7.1/jetson", "9.1/dgpu")

# Element, property and value, and the targets that have the property.
EXPECTED = {
    ("nvv4l2decoder", "bufapi-version", True): {"6.0.1/jetson"},
    ("nvv4l2decoder", "enable-max-performance", True): {"6.0.1/jetson", "7.1/jetson"},
    ("nvv4l2decoder", "low-latency-mode", True): {"6.3/dgpu", "7.1/dgpu", "9.1/dgpu"},
    ("nvv4l2decoder", "cudadec-memtype", 0): {"6.3/dgpu", "7.1/dgpu", "9.1/dgpu"},
    ("nvv4l2h264enc", "bufapi-version", True): {"6.0.1/jetson"},
    ("nvv4l2h264enc", "preset-level", 1): {"6.0.1/jetson", "7.1/jetson"},
    ("nvv4l2h264enc", "insert-sps-pps", True): {"6.0.1/jetson", "7.1/jetson", "9.1/dgpu"},
    ("nvv4l2h264enc", "preset-id", 1): {"6.3/dgpu", "7.1/dgpu", "9.1/dgpu"},
    ("nvv4l2h264enc", "idrinterval", 30): {"6.0.1/jetson", "7.1/jetson", "7.1/dgpu", "9.1/dgpu"},
    ("nvv4l2h264enc", "bitrate", 1000000): set(TARGETS),
    ("nvtracker", "enable-batch-process", True): {"6.0.1/jetson"},
    ("nvtracker", "enable-past-frame", True): {"6.0.1/jetson"},
    ("nvinfer", "strongly-typed", True): {"9.1/dgpu"},
    ("nvstreammux", "drop-pipeline-eos", True): {"6.3/dgpu", "7.1/dgpu", "7.1/jetson", "9.1/dgpu"},
    ("nvstreammux", "live-source", True): set(TARGETS),
    ("nvvideoconvert", "gpu-id", 0): {"6.3/dgpu", "7.1/dgpu", "9.1/dgpu"},
    ("nvvideoconvert", "copy-hw", 1): {"6.3/dgpu", "7.1/dgpu", "7.1/jetson", "9.1/dgpu"},
    ("nvmultistreamtiler", "square-seq-grid", True): {"7.1/dgpu", "7.1/jetson", "9.1/dgpu"},
    ("nvdsosd", "hw-blend-color-attr", "x"): {"6.0.1/jetson"},
}


def set_all() -> List[str]:
    """The result of set_property for each of EXPECTED: nothing, or the name of the exception and its text."""
    answers = []
    for factory, name, value in EXPECTED:
        element = Gst.ElementFactory.make(factory, None)
        try:
            element.set_property(name, value)
            answers.append("")
        except Exception as error:
            answers.append("%s: %s" % (type(error).__name__, error))
    return answers


@pytest.mark.parametrize("target", TARGETS)
def test_a_release_refuses_the_properties_that_it_lacks_with_a_type_error(target: str) -> None:
    for (factory, name, _), answer in zip(EXPECTED, run(set_all, target)):
        refusal = "TypeError: object of type `%s' does not have property `%s'" % (factory, name)
        assert answer == ("" if target in EXPECTED[factory, name, _] else refusal)


def factories() -> List[str]:
    names = ("nvurisrcbin", "nvegltransform", "nvdspreprocess", "nvdsdynamicsrcbin")
    return [name for name in names if Gst.ElementFactory.find(name) is not None]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("6.0.1/jetson", ["nvegltransform", "nvdspreprocess"]),
        ("7.1/dgpu", ["nvurisrcbin", "nvdspreprocess"]),
        ("9.1/dgpu", ["nvurisrcbin", "nvdspreprocess", "nvdsdynamicsrcbin"]),
    ],
)
def test_elements_that_a_release_or_board_lacks_do_not_exist(target: str, names: List[str]) -> None:
    assert run(factories, target) == names


def out_of_range() -> List[int]:
    mux = Gst.ElementFactory.make("nvstreammux", None)
    mux.set_property("batch-size", 2)
    mux.set_property("batch-size", 2000)
    mux.set_property("nvbuf-memory-type", 4)
    return [mux.get_property("batch-size"), int(mux.get_property("nvbuf-memory-type"))]


def test_values_out_of_range_leave_the_old_value() -> None:
    assert run(out_of_range, "7.1/dgpu") == [2, 0]
    assert run(out_of_range, "7.1/jetson") == [2, 4]


def described() -> Dict[str, Dict[str, Any]]:
    """The properties of the elements that were inspected, in the form of gst-inspect."""
    with open(SEEN) as file:
        names = list(json.load(file)["elements"])
    return {
        name: {spec.name: _described(spec) for spec in Gst.ElementFactory.make(name, None).list_properties()}
        for name in names
    }


_WORDS = {"gint": "integer", "guint": "unsigned integer", "guint64": "unsigned integer64", "gchararray": "string"}


def _described(spec: Any) -> Dict[str, Any]:
    kind = spec.value_type.name
    result: Dict[str, Any] = {
        "access": ("r" if spec.flags & GObject.ParamFlags.READABLE else "")
        + ("w" if spec.flags & GObject.ParamFlags.WRITABLE else ""),
    }
    default = spec.default_value
    if spec.value_type.is_a(GObject.TYPE_ENUM):
        result.update(type="enum", default=str(int(default)))
        result["values"] = {str(int(value)): value.value_nick for value in default.__enum_values__.values()}
    elif kind == "gboolean":
        result.update(type="boolean", default=str(default).lower())
    elif kind in _WORDS:
        result.update(type=_WORDS[kind], default="null" if default is None else str(default))
        if hasattr(spec, "minimum"):
            result["range"] = [str(spec.minimum), str(spec.maximum)]
    return result


# The properties in which the stand-ins differ from gst-inspect's output for the real elements of 9.0.2, and why.
KNOWN = {
    "SliceIntraRefreshInterval": "the catalogue has the default of Jetson",
    "aq": "the catalogue has no range",
    "automatic-request-sync-point-flags": "flags are declared as a number",
    "copy-hw": "the catalogue has the values of both boards",
    "cq": "the catalogue has no range",
    "cudaenc-memtype": "the catalogue has the default value alone",
    "device-fd": "the catalogue has no range",
    "extra-controls": "a structure is declared as a pointer",
    "iframeinterval": "the catalogue has the default of Jetson",
    "insert-vui": "the catalogue has the default of Jetson",
    "intra-refresh": "the catalogue has no default",
    "max-errors": "the catalogue has no range",
    "min-force-key-unit-interval": "a property of a base class that a bin does not have",
    "num-Ref-Frames": "the catalogue has the default of Jetson",
    "nvbuf-memory-type": "the catalogue has nvbuf-mem-default, which means the device's there",
    "profile": "the catalogue has the values of older releases",
    "qp-range": "the catalogue has the default of Jetson",
    "slice-mode": "the catalogue has the default value alone",
    "tuning-info-id": "the catalogue has the nicks without Preset",
}


def _differing(seen: Dict[str, Any], made: Dict[str, Any]) -> Set[str]:
    """The names of the properties that differ in an aspect that was inspected."""
    aspects = ("access", "type", "range", "default", "values")
    return {
        name
        for element, properties in seen.items()
        for name, facts in properties.items()
        if any(facts.get(aspect) and facts[aspect] != made[element].get(name, {}).get(aspect) for aspect in aspects)
    }


def test_the_stand_ins_of_9_0_differ_from_the_real_elements_only_where_it_is_known() -> None:
    with open(SEEN) as file:
        seen = json.load(file)["elements"]
    assert _differing(seen, run(described, "9.0/dgpu")) == set(KNOWN)


def test_the_stand_ins_of_9_0_have_no_property_that_the_real_elements_lack() -> None:
    with open(SEEN) as file:
        seen = json.load(file)["elements"]
    made = {each.name: each for each in catalogue.load(CATALOGUE, "9.0", "dgpu")}
    extra = {(name, each.name) for name in seen for each in made[name].properties if each.name not in seen[name]}
    # gst-inspect's list leaves out properties of base classes. The catalogue has this one.
    assert extra == {("nvvideoconvert", "qos")}
