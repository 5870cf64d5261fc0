"""Runs a bundle's ONNX file on a frame and returns the raw tensors, as nvinfer does with output-tensor-meta.

Frames are scaled as NVIDIA's GPU filters do: without smoothing, however much smaller the network's input is, and with a
sample at each target pixel's corner. One thing is not imitated: two by two pixels share one chroma sample there.
"""

import ctypes
from typing import Any, Dict, List, Optional, Union

import numpy as np

from sidecar.gst import Gst
from standins import pyds
from standins.frames import Converter, RawVideo, Rectangle, mapped, planes
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
        """network: the path of its file, or the content. Raises what ONNX Runtime raises for a bad one."""
        import onnxruntime  # Only networks need it: other stand-ins run without it.

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
        self._converters: Dict[RawVideo, Converter] = {}

    def run(self, buffer: Gst.Buffer, video: RawVideo, crop: Optional[Rectangle] = None) -> pyds.NvDsInferTensorMeta:
        """The tensors of one frame, or of a part of it."""
        outputs = self.outputs(buffer, video, crop)
        meta = pyds.NvDsInferTensorMeta()
        meta.unique_id = self._config.unique_id
        info = meta.network_info
        info.width, info.height, info.channels = self._width, self._height, self._channels
        layers = meta.items("layers")
        for index, (name, tensor) in enumerate(zip(self._outputs, outputs)):
            layers.append(_layer(index, name, tensor[0]))
        return meta

    def outputs(self, buffer: Gst.Buffer, video: RawVideo, crop: Optional[Rectangle] = None) -> List[np.ndarray]:
        """What the network gives, with its batch of one."""
        prepared = self._prepared(buffer, video, crop or Rectangle(0, 0, video.width, video.height))
        found: List[np.ndarray] = self._session.run(self._outputs, {self._input: prepared})
        return found

    def _prepared(self, buffer: Gst.Buffer, video: RawVideo, crop: Rectangle) -> np.ndarray:
        colours = RawVideo(self._config.color_format, video.width, video.height)
        if video not in self._converters:
            self._converters[video] = Converter(video, colours)
        with mapped(self._converters[video].converted(buffer)) as data:
            frame = planes(data, colours)[0].reshape(video.height, video.width, self._channels)
            frame = frame[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
            place = self._place(crop)
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
            # The pixel under the corner comes closest to the tensors of a real nvinfer 9.0.
            corners: np.ndarray = frame[(np.arange(height) * rows).astype(int)][
                :, (np.arange(width) * columns).astype(int)
            ]
            return corners
        halfway = _between(frame.astype(np.float32), rows, height)
        return _between(halfway.swapaxes(0, 1), columns, width).swapaxes(0, 1)

    def _place(self, video: Rectangle) -> Rectangle:
        if not self._config.keep_shape:
            return Rectangle(0, 0, self._width, self._height)
        scale = min(self._width / video.width, self._height / video.height)
        width, height = int(video.width * scale), int(video.height * scale)
        if not self._config.symmetric:
            return Rectangle(0, 0, width, height)
        return Rectangle((self._width - width) // 2, (self._height - height) // 2, width, height)


def _between(lines: np.ndarray, step: float, count: int) -> np.ndarray:
    """Interpolates lines at the corners of so many new ones."""
    if step == 1:
        return lines
    corners = np.clip(np.arange(count) * step - 0.5, 0, len(lines) - 1)
    first = corners.astype(int)
    share = (corners - first).reshape(-1, *[1] * (lines.ndim - 1)).astype(np.float32)
    mixed: np.ndarray = lines[first] * (1 - share) + lines[np.minimum(first + 1, len(lines) - 1)] * share
    return mixed


def self_contained(path: str) -> bytes:
    """The content of a network's file with all weights in it."""
    try:
        import onnx  # Only installed for tests.
    except ImportError:
        with open(path, "rb") as file:
            return file.read()
    return bytes(onnx.load(path).SerializeToString())


def _layer(index: int, name: str, tensor: Any) -> pyds.NvDsInferLayerInfo:
    # TensorRT has no 64-bit integers.
    tensor = np.ascontiguousarray(tensor.astype(np.int32) if tensor.dtype == np.int64 else tensor)
    layer = pyds.NvDsInferLayerInfo()
    layer.layerName, layer.bindingIndex = name, index + 1
    layer.dataType = _TYPES[tensor.dtype]
    layer.inferDims.numDims, layer.inferDims.numElements = tensor.ndim, tensor.size
    layer.inferDims.d = np.array(tensor.shape, np.int32)
    layer.buffer = pyds.pointer(tensor.ctypes.data_as(ctypes.c_void_p).value, tensor)
    return layer
