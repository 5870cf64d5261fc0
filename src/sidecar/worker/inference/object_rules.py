"""On which objects a network works that does not look at whole frames: process-mode=2, as nvinfer reads it."""

from typing import Any, Callable, FrozenSet, NamedTuple, Optional

PRIMARY, SECONDARY = 1, 2
# nvinfer's, where gie-unique-id is absent.
DEFAULT_UNIQUE_ID = 15
ANY_MODEL = -1
# nvinfer infers no smaller ones on most boards, whatever the configuration says.
_SMALLEST = 16


class ObjectRules(NamedTuple):
    """Sizes are in pixels of the frame."""

    # gie-unique-id of the model that found the object, or ANY_MODEL.
    model_id: int
    # Empty: all.
    class_ids: FrozenSet[int]
    min_width: int
    min_height: int
    # 0: no limit.
    max_width: int
    max_height: int
    # Frames that pass before a tracked object is inferred again. None: nvinfer's own rule, see is_due().
    interval: Optional[int]
    # Objects without a track id are not inferred (classifier-async-mode).
    only_tracked: bool

    def match(self, model_id: int, class_id: int, width: float, height: float) -> bool:
        """Whether an object of this class and size is one to infer. model_id: gie-unique-id of the model that found
        it."""
        return (
            self.model_id in (ANY_MODEL, model_id)
            and (not self.class_ids or class_id in self.class_ids)
            and width >= max(_SMALLEST, self.min_width)
            and height >= max(_SMALLEST, self.min_height)
            and (not self.max_width or width <= self.max_width)
            and (not self.max_height or height <= self.max_height)
        )


def object_rules(value: Callable[[str, Any], Any], is_classifier: bool) -> Optional[ObjectRules]:
    """value: gives a value of [property], or a default. None: the network looks at whole frames."""
    if value("process-mode", PRIMARY) != SECONDARY:
        return None
    return ObjectRules(
        model_id=max(ANY_MODEL, value("operate-on-gie-id", ANY_MODEL)),
        class_ids=frozenset(value("operate-on-class-ids", ())),
        min_width=value("input-object-min-width", 0),
        min_height=value("input-object-min-height", 0),
        max_width=value("input-object-max-width", 0),
        max_height=value("input-object-max-height", 0),
        interval=value("secondary-reinfer-interval", None),
        # nvinfer turns it off for detectors.
        only_tracked=is_classifier and value("classifier-async-mode", False),
    )
