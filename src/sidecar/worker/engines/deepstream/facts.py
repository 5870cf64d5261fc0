"""Reads the facts about this machine that platform.py judges by: files, and the CUDA driver."""

import ctypes
import glob
import os
import platform
import re
from typing import Mapping, Optional, Tuple

from sidecar.worker.engines.deepstream.platform import JETSON, Cuda, Facts

SDK = "/opt/nvidia/deepstream/deepstream"
OVERRIDE = "SLIPSTREAM_PLATFORM"

# cuda.h
_CUDA_INTEGRATED = 18
_CUDA_COMPUTE_MAJOR = 75
_CUDA_COMPUTE_MINOR = 76


def read_facts(environment: Mapping[str, str]) -> Facts:
    """SLIPSTREAM_PLATFORM, RELEASE/KIND or RELEASE/KIND/BOARD as 7.1/jetson/orin-nano, stands for what was read.

    Raises ValueError if that variable has another form.
    """
    stated = environment.get(OVERRIDE, "")
    if stated:
        return _stated(stated)
    return Facts(
        machine=platform.machine(),
        cuda=_cuda(),
        model=_text("/proc/device-tree/model"),
        compatible=tuple(filter(None, _text("/proc/device-tree/compatible", separator="\n").split("\n"))),
        tegra_release=os.path.exists("/etc/nv_tegra_release"),
        driver_gpus=_driver_gpus(),
        version=_text(os.path.join(SDK, "version")).split("\n")[0],
        sdk_directory=os.path.basename(os.path.realpath(SDK)) if os.path.isdir(SDK) else "",
        tensorrt=_tensorrt(),
    )


def _stated(text: str) -> Facts:
    match = re.match(r"(\d+(?:\.\d+)+)/(dgpu|jetson)(?:/([a-z0-9-]+))?$", text)
    if match is None:
        raise ValueError(
            "%s=%r: write RELEASE/KIND, KIND being dgpu or jetson, for example 7.1/dgpu" % (OVERRIDE, text)
        )
    release, kind, board = match.groups()
    models = {"nano": "NVIDIA Jetson Nano", "orin-nano": "NVIDIA Jetson Orin Nano"}
    gpu = {"t4": "NVIDIA T4"}.get(board or "", "")
    return Facts(
        version=release,
        model=models.get(board or "", ""),
        tegra_release=kind == JETSON,
        driver_gpus=(gpu,) if gpu else (),
    )


def _cuda() -> Optional[Cuda]:
    """Asks the driver without making a context, which would take memory."""
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
        return None  # No driver: then there are the files.


def _driver_gpus() -> Tuple[str, ...]:
    names = []
    for path in sorted(glob.glob("/proc/driver/nvidia/gpus/*/information")):
        match = re.search(r"^Model:\s*(.+)$", _text(path), re.MULTILINE)
        if match:
            names.append(match.group(1).strip())
    return tuple(names)


def _tensorrt() -> str:
    """libnvinfer.so.10.3.0 is what libnvinfer.so.10 leads to."""
    for path in sorted(glob.glob("/usr/lib/*-linux-gnu/libnvinfer.so.*")):
        match = re.search(r"\.so\.(\d+\.\d+.*)$", os.path.realpath(path))
        if match:
            return match.group(1)
    return ""


def _text(path: str, separator: str = "") -> str:
    """A file's text; the NULs that end the strings of a device tree become the separator."""
    try:
        with open(path, "rb") as file:
            return file.read(65536).decode(errors="replace").replace("\0", separator).strip()
    except OSError:
        return ""
