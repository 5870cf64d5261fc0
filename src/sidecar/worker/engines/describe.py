"""Describes a running pipeline: as the list of its elements, and as a graph for Graphviz (DOT).

Neither shows properties: one might be a password.
"""

import logging
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.redact import redact_lines

# A directory: each pipeline that plays is written there, as NAME.dot.
DOT_VARIABLE = "SLIPSTREAM_DOT_DIR"

_COMPONENT = "pipeline"
# Without properties.
_DOT_DETAILS = Gst.DebugGraphDetails.MEDIA_TYPE | Gst.DebugGraphDetails.CAPS_DETAILS | Gst.DebugGraphDetails.STATES
# GStreamer's own names: queue0.
_NUMBERED = re.compile(r".*\d\Z")
_CAPS_FIELDS = ("encoding-name", "stream-format", "format")


def log_playing(pipeline: Gst.Pipeline, environment: Mapping[str, str] = os.environ) -> None:
    """Logs the elements of a pipeline that plays, at level debug, and writes it as DOT if SLIPSTREAM_DOT_DIR is set.

    Called on the loop thread.
    """
    log, name = Log(_COMPONENT), pipeline.get_name()
    if logging.getLogger(_COMPONENT).isEnabledFor(logging.DEBUG):
        log.debug("pipeline plays", pipeline=name, elements=branches(pipeline))
    directory = environment.get(DOT_VARIABLE)
    if directory:
        try:
            with open(os.path.join(directory, name + ".dot"), "w", encoding="utf-8") as file:
                file.write(redact_lines(Gst.debug_bin_to_dot_data(pipeline, _DOT_DETAILS)))
        except OSError as error:
            log.warning("cannot write a pipeline as DOT", pipeline=name, err=str(error))


def branches(pipeline: Gst.Pipeline) -> List[str]:
    """A line for each branch of a pipeline, see PipelineElements of the contract. Called on the loop thread.

    It takes locks of elements and pads that no streaming thread holds while it waits.
    """
    elements = _elements(pipeline)
    following = {element: _following(element) for element in elements}
    incoming: Dict[Gst.Element, int] = dict.fromkeys(elements, 0)
    for _, after in (link for links in following.values() for link in links):
        incoming[after] = incoming.get(after, 0) + 1

    def is_joint(element: Gst.Element) -> bool:
        return incoming[element] > 1 or len(following.get(element, ())) > 1

    def label(element: Gst.Element) -> str:
        name, kind = element.get_name(), _kind(element)
        return kind if _NUMBERED.match(name) and not is_joint(element) else "%s (%s)" % (kind, name)

    lines = []
    # Grows: the joint at which a branch ends begins others.
    heads = [element for element in elements if not incoming[element]]
    for head in heads:
        if not following[head] and not incoming[head]:
            lines.append(label(head))
        for pad, after in following[head]:
            line, caps = label(head), ""
            step: Optional[Tuple[Gst.Pad, Gst.Element]] = (pad, after)
            while step is not None:
                sent = _caps_text(step[0])
                line += " [%s] -> " % sent if sent and sent != caps else " -> "
                caps, element = sent or caps, step[1]
                line += label(element)
                links = following.get(element, [])
                step = links[0] if links and not is_joint(element) else None
            lines.append(line)
            if is_joint(element) and element not in heads:
                heads.append(element)
    return lines


def _elements(container: Gst.Bin) -> List[Gst.Element]:
    """The elements in the order in which they were added, with those in plain bins. A plugin's bin is one element."""
    found: List[Gst.Element] = []
    for element in reversed(_items(container.iterate_elements())):
        found += _elements(element) if _is_plain_bin(element) else [element]
    return found


def _following(element: Gst.Element) -> List[Tuple[Gst.Pad, Gst.Element]]:
    """The source pads of an element that are linked, each with the element behind it."""
    links = [(pad, _behind(pad)) for pad in _items(element.iterate_src_pads())]
    return [(pad, after) for pad, after in links if after is not None]


def _behind(pad: Gst.Pad) -> Optional[Gst.Element]:
    """The element to which a source pad sends, through the ghost pads of plain bins."""
    peer = pad.get_peer()
    while peer is not None:
        owner = peer.get_parent()
        if isinstance(peer, Gst.GhostPad) and _is_plain_bin(owner):
            # Into a bin.
            peer = peer.get_target()
        elif isinstance(owner, Gst.GhostPad):
            # Out of a bin: the inner half of its ghost pad.
            peer = owner.get_peer()
        else:
            return owner
    return None


def _is_plain_bin(element: Gst.Object) -> bool:
    return isinstance(element, Gst.Bin) and _kind(element) == "bin"


def _kind(element: Gst.Element) -> str:
    """The name of its factory; of an element that is a class of ours, and has none, its long name."""
    factory = element.get_factory()
    return str(element.get_metadata("long-name")).lower() if factory is None else str(factory.get_name())


def _caps_text(pad: Gst.Pad) -> str:
    """The caps that a pad sends, without what would fill a line; empty before they are negotiated."""
    caps = pad.get_current_caps()
    if caps is None or caps.get_size() == 0:
        return ""
    structure, features = caps.get_structure(0), caps.get_features(0).to_string()
    parts = [structure.get_name() + ("" if features == "memory:SystemMemory" else "(%s)" % features)]
    parts += [text for text in (structure.get_string(field) for field in _CAPS_FIELDS) if text]
    (has_width, width), (has_height, height) = structure.get_int("width"), structure.get_int("height")
    if has_width and has_height:
        parts.append("%dx%d" % (width, height))
    has_rate, numerator, denominator = structure.get_fraction("framerate")
    if has_rate:
        parts.append("%d/%d" % (numerator, denominator))
    return ", ".join(parts)


def _items(iterator: Gst.Iterator) -> List[Any]:
    """All that an iterator gives; from the start again if that changes meanwhile."""
    found: List[Any] = []
    while True:
        result, item = iterator.next()
        if result == Gst.IteratorResult.OK:
            found.append(item)
        elif result == Gst.IteratorResult.RESYNC:
            iterator.resync()
            found = []
        else:
            return found
