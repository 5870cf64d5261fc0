"""A real sidecar, on stand-ins of one release and board for NVIDIA's elements or on engine cpu, with cameras, viewers
and a client."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import grpc
from google.protobuf.duration_pb2 import Duration

import standins
from sidecar.contract import pipeline, pipeline_grpc, spec
from sidecar.tests.networks import network
from sidecar.tests.ports import free_port

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
SUPPORT = os.path.join(ROOT, "test", "support")
PYTHONPATH = os.pathsep.join(
    [
        *(os.path.join(ROOT, part) for part in ("src", "src/sidecar/gen", "test", "test/support")),
        os.environ.get("PYTHONPATH", ""),
    ]
)
SSD = os.path.join(ROOT, "models", "ssd-street")
NANODET = os.path.join(ROOT, "models", "nanodet-coco")
# For what takes a second on an idle machine. Real TensorRT engines take minutes to build.
DEADLINE_SECONDS = int(os.environ.get("TEST_DEADLINE_SECONDS", "60"))

BOARDS = {
    "nano": ("6.0.1/jetson", "6.0.1/jetson/nano"),
    "t4": ("7.1/dgpu", "7.1/dgpu/t4"),
    "orin-nano": ("7.1/jetson no-encoder", "7.1/jetson/orin-nano"),
    "t4 on 6.3": ("6.3/dgpu", "6.3/dgpu/t4"),
    "t4 on 9.1": ("9.1/dgpu", "9.1/dgpu/t4"),
    "t4 with the new muxer": ("7.1/dgpu", "7.1/dgpu/t4"),
}
# What the stand-in nvinfer detects: a car that does not move, and on the second camera a person beside it.
CAR = {"class_id": 0, "box": [0.25, 0.5, 0.25, 0.25], "confidence": 0.8}
PERSON = {"class_id": 2, "box": [0.6, 0.1, 0.1, 0.4], "confidence": 0.6, "source": 1}
LABELS = ("car", "bicycle", "person", "roadsign")


def make_bundle(directory, **own):
    """A bundle of a network whose outputs nvinfer decodes itself. own: further keys; None: without that key."""
    os.makedirs(directory, exist_ok=True)
    entries = {
        "onnx-file": "network.onnx",
        "labelfile-path": "labels.txt",
        "num-detected-classes": 4,
        "network-mode": 2,
        "network-type": 0,
        "cluster-mode": 2,
    }
    entries.update({key.replace("_", "-"): value for key, value in own.items()})
    lines = ["[property]", *("%s=%s" % item for item in entries.items() if item[1] is not None)]
    lines += ["[class-attrs-all]", "pre-cluster-threshold=0.2"]
    for name, content in (
        ("config_infer.txt", "\n".join(lines).encode()),
        ("labels.txt", "\n".join(LABELS).encode()),
        ("network.onnx", network("any number of pictures")),
    ):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)
    return directory


def camera(name, address="test://ball?width=320&height=180&rate=15"):
    return spec.Camera(id=name, uri=address)


class RtspCamera:
    """A camera process. Its frames carry a counter, or come from a file in a loop."""

    def __init__(self, port=0, width=320, height=184, file=None, options=()):
        if file is None:
            script = [os.path.join(SUPPORT, "counter_camera.py"), "--width", str(width), "--height", str(height)]
        else:
            script = ["-m", "dev.camera", "--file", file, "--path", "/camera"]
        self._process = subprocess.Popen(
            [sys.executable, *script, "--port", str(port), *options],
            env=dict(os.environ, PYTHONPATH=PYTHONPATH),
            stdout=subprocess.PIPE,
        )
        self.address = json.loads(self._process.stdout.readline())["address"]

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Sidecar:
    """Keeper, outlet and worker in a directory of their own, and a client."""

    def __init__(self, board="t4", build_seconds=0.5, objects=(CAR, PERSON), data_dir=None, **environment):
        """board: one of BOARDS, cpu for that engine, or nvidia for the real elements.

        environment: further variables of the processes.
        """
        # Short, for the path of a Unix socket.
        self.run_dir = tempfile.mkdtemp(prefix="slip-")
        seen = os.path.join(self.run_dir, "objects.json")
        with open(seen, "w") as file:
            json.dump(objects, file)
        # The package of the modules that the processes run.
        self.package = "sidecar"
        if board == "cpu":
            self.bundle = SSD
            engine = {"SLIPSTREAM_ENGINE": "cpu"}
        elif board == "nvidia":
            self.bundle = NANODET
            engine = {"SLIPSTREAM_ENGINE": "deepstream"}
        else:
            self.bundle = make_bundle(os.path.join(self.run_dir, "bundle"))
            stated, platform = BOARDS[board]
            stated += " objects=%s build=%g" % (seen, build_seconds)
            mux = {"USE_NEW_NVSTREAMMUX": "yes"} if "new muxer" in board else {}
            engine = {standins.VARIABLE: stated, "SLIPSTREAM_PLATFORM": platform, **mux}
            self.package = "standins"
        self.data_dir = data_dir or os.path.join(self.run_dir, "data")
        self.log = open(os.path.join(self.run_dir, "log"), "w+b")  # noqa: SIM115  # as long as the sidecar runs
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", self.package + ".keeper"],
            env=dict(
                os.environ,
                PYTHONPATH=PYTHONPATH,
                SLIPSTREAM_RUN_DIR=self.run_dir,
                SLIPSTREAM_DATA_DIR=self.data_dir,
                SLIPSTREAM_LIFELINE="stdin",
                **engine,
                **environment,
            ),
            stdin=subprocess.PIPE,
            stderr=self.log,
        )
        self._channel = grpc.insecure_channel("unix:" + os.path.join(self.run_dir, "worker.sock"))
        self.stub = pipeline_grpc.PipelineStub(self._channel)
        self.port = free_port()
        self.connected = self.stub.Connect(pipeline.ConnectRequest(), wait_for_ready=True, timeout=DEADLINE_SECONDS)

    def stop(self):
        self._channel.close()
        self._keeper.send_signal(signal.SIGTERM)
        self._keeper.wait(DEADLINE_SECONDS)
        self._keeper.stdin.close()
        self.log.close()
        shutil.rmtree(self.run_dir)

    def said(self):
        """Everything that the processes have written."""
        self.log.flush()
        with open(self.log.name, "rb") as file:
            return file.read().decode()

    def output(self, name="main", layout=spec.LAYOUT_TILED, width=640, height=180, **encoding):
        values = {"bitrate": 1000000, "frame_rate": 15}
        values.update(encoding)
        return spec.Output(
            id=name,
            layout=layout,
            encoding=spec.Encoding(width=width, height=height, **values),
            rtsp=spec.RtspTarget(port=self.port, path="/" + name),
        )

    def specification(self, **changes):
        """Two cameras side by side."""
        fields = {
            "cameras": [camera("one"), camera("two")],
            "model": spec.Model(bundle_path=self.bundle),
            "overlay": spec.Overlay(boxes=True),
            "outputs": [self.output()],
        }
        fields.update(changes)
        return spec.PipelineSpec(**fields)

    def apply(self, generation, specification):
        request = pipeline.ApplyRequest(generation=generation, spec=specification)
        return self.stub.Apply(request, timeout=DEADLINE_SECONDS)

    def messages(self, condition, count=1, detections=False, after=0):
        """The first messages of a watch that fulfil a condition. The whole state arrives ten times a second.

        after: the sequence number after which earlier events are sent too.
        """
        request = pipeline.WatchRequest(
            detections=detections,
            heartbeat_interval=Duration(nanos=100000000),
            after_sequence=after,
            instance_id=self.connected.instance_id,
        )
        call = self.stub.Watch(request, timeout=DEADLINE_SECONDS)
        found = []
        last = None
        try:
            for message in call:
                if message.HasField("state"):
                    last = message.state
                if condition(message):
                    found.append(message)
                    if len(found) == count:
                        return found
        except grpc.RpcError as error:
            raise AssertionError(
                "not within %g s; the state is %s\n%s" % (DEADLINE_SECONDS, last, self.said()[-3000:])
            ) from error
        finally:
            call.cancel()
        raise AssertionError("the watch ended")

    def state(self):
        return self.messages(lambda message: message.HasField("state"))[0].state

    def until(self, condition):
        """The first whole state that fulfils a condition."""

        def fulfils(message):
            return message.HasField("state") and condition(message.state)

        return self.messages(fulfils)[0].state

    def until_serving(self):
        def serving(state):
            return bool(state.outputs) and all(one.WhichOneof("state") == "serving" for one in state.outputs)

        return self.until(serving)

    def detections(self, camera_id, count=1, condition=lambda found: True):
        """The next detections of a camera that fulfil a condition."""

        def fulfils(message):
            found = message.detections
            return message.HasField("detections") and found.camera_id == camera_id and condition(found)

        return [message.detections for message in self.messages(fulfils, count, detections=True)]

    def view(self, path, frames):
        """What a viewer over RTSP sees: a description of each frame. The first may be older than the latest event: a
        viewer starts with the newest key frame."""
        seen = []
        self.until_seen(path, lambda frame: seen.append(frame) or len(seen) == frames)
        return seen

    def until_seen(self, path, condition, *options):
        """The first frame, as a viewer over RTSP describes it, that fulfils a condition."""
        return until_seen("rtsp://127.0.0.1:%d%s" % (self.port, path), condition, *options)


def until_seen(address, condition, *options):
    limits = ("--seconds", str(DEADLINE_SECONDS), "--patience", str(DEADLINE_SECONDS))
    viewer = subprocess.Popen(
        [sys.executable, os.path.join(SUPPORT, "viewer.py"), address, *limits, *options],
        env=dict(os.environ, PYTHONPATH=PYTHONPATH),
        stdout=subprocess.PIPE,
    )
    last = None
    try:
        for line in viewer.stdout:
            last = json.loads(line)
            if condition(last):
                return last
    finally:
        viewer.kill()
        viewer.wait()
        viewer.stdout.close()
    raise AssertionError("not seen within %g s; the last frame was %s" % (DEADLINE_SECONDS, last))


def render(path, pattern, frames=10):
    """A film of one second of a pattern of videotestsrc."""
    caps = "video/x-raw,width=320,height=184,framerate=%d/1" % frames
    launch = "videotestsrc pattern=%s num-buffers=%d ! %s ! x264enc key-int-max=%d bframes=0 ! h264parse ! matroskamux"
    words = (launch % (pattern, frames, caps, frames)).split()
    subprocess.run(["gst-launch-1.0", "-q", *words, "!", "filesink", "location=%s" % path], check=True)
    return path


def is_dark_with_text(frame):
    """Two regions: one without text, and one with."""
    corner, middle = frame["regions"]
    return corner["y"] < 45 and middle["max"] > 100


def is_standby(frame):
    """Not a black tile, which is darker."""
    return is_dark_with_text(frame) and frame["regions"][0]["y"] > 20


def phase(states, name):
    """The state, by name, of the camera or output with an id."""
    return next(one.WhichOneof("state") for one in states if one.id == name)


def changes(response):
    return {change.path: pipeline.Effect.Name(change.effect) for change in response.changes}


def eventually(condition, what, within=10.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "not in time: " + what
        time.sleep(0.05)
