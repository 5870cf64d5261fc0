"""Runs a bundle's ONNX file on a frame and gives the raw tensors, as nvinfer does with output-tensor-meta.

Frames are scaled without any smoothing, however much smaller the network's input is, as NVIDIA's GPU filters do, and
with a sample from each target pixel's corner. That two by two pixels share one of chroma is left out.
"""

import ctypes
from typing import Any, Dict, Union

import numpy as np

from sidecar.gst import Gst
from standins import pyds
from standins.frames import Converter, Picture, Rectangle, mapped, planes
from standins.inference_config import Inference

_TYPES = {
    np.dtype(np.float32): pyds.NvDsInferDataType.FLOAT,
    np.dtype(np.float16): pyds.NvDsInferDataType.HALF,
    np.dtype(np.int8): pyds.NvDsInferDataType.INT8,
    np.dtype(np.int32): pyds.NvDsInferDataType.INT32,
}


class Network:
    """One ONNX network with one image input."""

    def __init__(self, network: Union[str, bytes], config: Inference) -> None:
        """network: its file's path or content. Raises what ONNX Runtime raises for a bad one."""
        import onnxruntime  # Only this needs it: stand-ins without a network run where it is missing.

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        self._config = config
        entry = self._session.get_inputs()[0]
        self._input = entry.name
        if config.channels_last:
            _, self._height, self._width, self._channels = entry.shape
        else:
            _, self._channels, self._height, self._width = entry.shape
        self._outputs = list(config.outputs) or [output.name for output in self._session.get_outputs()]
        self._converters: Dict[Picture, Converter] = {}

    def run(self, buffer: Gst.Buffer, picture: Picture) -> pyds.NvDsInferTensorMeta:
        """The tensors of one picture."""
        outputs = self._session.run(self._outputs, {self._input: self._prepared(buffer, picture)})
        meta = pyds.NvDsInferTensorMeta()
        meta.unique_id = self._config.unique_id
        info = meta.network_info
        info.width, info.height, info.channels = self._width, self._height, self._channels
        layers = meta.items("layers")
        for index, (name, tensor) in enumerate(zip(self._outputs, outputs)):
            layers.append(_layer(index, name, tensor[0]))
        return meta

    def _prepared(self, buffer: Gst.Buffer, picture: Picture) -> np.ndarray:
        colours = Picture(self._config.color_format, picture.width, picture.height)
        if picture not in self._converters:
            self._converters[picture] = Converter(picture, colours)
        with mapped(self._converters[picture].converted(buffer)) as data:
            frame = planes(data, colours)[0].reshape(picture.height, picture.width, self._channels)
            place = self._place(picture)
            pixels = np.zeros((self._height, self._width, self._channels), np.float32)
            pixels[place.top : place.top + place.height, place.left : place.left + place.width] = self._scaled(
                frame, place.width, place.height
            )
        if self._config.offsets:
            pixels -= np.array(self._config.offsets, np.float32)
        pixels *= self._config.scale
        return np.ascontiguousarray((pixels if self._config.channels_last else pixels.transpose(2, 0, 1))[None])

    def _scaled(self, frame: np.ndarray, width: int, height: int) -> np.ndarray:
        rows, columns = frame.shape[0] / height, frame.shape[1] / width
        if self._config.nearest:
            # The pixel under the corner: what came closest to the tensors of a real nvinfer 9.0.
            corners: np.ndarray = frame[(np.arange(height) * rows).astype(int)][
                :, (np.arange(width) * columns).astype(int)
            ]
            return corners
        halfway = _between(frame.astype(np.float32), rows, height)
        return _between(halfway.swapaxes(0, 1), columns, width).swapaxes(0, 1)

    def _place(self, picture: Picture) -> Rectangle:
        if not self._config.keep_shape:
            return Rectangle(0, 0, self._width, self._height)
        scale = min(self._width / picture.width, self._height / picture.height)
        width, height = int(picture.width * scale), int(picture.height * scale)
        if not self._config.symmetric:
            return Rectangle(0, 0, width, height)
        return Rectangle((self._width - width) // 2, (self._height - height) // 2, width, height)


def _between(lines: np.ndarray, step: float, count: int) -> np.ndarray:
    """Lines interpolated at the corners of count new ones."""
    if step == 1:
        return lines
    corners = np.clip(np.arange(count) * step - 0.5, 0, len(lines) - 1)
    first = corners.astype(int)
    share = (corners - first).reshape(-1, *[1] * (lines.ndim - 1)).astype(np.float32)
    mixed: np.ndarray = lines[first] * (1 - share) + lines[np.minimum(first + 1, len(lines) - 1)] * share
    return mixed


def self_contained(path: str) -> bytes:
    """A network's file with all of its weights in it."""
    try:
        import onnx  # Only tests have it.
    except ImportError:
        with open(path, "rb") as file:
            return file.read()
    return bytes(onnx.load(path).SerializeToString())


def _layer(index: int, name: str, tensor: Any) -> pyds.NvDsInferLayerInfo:
    # TensorRT knows no 64-bit integers.
    tensor = np.ascontiguousarray(tensor.astype(np.int32) if tensor.dtype == np.int64 else tensor)
    layer = pyds.NvDsInferLayerInfo()
    layer.layerName, layer.bindingIndex = name, index + 1
    layer.dataType = _TYPES[tensor.dtype]
    layer.inferDims.numDims, layer.inferDims.numElements = tensor.ndim, tensor.size
    layer.inferDims.d = np.array(tensor.shape, np.int32)
    layer.buffer = pyds.pointer(tensor.ctypes.data_as(ctypes.c_void_p).value, tensor)
    return layer
