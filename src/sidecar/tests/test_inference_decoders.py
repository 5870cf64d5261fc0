"""Output decoders on tensors made by hand."""

import numpy as np
import pytest

from sidecar.worker.inference.decoders import REGISTRY, DecoderError, NanoDetDecoder, SsdDecoder

STRONG = 20.0


@pytest.fixture
def ssd(tmp_path):
    anchors = np.array([[0.25, 0.5, 0.1, 0.2], [0.75, 0.5, 0.5, 0.5]], dtype=np.float32)
    np.save(str(tmp_path / "anchors.npy"), anchors)
    return SsdDecoder(str(tmp_path), 2, 200, 100)


def nanodet_output(width, height, classes):
    cells = sum(-(-width // stride) * -(-height // stride) for stride in (8, 16, 32))
    return np.zeros((cells, classes + 4 * 11), dtype=np.float32)


def thresholds(*values):
    return np.array(values, dtype=np.float32)


def test_nanodet_reads_a_box_from_four_distributions():
    decoder = NanoDetDecoder("", 3, 64, 32)
    output = nanodet_output(64, 32, 3)
    # Grids of 8x4, 4x2 and 2x1 cells: the second grid's last cell has its centre at 56, 24.
    row = 8 * 4 + 7
    output[row, 1] = 0.75
    for side, distance in enumerate((1, 0, 2, 3)):
        output[row, 3 + side * 11 + distance] = STRONG
    found = decoder.decode({"output": output}, thresholds(0.5, 0.5, 0.5))
    assert found.class_ids.tolist() == [1]
    assert found.scores.tolist() == [0.75]
    np.testing.assert_allclose(found.boxes, [[56 - 16, 24, 56 + 32, 24 + 48]], atol=1e-3)


def test_nanodet_takes_the_mean_of_a_distribution():
    decoder = NanoDetDecoder("", 1, 32, 32)
    output = nanodet_output(32, 32, 1)
    output[-1, 0] = 0.9
    # Even over 0 to 10: the mean is 5 strides of 32.
    found = decoder.decode({"output": output}, thresholds(0.5))
    np.testing.assert_allclose(found.boxes, [[16 - 160, 16 - 160, 16 + 160, 16 + 160]], atol=1e-3)


def test_nanodet_applies_each_class_threshold_and_reports_several_classes_of_a_cell():
    decoder = NanoDetDecoder("", 3, 32, 32)
    output = nanodet_output(32, 32, 3)
    output[4, :3] = (0.5, 0.5, 0.5)
    found = decoder.decode({"output": output}, thresholds(0.5, 0.6, 0.4))
    assert found.class_ids.tolist() == [0, 2]


def test_nothing_above_the_thresholds_is_no_candidate(ssd):
    nanodet = NanoDetDecoder("", 3, 32, 32)
    found = nanodet.decode({"output": nanodet_output(32, 32, 3)}, thresholds(0.1, 0.1, 0.1))
    assert (found.boxes.shape, found.scores.shape, found.class_ids.shape) == ((0, 4), (0,), (0,))
    tensors = {"boxes": np.zeros((2, 4), np.float32), "scores": np.full((2, 3), -9, np.float32)}
    found = ssd.decode(tensors, thresholds(0.1, np.inf))
    assert (found.boxes.shape, found.scores.shape, found.class_ids.shape) == ((0, 4), (0,), (0,))


def test_ssd_reads_a_box_against_its_anchor(ssd):
    # y, x, height, width: half an anchor down, one anchor to the right, double height, same width.
    boxes = np.array([[5, 10, 5 * np.log(2), 0], [0, 0, 0, 0]], dtype=np.float32)
    scores = np.full((2, 3), -STRONG, dtype=np.float32)
    scores[0, 2] = np.log(0.8 / 0.2)
    found = ssd.decode({"boxes": boxes, "scores": scores}, thresholds(0.5, 0.5))
    assert found.class_ids.tolist() == [1]
    np.testing.assert_allclose(found.scores, [0.8], rtol=1e-6)
    # The anchor is 20 x 20 pixels round 50, 50 in an input of 200 x 100.
    np.testing.assert_allclose(found.boxes, [[70 - 10, 60 - 20, 70 + 10, 60 + 20]], atol=1e-4)


def test_ssd_ignores_the_background(ssd):
    scores = np.full((2, 3), -STRONG, dtype=np.float32)
    scores[:, 0] = STRONG
    found = ssd.decode({"boxes": np.zeros((2, 4), np.float32), "scores": scores}, thresholds(0.1, 0.1))
    assert len(found.scores) == 0


@pytest.mark.parametrize(("threshold", "count"), [(0.0, 4), (0.5, 4), (0.51, 0), (1.0, 0), (1.5, 0)])
def test_ssd_compares_probabilities_at_the_ends_of_the_scale(ssd, threshold, count):
    tensors = {"boxes": np.zeros((2, 4), np.float32), "scores": np.zeros((2, 3), np.float32)}
    assert len(ssd.decode(tensors, thresholds(threshold, threshold)).scores) == count


def test_ssd_says_why_its_anchors_are_of_no_use(tmp_path):
    (tmp_path / "anchors.npy").write_bytes(b"no numpy file")
    with pytest.raises(DecoderError, match=r"anchors\.npy cannot be read"):
        SsdDecoder(str(tmp_path), 2, 300, 300)
    np.save(str(tmp_path / "anchors.npy"), np.zeros((5, 3)))
    with pytest.raises(DecoderError, match=r"anchors\.npy is not a table of anchors"):
        SsdDecoder(str(tmp_path), 2, 300, 300)


def test_a_network_with_other_outputs_does_not_fit(ssd):
    boxes, scores, extra = (np.zeros(shape, np.float32) for shape in ((2, 4), (2, 3), (1,)))
    assert ssd.bind({"boxes": boxes, "scores": scores, "extra": extra}).outputs == ("boxes", "scores")
    with pytest.raises(DecoderError) as missing:
        ssd.bind({"boxes": boxes})
    message = "it needs scores of 2 x 3, a row for each anchor; the network's outputs are boxes 2x4"
    assert str(missing.value) == message
    with pytest.raises(DecoderError, match=r"scores of 2 x 3, .* outputs are boxes 2x4, scores 2x91"):
        ssd.bind({"boxes": boxes, "scores": np.zeros((2, 91), np.float32)})


def test_classes_that_look_alike_share_a_group():
    decoder = NanoDetDecoder("", 4, 32, 32)
    assert decoder.groups(["person", "car", "Truck", "dog"]).tolist() == [0, 1, 1, 3]
    assert decoder.groups(["truck", "one", "bus", "car"]).tolist() == [0, 1, 0, 0]


def test_the_registry_holds_decoders_by_the_names_of_the_configuration():
    assert REGISTRY["SlipstreamNanoDet"] is NanoDetDecoder
    assert REGISTRY["SlipstreamSsd"] is SsdDecoder
