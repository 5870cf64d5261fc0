"""The stand-in pyds is as strict as the real one, so that code does not first fail on a device."""

from typing import Any

import pytest

from sidecar.gst import Gst
from standins import pyds


@pytest.fixture
def batch() -> Any:
    return pyds.nvds_create_batch_meta(4)


@pytest.fixture
def frame(batch: Any) -> Any:
    frame = pyds.nvds_acquire_frame_meta_from_pool(batch)
    pyds.nvds_add_frame_meta_to_batch(batch, frame)
    return frame


def test_a_list_ends_with_stop_iteration(batch: Any, frame: Any) -> None:
    first = batch.frame_meta_list
    assert pyds.NvDsFrameMeta.cast(first.data) is frame
    with pytest.raises(StopIteration):
        first.next  # noqa: B018


def test_an_empty_list_is_none(frame: Any) -> None:
    assert frame.obj_meta_list is None


def test_list_data_must_be_cast(batch: Any, frame: Any) -> None:
    data = batch.frame_meta_list.data
    with pytest.raises(AttributeError):
        data.source_id  # noqa: B018
    with pytest.raises(TypeError):
        pyds.NvDsObjectMeta.cast(data)


def test_a_field_that_does_not_exist_cannot_be_set(frame: Any) -> None:
    with pytest.raises(AttributeError, match="NvDsFrameMeta has no field camera"):
        frame.camera = "front"


def test_an_integer_field_refuses_a_float(batch: Any) -> None:
    text = pyds.nvds_acquire_display_meta_from_pool(batch).text_params[0]
    with pytest.raises(TypeError):
        text.x_offset = 10.5


def test_texts_are_read_through_get_string(batch: Any) -> None:
    text = pyds.nvds_acquire_display_meta_from_pool(batch).text_params[0]
    text.display_text = "Gruß"
    assert isinstance(text.display_text, int)
    assert pyds.get_string(text.display_text) == "Gruß"


def test_a_display_meta_holds_sixteen_elements_of_a_kind(batch: Any) -> None:
    display = pyds.nvds_acquire_display_meta_from_pool(batch)
    display.num_rects = 16
    with pytest.raises(ValueError, match="at most 16"):
        display.num_rects = 17
    with pytest.raises(IndexError):
        display.rect_params[16]


def test_objects_are_added_and_removed(batch: Any, frame: Any) -> None:
    kept, removed = (pyds.nvds_acquire_obj_meta_from_pool(batch) for _ in range(2))
    for each in (kept, removed):
        pyds.nvds_add_obj_meta_to_frame(frame, each, None)
    pyds.nvds_remove_obj_meta_from_frame(frame, removed)
    assert frame.num_obj_meta == 1
    assert pyds.NvDsObjectMeta.cast(frame.obj_meta_list.data) is kept


def test_an_object_has_no_track_id_before_a_tracker_gives_it_one(batch: Any) -> None:
    assert pyds.nvds_acquire_obj_meta_from_pool(batch).object_id == 2**64 - 1


def test_a_label_is_truncated_as_in_a_char_array(batch: Any) -> None:
    found = pyds.nvds_acquire_obj_meta_from_pool(batch)
    found.obj_label = "x" * 200
    assert found.obj_label == "x" * 127


def test_a_buffer_without_metadata_has_none() -> None:
    Gst.init(None)
    assert pyds.gst_buffer_get_nvds_batch_meta(hash(Gst.Buffer.new())) is None
