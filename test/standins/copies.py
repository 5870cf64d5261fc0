"""Copies of metadata, for elements whose output buffer is a new one: behind a tee, others still read the old.

What is drawn on a frame is shared with it. NVIDIA's demultiplexer copies that too; but of a batch behind a tee it has
been seen that what one branch drew showed in another's picture, and the tiler's source is closed.
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
    """A frame of another batch: objects are copies, the last first, user metadata the same, as the real ones' are
    counted."""
    made: pyds.NvDsFrameMeta = _copied(frame)
    made.base_meta.batch_meta = batch
    # As libnvds_meta of 9.0: each is added to the head of the new list.
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
        # Numbers, and texts with the memory that keeps them, which is never written to again.
        return value
    made = type(value)()
    for name, field in value.__dict__.items():
        made.__dict__[name] = [_copied(each) for each in field] if name.startswith(_ITEMS) else _copied(field)
    return made
