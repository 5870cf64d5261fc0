"""Which objects a secondary nvinfer infers, and what a classifier says, as gstnvinfer.cpp decides it."""

import pytest

from standins import pyds
from standins.inference_config import CLASSIFIER, NEVER, Objects
from standins.object_history import ObjectHistory, should_infer

DETECTOR = 0
RULES = Objects(-1, frozenset(), (16, 16), (0, 0), NEVER, False)


def entry(width=40.0, height=40.0, class_id=0, component=1, object_id=7):
    meta = pyds.NvDsObjectMeta()
    meta.rect_params.width, meta.rect_params.height = width, height
    meta.class_id, meta.unique_component_id, meta.object_id = class_id, component, object_id
    return meta


@pytest.mark.parametrize(
    ("rules", "meta", "inferred"),
    [
        (RULES, entry(), True),
        (RULES, entry(width=15.0), False),
        (RULES._replace(gie_id=1), entry(), True),
        (RULES._replace(gie_id=2), entry(), False),
        (RULES._replace(class_ids=frozenset([0, 3])), entry(), True),
        (RULES._replace(class_ids=frozenset([3])), entry(), False),
        (RULES._replace(max_size=(30, 0)), entry(), False),
        (RULES._replace(max_size=(0, 30)), entry(), False),
    ],
)
def test_an_object_without_history_is_inferred_if_it_is_one_of_those_that_are_named(rules, meta, inferred):
    assert should_infer(rules, CLASSIFIER, meta, 0, None) == inferred


def test_a_tracked_object_is_inferred_again_when_it_is_old_or_has_grown():
    known = ObjectHistory()
    history = known.note(0, entry(), 10)
    assert known.of(0, 7) is history
    assert known.of(1, 7) is None
    every_fifth = RULES._replace(interval=5)
    assert not should_infer(every_fifth, CLASSIFIER, entry(), 15, history)
    assert should_infer(every_fifth, CLASSIFIER, entry(), 16, history)
    assert not should_infer(RULES, CLASSIFIER, entry(width=48.0), 5000, history)
    assert should_infer(RULES, CLASSIFIER, entry(width=48.1), 11, history)
    # Without an interval, a detector looks at every frame.
    assert should_infer(RULES, DETECTOR, entry(), 11, history)
    assert not should_infer(every_fifth, DETECTOR, entry(), 11, history)


def test_an_untracked_object_has_no_history():
    assert ObjectHistory().note(0, entry(object_id=2**64 - 1), 1) is None


def test_the_metadata_of_classifiers_is_as_strict_as_that_of_pyds():
    batch = pyds.nvds_create_batch_meta(1)
    classifier = pyds.nvds_acquire_classifier_meta_from_pool(batch)
    first, second = (pyds.nvds_acquire_label_info_meta_from_pool(batch) for _ in range(2))
    for number, info in enumerate((first, second)):
        info.label_id = number
        pyds.nvds_add_label_info_meta_to_classifier(classifier, info)
    with pytest.raises(AttributeError):
        classifier.classifier_type = "colour"
    with pytest.raises(TypeError):
        first.result_class_id = 0.5
    # The newest is first, and a list ends with StopIteration.
    node = classifier.label_info_list
    assert pyds.NvDsLabelInfo.cast(node.data).label_id == 1
    assert pyds.NvDsLabelInfo.cast(node.next.data).label_id == 0
    with pytest.raises(StopIteration):
        _ = node.next.next
    assert classifier.num_labels == 2
    assert first.result_prob == 0.0
