"""Machine: the platform that this process runs on, read from files and the CUDA driver, and its directories."""

import ctypes
import glob
import os
import platform as python_platform
import re
from typing import Mapping, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.catalogue import boards
from sidecar.worker.engines.deepstream.platform import JETSON, SDK, Cuda, Platform, SystemInfo, identify

OVERRIDE = "SLIPSTREAM_PLATFORM"
_DATA_DIR = "/var/lib/slipstream"

# cuda.h
_CUDA_INTEGRATED = 18
_CUDA_COMPUTE_MAJOR = 75
_CUDA_COMPUTE_MINOR = 76


class Machine(NamedTuple):
    platform: Platform
    # For files that live as long as the container, and for those that outlive it.
    run_dir: str
    data_dir: str


def this_machine(environment: Mapping[str, str], run_dir: str) -> Machine:
    """SLIPSTREAM_DATA_DIR: the volume, /var/lib/slipstream by default. Raises ValueError: see read_system_info()."""
    platform = identify(read_system_info(environment), boards())
    return Machine(platform, run_dir, environment.get("SLIPSTREAM_DATA_DIR", _DATA_DIR))


def read_system_info(environment: Mapping[str, str]) -> SystemInfo:
    """SLIPSTREAM_PLATFORM overrides everything: RELEASE/KIND or RELEASE/KIND/BOARD, such as 7.1/jetson/orin-nano.

    Raises ValueError if that variable has another form.
    """
    override = environment.get(OVERRIDE, "")
    if override:
        return _overridden(override)
    return SystemInfo(
        machine=python_platform.machine(),
        cuda=_cuda(),
        model=_text("/proc/device-tree/model"),
        compatible=tuple(filter(None, _text("/proc/device-tree/compatible", separator="\n").split("\n"))),
        tegra_release=os.path.exists("/etc/nv_tegra_release"),
        driver_gpus=_driver_gpus(),
        version=_text(os.path.join(SDK, "version")).split("\n")[0],
        sdk_directory=os.path.basename(os.path.realpath(SDK)) if os.path.isdir(SDK) else "",
        tensorrt=_tensorrt(),
    )


def _overridden(text: str) -> SystemInfo:
    match = re.match(r"(\d+(?:\.\d+)+)/(dgpu|jetson)(?:/([a-z0-9-]+))?$", text)
    if match is None:
        raise ValueError(
            "%s=%r: write RELEASE/KIND, KIND being dgpu or jetson, for example 7.1/dgpu" % (OVERRIDE, text)
        )
    release, kind, board = match.groups()
    models = {"nano": "NVIDIA Jetson Nano", "orin-nano": "NVIDIA Jetson Orin Nano"}
    return SystemInfo(
        version=release,
        model=models.get(board, ""),
        tegra_release=kind == JETSON,
        driver_gpus=("NVIDIA T4",) if board == "t4" else (),
    )


def _cuda() -> Optional[Cuda]:
    """Asks the driver without creating a context, which would take memory. None: there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        device = ctypes.c_int()
        if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0):
            return None
        name = ctypes.create_string_buffer(256)
        driver.cuDeviceGetName(name, len(name), device)

        def attribute(number: int) -> int:
            value = ctypes.c_int()
            driver.cuDeviceGetAttribute(ctypes.byref(value), number, device)
            return value.value

        compute = "%d.%d" % (attribute(_CUDA_COMPUTE_MAJOR), attribute(_CUDA_COMPUTE_MINOR))
        return Cuda(name.value.decode(errors="replace"), bool(attribute(_CUDA_INTEGRATED)), compute)
    except (OSError, AttributeError):
        return None


def _driver_gpus() -> Tuple[str, ...]:
    texts = [_text(path) for path in sorted(glob.glob("/proc/driver/nvidia/gpus/*/information"))]
    matches = [re.search(r"^Model:\s*(.+)$", text, re.MULTILINE) for text in texts]
    return tuple(match.group(1).strip() for match in matches if match)


def _tensorrt() -> str:
    """10.3.0 if libnvinfer.so.10 links to libnvinfer.so.10.3.0."""
    for path in sorted(glob.glob("/usr/lib/*-linux-gnu/libnvinfer.so.*")):
        match = re.search(r"\.so\.(\d+\.\d+.*)$", os.path.realpath(path))
        if match:
            return match.group(1)
    return ""


def _text(path: str, separator: str = "") -> str:
    """A file's text. The NULs that end the strings of a device tree become the separator."""
    try:
        with open(path, "rb") as file:
            return file.read(65536).decode(errors="replace").replace("\0", separator).strip()
    except OSError:
        return ""
