"""Raw tensors: nvinfer hands out the network's outputs for each frame."""

import ctypes
import os
import shutil
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest

from sidecar.gst import Gst
from standins import inference_config, pyds
from standins.frames import RawVideo
from standins.network import Network
from standins.scenario import camera, play, probe, run

BUNDLE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "..", "models", "ssd-street"))
WHITE = 0xFFFFFF


def tensors(config: str) -> List[Any]:
    import pyds

    found: List[Any] = []

    def seen(buffer: Gst.Buffer) -> None:
        batch = pyds.gst_buffer_get_nvds_batch_meta(hash(buffer))
        frame = pyds.NvDsFrameMeta.cast(batch.frame_meta_list.data)
        user = pyds.NvDsUserMeta.cast(frame.frame_user_meta_list.data)
        if user.base_meta.meta_type != pyds.NvDsMetaType.NVDSINFER_TENSOR_OUTPUT_META:
            return
        meta = pyds.NvDsInferTensorMeta.cast(user.user_meta_data)
        for index in range(meta.num_output_layers):
            layer = pyds.get_nvds_LayerInfo(meta, index)
            pointer = ctypes.cast(pyds.get_ptr(layer.buffer), ctypes.POINTER(ctypes.c_float))
            values = np.ctypeslib.as_array(pointer, shape=tuple(layer.inferDims.d))
            found.append([layer.layerName, list(values.shape), values.ravel()[:2000].tolist()])

    played = play(
        "%s ! mux.sink_0 nvstreammux name=mux width=320 height=180 batch-size=1"
        " ! nvinfer name=infer config-file-path=%s ! fakesink" % (camera(WHITE, frames=1), config),
        prepare=lambda pipeline: probe(pipeline, "infer", seen),
    )
    assert played.error is None, played.error
    return found


def test_layers_carry_the_networks_outputs_for_the_frame(tmp_path: Path) -> None:
    import onnxruntime

    # A copy: nvinfer writes its TensorRT engine beside the network.
    bundle = shutil.copytree(BUNDLE, str(tmp_path / "bundle"))

    session = onnxruntime.InferenceSession(BUNDLE + "/network.onnx", providers=["CPUExecutionProvider"])
    # White is 253 after GStreamer's conversion; then net-scale-factor and offsets of the bundle apply.
    image = np.full((1, 300, 300, 3), (253 - 127.5) / 127.5, np.float32)
    expected = session.run(["boxes", "scores"], {"image": image})
    for (name, shape, values), wanted, output in zip(
        run(tensors, "7.1/dgpu", bundle + "/config_infer.txt"), ("boxes", "scores"), expected
    ):
        assert name == wanted
        assert shape == list(output.shape[1:])
        np.testing.assert_allclose(values, output.ravel()[:2000], atol=0.05)


@pytest.fixture
def echo(tmp_path: Path) -> Any:
    """A function that returns what a network of 2x3 gray pixels, whose output is its input, gets of a frame."""
    import onnx
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 2, 3]) for name in ("in", "out")]
    graph = helper.make_graph([helper.make_node("Identity", ["in"], ["out"])], "graph", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), str(tmp_path / "network.onnx"))

    def seen(frame: np.ndarray, *lines: str) -> List[List[float]]:
        text = ["[property]", "onnx-file=network.onnx", "model-color-format=2", *lines]
        (tmp_path / "config.txt").write_text("\n".join(text))
        network = Network(str(tmp_path / "network.onnx"), inference_config.load(str(tmp_path / "config.txt")))
        Gst.init(None)
        buffer = Gst.Buffer.new_wrapped(frame.tobytes())
        meta = network.run(buffer, RawVideo("GRAY8", frame.shape[1], frame.shape[0]))
        pointer = ctypes.cast(pyds.get_ptr(meta.output_layers_info(0).buffer), ctypes.POINTER(ctypes.c_float))
        pixels: List[List[float]] = np.ctypeslib.as_array(pointer, shape=(2, 3)).tolist()
        return pixels

    return seen


def test_frames_are_scaled_to_the_nearest_pixel_unless_the_configuration_names_a_filter(echo: Any) -> None:
    frame = np.arange(48, dtype=np.uint8).reshape(6, 8)
    corners = [[0, 2, 5], [24, 26, 29]]
    assert echo(frame) == echo(frame, "scaling-filter=0") == echo(frame, "scaling-filter=6") == corners
    # Rows 0 and 2.5; columns 0, 13/6 and 29/6.
    np.testing.assert_allclose(
        echo(frame, "scaling-filter=1"), [[0, 13 / 6, 29 / 6], [20, 20 + 13 / 6, 20 + 29 / 6]], atol=1e-4
    )
    with pytest.raises(inference_config.ConfigError, match="Invalid value for scaling-filter:'7'"):
        echo(frame, "scaling-filter=7")
