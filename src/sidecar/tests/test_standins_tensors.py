"""Raw tensors: nvinfer hands out what the network gives for the frame."""

import ctypes
import os
import shutil
from pathlib import Path
from typing import Any, List

import gi
import numpy as np

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.tests.standins_process import camera, play, probe, run  # noqa: E402

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

    # A copy: nvinfer writes its engine file beside the network.
    bundle = shutil.copytree(BUNDLE, str(tmp_path / "bundle"))

    session = onnxruntime.InferenceSession(BUNDLE + "/network.onnx", providers=["CPUExecutionProvider"])
    # GStreamer makes 253 of white; then net-scale-factor and offsets of the bundle.
    image = np.full((1, 300, 300, 3), (253 - 127.5) / 127.5, np.float32)
    expected = session.run(["boxes", "scores"], {"image": image})
    for (name, shape, values), wanted, output in zip(
        run(tensors, "7.1/dgpu", bundle + "/config_infer.txt"), ("boxes", "scores"), expected
    ):
        assert name == wanted
        assert shape == list(output.shape[1:])
        np.testing.assert_allclose(values, output.ravel()[:2000], atol=0.05)
