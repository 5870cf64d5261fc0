"""NVML: the name of the first GPU, and how busy it is."""

import ctypes
import threading
from typing import Any, List, NamedTuple, Tuple

_TEXT_BYTES = 96
_SAMPLE_SECONDS = 0.2


class Gpu(NamedTuple):
    name: str
    driver: str


class Use(NamedTuple):
    """Percent of compute and of the decoders, and megabytes of memory in use."""

    compute: float
    decoders: float
    megabytes: int


class _Rates(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Nvml:
    """Raises OSError without a driver."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._device = ctypes.c_void_p()
        self._call("nvmlInit_v2")
        self._call("nvmlDeviceGetHandleByIndex_v2", 0, ctypes.byref(self._device))

    def _call(self, name: str, *arguments: Any) -> None:
        result = getattr(self._library, name)(*arguments)
        if result:
            raise OSError("%s: NVML error %d" % (name, result))

    def gpu(self) -> Gpu:
        name, driver = (ctypes.create_string_buffer(_TEXT_BYTES) for _ in range(2))
        self._call("nvmlDeviceGetName", self._device, name, _TEXT_BYTES)
        self._call("nvmlSystemGetDriverVersion", driver, _TEXT_BYTES)
        return Gpu(name.value.decode(), driver.value.decode())

    def use(self) -> Use:
        rates, memory = _Rates(), _Memory()
        decoders, period = ctypes.c_uint(), ctypes.c_uint()
        self._call("nvmlDeviceGetUtilizationRates", self._device, ctypes.byref(rates))
        self._call("nvmlDeviceGetDecoderUtilization", self._device, ctypes.byref(decoders), ctypes.byref(period))
        self._call("nvmlDeviceGetMemoryInfo", self._device, ctypes.byref(memory))
        return Use(rates.gpu, decoders.value, memory.used >> 20)


class Sampler:
    """Samples the use while a with statement runs. Call mean() afterwards."""

    def __init__(self, nvml: Nvml) -> None:
        self._nvml = nvml
        self._samples: List[Use] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._samples.append(self._nvml.use())

    def mean(self) -> Tuple[float, float, int]:
        """Mean percent of compute and of the decoders, and the most memory."""
        count = max(1, len(self._samples))
        return (
            sum(one.compute for one in self._samples) / count,
            sum(one.decoders for one in self._samples) / count,
            max([one.megabytes for one in self._samples] or [0]),
        )
