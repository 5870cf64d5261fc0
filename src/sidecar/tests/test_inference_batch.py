"""The shipped networks take any batch, as nvinfer needs for several cameras."""

import os

import numpy as np
import onnxruntime
import pytest

from sidecar.tests.inference_footage import MODELS


@pytest.mark.parametrize("name", ["nanodet-coco", "ssd-street"])
def test_a_batch_gives_what_its_pictures_give_one_by_one(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.path.join(MODELS, name, "network.onnx"), options)
    (wanted,) = session.get_inputs()
    assert wanted.shape[0] == "batch"
    batch = np.random.default_rng(7).normal(size=(3, *wanted.shape[1:])).astype(np.float32)
    together = session.run(None, {wanted.name: batch})
    for index in range(3):
        alone = session.run(None, {wanted.name: batch[index : index + 1]})
        for whole, part in zip(together, alone):
            np.testing.assert_allclose(whole[index : index + 1], part, atol=1e-5)
