"""TensorRT engines are built once and stored, without a restart of the worker; and what can go wrong."""

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

import standins
from sidecar.contract import pipeline, spec
from sidecar.contract import state as contract
from sidecar.tests.deepstream_sidecar import (
    BOARDS,
    NANODET,
    PYTHONPATH,
    SSD,
    Sidecar,
    camera,
    eventually,
    make_bundle,
)
from sidecar.tests.networks import network

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
def test_a_tensorrt_engine_is_built_once_and_the_worker_survives_it(sidecar):
    assert sidecar.apply("first", sidecar.specification()).accepted
    loading = sidecar.state().pipeline
    assert loading.loading.phase == contract.LOADING_PHASE_ENGINE
    sidecar.until_serving()
    assert engines(sidecar.data_dir) == ["model.engine"]
    # Another graph with the same TensorRT engine: nothing is built.
    specification = sidecar.specification(outputs=[sidecar.output(width=480)])
    before = sidecar.messages(lambda message: True)[0].sequence
    assert sidecar.apply("second", specification).accepted
    steps = [message.pipeline for message in sidecar.messages(lambda one: one.HasField("pipeline"), 2, after=before)]
    assert steps[0].loading.phase == contract.LOADING_PHASE_GRAPH
    assert steps[1].HasField("running")
    connected = sidecar.stub.Connect(pipeline.ConnectRequest())
    assert connected.instance_id == sidecar.connected.instance_id


@pytest.mark.parametrize("sidecar", [("t4", 60.0)], indirect=True)
def test_a_change_during_a_build_does_not_wait_for_it(sidecar):
    assert sidecar.apply("slow", sidecar.specification()).accepted
    assert sidecar.state().pipeline.loading.phase == contract.LOADING_PHASE_ENGINE
    assert sidecar.apply("other", sidecar.specification(cameras=[camera("one")])).accepted
    assert [one.id for one in sidecar.state().cameras] == ["one"]


def test_a_bundle_that_this_release_cannot_read_is_refused_and_the_active_graph_goes_on(sidecar):
    assert sidecar.apply("good", sidecar.specification()).accepted
    sidecar.until_serving()
    bundle = os.path.join(sidecar.run_dir, "caffe")
    make_bundle(bundle, onnx_file=None, model_file="network.onnx", proto_file="labels.txt")
    response = sidecar.apply("caffe", sidecar.specification(models=[spec.Model(bundle_path=bundle)]))
    assert not response.accepted
    assert [problem.code for problem in response.problems] == ["caffe-gone"]
    assert response.generation == "good"
    assert sidecar.state().pipeline.WhichOneof("state") == "running"


@pytest.mark.parametrize("sidecar", [("nano",)], indirect=True)
@pytest.mark.parametrize(
    ("content", "code"), [(b"no network", "network-unreadable"), (network("NonZero"), "onnx-operator")]
)
def test_a_network_that_this_board_cannot_run_is_refused_before_a_build(sidecar, content, code):
    bundle = make_bundle(os.path.join(sidecar.run_dir, "refused"))
    with open(os.path.join(bundle, "network.onnx"), "wb") as file:
        file.write(content)
    response = sidecar.apply("refused", sidecar.specification(models=[spec.Model(bundle_path=bundle)]))
    assert not response.accepted
    assert [(problem.code, problem.path) for problem in response.problems] == [(code, "config_infer.txt:2")]
    assert engines(sidecar.data_dir) == []


def test_a_network_that_the_parser_refuses_is_built_once_and_again_when_its_files_change(sidecar):
    bundle = os.path.join(sidecar.run_dir, "broken")
    shutil.copytree(NANODET, bundle)
    with open(os.path.join(bundle, "network.onnx"), "wb") as file:
        # As far as its file shows, the network may be right.
        file.write(network("a plugin of TensorRT"))
    specification = sidecar.specification(models=[spec.Model(bundle_path=bundle)])
    assert sidecar.apply("broken", specification).accepted
    failed = sidecar.until(lambda state: state.pipeline.WhichOneof("state") == "failed").pipeline.failed
    assert failed.reason == contract.FAILURE_REASON_MODEL
    assert "Failed to create NvDsInferContext instance" in failed.detail
    assert not failed.HasField("next_attempt")
    # Once the file is corrected, the graph runs without another request.
    shutil.copy(os.path.join(NANODET, "network.onnx"), bundle)
    sidecar.until(lambda state: state.pipeline.WhichOneof("state") == "running")
    assert sidecar.said().count('"building TensorRT engine"') == 2


def test_a_network_with_its_weights_in_a_file_beside_it_is_built(sidecar):
    import onnx

    bundle = os.path.join(sidecar.run_dir, "apart")
    shutil.copytree(NANODET, bundle)
    network = os.path.join(bundle, "network.onnx")
    onnx.save(onnx.load(network), network, save_as_external_data=True, location="weights.bin", size_threshold=1024)
    specification = sidecar.specification(models=[spec.Model(bundle_path=bundle)])
    assert sidecar.apply("apart", specification).accepted
    sidecar.until_serving()
    os.remove(os.path.join(bundle, "weights.bin"))
    (problem,) = sidecar.apply("none", specification).problems
    assert problem.code == "file-missing"
    assert "weights.bin, which is not there" in problem.message


def cut_short(path):
    os.truncate(path, os.stat(path).st_size // 2)


def of_another_gpu(path):
    with open(path, "rb") as file:
        header, rest = file.readline(), file.read()
    with open(path, "wb") as file:
        file.write(header.replace(b"7.1", b"7.0") + rest)


def emptied(path):
    os.truncate(path, 0)


@pytest.mark.parametrize("spoil", [cut_short, of_another_gpu, emptied])
def test_a_tensorrt_engine_that_does_not_load_is_rebuilt_once(sidecar, spoil):
    assert prebuild(sidecar, sidecar.bundle, 2).returncode == 0
    (path,) = [
        os.path.join(folder, name)
        for folder, _, names in os.walk(sidecar.data_dir)
        for name in names
        if name == "model.engine"
    ]
    spoil(path)
    assert sidecar.apply("spoilt", sidecar.specification()).accepted
    sidecar.until_serving()
    said = sidecar.said()
    assert said.count('"TensorRT engine does not load, rebuilding"') == 1
    assert said.count('"building TensorRT engine"') == said.count('"TensorRT engine built"') == 1
    # The new one is stored.
    assert b"already built: " in prebuild(sidecar, sidecar.bundle, 2).stdout


def test_a_tensorrt_engine_that_a_full_disk_truncates_is_never_stored(sidecar):
    done = prebuild(sidecar, SSD, 1, before="ulimit -f 1000")
    assert done.returncode == 2
    assert b"the TensorRT engine cannot be stored" in done.stderr
    assert engines(sidecar.data_dir) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
def test_a_full_data_directory_is_a_failure_with_its_reason_before_a_build(sidecar):
    os.makedirs(sidecar.data_dir)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", sidecar.data_dir], check=True)
    try:
        assert sidecar.apply("full", sidecar.specification()).accepted
        failed = sidecar.until(lambda state: state.pipeline.WhichOneof("state") == "failed").pipeline.failed
        assert failed.reason == contract.FAILURE_REASON_STORAGE
        assert "less than the" in failed.detail
        assert failed.HasField("next_attempt")
    finally:
        subprocess.run(["umount", "--lazy", sidecar.data_dir], check=True)


def building(bundle):
    """The process ids of the build of a bundle, and of its parent."""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
            if b"--parent" in words and bundle.encode() in words:
                return int(path.split("/")[2]), int(words[words.index(b"--parent") + 1])
    return None


@pytest.mark.parametrize("sidecar", [("t4", 60.0)], indirect=True)
def test_a_build_ends_with_its_worker_and_the_next_removes_what_it_left(sidecar):
    assert sidecar.apply("slow", sidecar.specification()).accepted
    leftover = os.path.join(sidecar.data_dir, "engines", "*", "build-*", "build")
    eventually(lambda: glob.glob(leftover), "a build")
    build, worker = building(sidecar.bundle)
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: not os.path.exists("/proc/%d" % build), "the build's end")
    assert glob.glob(leftover)
    assert prebuild(sidecar, sidecar.bundle, 2).returncode == 0
    assert glob.glob(leftover) == []


def prebuild(sidecar, bundle, batch, before="true"):
    """before: a shell command that runs first."""
    words, platform = BOARDS["t4"]
    command = [
        sys.executable,
        "-m",
        "standins.prebuild",
        "--bundle",
        bundle,
        "--batch",
        str(batch),
    ]
    return subprocess.run(
        ["sh", "-c", before + ' && exec "$@"', "sh", *command],
        env=dict(
            os.environ,
            PYTHONPATH=PYTHONPATH,
            SLIPSTREAM_DATA_DIR=sidecar.data_dir,
            SLIPSTREAM_PLATFORM=platform,
            **{standins.VARIABLE: words},
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize("sidecar", [("t4", 60.0)], indirect=True)
def test_a_stored_tensorrt_engine_is_not_built_again(sidecar):
    done = prebuild(sidecar, sidecar.bundle, 2)
    assert done.returncode == 0, done.stderr.decode()
    assert b"built in " in done.stdout
    assert b"TensorRT engine already built: " in prebuild(sidecar, sidecar.bundle, 2).stdout
    folder = os.path.dirname(done.stdout.decode().split("MB: ")[1].strip())
    with open(os.path.join(folder, "engine.json")) as file:
        assert json.load(file)["batch"] == 2
    assert sidecar.apply("prebuilt", sidecar.specification()).accepted
    sidecar.until_serving()


def test_prebuild_prints_what_is_wrong_with_a_bundle(sidecar):
    done = prebuild(sidecar, os.path.join(sidecar.run_dir, "none"), 1)
    assert done.returncode == 1
    assert b"config_infer.txt" in done.stderr
