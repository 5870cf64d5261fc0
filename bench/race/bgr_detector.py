"""Detects and draws objects on BGR frames, as a program with OpenCV and ONNX Runtime does it. One thread."""

from typing import Any, List

import cv2
import numpy as np
import onnxruntime

from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.decoders import REGISTRY
from sidecar.worker.inference.geometry import place
from sidecar.worker.inference.postprocess import DetectionFilter, Object, Postprocessor

cv2.setNumThreads(1)


class BgrDetector:
    """The network file is Slipstream's, and so is what decodes its outputs; the rest is OpenCV's."""

    def __init__(self, directory: str) -> None:
        bundle, problems = load_bundle(directory)
        assert bundle is not None, problems
        self._config = bundle.config
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self._config.network_path, options, providers=["CPUExecutionProvider"]
        )
        self._name = self._session.get_inputs()[0].name
        _, _, self._height, self._width = self._session.get_inputs()[0].shape
        self._names = [one.name for one in self._session.get_outputs()]
        decoder = REGISTRY[self._config.decoder](bundle.directory, len(bundle.labels), self._width, self._height)
        tensor = np.zeros((1, 3, self._height, self._width), np.float32)
        self._postprocess = Postprocessor(bundle, decoder.bind(self._run(tensor)))

    def detect(self, frame: Any) -> List[Object]:
        geometry = place(frame.shape[1], frame.shape[0], self._width, self._height, True, True)
        image = np.zeros((self._height, self._width, 3), np.uint8)
        area = image[geometry.top : geometry.top + geometry.height, geometry.left : geometry.left + geometry.width]
        area[:] = cv2.resize(frame, (geometry.width, geometry.height))
        mean = tuple(float(one) for one in self._config.offsets)
        tensor = cv2.dnn.blobFromImage(image, self._config.scale, mean=mean)
        return self._postprocess(self._run(tensor), geometry, DetectionFilter())

    def draw(self, frame: Any, objects: List[Object]) -> None:
        for one in objects:
            corner = (int(one.left), int(one.top))
            cv2.rectangle(frame, corner, (int(one.left + one.width), int(one.top + one.height)), (0, 255, 0), 2)
            cv2.putText(frame, one.label, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0), 1)

    def _run(self, tensor: "np.ndarray") -> Any:
        return dict(zip(self._names, self._session.run(self._names, {self._name: tensor})))
