"""The colours of the overlay: one for each class, told apart by colour-blind viewers too, and the ink on it."""

from typing import Tuple

Colour = Tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

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


def class_colour(class_id: int) -> Colour:
    """The colour of a class: the same in every frame, on every camera and after every restart."""
    return _CLASSES[class_id % len(_CLASSES)]


def ink_on(fill: Colour) -> Colour:
    """Black or white, whichever has the higher contrast on a fill."""
    # Both contrasts of WCAG 2 (1.4.3) are equal at a relative luminance of sqrt(1.05 * 0.05) - 0.05.
    return BLACK if _luminance(fill) > 0.179 else WHITE


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
