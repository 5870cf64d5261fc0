"""Describes a running pipeline: as the list of its elements, and as a graph for Graphviz (DOT).

Neither shows properties: one might be a password.
"""

import logging
import os
import re
from collections import Counter
from typing import Any, List, Mapping, Optional, Tuple

from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.redact import redact_lines
from sidecar.whole_file import replace_file

# A directory: each pipeline that plays is written there, as NAME.dot.
DOT_VARIABLE = "SLIPSTREAM_DOT_DIR"

_COMPONENT = "pipeline"
# Without properties.
_DOT_DETAILS = Gst.DebugGraphDetails.MEDIA_TYPE | Gst.DebugGraphDetails.CAPS_DETAILS | Gst.DebugGraphDetails.STATES
_DOT_MODE = 0o644
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
            drawn = redact_lines(Gst.debug_bin_to_dot_data(pipeline, _DOT_DETAILS))
            replace_file(os.path.join(directory, name + ".dot"), drawn, _DOT_MODE)
        except OSError as error:
            log.warning("cannot write a pipeline as DOT", pipeline=name, err=str(error))


def branches(pipeline: Gst.Pipeline) -> List[str]:
    """A line for each branch of a pipeline, see PipelineElements of the contract. Called on the loop thread.

    It takes locks of elements and pads that no streaming thread holds while it waits.
    """
    links = {element: _links(element) for element in elements_in(pipeline)}
    inputs = Counter(element for found in links.values() for _, element in found)

    def is_joint(element: Gst.Element) -> bool:
        return inputs[element] > 1 or len(links[element]) > 1

    def label(element: Gst.Element) -> str:
        name, kind = element.get_name(), _kind(element)
        return kind if _NUMBERED.match(name) and not is_joint(element) else "%s (%s)" % (kind, name)

    # Branches begin at sources and, as they are reached, at joints.
    heads = [element for element in links if not inputs[element]]
    lines = [label(head) for head in heads if not links[head]]
    for head in heads:
        for link in links[head]:
            line, shown, following = label(head), "", [link]
            while following:
                caps, element = following[0]
                line += " [%s] -> " % caps if caps and caps != shown else " -> "
                line += label(element)
                shown = caps or shown
                following = [] if is_joint(element) else links[element]
            lines.append(line)
            if is_joint(element) and element not in heads:
                heads.append(element)
    return lines


def elements_in(container: Gst.Bin) -> List[Gst.Element]:
    """The elements in the order in which they were added, with those in plain bins. A plugin's bin is one element."""
    found: List[Gst.Element] = []
    for element in reversed(_items(container.iterate_elements())):
        found += elements_in(element) if _is_plain_bin(element) else [element]
    return found


def _links(element: Gst.Element) -> List[Tuple[str, Gst.Element]]:
    """The elements to which an element sends, each with the caps that it gets."""
    pads = _items(element.iterate_src_pads())
    return [(_caps_text(pad), after) for pad, after in ((pad, _receiver(pad)) for pad in pads) if after is not None]


def _receiver(pad: Gst.Pad) -> Optional[Gst.Element]:
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
