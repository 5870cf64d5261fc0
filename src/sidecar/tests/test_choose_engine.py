"""Which engine a worker has."""

import pytest

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.choose import choose_engine
from sidecar.worker.processes import Processes
from sidecar.worker.status.events import EventLog
from sidecar.worker.status.store import StatusStore
from standins import scenario


def chosen(environment, run_dir):
    import os

    os.environ.update(environment)
    engine = choose_engine(
        os.environ, run_dir, Processes(os.path.join(run_dir, "outlet.sock")), StatusStore(EventLog())
    )
    info = engine.info()
    engine.stop()
    return [info.engine, info.deepstream_release]


def test_without_nvinfer_auto_is_cpu(tmp_path):
    Gst.init(None)
    engine = choose_engine({}, str(tmp_path), Processes(str(tmp_path / "outlet.sock")), StatusStore(EventLog()))
    assert engine.info().engine == "cpu"
    engine.stop()


@pytest.mark.parametrize(
    ("name", "expected"), [("", "deepstream"), ("auto", "deepstream"), ("deepstream", "deepstream"), ("cpu", "cpu")]
)
def test_with_nvinfer_auto_is_deepstream_and_a_name_is_a_name(tmp_path, name, expected):
    environment = {"SLIPSTREAM_ENGINE": name, "SLIPSTREAM_PLATFORM": "7.1/dgpu"}
    engine, release = scenario.run(chosen, "7.1/dgpu", environment, str(tmp_path))
    assert engine == expected
    assert release == ("7.1" if expected == "deepstream" else "")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("deepstream", "GStreamer has no nvinfer"),
        ("gpu", "SLIPSTREAM_ENGINE is 'gpu'; allowed: auto, cpu, deepstream"),
    ],
)
def test_an_engine_that_is_not_to_be_had_says_why_instead_of_failing(tmp_path, name, why):
    Gst.init(None)
    store = StatusStore(EventLog())
    engine = choose_engine({"SLIPSTREAM_ENGINE": name}, str(tmp_path), Processes(str(tmp_path / "outlet.sock")), store)
    assert why in engine.unavailable
    assert engine.info().engine == name
    failed = store.snapshot().pipeline.failed
    assert why in failed.detail
    assert failed.next_attempt.ToNanoseconds() > store.snapshot().pipeline.since.ToNanoseconds()
    engine.stop()


@pytest.mark.parametrize(("port", "shown"), [(8554, ["/ds"]), (0, [])])
def test_an_engine_that_is_not_to_be_had_shows_the_outputs_that_can_be(tmp_path, port, shown):
    Gst.init(None)
    store = StatusStore(EventLog())
    engine = choose_engine({"SLIPSTREAM_ENGINE": "gpu"}, str(tmp_path), Processes(str(tmp_path / "outlet.sock")), store)
    encoding = spec.Encoding(width=640, height=360, bitrate=1000000, frame_rate=25)
    output = spec.Output(id="main", encoding=encoding, rtsp=spec.RtspTarget(port=port, path="/ds"))
    engine.show_standby(spec.PipelineSpec(cameras=[spec.Camera(id="one", uri="http://none")], outputs=[output]))
    assert [status.path for status in store.snapshot().outputs] == shown
    engine.stop()
