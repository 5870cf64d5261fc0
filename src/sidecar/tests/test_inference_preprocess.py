"""Pre-processing against a plain reference, in every layout that a configuration can ask for."""

import numpy as np
import pytest

from sidecar.tests.inference_reference import resize, resize_bilinear, rgb_as_nvinfer, rgb_of
from sidecar.tests.nvinfer_text import parse
from sidecar.worker.inference.frame import BT601, BT709, I420Frame
from sidecar.worker.inference.geometry import place
from sidecar.worker.inference.preprocess import Preprocessor
from sidecar.worker.inference.resample import AREA, BILINEAR, NEAREST, Resampler


def config(*lines):
    text = """[property]
onnx-file=n
labelfile-path=l
num-detected-classes=1
parse-bbox-func-name=D
cluster-mode=2
"""
    parsed, problems = parse(text + "\n".join(lines), "c", "/", ["D"])
    assert parsed is not None, problems
    return parsed


def waves(width, height, padding=0, matrix=BT601, full_range=False):
    """A picture of smooth waves: the reference enlarges chroma in another way, which only differs at hard edges."""
    planes = []
    for index, scale in enumerate((1, 2, 2)):
        # Of the same place in each plane: pixels of a half-size plane lie between those of the whole.
        x, y = np.meshgrid(
            (np.arange(-(-width // scale)) + 0.5) * scale / width,
            (np.arange(-(-height // scale)) + 0.5) * scale / height,
        )
        values = 125 + 60 * np.sin(3 * x + 2 * index) + 40 * np.cos(4 * y + index)
        padded = np.full((x.shape[0], x.shape[1] + padding), 77, dtype=np.uint8)
        padded[:, : x.shape[1]] = values.round()
        planes.append(padded[:, : x.shape[1]])
    return I420Frame(planes[0], planes[1], planes[2], width, height, matrix, full_range)


def expected(frame, width, height):
    return resize(rgb_of(frame), width, height)


@pytest.mark.parametrize("matrix", [BT601, BT709])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("width", "height"), [(320, 180), (321, 181), (127, 95), (1, 1)])
def test_colours_and_sizes_are_those_of_a_plain_conversion(width, height, matrix, full_range):
    frame = waves(width, height, matrix=matrix, full_range=full_range)
    preprocess = Preprocessor(config("scaling-filter=3"), 64, 48)
    geometry = preprocess(frame)
    assert geometry == (0, 0, 64, 48, width, height)
    error = np.abs(preprocess.tensor[0].transpose(1, 2, 0) - expected(frame, 64, 48))
    assert error.mean() < 0.8
    assert error.max() < 6


def test_flat_colours_are_exact():
    def plane(size, value):
        return np.full((size, size), value, dtype=np.uint8)

    preprocess = Preprocessor(config(), 20, 20)
    preprocess(I420Frame(plane(32, 81), plane(16, 90), plane(16, 240), 32, 32))
    # BT.601's red is 81, 90, 240.
    np.testing.assert_allclose(preprocess.tensor[0, :, 7, 7], [254.44, 0, 0], atol=0.6)
    preprocess(I420Frame(plane(32, 235), plane(16, 128), plane(16, 128), 32, 32))
    np.testing.assert_allclose(preprocess.tensor, 255, atol=1e-3)
    preprocess(I420Frame(plane(32, 255), plane(16, 128), plane(16, 128), 32, 32))
    assert preprocess.tensor.max() <= 255


def test_padded_rows_change_nothing():
    preprocess = Preprocessor(config(), 50, 40)
    preprocess(waves(99, 77))
    plain = preprocess.tensor.copy()
    preprocess(waves(99, 77, padding=5))
    np.testing.assert_array_equal(preprocess.tensor, plain)


def test_normalisation_and_channel_order():
    frame = waves(100, 80)
    plain = Preprocessor(config(), 30, 20)
    plain(frame)
    normalised = Preprocessor(config("net-scale-factor=0.5", "offsets=10;20;30", "model-color-format=1"), 30, 20)
    normalised(frame)
    blue_first = (plain.tensor[0, ::-1] - np.array([10, 20, 30]).reshape(3, 1, 1)) * 0.5
    np.testing.assert_allclose(normalised.tensor[0], blue_first, atol=1e-3)


def test_channels_last():
    frame = waves(100, 80)
    first, last = Preprocessor(config(), 30, 20), Preprocessor(config("network-input-order=1"), 30, 20)
    first(frame)
    last(frame)
    assert last.tensor.shape == (1, 20, 30, 3)
    np.testing.assert_array_equal(last.tensor[0].transpose(2, 0, 1), first.tensor[0])


def test_gray_is_the_luma():
    gray = Preprocessor(config("model-color-format=2", "offsets=5", "scaling-filter=3"), 30, 20)
    frame = waves(100, 80)
    gray(frame)
    assert gray.tensor.shape == (1, 1, 20, 30)
    luma = (resize(frame.y[:, :, np.newaxis].astype(np.float32), 30, 20)[:, :, 0] - 16) * (255 / 219)
    np.testing.assert_allclose(gray.tensor[0, 0], luma - 5, atol=1e-3)


@pytest.mark.parametrize(
    ("frame_size", "centred", "rectangle"),
    [
        ((1280, 720), True, (0, 91, 416, 234)),
        ((1280, 720), False, (0, 0, 416, 234)),
        ((720, 1280), True, (91, 0, 234, 416)),
        # 233.88 rows are cut to 233, as nvinfer does.
        ((1768, 994), True, (0, 91, 416, 233)),
        ((5000, 2), True, (0, 207, 416, 1)),
    ],
)
def test_a_frame_that_keeps_its_shape_is_placed(frame_size, centred, rectangle):
    assert place(frame_size[0], frame_size[1], 416, 416, True, centred)[:4] == rectangle


def test_what_the_frame_does_not_fill_is_black_after_normalisation():
    lines = ("maintain-aspect-ratio=1", "symmetric-padding=1", "net-scale-factor=0.1", "offsets=10;20;30")
    preprocess = Preprocessor(config(*lines), 40, 40)
    geometry = preprocess(waves(80, 40))
    assert geometry[:4] == (0, 10, 40, 20)
    for channel, black in enumerate((-1, -2, -3)):
        np.testing.assert_allclose(preprocess.tensor[0, channel, :10], black, rtol=1e-6)
        np.testing.assert_allclose(preprocess.tensor[0, channel, 30:], black, rtol=1e-6)
    # A frame of another shape leaves nothing of the last one behind.
    geometry = preprocess(waves(40, 80))
    assert geometry[:4] == (10, 0, 20, 40)
    np.testing.assert_allclose(preprocess.tensor[0, 0, :, :10], -1, rtol=1e-6)


def test_boxes_find_back_to_the_frame_and_stay_in_it():
    geometry = place(1280, 720, 416, 416, True, True)
    scale = 416 / 1280
    inside = np.array([[100, 91 + 50, 200, 91 + 150]], dtype=np.float32)
    np.testing.assert_allclose(
        geometry.to_frame(inside), [[100 / scale, 50 / scale, 200 / scale, 150 / scale]], rtol=1e-6
    )
    np.testing.assert_array_equal(
        geometry.to_frame(np.array([[-50, 0, 500, 416]], dtype=np.float32)), [[0, 0, 1280, 720]]
    )


@pytest.mark.parametrize(("source", "target"), [((90, 160), (30, 40)), ((91, 163), (30, 47)), ((20, 30), (50, 61))])
def test_resampling_by_area_is_the_mean_over_each_target_pixel(source, target):
    plane = np.random.RandomState(2).randint(0, 256, source).astype(np.uint8)
    result = np.empty(target, dtype=np.float32)
    Resampler(source, target, AREA, gain=2.0)(plane, result)
    plain = resize(plane[:, :, np.newaxis].astype(np.float32), target[1], target[0])[:, :, 0]
    np.testing.assert_allclose(result, 2 * plain, atol=0.01)


@pytest.mark.parametrize(("source", "target"), [((90, 160), (30, 40)), ((91, 163), (30, 47)), ((20, 30), (50, 61))])
def test_bilinear_resampling_is_between_the_two_pixels_around_the_corner(source, target):
    plane = np.random.RandomState(2).randint(0, 256, source).astype(np.uint8)
    result = np.empty(target, dtype=np.float32)
    Resampler(source, target, BILINEAR)(plane, result)
    plain = resize_bilinear(plane[:, :, np.newaxis].astype(np.float32), target[1], target[0])[:, :, 0]
    np.testing.assert_allclose(result, plain, atol=0.01)


def test_the_nearest_pixel_is_the_one_under_the_corner():
    plane = np.arange(48, dtype=np.uint8).reshape(6, 8)
    result = np.empty((2, 3), dtype=np.float32)
    Resampler((6, 8), (2, 3), NEAREST)(plane, result)
    np.testing.assert_array_equal(result, [[0, 2, 5], [24, 26, 29]])


@pytest.mark.parametrize(
    ("lines", "scaling"),
    [
        ((), NEAREST),
        (("scaling-filter=0",), NEAREST),
        (("scaling-filter=6",), NEAREST),
        (("scaling-filter=1",), BILINEAR),
        (("scaling-filter=3",), AREA),
    ],
)
def test_a_frame_is_scaled_with_the_filter_that_nvinfer_takes(lines, scaling):
    frame = waves(320, 180)
    preprocess = Preprocessor(config("model-color-format=2", *lines), 30, 20)
    preprocess(frame)
    luma = np.empty((20, 30), dtype=np.float32)
    Resampler((180, 320), (20, 30), scaling)(frame.y, luma)
    np.testing.assert_allclose(preprocess.tensor[0, 0], (luma - 16) * (255 / 219), atol=1e-3)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (126, 94), (40, 30)])
def test_bilinear_colours_are_those_of_nvinfer(width, height):
    frame = waves(width, height)
    preprocess = Preprocessor(config("scaling-filter=1"), 64, 48)
    preprocess(frame)
    error = np.abs(preprocess.tensor[0].transpose(1, 2, 0) - rgb_as_nvinfer(frame, 64, 48))
    assert error.max() < 0.01


def test_two_by_two_pixels_share_one_of_chroma():
    plane = np.arange(48, dtype=np.uint8).reshape(6, 8)
    result = np.empty((3, 4), dtype=np.float32)
    Resampler((6, 8), (3, 4), NEAREST, paired=True)(plane, result)
    np.testing.assert_array_equal(result, [[0, 0, 4, 4], [0, 0, 4, 4], [32, 32, 36, 36]])


@pytest.mark.parametrize("scaling", ["scaling-filter=%d" % number for number in (0, 1)])
def test_a_frame_of_the_network_s_size_is_not_scaled(scaling):
    preprocess = Preprocessor(config(scaling), 64, 48)
    frame = waves(64, 48)
    preprocess(frame)
    np.testing.assert_allclose(preprocess.tensor[0].transpose(1, 2, 0), rgb_of(frame), atol=0.01)


@pytest.mark.parametrize("scaling", [NEAREST, AREA])
def test_a_plane_of_the_target_s_size_is_copied(scaling):
    plane = np.arange(48, dtype=np.uint8).reshape(6, 8)
    result = np.empty((6, 8), dtype=np.float32)
    Resampler((6, 8), (6, 8), scaling)(plane, result)
    np.testing.assert_array_equal(result, plane)
