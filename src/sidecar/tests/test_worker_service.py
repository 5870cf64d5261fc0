"""The contract, spoken with a real worker beside a real outlet."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sidecar.contract import detection, pipeline, pipeline_grpc, spec, state
from sidecar.health import frames_flow
from sidecar.tests import hostile_bundles
from sidecar.tests.endless_answer import Describes
from sidecar.tests.ports import free_port

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
NANODET = os.path.join(ROOT, "models", "nanodet-coco")
SSD = os.path.join(ROOT, "models", "ssd-street")
DEMO = "file://" + os.path.join(ROOT, "footage", "demo.mp4")
DEADLINE_SECONDS = 30


class Sidecar:
    """Keeper, outlet and worker in a directory of their own, and a client."""

    def __init__(self, **settings):
        # Short, for the path of a Unix socket.
        self.run_dir = tempfile.mkdtemp(prefix="slip-")
        environment = dict(
            os.environ,
            SLIPSTREAM_RUN_DIR=self.run_dir,
            SLIPSTREAM_RECORDINGS_DIR=os.path.join(self.run_dir, "recordings"),
            SLIPSTREAM_LIFELINE="stdin",
            **settings,
        )
        environment["PYTHONPATH"] = os.pathsep.join(os.path.join(ROOT, part) for part in ("src", "src/sidecar/gen"))
        self.keeper = subprocess.Popen([sys.executable, "-m", "sidecar.keeper"], env=environment, stdin=subprocess.PIPE)
        self.channel = grpc.insecure_channel("unix:" + os.path.join(self.run_dir, "worker.sock"))
        self.stub = pipeline_grpc.PipelineStub(self.channel)
        self.port = free_port()
        self.connected = self.stub.Connect(
            pipeline.ConnectRequest(agent_version="test"), wait_for_ready=True, timeout=DEADLINE_SECONDS
        )

    def stop(self):
        self.channel.close()
        self.keeper.send_signal(signal.SIGTERM)
        self.keeper.wait(DEADLINE_SECONDS)
        shutil.rmtree(self.run_dir)

    def specification(self, **changes):
        fields = {
            "cameras": [spec.Camera(id="one", uri=DEMO)],
            "models": [spec.Model(bundle_path=SSD)],
            "overlay": spec.Overlay(boxes=True, labels=True, counts=True, names=True),
            "outputs": [
                spec.Output(
                    id="main",
                    encoding=spec.Encoding(width=640, height=360, bitrate=1000000, frame_rate=25),
                    rtsp=spec.RtspTarget(port=self.port, path="/ds"),
                )
            ],
        }
        fields.update(changes)
        return spec.PipelineSpec(**fields)

    def apply(self, generation, specification):
        request = pipeline.ApplyRequest(generation=generation, spec=specification)
        return self.stub.Apply(request, timeout=DEADLINE_SECONDS)

    def watch(self, **fields):
        return self.stub.Watch(pipeline.WatchRequest(**fields), timeout=DEADLINE_SECONDS)

    def state(self):
        call = self.watch()
        state = next(call).state
        call.cancel()
        return state

    def until(self, condition, **fields):
        """The first message of a watch that fulfils the condition."""
        call = self.watch(heartbeat_interval=Duration(nanos=100000000), **fields)
        try:
            return next(message for message in call if condition(message))
        finally:
            call.cancel()

    def detections(self):
        return self.until(lambda message: message.HasField("detections"), detections=True).detections

    def until_serving(self):
        def serving(message):
            outputs = message.state.outputs
            return bool(outputs) and all(output.WhichOneof("state") == "serving" for output in outputs)

        return self.until(serving).state


@pytest.fixture(scope="module")
def sidecar():
    one = Sidecar()
    yield one
    one.stop()


@pytest.fixture
def running(sidecar):
    """A sidecar that serves the demo clip."""
    assert sidecar.apply("demo", sidecar.specification()).accepted
    sidecar.until_serving()
    return sidecar


def changes(response):
    return {change.path: pipeline.Effect.Name(change.effect) for change in response.changes}


def test_connect_tells_what_is_at_the_other_end(sidecar):
    told = sidecar.connected
    assert told.engine == "cpu"
    assert len(told.instance_id) == 32
    assert list(told.capabilities.codecs) == [spec.CODEC_H264, spec.CODEC_H265]
    assert "rtsp" in told.capabilities.sources


def test_the_socket_is_for_the_group_and_nobody_else(sidecar):
    assert os.stat(os.path.join(sidecar.run_dir, "worker.sock")).st_mode & 0o777 == 0o660


def test_check_tells_every_problem_and_applies_nothing(running):
    before = running.state().generation
    wrong = running.specification(
        cameras=[spec.Camera(id="one", uri="http://x")],
        models=[spec.Model(bundle_path="/no/such/model")],
        outputs=[],
    )
    problems = running.stub.Check(pipeline.CheckRequest(spec=wrong), timeout=DEADLINE_SECONDS).problems
    assert {problem.code for problem in problems} == {"unsupported-source", "file-missing", "no-output"}
    assert running.state().generation == before


def processes_for(path):
    """The processes that have a path among their arguments."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        # It may end meanwhile.
        with contextlib.suppress(OSError), open("/proc/%s/cmdline" % name, "rb") as file:
            if path.encode() in file.read().split(b"\0"):
                found.append(name)
    return found


def test_the_check_of_a_model_ends_with_the_call_that_asked_for_it(running, tmp_path):
    bundle = hostile_bundles.endless(str(tmp_path / "endless"))
    wanted = running.specification(models=[spec.Model(bundle_path=bundle)])
    call = running.stub.Check.future(pipeline.CheckRequest(spec=wanted), timeout=DEADLINE_SECONDS)
    running.until(lambda _: processes_for(bundle))
    call.cancel()
    running.until(lambda _: not processes_for(bundle))
    # The next model is not held up, and what runs went on.
    harmless = hostile_bundles.constant(str(tmp_path / "harmless"), -9.0)
    other = running.specification(models=[spec.Model(bundle_path=harmless)])
    problems = running.stub.Check(pipeline.CheckRequest(spec=other), timeout=DEADLINE_SECONDS).problems
    assert pipeline.SEVERITY_ERROR not in [problem.severity for problem in problems]
    assert running.state().outputs[0].WhichOneof("state") == "serving"


def test_a_refused_specification_leaves_what_is_in_force(running):
    response = running.apply("wrong", running.specification(models=[spec.Model(bundle_path=SSD, classes=["unicorn"])]))
    assert not response.accepted
    assert response.generation == "demo"
    assert [problem.path for problem in response.problems if problem.severity == pipeline.SEVERITY_ERROR] == [
        "models[0].classes[0]"
    ]
    assert running.state().generation == "demo"
    assert running.until_serving().outputs[0].frames > 0


def zones(shapes=1, points=4, text="door", x=0.5, cameras=1):
    """A request of so many cameras, shapes of each and points of a shape."""
    shape = pipeline.Shape(points=[spec.Point(x=x, y=0.5)] * points, text=text)
    each = [pipeline.CameraZones(camera_id="camera%d" % index, shapes=[shape] * shapes) for index in range(cameras)]
    return pipeline.ShowZonesRequest(cameras=each)


@pytest.mark.parametrize(
    "wrong",
    [
        zones(shapes=65),
        zones(points=1),
        zones(points=65),
        zones(text="x" * 101),
        zones(x=1.5),
        zones(x=float("nan")),
        zones(cameras=257),
    ],
)
def test_zones_beyond_the_bounds_are_refused(running, wrong):
    with pytest.raises(grpc.RpcError) as refusal:
        running.stub.ShowZones(wrong, timeout=DEADLINE_SECONDS)
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_zones_within_the_bounds_are_taken_before_anything_is_applied(sidecar):
    sidecar.stub.ShowZones(zones(shapes=64, points=64, text="x" * 100, cameras=16), timeout=DEADLINE_SECONDS)


def size_of(jpeg):
    """Width and height, from the JPEG's frame header."""
    at = jpeg.index(b"\xff\xc0")
    height, width = struct.unpack(">HH", jpeg[at + 5 : at + 9])
    return width, height


def test_a_picture_is_the_frame_of_a_time_or_a_part_of_it(running):
    found = running.detections()
    ask = pipeline.TakePictureRequest(camera_id="one", pts=found.pts)
    whole = running.stub.TakePicture(ask, timeout=DEADLINE_SECONDS)
    assert size_of(whole.jpeg) == (found.frame_width, found.frame_height)
    ask.area.left, ask.area.top, ask.area.width, ask.area.height = 100, 50, 64, 32
    assert size_of(running.stub.TakePicture(ask, timeout=DEADLINE_SECONDS).jpeg) == (72, 40)
    # At the edge, and beyond it.
    ask.area.left, ask.area.width = -1000, 5000
    assert size_of(running.stub.TakePicture(ask, timeout=DEADLINE_SECONDS).jpeg)[0] == found.frame_width // 8 * 8
    ask.area.left = 1e30
    assert size_of(running.stub.TakePicture(ask, timeout=DEADLINE_SECONDS).jpeg)[0] == 8


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (pipeline.TakePictureRequest(camera_id="none"), grpc.StatusCode.NOT_FOUND),
        (
            pipeline.TakePictureRequest(camera_id="one", area=detection.Box(left=float("nan"))),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ],
)
def test_a_picture_that_cannot_be_is_refused(running, ask, code):
    running.detections()
    with pytest.raises(grpc.RpcError) as refusal:
        running.stub.TakePicture(ask, timeout=DEADLINE_SECONDS)
    assert refusal.value.code() == code


def test_repeating_a_generation_changes_nothing(running):
    response = running.apply("demo", running.specification())
    assert response.accepted
    assert not response.changes


def test_model_settings_and_overlay_change_while_frames_flow(running):
    response = running.apply(
        "tuned",
        running.specification(
            models=[spec.Model(bundle_path=SSD, threshold=0.9, interval=3, classes=["Person"])],
            overlay=spec.Overlay(boxes=True),
        ),
    )
    assert changes(response) == {
        "models[0].threshold": "EFFECT_LIVE",
        "models[0].interval": "EFFECT_LIVE",
        "models[0].classes": "EFFECT_LIVE",
        "overlay": "EFFECT_LIVE",
    }
    assert running.state().outputs[0].WhichOneof("state") == "serving"
    carried = running.until(
        lambda message: message.HasField("detections") and not message.detections.inferred, detections=True
    )
    assert all(found.confidence >= 0.9 for found in carried.detections.detections)


def test_a_bit_rate_changes_live_and_a_size_takes_a_new_picture(running):
    faster = running.specification()
    faster.outputs[0].encoding.bitrate = 3000000
    assert changes(running.apply("faster", faster)) == {"outputs[main]": "EFFECT_LIVE"}
    larger = running.specification()
    larger.outputs[0].encoding.width = 800
    assert changes(running.apply("larger", larger))["outputs[main]"] == "EFFECT_REBUILD"
    running.until_serving()


def test_who_may_watch_changes_while_frames_flow(running):
    def is_asked_for_a_login():
        url = "rtsp://127.0.0.1:%d/ds" % running.port
        with socket.create_connection(("127.0.0.1", running.port), timeout=DEADLINE_SECONDS) as client:
            client.sendall(("DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\n\r\n" % url).encode())
            return b" 401 " in client.recv(65536)

    closed = running.specification()
    closed.outputs[0].rtsp.users.add(username="eve", password="hunter2")
    assert not is_asked_for_a_login()
    assert changes(running.apply("closed", closed)) == {"outputs[main]": "EFFECT_LIVE"}
    running.until(lambda _: is_asked_for_a_login())
    assert running.state().outputs[0].WhichOneof("state") == "serving"
    assert changes(running.apply("open", running.specification())) == {"outputs[main]": "EFFECT_LIVE"}
    running.until(lambda _: not is_asked_for_a_login())


def test_another_camera_does_not_disturb_the_first(running):
    received = running.state().cameras[0].counters.frames_received
    both = running.specification()
    both.cameras.add(id="two", uri="test://ball")
    response = running.apply("both", both)
    assert changes(response) == {"outputs[main]": "EFFECT_REBUILD", "cameras[two]": "EFFECT_REBUILD"}
    state = running.until(
        lambda message: [camera.WhichOneof("state") for camera in message.state.cameras] == ["live", "live"]
    ).state
    assert [camera.id for camera in state.cameras] == ["one", "two"]
    assert state.cameras[0].counters.frames_received >= received


def test_a_picture_for_each_camera_has_a_path_for_each(running):
    each = running.specification()
    each.cameras.add(id="two", uri="test://ball")
    each.outputs[0].layout = spec.LAYOUT_PER_CAMERA
    assert running.apply("each", each).accepted
    state = running.until_serving()
    assert [(output.camera_id, output.path) for output in state.outputs] == [("one", "/ds/one"), ("two", "/ds/two")]


def test_another_model_takes_over_and_its_classes_are_reported(running):
    began = time.time_ns()
    response = running.apply("other", running.specification(models=[spec.Model(bundle_path=NANODET)]))
    assert changes(response) == {"models[0].bundle_path": "EFFECT_LIVE"}
    message = running.until(lambda message: len(message.detections.detections) > 0, detections=True)
    frame = message.detections
    assert frame.camera_id == "one"
    assert (frame.frame_width, frame.frame_height) == (1280, 720)
    for found in frame.detections:
        assert 0 <= found.box.left <= found.box.left + found.box.width <= 1280.01
        assert 0 <= found.box.top <= found.box.top + found.box.height <= 720.01
        assert not found.HasField("track_id")
    assert began <= frame.capture_time.ToNanoseconds() <= time.time_ns()


def test_watch_begins_with_the_whole_state_and_beats(running):
    call = running.watch(heartbeat_interval=Duration(nanos=100000000))
    assert next(call).state.generation == "demo"
    # Events may come in between.
    beats = [next(message for message in call if message.WhichOneof("event") == "state") for _ in range(2)]
    call.cancel()
    assert [message.state.generation for message in beats] == ["demo", "demo"]


def test_a_watch_resumes_after_a_number_and_refuses_those_of_another_worker(running):
    call = running.watch()
    first = next(call)
    call.cancel()
    assert running.apply("named", running.specification(overlay=spec.Overlay(names=True))).accepted
    instance = running.connected.instance_id
    resumed = running.watch(after_sequence=first.sequence, instance_id=instance)
    assert next(resumed).sequence >= first.sequence
    resumed.cancel()
    for number, whose in ((first.sequence, "other"), (first.sequence + 100000, instance)):
        with pytest.raises(grpc.RpcError) as refused:
            next(running.watch(after_sequence=number, instance_id=whose))
        assert refused.value.code() == grpc.StatusCode.OUT_OF_RANGE


def cannot_be_taken(running, address):
    """Applies a second camera that cannot be taken, and returns its status once it is lost."""
    both = running.specification()
    both.cameras.add(id="two", uri=address)
    assert running.apply(address, both).accepted
    return running.until(
        lambda message: [camera.WhichOneof("state") for camera in message.state.cameras] == ["live", "lost"]
    ).state.cameras[1]


@pytest.mark.parametrize("length", [500000000, 2000000000, 99999999999999999])
def test_a_camera_with_a_huge_answer_takes_no_memory_and_harms_no_other(running, length):
    camera = Describes("Content-Length: %d\r\n" % length, itertools.repeat(b"x" * 65536))
    try:
        lost = cannot_be_taken(running, camera.address).lost
        # It could not even be allocated, or was given up soon after.
        assert "Out of memory" in lost.detail or "more than 1048576 bytes before it plays" in lost.detail
        assert camera.sent / camera.methods.count("DESCRIBE") < 128 << 20
    finally:
        camera.close()


def test_a_camera_that_describes_thousands_of_streams_gets_a_few_sessions(running):
    media = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t%d\r\n"
    head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
    body = (head + "".join(media % number for number in range(2000))).encode()
    camera = Describes("Content-Length: %d\r\n" % len(body), [body])
    try:
        cannot_be_taken(running, camera.address)
        assert camera.methods.count("SETUP") <= 4 * camera.methods.count("DESCRIBE")
    finally:
        camera.close()


def test_a_camera_with_huge_frames_is_refused_and_harms_no_other(running):
    lost = cannot_be_taken(running, "test://ball?width=8192&height=4096").lost
    assert lost.reason == state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC
    assert "its frames are 8192x4096" in lost.detail


def test_a_camera_with_one_long_side_is_taken(running):
    both = running.specification()
    both.cameras.add(id="two", uri="test://ball?width=16&height=8192")
    assert running.apply("long", both).accepted
    running.until(lambda message: [one.WhichOneof("state") for one in message.state.cameras] == ["live", "live"])


def test_a_snapshot_is_a_jpeg_of_an_annotated_picture(running):
    response = running.stub.TakeSnapshot(pipeline.TakeSnapshotRequest(output_id="main"), timeout=DEADLINE_SECONDS)
    assert response.jpeg[:2] == b"\xff\xd8"
    assert response.jpeg[-2:] == b"\xff\xd9"


def test_a_snapshot_of_no_output_is_not_found(running):
    with pytest.raises(grpc.RpcError) as refused:
        running.stub.TakeSnapshot(pipeline.TakeSnapshotRequest(output_id="nothing"), timeout=DEADLINE_SECONDS)
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_preview_goes_on_at_the_rate_asked_for_until_it_is_left(running):
    call = running.stub.WatchPreview(
        pipeline.WatchPreviewRequest(output_id="main", max_frame_rate=5), timeout=DEADLINE_SECONDS
    )
    pictures = [next(call) for _ in range(6)]
    call.cancel()
    assert all(picture.jpeg[:2] == b"\xff\xd8" for picture in pictures)
    seconds = pictures[-1].time.ToNanoseconds() / 1e9 - pictures[1].time.ToNanoseconds() / 1e9
    assert seconds > 0.6


def test_the_video_of_a_stream_begins_with_a_key_frame_and_goes_on_in_a_pipeline_that_replaces_it(running):
    call = running.stub.WatchVideo(pipeline.WatchVideoRequest(output_id="main"), timeout=DEADLINE_SECONDS)
    first, second = next(call), next(call)
    assert first.key
    assert not second.key
    assert first.codec == spec.CODEC_H264
    # An AVCDecoderConfigurationRecord: version 1, of the constrained baseline profile.
    assert first.description[:2] == b"\x01\x42"
    larger = running.specification()
    larger.outputs[0].encoding.width *= 2
    assert running.apply("larger", larger).accepted
    assert any(frame.key and frame.description != first.description for frame in call)
    larger.outputs[0].id = "other"
    assert running.apply("other", larger).accepted
    with pytest.raises(grpc.RpcError) as ended:
        for _ in call:
            pass
    assert ended.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_camera_is_restarted_at_once_though_its_next_attempt_is_far(running):
    def two(message):
        return message.state.cameras[1] if len(message.state.cameras) > 1 else state.CameraStatus()

    cannot_be_taken(running, "rtsp://127.0.0.1:1/none")
    before = running.until(lambda message: two(message).lost.attempts >= 3).state.cameras[1]
    running.stub.RestartCamera(pipeline.RestartCameraRequest(camera_id=before.id), timeout=DEADLINE_SECONDS)
    running.until(lambda message: 0 < two(message).lost.attempts < before.lost.attempts)
    with pytest.raises(grpc.RpcError) as refused:
        running.stub.RestartCamera(pipeline.RestartCameraRequest(camera_id="nobody"), timeout=DEADLINE_SECONDS)
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_flood_of_watches_is_refused_and_holds_up_neither_apply_nor_check(running):
    connection = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel("unix:" + os.path.join(running.run_dir, "worker.sock"), connection) as channel:
        stub = pipeline_grpc.PipelineStub(channel)
        calls = [stub.Watch(pipeline.WatchRequest(), timeout=DEADLINE_SECONDS) for _ in range(1000)]
        # However many of them wait for a thread.
        assert running.apply("flooded", running.specification(overlay=spec.Overlay(boxes=True))).accepted
        request = pipeline.CheckRequest(spec=running.specification())
        running.stub.Check(request, timeout=DEADLINE_SECONDS)
        # The first ones were taken.
        refused = calls[-1]
        assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (
            "12 calls of Watch, WatchPreview, WatchVideo, TakeSnapshot and TakePicture are under way"
            in refused.details()
        )
        for call in calls:
            call.cancel()
    # Those that were taken are free again.
    assert running.until_serving()


def test_two_agents_that_apply_in_turns_are_told(running):
    one = running.specification(overlay=spec.Overlay(boxes=True))
    other = running.specification(overlay=spec.Overlay(labels=True))
    told = [
        [problem.code for problem in running.apply(*applied).problems if problem.severity == pipeline.SEVERITY_WARNING]
        for applied in [("one", one), ("other", other)] * 3
    ]
    assert told[:4] == [[]] * 4
    assert told[4:] == [["two-agents"]] * 2


def test_the_elements_of_every_pipeline_are_told(running):
    request = pipeline.DescribePipelineRequest()
    told = running.stub.DescribePipeline(request, timeout=DEADLINE_SECONDS).pipelines
    assert [one.name for one in told] == ["camera-one", "output-main"]
    (camera,), (output,) = (list(one.branches) for one in told)
    assert camera.startswith("filesrc (source) -> decodebin (decode) [video/x-raw, I420, 1280x720, ")
    assert camera.endswith(" -> appsink (frames)")
    assert output.startswith("appsrc [video/x-raw, I420, 1280x720, ")
    assert output.endswith(" -> udpsink (loopback)")


def test_frames_are_counted_by_their_latency_until_detected_and_until_encoded(running):
    def counted(message):
        state = message.state
        return bool(state.cameras and state.outputs) and state.outputs[0].encoding_latency.sum_seconds > 0

    state = running.until(counted).state
    for histogram in (state.cameras[0].counters.detection_latency, state.outputs[0].encoding_latency):
        assert list(histogram.bounds) == sorted(histogram.bounds)
        assert len(histogram.counts) == len(histogram.bounds) + 1
        # Of the frame's own clock, not of one that the encoder has moved by a thousand hours.
        assert histogram.sum_seconds / sum(histogram.counts) < 3600


def test_the_state_says_what_keeper_worker_and_outlet_use(running):
    used = {one.name: one for one in running.state().processes}
    assert sorted(used) == ["keeper", "outlet", "worker"]
    assert all(one.memory_bytes > 1000000 and one.cpu_seconds > 0 for one in used.values())


def test_health_tells_that_frames_flow(running):
    stub = health_pb2_grpc.HealthStub(running.channel)
    request = health_pb2.HealthCheckRequest(service="slipstream.v1.Pipeline")
    serving = threading.Event()

    def listen(responses):
        for response in responses:
            if response.status == health_pb2.HealthCheckResponse.SERVING:
                serving.set()
                return

    call = stub.Watch(request, timeout=DEADLINE_SECONDS)
    threading.Thread(target=listen, args=(call,), daemon=True).start()
    assert serving.wait(DEADLINE_SECONDS)
    call.cancel()
    assert docker_health(running.run_dir) == (0, "frames flow")


def docker_health(run_dir):
    """Exit status and text of the health check of the sidecar's container."""
    environment = dict(os.environ, SLIPSTREAM_RUN_DIR=run_dir)
    environment["PYTHONPATH"] = os.pathsep.join(os.path.join(ROOT, part) for part in ("src", "src/sidecar/gen"))
    command = [sys.executable, "-m", "sidecar.health"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=DEADLINE_SECONDS)
    return done.returncode, done.stdout.decode().strip()


def test_docker_is_told_that_no_worker_answers(tmp_path):
    assert docker_health(str(tmp_path)) == (1, "the worker does not answer: UNAVAILABLE")


@pytest.mark.parametrize(
    ("cameras", "outputs", "flow"),
    [
        (["live"], ["serving"], True),
        (["live", "lost"], ["serving"], True),
        (["live"], ["waiting"], False),
        (["lost", "off"], ["serving"], False),
        (["off", "off"], ["waiting"], True),
        ([], [], False),
    ],
)
def test_frames_flow_where_a_camera_is_live_or_all_are_off(cameras, outputs, flow):
    whole = state.State()
    for one in cameras:
        getattr(whole.cameras.add(), one).SetInParent()
    for one in outputs:
        getattr(whole.outputs.add(), one).SetInParent()
    assert frames_flow(whole) is flow


def test_a_port_that_is_in_use_is_said_and_taken_when_it_is_free(running):
    taken = socket.socket()
    taken.bind(("0.0.0.0", 0))
    taken.listen(1)
    wanted = running.specification()
    wanted.outputs[0].rtsp.port = taken.getsockname()[1]
    assert running.apply("taken", wanted).accepted
    failed = running.until(
        lambda message: message.state.outputs and message.state.outputs[0].WhichOneof("state") == "failed"
    ).state.outputs[0]
    assert "OUTPUT_FAILED_REASON_PORT_IN_USE" in str(failed)
    assert str(taken.getsockname()[1]) in failed.failed.detail
    taken.close()
    running.until_serving()


def test_a_sidecar_whose_engine_is_not_here_says_so_and_stays_up():
    one = Sidecar(SLIPSTREAM_ENGINE="deepstream")
    try:
        response = one.apply("any", one.specification())
        assert not response.accepted
        assert [problem.code for problem in response.problems] == ["engine-unavailable"]
        assert "nvinfer" in one.state().pipeline.failed.detail
    finally:
        one.stop()
