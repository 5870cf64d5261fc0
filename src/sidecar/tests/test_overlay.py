"""The overlay on real frames: every test paints in a real pipeline and looks at the pixels."""

import math
from typing import Any, List, NamedTuple, Tuple

import numpy as np
import pytest

from sidecar.chain import Chain
from sidecar.gst import Gst
from sidecar.worker.engines.cpu.overlay import OverlayContent, TileOverlay
from sidecar.worker.engines.cpu.painter import make_painter
from sidecar.worker.engines.overlay import OverlayOptions, Shape, class_colour, ink_on
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object
from sidecar.worker.outputs.layout import Rectangle

# The plain frame that is drawn on: no value of it is one that the overlay draws.
LUMA, CB, CR = 128, 100, 150
WIDTH, HEIGHT = 640, 360


class Planes(NamedTuple):
    y: Any
    u: Any
    v: Any

    def changed(self) -> Any:
        """Where luma, or the chroma that belongs to it, is no longer the plain frame's."""
        chroma = (self.u != CB) | (self.v != CR)
        return (self.y != LUMA) | np.repeat(np.repeat(chroma, 2, 0), 2, 1)[: self.y.shape[0], : self.y.shape[1]]


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    Gst.init(None)


def content(*objects: Object, **changes: Any) -> OverlayContent:
    """changes: of the content, and of its options; a name is drawn where one is given."""
    options = OverlayOptions(boxes=True, names="name" in changes)
    options = options._replace(**{key: changes.pop(key) for key in OverlayOptions._fields if key in changes})
    plain = OverlayContent(
        frame_width=WIDTH,
        frame_height=HEIGHT,
        area=Rectangle(0, 0, WIDTH, HEIGHT),
        objects=objects,
        options=options,
        name="",
    )
    return plain._replace(**changes)


def person(left: float, top: float, width: float, height: float, **changes: Any) -> Object:
    return Object(0, "person", 0.87, left, top, width, height)._replace(**changes)


def blend(contents: List[OverlayContent], width: int = WIDTH, height: int = HEIGHT) -> List[Planes]:
    """Plain I420 frames after the overlay, one for each content."""
    overlay, waiting = TileOverlay(width, height), list(contents)
    pipeline = Gst.Pipeline.new(None)
    chain = Chain(pipeline)
    caps = "video/x-raw, format=I420, width=%d, height=%d, framerate=25/1" % (width, height)
    source = chain.add("appsrc", format="time", caps=caps)
    chain.append(make_painter(lambda frame, _pts: overlay.paint(frame, waiting.pop(0))), "painter")
    sink = chain.add("appsink", sync=False)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        stride, half = (width + 3) // 4 * 4, (height + 1) // 2
        half_stride = ((width + 1) // 2 + 3) // 4 * 4
        frames = []
        for number in range(len(contents)):
            chroma = half_stride * half
            buffer = Gst.Buffer.new_wrapped(
                bytes([LUMA]) * (stride * 2 * half) + bytes([CB]) * chroma + bytes([CR]) * chroma
            )
            buffer.pts = number * Gst.SECOND // 25
            source.emit("push-buffer", buffer)
            sample = sink.emit("try-pull-sample", 5 * Gst.SECOND)
            assert sample is not None, "no frame came through"
            assert buffer.extract_dup(0, 1) == bytes([LUMA]), "a buffer that somebody holds is left alone"
            blended = sample.get_buffer()
            raw = np.frombuffer(blended.extract_dup(0, blended.get_size()), np.uint8)
            luma, u, v = np.split(raw, [stride * 2 * half, stride * 2 * half + half_stride * half])
            frames.append(
                Planes(
                    luma.reshape(-1, stride)[:height, :width],
                    u.reshape(half, half_stride)[:, : (width + 1) // 2],
                    v.reshape(half, half_stride)[:, : (width + 1) // 2],
                )
            )
        return frames
    finally:
        pipeline.set_state(Gst.State.NULL)


def draw(what: OverlayContent, width: int = WIDTH, height: int = HEIGHT) -> Planes:
    return blend([what], width, height)[0]


def yuv(colour: Tuple[int, int, int]) -> Tuple[float, float, float]:
    """BT.709, limited range."""
    red, green, blue = colour
    return (
        16 + 0.183 * red + 0.614 * green + 0.062 * blue,
        128 - 0.101 * red - 0.339 * green + 0.439 * blue,
        128 + 0.439 * red - 0.399 * green - 0.040 * blue,
    )


def extent(changed: Any) -> Tuple[int, int, int, int]:
    """left, top, right, bottom of what changed; right and bottom are beyond."""
    rows, columns = np.where(changed)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_nothing_to_draw_leaves_the_frame_alone() -> None:
    assert not draw(content(counts=True)).changed().any()


@pytest.mark.parametrize(
    ("left", "top", "width", "height"), [(100, 80, 200, 120), (101, 81, 199, 121), (0, 0, 640, 360)]
)
def test_an_outline_lies_on_the_box_and_leaves_its_inside_alone(left: int, top: int, width: int, height: int) -> None:
    changed = draw(content(person(left, top, width, height))).changed()

    assert np.abs(np.subtract(extent(changed), (left, top, left + width, top + height))).max() <= 1
    assert not changed[top + 4 : top + height - 4, left + 4 : left + width - 4].any()
    middle_row, middle_column = changed[top + height // 2], changed[:, left + width // 2]
    assert middle_row.sum() == middle_column.sum() == 4, "two sides of two pixels, no colour beyond them"


@pytest.mark.parametrize("class_id", range(8))
def test_an_outline_has_the_colour_of_its_class(class_id: int) -> None:
    planes = draw(content(person(100, 80, 200, 120, class_id=class_id)))

    for row, column in ((80, 200), (198, 200), (140, 100), (140, 298)):
        seen = planes.y[row, column], planes.u[row // 2, column // 2], planes.v[row // 2, column // 2]
        assert seen == pytest.approx(yuv(class_colour(class_id)), abs=4)


def test_neighbouring_classes_differ_and_a_class_keeps_its_colour() -> None:
    assert class_colour(3) == class_colour(3)
    assert len({class_colour(class_id) for class_id in range(7)}) == 7


def test_ink_reads_on_its_fill() -> None:
    assert ink_on((240, 228, 66)) == (0, 0, 0)
    assert ink_on((20, 40, 140)) == (255, 255, 255)


def test_a_box_follows_the_picture_into_a_letterboxed_tile() -> None:
    # A 640x480 frame in a 640x360 tile: 480x360 with a bar of 80 at each side.
    letterboxed = {"frame_height": 480, "area": Rectangle(80, 0, 480, 360)}

    changed = draw(content(person(0, 120, 320, 240), **letterboxed)).changed()

    assert extent(changed) == (80, 90, 320, 270)


def test_a_label_stands_above_its_box_on_the_colour_of_the_class() -> None:
    planes = draw(content(person(100, 80, 200, 120), boxes=False, labels=True))

    left, top, right, bottom = extent(planes.changed())
    assert (left, bottom) == (100, 80)
    assert 40 < right - left < 200
    assert 12 < bottom - top < 40
    tag = planes.y[top:bottom, left:right]
    fill, ink = yuv(class_colour(0))[0], yuv(ink_on(class_colour(0)))[0]
    assert tag[0, 0] == pytest.approx(fill, abs=4)
    assert (np.abs(tag.astype(int) - ink) < 20).sum() > 50, "there is ink on the strip"


def test_a_label_goes_inside_a_box_that_touches_the_top_and_stays_in_the_tile() -> None:
    left, top, right, bottom = extent(draw(content(person(600, 0, 40, 200), boxes=False, labels=True)).changed())

    assert top == 0
    assert right == WIDTH
    assert left < 600
    assert bottom < 40


def test_different_confidences_are_different_labels() -> None:
    first, second, third = (
        draw(content(person(100, 80, 200, 120, confidence=c), boxes=False, labels=True)).y
        for c in (0.91, 0.28, math.nan)
    )

    assert (first != second).any()
    assert (third != LUMA).sum() < (first != LUMA).sum(), "no figure where there is no number"


def test_name_and_counts_stand_in_the_left_corners_on_a_translucent_strip() -> None:
    named = draw(content(name="front door"))
    left, top, right, bottom = extent(named.changed())
    assert (left, top) == (6, 6)
    assert right < 320
    assert bottom < 60
    assert LUMA * 0.4 < named.y[bottom - 2, (left + right) // 2] < LUMA * 0.7, "the picture shines through"
    assert named.y.max() > 220, "white ink"

    counted = draw(content(person(1, 1, 1, 1), person(1, 1, 1, 1), boxes=False, counts=True))
    left, top, right, bottom = extent(counted.changed())
    assert (left, bottom) == (6, HEIGHT - 6)
    assert top > HEIGHT - 60


def test_the_most_frequent_class_is_counted_first() -> None:
    car, people = person(1, 1, 1, 1, class_id=2, label="car"), [person(1, 1, 1, 1)] * 2
    orders = ([car, *people], [*people, car], [car])
    pictures = [planes.y for planes in blend([content(*order, boxes=False, counts=True) for order in orders])]

    assert (pictures[0] == pictures[1]).all(), "the order of detection does not matter"
    person_first = pictures[0][:, : WIDTH // 8]
    assert (person_first != pictures[2][:, : WIDTH // 8]).any(), "the line does not begin with the car"


AWKWARD = [
    person(-50, -50, 100, 100),
    person(600, 300, 500, 500),
    person(-1e9, -1e9, 2e9, 2e9),
    person(10, 10, 0, 0),
    person(10, 10, -5, 20),
    person(700, 10, 20, 20),
    person(math.nan, 10, 20, 20),
    person(10, 10, math.nan, 20),
    person(-math.inf, 10, math.inf, 20),
    person(10, 10, math.inf, math.inf),
    person(10, 10, 1e308, 1e308),
    person(10, 10, 0.1, 0.1),
    person(50, 50, 90, 90, label="", class_id=-1),
    person(50, 50, 90, 90, label="x" * 100000),
    person(50, 50, 90, 90, label="Straße 自転車 🚲 é"),
    person(50, 50, 90, 90, label="a\0b\n\ud800", confidence=math.inf),
]


@pytest.mark.parametrize(("width", "height"), [(640, 360), (64, 36), (8, 4), (853, 481)])
def test_awkward_content_is_drawn_or_left_out_but_never_raises(width: int, height: int) -> None:
    for objects in [[item] for item in AWKWARD] + [AWKWARD * 19]:
        what = content(
            *objects,
            labels=True,
            counts=True,
            name="Größe \0 " * 999,
            area=Rectangle(0, 0, width, height),
        )
        draw(what, width, height)
    for nothing in (0, -1):
        draw(content(*AWKWARD, frame_width=nothing, area=Rectangle(0, 0, width, height)), width, height)


def test_a_box_partly_outside_is_cut_at_the_picture_and_one_outside_is_not_drawn() -> None:
    assert extent(draw(content(person(-50, 300, 150, 500))).changed()) == (0, 300, 100, 360)
    for outside in (person(700, 10, 20, 20), person(10, 10, 0, 0), person(math.nan, 10, 20, 20)):
        assert not draw(content(outside, labels=True)).changed().any()


ZONE = Shape(((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)), "")
WHITE_LUMA = 235


def test_a_zone_is_outlined_in_white_where_it_lies_in_the_frame() -> None:
    """In a letterboxed tile: the frame is half as wide as the tile."""
    area = Rectangle(160, 0, 320, 360)

    planes = draw(content(zones=True, shapes=(ZONE,), frame_width=320, frame_height=360, area=area))

    changed = planes.changed()
    assert np.abs(np.subtract(extent(changed), (240, 90, 400, 270))).max() <= 2
    assert (planes.y[changed] == WHITE_LUMA).all()
    assert not changed[94:266, 244:396].any(), "its inside is left alone"


def test_a_line_crosses_nothing_but_what_lies_between_its_ends() -> None:
    changed = draw(content(zones=True, shapes=(Shape(((0.5, 0.0), (0.5, 1.0)), ""),))).changed()

    assert extent(changed) == (320, 0, 322, 360)


def test_the_text_of_a_zone_stands_at_its_highest_point_and_changes_with_it() -> None:
    shapes = [(ZONE._replace(text=text),) for text in ("door: 2", "door: 3")]

    one, other = blend([content(zones=True, shapes=each) for each in shapes])

    text = one.changed()[94:130, 164:400]
    assert text.any()
    assert (one.y != other.y).any()


def test_boxes_are_drawn_over_zones() -> None:
    planes = draw(content(person(160, 90, 320, 180), zones=True, shapes=(ZONE,)))

    assert planes.y[91, 300] != WHITE_LUMA


@pytest.mark.parametrize("changes", [{"zones": False}, {"zones": True, "text": "no signal"}])
def test_zones_are_not_drawn_where_they_are_switched_off_or_the_frame_is_old(changes: Any) -> None:
    with_zone, without = (draw(content(shapes=shapes, **changes)).y for shapes in ((ZONE,), ()))

    assert (with_zone == without).all()


def test_a_zone_of_the_whole_frame_and_a_point_on_its_corner_are_drawn_within_it() -> None:
    whole = Shape(((0, 0), (1, 0), (1, 1), (0, 1)), "x" * 100)

    assert extent(draw(content(zones=True, shapes=(whole,))).changed()) == (0, 0, WIDTH, HEIGHT)


def test_a_long_label_ends_within_the_tile() -> None:
    left, _top, right, _bottom = extent(
        draw(content(person(300, 80, 50, 50, label="long " * 99), boxes=False, labels=True)).changed()
    )
    assert left >= 0
    assert WIDTH - 40 < right - left <= WIDTH


def test_the_caches_stay_bounded() -> None:
    overlay = TileOverlay(WIDTH, HEIGHT)
    plane = np.zeros((HEIGHT, WIDTH), np.uint8)
    frame = I420Frame(plane, plane[::2, ::2], plane[::2, ::2], WIDTH, HEIGHT)
    for number in range(1000):
        item = person(0, 0, 100, 100, label="object %d" % number, class_id=number)
        overlay.paint(frame, content(item, labels=True, counts=True, name=str(number)))

    assert [cache.cache_info().currsize for cache in (overlay._tag, overlay._caption)] == [512, 512]
