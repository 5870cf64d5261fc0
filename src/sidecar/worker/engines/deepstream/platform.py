"""What kind of machine this is: a pure answer from facts that facts.py reads."""

import re
from typing import Dict, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.catalogue import Board

DGPU = "dgpu"
JETSON = "jetson"

# The modules of Jetson Orin Nano; p3767-0000 and -0001 are Orin NX, which has an encoder.
_ORIN_NANO = ("nvidia,p3767-0003", "nvidia,p3767-0004", "nvidia,p3767-0005")
_NANO = ("nvidia,jetson-nano", "nvidia,p3448-0000", "nvidia,p3448-0002", "nvidia,p3448-0003")


class Cuda(NamedTuple):
    """Device 0, as the CUDA driver tells."""

    name: str
    # The GPU is a part of the chip: a Jetson. What DeepStream itself goes by since 5.1.
    integrated: bool
    # For example 7.5.
    compute: str


class Facts(NamedTuple):
    """What can be read on a machine; empty where there is no such thing."""

    # As uname has it: x86_64 or aarch64.
    machine: str = ""
    # None: the driver's library is not there or does not start.
    cuda: Optional[Cuda] = None
    # /proc/device-tree/model and compatible.
    model: str = ""
    compatible: Tuple[str, ...] = ()
    # /etc/nv_tegra_release is there: NVIDIA's container runtime brings it into containers on Jetsons.
    tegra_release: bool = False
    # The models in /proc/driver/nvidia/gpus.
    driver_gpus: Tuple[str, ...] = ()
    # First line of the SDK's file "version".
    version: str = ""
    # The directory that /opt/nvidia/deepstream/deepstream really is.
    sdk_directory: str = ""
    # Of the library libnvinfer.
    tensorrt: str = ""


class Platform(NamedTuple):
    """One release of DeepStream on one kind of board."""

    # For example 7.1; empty if DeepStream is not there.
    release: str
    # DGPU or JETSON.
    kind: str
    # A board of the catalogue, or empty.
    board: str
    # As the driver names it, or empty.
    gpu: str
    compute: str
    # Empty: not known, see the catalogue.
    tensorrt: str


def identify(facts: Facts, boards: Dict[str, Board]) -> Platform:
    """Pure."""
    kind = _kind(facts)
    board = _board(facts, kind)
    known = boards.get(board)
    gpu = facts.cuda.name if facts.cuda is not None else next(iter(facts.driver_gpus), "")
    compute = facts.cuda.compute if facts.cuda is not None else "" if known is None else known.compute
    return Platform(_release(facts), kind, board if known is not None else "", gpu, compute, facts.tensorrt)


def _kind(facts: Facts) -> str:
    if facts.cuda is not None:
        return JETSON if facts.cuda.integrated else DGPU
    # Without the driver's word: an arm64 server with a discrete GPU is no Jetson, and a Jetson's driver from
    # JetPack 5 on lists its own GPU like a discrete one.
    on_tegra = facts.tegra_release or any(name.startswith("nvidia,tegra") for name in facts.compatible)
    return JETSON if on_tegra else DGPU


def _board(facts: Facts, kind: str) -> str:
    if kind == JETSON:
        if "Orin Nano" in facts.model or any(name in _ORIN_NANO for name in facts.compatible):
            return "orin-nano"
        if any(name in _NANO for name in facts.compatible) or re.search(r"\bJetson Nano\b", facts.model):
            return "nano"
        return ""
    gpu = facts.cuda.name if facts.cuda is not None else next(iter(facts.driver_gpus), "")
    # "Tesla T4", "NVIDIA T4", "T4"; not "T400".
    match = re.search(r"(?:^|\s)(T4)$", gpu.strip())
    return match.group(1).lower() if match else ""


def _release(facts: Facts) -> str:
    for text in (facts.version, facts.sdk_directory):
        match = re.search(r"\b(\d+\.\d+(?:\.\d+)?)", text)
        if match:
            release = match.group(1)
            # The file says 7.1.0 where everybody says 7.1.
            return release[: -len(".0")] if release.count(".") == 2 and release.endswith(".0") else release
    return ""
