"""Which release, kind and board a machine has, from system information as real machines give it."""

import pytest

from sidecar.worker.engines.deepstream.catalogue import boards
from sidecar.worker.engines.deepstream.machine import read_system_info
from sidecar.worker.engines.deepstream.platform import DGPU, JETSON, Cuda, SystemInfo, identify

TEGRA_NANO = ("nvidia,p3450-0000", "nvidia,jetson-nano", "nvidia,tegra210")
TEGRA_ORIN = ("nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234")

T4_SERVER = SystemInfo("x86_64", Cuda("Tesla T4", False, "7.5"), driver_gpus=("Tesla T4",), version="Version: 7.1.0")
NANO = SystemInfo(
    "aarch64",
    Cuda("NVIDIA Tegra X1", True, "5.3"),
    "NVIDIA Jetson Nano Developer Kit",
    TEGRA_NANO,
    tegra_release=True,
    version="Version: 6.0.1",
)
ORIN_NANO = SystemInfo(
    "aarch64",
    Cuda("Orin", True, "8.7"),
    "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
    TEGRA_ORIN,
    tegra_release=True,
    # From JetPack 5 on the driver lists a Jetson's own GPU too.
    driver_gpus=("Orin",),
    version="Version: 7.1",
)
ORIN_NX = ORIN_NANO._replace(model="NVIDIA Orin NX", compatible=("nvidia,p3767-0000", "nvidia,tegra234"))
A2000 = Cuda("NVIDIA RTX A2000", False, "8.6")
GRACE = SystemInfo("aarch64", Cuda("NVIDIA H100", False, "9.0"), driver_gpus=("NVIDIA H100",), version="Version: 7.1.0")


@pytest.mark.parametrize(
    ("info", "kind", "board", "release"),
    [
        pytest.param(T4_SERVER, DGPU, "t4", "7.1", id="a server with a T4"),
        pytest.param(
            T4_SERVER._replace(cuda=Cuda("NVIDIA T4", False, "7.5")), DGPU, "t4", "7.1", id="as newer drivers name it"
        ),
        pytest.param(T4_SERVER._replace(cuda=None), DGPU, "t4", "7.1", id="without a CUDA driver to ask"),
        pytest.param(T4_SERVER._replace(cuda=Cuda("NVIDIA T400", False, "7.5")), DGPU, "", "7.1", id="a T400 is no T4"),
        pytest.param(NANO, JETSON, "nano", "6.0.1", id="a Jetson Nano"),
        pytest.param(NANO._replace(cuda=None), JETSON, "nano", "6.0.1", id="a Nano without a CUDA driver to ask"),
        pytest.param(
            NANO._replace(cuda=None, tegra_release=False), JETSON, "nano", "6.0.1", id="a Nano's device tree alone"
        ),
        pytest.param(ORIN_NANO, JETSON, "orin-nano", "7.1", id="an Orin Nano"),
        pytest.param(ORIN_NANO._replace(cuda=None), JETSON, "orin-nano", "7.1", id="an Orin Nano in a bare container"),
        pytest.param(
            ORIN_NANO._replace(model="Box 3000"), JETSON, "orin-nano", "7.1", id="its module on another carrier"
        ),
        pytest.param(ORIN_NX, JETSON, "", "7.1", id="an Orin NX is no Orin Nano"),
        pytest.param(ORIN_NANO._replace(cuda=A2000), DGPU, "", "7.1", id="a discrete GPU in a Jetson's slot"),
        pytest.param(GRACE, DGPU, "", "7.1", id="an arm64 server with a discrete GPU"),
        pytest.param(GRACE._replace(cuda=None), DGPU, "", "7.1", id="that server in a bare container"),
        pytest.param(
            T4_SERVER._replace(version="", sdk_directory="deepstream-6.3"), DGPU, "t4", "6.3", id="the SDK's directory"
        ),
        pytest.param(T4_SERVER._replace(version=""), DGPU, "t4", "", id="no DeepStream"),
        pytest.param(SystemInfo(), DGPU, "", "", id="nothing at all"),
    ],
)
def test_identify(info, kind, board, release):
    found = identify(info, boards())
    assert (found.kind, found.board, found.release) == (kind, board, release)


def test_the_gpu_and_its_compute_capability_come_from_the_driver_or_else_from_the_board():
    assert identify(T4_SERVER, boards())[3:5] == ("Tesla T4", "7.5")
    assert identify(NANO._replace(cuda=None), boards())[3:5] == ("", "5.3")


def test_a_platform_may_be_overridden():
    found = identify(read_system_info({"SLIPSTREAM_PLATFORM": "7.1/jetson/orin-nano"}), boards())
    assert (found.kind, found.board, found.release) == (JETSON, "orin-nano", "7.1")
    found = identify(read_system_info({"SLIPSTREAM_PLATFORM": "6.3/dgpu"}), boards())
    assert (found.kind, found.board, found.release) == (DGPU, "", "6.3")


def test_an_override_in_another_form_is_refused_with_the_right_form():
    with pytest.raises(ValueError, match="write RELEASE/KIND, KIND being dgpu or jetson"):
        read_system_info({"SLIPSTREAM_PLATFORM": "7.1-jetson"})


def test_system_information_can_be_read_on_any_machine():
    assert isinstance(read_system_info({}), SystemInfo)
