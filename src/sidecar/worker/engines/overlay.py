"""The overlay of both engines: which parts of it are drawn, in which colours, and what its texts say."""

from collections import Counter
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from sidecar.contract import spec

Colour = Tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

Point = Tuple[float, float]
"""x and y in fractions of the frame, from its top left corner."""

# Okabe and Ito's palette ("Color Universal Design", 2008) without its black, and with its blue lightened to show on a
# night scene. The order keeps neighbouring class ids far apart in hue and brightness.
_CLASSES: Tuple[Colour, ...] = (
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (240, 228, 66),  # yellow
    (204, 121, 167),  # reddish purple
    (0, 158, 115),  # bluish green
    (213, 94, 0),  # vermilion
    (46, 134, 222),  # blue
)

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


class OverlayOptions(NamedTuple):
    """Which parts of the overlay are drawn. Replaced as a whole while frames flow."""

    boxes: bool = False
    labels: bool = False
    counts: bool = False
    names: bool = False
    zones: bool = False


class Shape(NamedTuple):
    """A zone or a line that is drawn on a camera's frames."""

    # In fractions of the frame. Two: a line. More: a zone, whose last point is joined to the first.
    points: Tuple[Point, ...]
    # Drawn beside it; may be empty.
    text: str

    def edges(self) -> List[Tuple[Point, Point]]:
        ends = [*self.points[1:], *(self.points[:1] if len(self.points) > 2 else ())]
        return list(zip(self.points, ends))

    def anchor(self) -> Point:
        """Where the top left corner of the text is: at a zone's highest point, or at the middle of a line."""
        if len(self.points) == 2:
            (x0, y0), (x1, y1) = self.points
            return (x0 + x1) / 2, (y0 + y1) / 2
        return min(self.points, key=lambda point: (point[1], point[0]))


# By camera id; a camera that is missing has none.
Shapes = Dict[str, Tuple[Shape, ...]]


def overlay_options(overlay: spec.Overlay) -> OverlayOptions:
    return OverlayOptions(overlay.boxes, overlay.labels, overlay.counts, overlay.names, overlay.zones)


def class_name(class_id: int, label: str) -> str:
    return label or "class %d" % class_id


def label_text(class_id: int, label: str, confidence: float, track_id: Optional[int] = None) -> str:
    """The label of a box: car #7 85 %. A confidence below 0, which trackers and clusterings may report, is left out."""
    name = class_name(class_id, label)
    if track_id is not None:
        name = "%s #%d" % (name, track_id)
    return "%s %.0f %%" % (name, 100 * confidence) if 0 <= confidence <= 1 else name


def counts_text(names: Iterable[str]) -> str:
    """How many objects there are of each class: the most frequent first, equal ones by name, to avoid flicker."""
    counts = sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0]))
    return "   ".join("%d %s" % (count, name) for name, count in counts)


def class_colour(class_id: int) -> Colour:
    """The colour of a class: the same in every frame, on every camera and after every restart.

    Viewers who are colour-blind can tell the colours apart.
    """
    return _CLASSES[class_id % len(_CLASSES)]


def ink_on(fill: Colour) -> Colour:
    """The colour of text on a fill: black or white, whichever has the higher contrast."""
    # Both contrasts of WCAG 2 (1.4.3) are equal at a relative luminance of sqrt(1.05 * 0.05) - 0.05.
    return BLACK if _luminance(fill) > 0.179 else WHITE


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
