"""The engine's decisions and the stand-ins, held against the real elements."""

import json
import os
import re
import unittest
from typing import Any, Dict, List, Set, Tuple

import nvml
import real

# A line a difference, as differences() has it; docs/nvidia.md explains them.
KNOWN = os.path.join(os.path.dirname(__file__), "known-differences.jsonl")

# Every release and kind of board for which the engine decides something of its own.
_TARGETS = (
    ("6.0.1", "jetson"),
    ("6.0.1", "dgpu"),
    ("6.3", "dgpu"),
    ("7.1", "jetson"),
    ("7.1", "dgpu"),
    ("9.1", "dgpu"),
)


def _settings(release: str, kind: str) -> Dict[Tuple[str, str], Any]:
    """All that the engine sets on elements that are real here."""
    from sidecar.worker.engines.deepstream.catalogue import Catalogue
    from sidecar.worker.engines.deepstream.elements import ENCODERS, Elements
    from sidecar.worker.engines.deepstream.platform import Platform

    decides = Elements(Platform(release, kind, "", "", "", ""), Catalogue(release, kind))
    found: Dict[Tuple[str, str], Any] = {}
    for element, settings in (
        ("nvv4l2decoder", decides.decoder("H264")),
        ("nvv4l2decoder", decides.decoder("JPEG")),
        ("nvvideoconvert", decides.converter()),
        ("nvvideoconvert", decides.converter(own_surface=True)),
        *((ENCODERS[codec], decides.encoder(codec, 4000000, 30)) for codec in ENCODERS),
    ):
        found.update({(element, name): value for name, value in settings.items()})
    return found


def refusals() -> List[List[str]]:
    """What the real elements say to each setting of ours, and to each that is left out here: element, name, answer."""
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
                answer = "refused by us alone"
            except TypeError as error:
                answer = str(error)
        answers.append([factory, name, "ours" if (factory, name) in ours else "left out", answer])
    return answers


def properties() -> Dict[str, Dict[str, Any]]:
    """Every property of the elements, and whether a class of GStreamer's brings it."""
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
    """Element, property, aspect, the real value, the stand-in's. The aspect "there": the stand-in lacks it, or the real
    one. What either has from GStreamer's classes counts only if the other has it too."""
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
    from sidecar.worker.engines.deepstream.facts import read_facts
    from sidecar.worker.engines.deepstream.platform import identify

    platform = identify(read_facts({}), boards())
    return [platform.kind, platform.gpu, platform.compute]


class RealElements(unittest.TestCase):
    def test_take_every_setting_of_the_engine_and_refuse_what_it_leaves_out(self) -> None:
        answers = real.isolated(refusals)
        assert [one for one in answers if one[2] == "ours" and one[3] != "taken"] == []
        left_out = {(factory, name): answer for factory, name, which, answer in answers if which == "left out"}
        assert ("nvv4l2decoder", "bufapi-version") in left_out
        expected = {key: "object of type `%s' does not have property `%s'" % key for key in left_out}
        # The property is there, the VIC that a Jetson copies with is not one of its values.
        expected["nvvideoconvert", "copy-hw"] = "changed"
        assert left_out == expected, left_out

    def test_differ_from_the_stand_ins_only_where_it_is_written_down(self) -> None:
        found = differences()
        with open(KNOWN) as file:
            known = [json.loads(line) for line in file]
        new, gone = _keys(found) - _keys(known), _keys(known) - _keys(found)
        assert not new, new
        assert not gone, gone


class RealMachine(unittest.TestCase):
    def test_is_recognised_by_the_driver_s_word(self) -> None:
        kind, gpu, compute = real.isolated(machine)
        assert kind == "dgpu"
        assert gpu == nvml.Nvml().gpu().name
        assert re.search(r"^\d+\.\d$", compute)


def _keys(found: List[List[Any]]) -> Set[str]:
    return {json.dumps(one) for one in found}
