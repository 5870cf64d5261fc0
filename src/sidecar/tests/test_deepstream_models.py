"""TensorRT engines: built once, kept, and never a reason for the keeper to replace the worker; and what goes wrong."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from sidecar.contract import pipeline, spec
from sidecar.contract import state as contract
from sidecar.tests.deepstream_sidecar import BOARDS, NANODET, PYTHONPATH, Sidecar, camera, make_bundle

# Longer than the keeper waits for a heartbeat, which is 5 seconds.
BUILD_SECONDS = 6.0


@pytest.fixture
def sidecar(request):
    one = Sidecar(*getattr(request, "param", ()))
    yield one
    one.stop()


def engines(data_dir):
    return [name for _, _, names in os.walk(data_dir) for name in names if name.endswith(".engine")]


@pytest.mark.parametrize("sidecar", [("t4", BUILD_SECONDS)], indirect=True)
def test_an_engine_is_built_once_and_the_worker_lives_through_it(sidecar):
    assert sidecar.apply("first", sidecar.specification()).accepted
    loading = sidecar.state().pipeline
    assert loading.loading.phase == contract.LOADING_PHASE_ENGINE
    sidecar.until_serving()
    assert engines(sidecar.data_dir) == ["network.onnx_b2_gpu0_fp16.engine"]
    # Another graph for the same engine: nothing is built.
    specification = sidecar.specification(outputs=[sidecar.output(width=480)])
    before = sidecar.messages(lambda message: True)[0].sequence
    assert sidecar.apply("second", specification).accepted
    steps = [message.pipeline for message in sidecar.messages(lambda one: one.HasField("pipeline"), 2, after=before)]
    assert steps[0].loading.phase == contract.LOADING_PHASE_GRAPH
    assert steps[1].HasField("running")
    told = sidecar.stub.Connect(pipeline.ConnectRequest())
    assert told.instance_id == sidecar.connected.instance_id


@pytest.mark.parametrize("sidecar", [("t4", 60.0)], indirect=True)
def test_a_change_while_an_engine_is_built_does_not_wait_for_it(sidecar):
    assert sidecar.apply("slow", sidecar.specification()).accepted
    assert sidecar.state().pipeline.loading.phase == contract.LOADING_PHASE_ENGINE
    assert sidecar.apply("other", sidecar.specification(cameras=[camera("one")])).accepted
    assert [one.id for one in sidecar.state().cameras] == ["one"]


def test_a_bundle_that_this_release_cannot_read_is_refused_and_what_runs_goes_on(sidecar):
    assert sidecar.apply("good", sidecar.specification()).accepted
    sidecar.until_serving()
    bundle = os.path.join(sidecar.run_dir, "caffe")
    make_bundle(bundle, onnx_file=None, model_file="network.onnx", proto_file="labels.txt")
    response = sidecar.apply("caffe", sidecar.specification(model=spec.Model(bundle_path=bundle)))
    assert not response.accepted
    assert [problem.code for problem in response.problems] == ["caffe-gone"]
    assert response.generation == "good"
    assert sidecar.state().pipeline.WhichOneof("state") == "running"


def test_a_network_that_tensorrt_does_not_take_fails_with_its_words_and_is_tried_again(sidecar):
    bundle = os.path.join(sidecar.run_dir, "broken")
    shutil.copytree(NANODET, bundle)
    with open(os.path.join(bundle, "network.onnx"), "wb") as file:
        file.write(b"no network")
    specification = sidecar.specification(model=spec.Model(bundle_path=bundle))
    assert sidecar.apply("broken", specification).accepted
    failed = sidecar.until(lambda state: state.pipeline.WhichOneof("state") == "failed").pipeline.failed
    assert failed.reason == contract.FAILURE_REASON_MODEL
    assert "Failed to create NvDsInferContext instance" in failed.detail
    assert failed.HasField("next_attempt")
    # Put right, it runs by itself.
    shutil.copy(os.path.join(NANODET, "network.onnx"), bundle)
    sidecar.until(lambda state: state.pipeline.WhichOneof("state") == "running")


def prebuild(sidecar, bundle, batch):
    standins, platform = BOARDS["t4"]
    return subprocess.run(
        [sys.executable, "-m", "sidecar.worker.engines.deepstream.prebuild", "--bundle", bundle, "--batch", str(batch)],
        env=dict(
            os.environ,
            PYTHONPATH=PYTHONPATH,
            SLIPSTREAM_DATA_DIR=sidecar.data_dir,
            SLIPSTREAM_STANDINS=standins,
            SLIPSTREAM_PLATFORM=platform,
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize("sidecar", [("t4", 60.0)], indirect=True)
def test_what_was_built_before_is_not_built_again(sidecar):
    done = prebuild(sidecar, sidecar.bundle, 2)
    assert done.returncode == 0, done.stderr.decode()
    assert b"built: " in done.stdout
    assert b"the engine is there: " in prebuild(sidecar, sidecar.bundle, 2).stdout
    folder = os.path.dirname(done.stdout.decode().split("built: ")[1].strip())
    with open(os.path.join(folder, "engine.json")) as file:
        assert json.load(file)["batch"] == 2
    assert sidecar.apply("prebuilt", sidecar.specification()).accepted
    sidecar.until_serving()


def test_prebuild_says_what_is_wrong_with_a_bundle(sidecar):
    done = prebuild(sidecar, os.path.join(sidecar.run_dir, "none"), 1)
    assert done.returncode == 1
    assert b"config_infer.txt" in done.stderr
