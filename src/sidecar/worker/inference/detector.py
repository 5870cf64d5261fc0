"""Runs the network of a model bundle. The one place that knows ONNX Runtime."""

import ctypes
import threading
import time
from collections import OrderedDict
from typing import Any, Dict, List, NamedTuple, Tuple

import numpy as np
import onnxruntime

from sidecar.worker.inference.bundle import Bundle
from sidecar.worker.inference.decoders import REGISTRY, DecoderError
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.nvinfer_config import Dimensions, NvinferConfig
from sidecar.worker.inference.postprocess import DetectionFilter, Object, Postprocessor, is_finite
from sidecar.worker.inference.preprocess import Preprocessor

# ONNX Runtime's highest severity, fatal. Its errors come as exceptions too, and stderr is for JSON logs.
_SILENT = 4
# Sizes of frames for which a thread keeps its tensors, each a few MB.
_MOST_SIZES = 4
_INPUT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


class ModelError(Exception):
    """A bundle's network cannot be used. The message is one line: what, where, what to do."""


class Inference(NamedTuple):
    """The objects on one frame, and the time that the network alone took."""

    objects: List[Object]
    # Wall-clock time.
    seconds: float
    # Processor time of the calling thread; with threads=1 that is all.
    cpu_seconds: float


class _Run:
    """An inference under way."""

    def __init__(self) -> None:
        # Setting its terminate ends the inference.
        self.options: Any = onnxruntime.RunOptions()
        # How often end_overdue() has seen it.
        self.rounds = 0


class Detector:
    """May be used by any number of threads: each has its own tensors, all share the network."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Loads the network and runs it once. Raises ModelError.

        threads: for one inference; 1 runs in the calling thread alone.
        """
        config = bundle.config
        self._config = config
        self._session = _open(config, threads)
        self._input = _only_input(self._session, config)
        self._size = _dimensions(self._input.shape, config)
        self._outputs = [output.name for output in self._session.get_outputs()]
        for name in config.outputs:
            if name not in self._outputs:
                has = ", ".join(sorted(self._outputs))
                raise _error(config, "has no output %s (output-blob-names); it has %s", name, has)
        try:
            size = self._size
            decoder = REGISTRY[config.decoder](bundle.directory, len(bundle.labels), size.width, size.height)
        except DecoderError as error:
            raise ModelError(str(error)) from error
        self._local = threading.local()
        # The inferences under way, by thread.
        self._running: Dict[int, _Run] = {}
        # The first run allocates memory and shows the real shapes. And a network that loads may still fail to run.
        outputs, _, _ = self._run(np.zeros_like(self._new_preprocessor().tensor))
        try:
            bound = decoder.bind(outputs)
        except DecoderError as why:
            message = "does not fit %s: %s; is num-detected-classes right?"
            raise _error(config, message, config.decoder, why) from why
        self._outputs = list(bound.outputs)
        self._check(outputs)
        self._postprocess = Postprocessor(bundle, bound)
        _give_back_memory()

    def detect(self, frame: I420Frame, detection_filter: DetectionFilter) -> Inference:
        """Detects the objects on a frame, strongest first. Blocks for the time of an inference. Raises ModelError."""
        preprocess = self._preprocessor(frame)
        geometry = preprocess(frame)
        outputs, seconds, cpu_seconds = self._run(preprocess.tensor)
        self._check(outputs)
        try:
            objects = self._postprocess(outputs, geometry, detection_filter)
        except DecoderError as why:
            raise _error(self._config, "does not fit %s: %s", self._config.decoder, why) from why
        return Inference(objects, seconds, cpu_seconds)

    def end_overdue(self, rounds: int) -> None:
        """Ends each inference that has been under way at this many calls: detect() then raises ModelError. On any
        thread, and one at a time. Calls are counted, not seconds, since the whole process may have been stopped."""
        # A copy, made at once: other threads begin and end inferences meanwhile.
        for run in list(self._running.values()):
            run.rounds += 1
            if run.rounds >= rounds:
                run.options.terminate = True

    def _preprocessor(self, frame: I420Frame) -> Preprocessor:
        """This thread's, for frames of this size: a thread infers the frames of all cameras."""
        if not hasattr(self._local, "preprocessors"):
            self._local.preprocessors = OrderedDict()
        preprocessors: "OrderedDict[Tuple[int, int], Preprocessor]" = self._local.preprocessors
        size = (frame.width, frame.height)
        preprocessor = preprocessors.pop(size, None) or self._new_preprocessor()
        preprocessors[size] = preprocessor
        if len(preprocessors) > _MOST_SIZES:
            preprocessors.popitem(last=False)
        return preprocessor

    def _new_preprocessor(self) -> Preprocessor:
        return Preprocessor(self._config, self._size.width, self._size.height)

    def _run(self, tensor: "np.ndarray") -> Tuple[Dict[str, "np.ndarray"], float, float]:
        wall, cpu = time.monotonic(), time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        run = self._running[threading.get_ident()] = _Run()
        try:
            results = self._session.run(self._outputs, {self._input.name: self._as_input(tensor)}, run.options)
        except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception.
            raise _error(self._config, "does not run: %s", _first_line(error)) from error
        finally:
            del self._running[threading.get_ident()]
        cpu = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - cpu
        wall = time.monotonic() - wall
        return dict(zip(self._outputs, results)), wall, cpu

    def _as_input(self, tensor: "np.ndarray") -> "np.ndarray":
        """A frame in the network's own type, and without the batch if the network has none."""
        kind = _INPUT_TYPES[self._input.type]
        if kind is np.uint8:
            tensor = np.rint(np.clip(tensor, 0, 255))
        frame = tensor if len(self._input.shape) == 4 else tensor[0]
        return frame.astype(kind, copy=False)

    def _check(self, outputs: Dict[str, "np.ndarray"]) -> None:
        for name in self._outputs:
            if not is_finite(outputs[name]):
                # No threshold lets such a score pass: the network would be blind without a word.
                raise _error(self._config, "gives NaN or infinity in its output %s; export it anew", name)


def _open(config: NvinferConfig, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A thread that spins while it waits for work takes time from the decoder and the encoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _SILENT
    try:
        return onnxruntime.InferenceSession(config.network_path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception.
        raise _error(config, "does not load: %s; is it a whole ONNX file?", _first_line(error)) from error


def _give_back_memory() -> None:
    """Returns to the system what loading a network took and has freed: as much as the network's file and more."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    # None: a C library other than GNU's.
    if trim is not None:
        trim(0)


def _only_input(session: Any, config: NvinferConfig) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise _error(
            config,
            "has %d inputs (%s); a detector has one, the frame; slipstream model import makes constants of the others",
            len(inputs),
            ", ".join(one.name for one in inputs),
        )
    if inputs[0].type not in _INPUT_TYPES:
        raise _error(config, "wants %s as input %s; export it with float32", inputs[0].type, inputs[0].name)
    return inputs[0]


def _dimensions(shape: List[Any], config: NvinferConfig) -> Dimensions:
    """The size of the input, on which network and configuration must agree. A name in the shape stands for any size."""
    if len(shape) == 3:
        # torchvision's detectors take frames one by one, without a batch.
        shape = [1, *shape]
    if len(shape) != 4:
        raise _error(config, "wants an input of %d dimensions; a frame has four, with the batch", len(shape))
    if not isinstance(shape[0], str) and shape[0] not in (None, 1):
        raise _error(config, "has a fixed batch of %s; export it with a batch of 1 or any", shape[0])
    sizes = (shape[3], shape[1], shape[2]) if config.channels_last else (shape[1], shape[2], shape[3])
    if config.dimensions is None:
        if not all(isinstance(size, int) for size in sizes):
            raise _error(config, "takes frames of any size; set infer-dims=channels;height;width")
        dimensions = Dimensions(*sizes)
    else:
        dimensions = config.dimensions
        if any(isinstance(size, int) and size != wanted for size, wanted in zip(sizes, dimensions)):
            raise _error(
                config,
                "wants an input of %s, infer-dims says %s (channels;height;width, network-input-order %d)",
                ";".join(str(size) for size in sizes),
                ";".join(str(size) for size in dimensions),
                int(config.channels_last),
            )
    if dimensions.channels != len(config.offsets):
        message = "wants %d channels, model-color-format gives %d; is network-input-order right?"
        raise _error(config, message, dimensions.channels, len(config.offsets))
    return dimensions


def _error(config: NvinferConfig, message: str, *values: Any) -> ModelError:
    return ModelError("%s %s" % (config.network_path, message % values))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
