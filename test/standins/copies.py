"""Copies metadata, for elements whose output is a new buffer: behind a tee, other elements still read the old one.

A copied frame shares its display metadata with the original. NVIDIA's demultiplexer copies them too. But behind a tee,
what one branch drew was seen in the output of another, and the tiler's source is closed.
"""

from typing import Any

from standins import pyds

_ITEMS = "_items_"


def copied_batch(batch: pyds.NvDsBatchMeta) -> pyds.NvDsBatchMeta:
    """A batch of copied frames."""
    made = pyds.nvds_create_batch_meta(batch.max_frames_in_batch)
    for frame in batch.items("frame_meta_list"):
        pyds.nvds_add_frame_meta_to_batch(made, copied_frame(frame, made))
    return made


def copied_frame(frame: pyds.NvDsFrameMeta, batch: pyds.NvDsBatchMeta) -> pyds.NvDsFrameMeta:
    """A frame for another batch: its objects are copied, the last one first. User metadata are shared: the real ones
    have a reference count."""
    made: pyds.NvDsFrameMeta = _copied(frame)
    made.base_meta.batch_meta = batch
    # libnvds_meta of 9.0 adds each at the head of the new list.
    made.items("obj_meta_list").reverse()
    made.__dict__[_ITEMS + "display_meta_list"] = frame.items("display_meta_list")
    for each in made.items("obj_meta_list"):
        each.base_meta.batch_meta = batch
    return made


def _copied(value: Any) -> Any:
    if isinstance(value, pyds.NvDsUserMeta):
        return value
    if isinstance(value, pyds._Array):
        array = pyds._Array(value._kind)
        array._made = {index: _copied(each) for index, each in value._made.items()}
        return array
    if not isinstance(value, pyds._Struct):
        # Numbers, and texts with their memory, which is never written to again.
        return value
    made = type(value)()
    for name, field in value.__dict__.items():
        made.__dict__[name] = [_copied(each) for each in field] if name.startswith(_ITEMS) else _copied(field)
    return made
