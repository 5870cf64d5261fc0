"""Platform: which release of DeepStream this is, on which board. Identified from what machine.py reads; pure."""

import re
from typing import Dict, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.catalogue import Board

SDK = "/opt/nvidia/deepstream/deepstream"

DGPU = "dgpu"
JETSON = "jetson"

# The modules of Jetson Orin Nano. p3767-0000 and -0001 are Orin NX, which has an encoder.
_ORIN_NANO = ("nvidia,p3767-0003", "nvidia,p3767-0004", "nvidia,p3767-0005")
_NANO = ("nvidia,jetson-nano", "nvidia,p3448-0000", "nvidia,p3448-0002", "nvidia,p3448-0003")


class Cuda(NamedTuple):
    """Device 0, according to the CUDA driver."""

    name: str
    # The GPU is part of the chip, as on a Jetson. DeepStream itself has gone by this since 5.1.
    integrated: bool
    # The compute capability, such as 7.5.
    compute: str


class SystemInfo(NamedTuple):
    """What can be read on a machine; empty for what it does not have."""

    # x86_64 or aarch64, as uname reports it.
    machine: str = ""
    # None: the driver's library is missing, or does not start.
    cuda: Optional[Cuda] = None
    # /proc/device-tree/model and compatible.
    model: str = ""
    compatible: Tuple[str, ...] = ()
    # Whether /etc/nv_tegra_release exists. On Jetsons, NVIDIA's container runtime mounts it into containers.
    tegra_release: bool = False
    # The models in /proc/driver/nvidia/gpus.
    driver_gpus: Tuple[str, ...] = ()
    # The first line of the SDK's file "version".
    version: str = ""
    # The directory that SDK links to.
    sdk_directory: str = ""
    # The version of libnvinfer.
    tensorrt: str = ""


class Platform(NamedTuple):
    """One release of DeepStream on one kind of board."""

    # Such as 7.1; empty without DeepStream.
    release: str
    # DGPU or JETSON.
    kind: str
    # A board of the catalogue, or empty.
    board: str
    # The driver's name for the GPU, or empty.
    gpu: str
    compute: str
    # Empty if it is not known: then the catalogue's counts.
    tensorrt: str


def identify(info: SystemInfo, boards: Dict[str, Board]) -> Platform:
    kind = _kind(info)
    gpu = info.cuda.name if info.cuda is not None else next(iter(info.driver_gpus), "")
    board = boards.get(_board(info, kind, gpu))
    compute = info.cuda.compute if info.cuda is not None else "" if board is None else board.compute
    return Platform(_release(info), kind, "" if board is None else board.id, gpu, compute, info.tensorrt)


def _kind(info: SystemInfo) -> str:
    if info.cuda is not None:
        return JETSON if info.cuda.integrated else DGPU
    # The driver's own list of GPUs does not tell: from JetPack 5 on, a Jetson's lists its GPU like a discrete one. Nor
    # does aarch64: an arm64 server with a discrete GPU is no Jetson.
    on_tegra = info.tegra_release or any(name.startswith("nvidia,tegra") for name in info.compatible)
    return JETSON if on_tegra else DGPU


def _board(info: SystemInfo, kind: str, gpu: str) -> str:
    if kind == JETSON:
        if "Orin Nano" in info.model or any(name in _ORIN_NANO for name in info.compatible):
            return "orin-nano"
        if any(name in _NANO for name in info.compatible) or re.search(r"\bJetson Nano\b", info.model):
            return "nano"
        return ""
    # "Tesla T4", "NVIDIA T4", "T4"; not "T400".
    return "t4" if re.search(r"(?:^|\s)T4$", gpu.strip()) else ""


def _release(info: SystemInfo) -> str:
    for text in (info.version, info.sdk_directory):
        match = re.search(r"\b(\d+\.\d+(?:\.\d+)?)", text)
        if match:
            release = match.group(1)
            # In the file, the release 7.1 is 7.1.0.
            return release[: -len(".0")] if release.count(".") == 2 and release.endswith(".0") else release
    return ""
