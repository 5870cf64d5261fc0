"""Which engine a worker has."""

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.tests import standins_process  # noqa: E402
from sidecar.worker.board import Board  # noqa: E402
from sidecar.worker.engines.choose import choose_engine  # noqa: E402
from sidecar.worker.events import Events  # noqa: E402


def chosen(environment, run_dir):
    import os

    os.environ.update(environment)
    engine = choose_engine(os.environ, run_dir, Board(Events()))
    facts = engine.facts()
    engine.stop()
    return [facts.engine, facts.deepstream_release]


def test_without_nvinfer_auto_is_cpu(tmp_path):
    Gst.init(None)
    engine = choose_engine({}, str(tmp_path), Board(Events()))
    assert engine.facts().engine == "cpu"
    engine.stop()


@pytest.mark.parametrize(
    ("name", "expected"), [("", "deepstream"), ("auto", "deepstream"), ("deepstream", "deepstream"), ("cpu", "cpu")]
)
def test_with_nvinfer_auto_is_deepstream_and_a_name_is_a_name(tmp_path, name, expected):
    environment = {"SLIPSTREAM_ENGINE": name, "SLIPSTREAM_PLATFORM": "7.1/dgpu", "SLIPSTREAM_STANDINS": ""}
    engine, release = standins_process.run(chosen, "7.1/dgpu", environment, str(tmp_path))
    assert engine == expected
    assert release == ("7.1" if expected == "deepstream" else "")


def stated():
    from sidecar.worker.engines.choose import with_standins

    bare = {"SLIPSTREAM_STANDINS": ""}
    return [with_standins(bare) == bare, "SLIPSTREAM_PLATFORM" in with_standins(bare)]


def test_without_stand_ins_the_environment_stays_as_it_is():
    assert standins_process.run(stated, "7.1/dgpu") == [True, False]


def test_a_named_engine_that_is_not_here_is_refused(tmp_path):
    Gst.init(None)
    with pytest.raises(ValueError, match="GStreamer has no nvinfer"):
        choose_engine({"SLIPSTREAM_ENGINE": "deepstream"}, str(tmp_path), Board(Events()))


def test_a_name_that_there_is_not_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(ValueError, match="SLIPSTREAM_ENGINE='gpu': it is one of auto, cpu, deepstream"):
        choose_engine({"SLIPSTREAM_ENGINE": "gpu"}, str(tmp_path), Board(Events()))
