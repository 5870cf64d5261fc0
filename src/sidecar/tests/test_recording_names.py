"""How recordings are called, and which of them are too many."""

import pytest

from sidecar.worker.outputs.recording.names import Entry, file_name, stem, surplus

# 2026-11-26 14:30:12 UTC.
START = 1795703412
YARD = stem("north/yard.mkv")


def test_a_name_has_the_stem_the_camera_and_the_start_in_utc():
    assert YARD.directories == ("north",)
    assert file_name(YARD, "", START, 1) == "yard.20261126T143012Z.mkv"
    assert file_name(YARD, "front", START, 1) == "yard.front.20261126T143012Z.mkv"


def test_a_name_that_is_taken_gets_a_number():
    assert file_name(YARD, "front", START, 2) == "yard.front.20261126T143012Z-2.mkv"


def entries(*names):
    return [Entry(name, 10) for name in names]


OLDEST = "yard.front.20261126T143012Z.mkv"
MIDDLE = "yard.20261126T143013Z.mkv"
NEWEST = "yard.back.20261126T143014Z-2.mkv"


@pytest.mark.parametrize(
    ("max_bytes", "removed"),
    [(30, []), (29, [OLDEST]), (20, [OLDEST]), (10, [OLDEST, MIDDLE]), (1, [OLDEST, MIDDLE, NEWEST])],
)
def test_the_oldest_are_too_many_whichever_camera_they_are_of(max_bytes, removed):
    assert surplus(YARD, entries(NEWEST, OLDEST, MIDDLE), max_bytes, "") == removed


def test_the_file_that_is_being_written_is_never_too_much():
    assert surplus(YARD, entries(OLDEST, MIDDLE), 1, OLDEST) == [MIDDLE]


@pytest.mark.parametrize(
    "name",
    [
        "yard.mkv",
        "yard2.20261126T143012Z.mkv",
        "yard-a.20261126T143012Z.mkv",
        "back-yard.20261126T143012Z.mkv",
        "yard.20261126T143012Z.mkv.bak",
        "yard.20261126T143012Z.mp4",
        "yard.a.b.20261126T143012Z.mkv",
        "notes.txt",
    ],
)
def test_what_is_no_recording_of_this_output_is_left_alone(name):
    assert surplus(YARD, entries(name, OLDEST), 1, "") == [OLDEST]
