"""Runs the network of a model bundle. The one place that knows ONNX Runtime."""

import ctypes
import os
import threading
import time
from collections import OrderedDict
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import onnxruntime

from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.geometry import Geometry
from sidecar.worker.inference.nvinfer_config import Dimensions, NvinferConfig
from sidecar.worker.inference.postprocess import is_finite
from sidecar.worker.inference.preprocess import Preprocessor

# ONNX Runtime's highest severity, fatal. Its errors come as exceptions too, and stderr is for JSON logs.
_SILENT = 4
# Sizes of frames for which a thread keeps its tensors, each a few MB.
_MOST_SIZES = 4
_INPUT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


class ModelError(Exception):
    """A bundle's network cannot be used. The message is one line: what, where, what to do."""


class Outputs(NamedTuple):
    """What the network gave for a tensor, and the time that it took."""

    # By name.
    tensors: Dict[str, "np.ndarray"]
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
        # Of the thread that runs it: the clock of its processor time (None: a sandbox hides it), and its first time.
        self._clock = _thread_clock()
        self._began = self._time()

    def cpu_seconds(self) -> float:
        """On any thread. 0: it is not known, or the thread is gone."""
        return max(0.0, self._time() - self._began)

    def _time(self) -> float:
        try:
            return 0.0 if self._clock is None else time.clock_gettime(self._clock)
        except OSError:
            return 0.0


class Session:
    """May be used by any number of threads: each has its own tensors, all share the network."""

    def __init__(self, config: NvinferConfig, threads: int = 1) -> None:
        """Loads the network. Raises ModelError.

        threads: for one inference; 1 runs in the calling thread alone.
        """
        self._config = config
        self._session = _open(config, threads)
        self._input = _only_input(self._session, config)
        self.size = _dimensions(self._input.shape, config)
        # The names of the network's outputs, in its order.
        self.outputs: List[str] = [output.name for output in self._session.get_outputs()]
        for name in config.outputs:
            if name not in self.outputs:
                has = ", ".join(sorted(self.outputs))
                raise self.error("has no output %s (output-blob-names); it has %s", name, has)
        self._local = threading.local()
        # The inferences under way, by thread.
        self._running: Dict[int, _Run] = {}

    @property
    def takes_any_batch(self) -> bool:
        return len(self._input.shape) == 4 and self._input.shape[0] != 1

    def prepare(self, frame: I420Frame) -> Tuple["np.ndarray", Geometry]:
        """A frame as the network's input, with a batch of one, and where the frame lies there. The next frame of the
        thread overwrites it."""
        preprocess = self._preprocessor(frame)
        geometry = preprocess(frame)
        return preprocess.tensor, geometry

    def empty(self) -> "np.ndarray":
        """An input of zeros."""
        return np.zeros_like(self._new_preprocessor().tensor)

    def feed(self, frame: I420Frame) -> Dict[str, "np.ndarray"]:
        """A copy of a frame as the network takes it, by the name of its input."""
        return {self._input.name: self._as_input(self.prepare(frame)[0]).copy()}

    def run(self, tensor: "np.ndarray", outputs: Sequence[str]) -> Outputs:
        """Blocks for the time of an inference. Raises ModelError."""
        wall, cpu = time.monotonic(), time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        run = self._running[threading.get_ident()] = _Run()
        try:
            results = self._session.run(outputs, {self._input.name: self._as_input(tensor)}, run.options)
        except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception.
            raise self.error("does not run: %s", _first_line(error)) from error
        finally:
            del self._running[threading.get_ident()]
        cpu = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - cpu
        return Outputs(dict(zip(outputs, results)), time.monotonic() - wall, cpu)

    def end_overdue(self, rounds: int) -> float:
        """Ends each inference that has been under way at this many calls: run() then raises ModelError. On any thread,
        and one at a time. Calls are counted, not seconds, since the whole process may have been stopped.

        An inference ends between two operators. Returns the most processor seconds that one of those has taken.
        """
        taken = 0.0
        # A copy, made at once: other threads begin and end inferences meanwhile.
        for run in list(self._running.values()):
            run.rounds += 1
            if run.rounds >= rounds:
                run.options.terminate = True
                taken = max(taken, run.cpu_seconds())
        return taken

    def check_finite(self, outputs: Outputs) -> None:
        """Raises ModelError: no threshold lets NaN pass, so that the network would be blind without a word."""
        for name, tensor in outputs.tensors.items():
            if not is_finite(tensor):
                raise self.error("gives NaN or infinity in its output %s; export it anew", name)

    def error(self, message: str, *values: Any) -> ModelError:
        """An error that names the network's file."""
        return _error(self._config, message, *values)

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
        return Preprocessor(self._config, self.size.width, self.size.height)

    def _as_input(self, tensor: "np.ndarray") -> "np.ndarray":
        """Frames in the network's own type, and without the batch if the network has none."""
        kind = _INPUT_TYPES[self._input.type]
        if kind is np.uint8:
            tensor = np.rint(np.clip(tensor, 0, 255))
        frames = tensor if len(self._input.shape) == 4 else tensor[0]
        return frames.astype(kind, copy=False)


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


def _thread_clock() -> Optional[int]:
    """The clock of this thread's processor time, which any thread may read. Python has it from 3.7 on."""
    try:
        thread = int(os.readlink("/proc/thread-self").split("/")[-1])
    except OSError:
        return None
    # CPUCLOCK_PERTHREAD and CPUCLOCK_SCHED of the kernel's posix-timers.h.
    return (~thread << 3) | 4 | 2


def give_back_memory() -> None:
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
