"""The properties that NVIDIA's elements get on each release and board."""

import pytest

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.pipeline import (
    converter_settings,
    decoder_settings,
    encoder_settings,
    mux_config,
    mux_settings,
    tracker_settings,
)
from sidecar.worker.engines.deepstream.platform import Platform


def elements(release, kind):
    return Elements(Platform(release, kind, "", "", "", ""), Catalogue(release, kind))


NANO = ("6.0.1", "jetson")
T4 = ("7.1", "dgpu")
ORIN_NANO = ("7.1", "jetson")


@pytest.mark.parametrize(
    ("platform", "bufapi", "max_performance", "preset"),
    [
        (NANO, True, True, "preset-level"),
        (("6.1", "jetson"), False, True, "preset-level"),
        (ORIN_NANO, False, True, "preset-level"),
        (T4, False, False, "preset-id"),
        (("6.0.1", "dgpu"), False, False, None),
        (("6.3", "dgpu"), False, False, "preset-id"),
        (("9.1", "dgpu"), False, False, "preset-id"),
    ],
)
def test_codecs_get_only_properties_that_they_have(platform, bufapi, max_performance, preset):
    decoder = decoder_settings(elements(*platform), "H264")
    encoder = encoder_settings(elements(*platform), "H264", 4000000, 30)
    assert ("bufapi-version" in decoder, "bufapi-version" in encoder) == (bufapi, bufapi)
    assert ("enable-max-performance" in decoder) == max_performance
    assert [name for name in ("preset-level", "preset-id") if name in encoder] == ([preset] if preset else [])
    assert encoder["iframeinterval"] == 30


def test_a_jetson_s_encoder_sends_key_frames_as_often_as_any():
    # Its own default is one in 256 frames.
    assert encoder_settings(elements(*NANO), "H265", 1, 15)["idrinterval"] == 15


def test_the_osd_draws_on_rgba_until_6_1_1_and_on_nv12_from_6_2():
    assert elements(*NANO).osd_format == elements("6.1.1", "dgpu").osd_format == "RGBA"
    assert elements("6.2", "jetson").osd_format == elements(*T4).osd_format == "NV12"


def test_a_nano_s_osd_uses_the_board_s_own_hardware():
    assert elements(*NANO).osd_mode == 2
    assert elements("6.0.1", "dgpu").osd_mode == 1
    assert elements("6.2", "jetson").osd_mode == 1


def test_memory_is_of_a_type_that_the_board_has():
    assert mux_settings(elements(*T4), 1, (960, 540), "")["nvbuf-memory-type"] == 2
    assert mux_settings(elements(*NANO), 1, (960, 540), "")["nvbuf-memory-type"] == 0


def test_the_legacy_muxer_takes_all_cameras_at_once_and_waits_for_none():
    mux = mux_settings(elements(*T4), 4, (1280, 720), "/mux.txt")
    assert (mux["batch-size"], mux["width"], mux["height"]) == (4, 1280, 720)
    assert mux["batched-push-timeout"] < 1000000 // 60
    assert mux["live-source"]
    assert mux["drop-pipeline-eos"]
    assert "config-file-path" not in mux
    assert "drop-pipeline-eos" not in mux_settings(elements(*NANO), 4, (1280, 720), "/mux.txt")


def test_the_new_muxer_gets_its_rules_from_a_file_and_only_properties_that_it_has():
    here = Elements(Platform("7.1", "dgpu", "t4", "", "", ""), Catalogue("7.1", "dgpu", new_mux=True))
    assert not here.mux_scales
    assert mux_settings(here, 4, (1280, 720), "/mux.txt") == {
        "batch-size": 4,
        "config-file-path": "/mux.txt",
        "drop-pipeline-eos": True,
    }
    lines = mux_config(4).splitlines()
    assert lines[0] == "[property]"
    assert {"batch-size=4", "adaptive-batching=0", "overall-min-fps-n=120", "max-same-source-frames=1"} < set(lines)


def test_the_vic_copies_between_memories_on_jetsons_from_7_1():
    assert converter_settings(elements(*ORIN_NANO))["copy-hw"] == 2
    assert "copy-hw" not in converter_settings(elements("7.0", "jetson"))
    assert "copy-hw" not in converter_settings(elements(*T4))


@pytest.mark.parametrize(
    ("release", "library", "algorithms"),
    [
        ("5.1", "libnvds_mot_iou.so", {"IOU", "NVDCF"}),
        ("6.0.1", "libnvds_nvmultiobjecttracker.so", {"IOU", "NVDCF", "NVDEEPSORT"}),
        ("6.2", "libnvds_nvmultiobjecttracker.so", {"IOU", "NVDCF", "NVDEEPSORT", "NVSORT"}),
        ("9.1", "libnvds_nvmultiobjecttracker.so", {"IOU", "NVDCF", "NVDEEPSORT", "NVSORT"}),
    ],
)
def test_trackers_are_those_of_the_release(release, library, algorithms):
    here = elements(release, "jetson")
    names = {spec.TrackerAlgorithm.Name(one)[len("TRACKER_ALGORITHM_") :] for one in here.trackers()}
    assert names == algorithms
    settings = tracker_settings(here, spec.TRACKER_ALGORITHM_IOU)
    assert settings["ll-lib-file"].endswith("/" + library)
    assert ("enable-batch-process" in settings) == (release in ("5.1", "6.0.1", "6.2"))


def test_an_unknown_release_counts_as_the_last_known_one_before_it():
    assert Catalogue("7.1.3", "dgpu").release == "7.1"
    assert Catalogue("7.1.0", "dgpu").release == "7.1"
    assert Catalogue("42.0", "dgpu").release == "9.2"
    assert Catalogue("", "dgpu").release == "5.0"


def test_a_property_that_no_release_has_is_an_error():
    with pytest.raises(KeyError, match=r"nvstreammux\.batch-sizes"):
        Catalogue("7.1", "dgpu").has("nvstreammux", "batch-sizes")
