"""Compares the engine's settings, and the stand-ins, with the real elements."""

import json
import os
import re
import unittest
from typing import Any, Dict, List, Set, Tuple

import nvml
import real

# One difference a line, in the form of differences(). docs/nvidia.md explains them.
KNOWN = os.path.join(os.path.dirname(__file__), "known-differences.jsonl")

# The releases and kinds of boards for which the engine has settings of their own.
_TARGETS = (
    ("6.0.1", "jetson"),
    ("6.0.1", "dgpu"),
    ("6.3", "dgpu"),
    ("7.1", "jetson"),
    ("7.1", "dgpu"),
    ("9.1", "dgpu"),
)


def _settings(release: str, kind: str) -> Dict[Tuple[str, str], Any]:
    """Everything that the engine sets on the elements that are real here."""
    from sidecar.worker.engines.deepstream import pipeline
    from sidecar.worker.engines.deepstream.catalogue import Catalogue
    from sidecar.worker.engines.deepstream.elements import Elements
    from sidecar.worker.engines.deepstream.platform import Platform

    elements = Elements(Platform(release, kind, "", "", "", ""), Catalogue(release, kind))
    found: Dict[Tuple[str, str], Any] = {}
    for element, settings in (
        ("nvv4l2decoder", pipeline.decoder_settings(elements, "H264")),
        ("nvv4l2decoder", pipeline.decoder_settings(elements, "JPEG")),
        ("nvvideoconvert", pipeline.converter_settings(elements)),
        ("nvvideoconvert", pipeline.converter_settings(elements, own_surface=True)),
        *((name, pipeline.encoder_settings(elements, codec, 4000000, 30)) for codec, name in pipeline.ENCODERS.items()),
    ):
        found.update({(element, name): value for name, value in settings.items()})
    return found


def refusals() -> List[List[str]]:
    """How the real elements answer to each of the engine's settings, and to each that it leaves out here: element,
    name, which of the two, answer."""
    from sidecar.chain import ChainError, make, set_property

    ours = _settings(real.RELEASE, real.KIND)
    every = {key: value for target in _TARGETS for key, value in _settings(*target).items()}
    answers = []
    for (factory, name), value in sorted({**every, **ours}.items(), key=lambda item: item[0]):
        element = make(factory)
        try:
            set_property(element, factory, name, value)
            answer = "taken" if int(element.get_property(name)) == int(value) else "changed"
        except ChainError:
            try:
                element.set_property(name, value)
                answer = "refused by the sidecar alone"
            except TypeError as error:
                answer = str(error)
        answers.append([factory, name, "ours" if (factory, name) in ours else "left out", answer])
    return answers


def properties() -> Dict[str, Dict[str, Any]]:
    """Every property of the elements, and whether it is inherited from a class of GStreamer's."""
    from sidecar.gst import Gst

    return {
        name: {
            spec.name: dict(_described(spec), inherited=spec.owner_type.name.startswith("Gst"))
            for spec in Gst.ElementFactory.make(name, None).list_properties()
        }
        for name in real.REAL
    }


_NUMBERS = {"gint": "int", "guint": "uint", "gint64": "int64", "guint64": "uint64"}
_FLAGS = {"readable": 1, "writable": 2, "construct-only": 8, "mutable ready": 1 << 10, "mutable paused": 1 << 11}
_FLAGS["mutable playing"] = 1 << 12


def _described(spec: Any) -> Dict[str, Any]:
    from sidecar.gst import GObject

    kind, default = spec.value_type, spec.default_value
    result: Dict[str, Any] = {"flags": [name for name, bit in _FLAGS.items() if int(spec.flags) & bit]}
    if kind.is_a(GObject.TYPE_ENUM):
        result.update(type="enum", default=int(default))
        result["values"] = {str(int(each)): each.value_nick for each in default.__enum_values__.values()}
    elif kind.is_a(GObject.TYPE_FLAGS):
        result.update(type="flags", default=int(default))
    elif kind.name in _NUMBERS:
        result.update(type=_NUMBERS[kind.name], default=default, range=[spec.minimum, spec.maximum])
    elif kind.name == "gboolean":
        result.update(type="boolean", default=bool(default))
    elif kind.name == "gchararray":
        result.update(type="string", default=default)
    else:
        result["type"] = kind.name
    return result


def differences() -> List[List[Any]]:
    """Element, property, aspect, the real value, the stand-in's. The aspect "there": only one of them has the property.
    Inherited properties count only if both have them."""
    genuine = real.isolated(properties)
    made = real.isolated(properties, standins=real.ALL_STANDINS)
    found: List[List[Any]] = []
    for element in real.REAL:
        for name in sorted({**genuine[element], **made[element]}):
            one, other = genuine[element].get(name), made[element].get(name)
            if one is None or other is None:
                if not (one or other)["inherited"]:
                    found.append([element, name, "there", one is not None, other is not None])
                continue
            for aspect in ("type", "range", "default", "values", "flags"):
                if one.get(aspect) != other.get(aspect):
                    found.append([element, name, aspect, one.get(aspect), other.get(aspect)])
    return found


def machine() -> List[str]:
    from sidecar.worker.engines.deepstream.catalogue import boards
    from sidecar.worker.engines.deepstream.machine import read_system_info
    from sidecar.worker.engines.deepstream.platform import identify

    platform = identify(read_system_info({}), boards())
    return [platform.kind, platform.gpu, platform.compute]


class RealElements(unittest.TestCase):
    def test_take_every_setting_of_the_engine_and_refuse_what_it_leaves_out(self) -> None:
        answers = real.isolated(refusals)
        assert [one for one in answers if one[2] == "ours" and one[3] != "taken"] == []
        left_out = {(factory, name): answer for factory, name, which, answer in answers if which == "left out"}
        assert ("nvv4l2decoder", "bufapi-version") in left_out
        expected = {key: "object of type `%s' does not have property `%s'" % key for key in left_out}
        # The property exists, but the VIC of a Jetson is not one of its values.
        expected["nvvideoconvert", "copy-hw"] = "changed"
        assert left_out == expected, left_out

    def test_differ_from_the_stand_ins_only_in_known_ways(self) -> None:
        found = differences()
        with open(KNOWN) as file:
            known = [json.loads(line) for line in file]
        new, gone = _keys(found) - _keys(known), _keys(known) - _keys(found)
        assert not new, new
        assert not gone, gone


class RealMachine(unittest.TestCase):
    def test_is_recognised_by_the_driver(self) -> None:
        kind, gpu, compute = real.isolated(machine)
        assert kind == "dgpu"
        assert gpu == nvml.Nvml().gpu().name
        assert re.search(r"^\d+\.\d$", compute)


def _keys(found: List[List[Any]]) -> Set[str]:
    return {json.dumps(one) for one in found}
