"""Hostile and nearly right specifications, by the hundred, given to a real worker: an answer each time.

FUZZ_SEED repeats a run with other chances, FUZZ_ROUNDS makes it longer.
"""

import os
import random

import grpc
import pytest

from sidecar.contract import pipeline, spec
from sidecar.tests.test_worker_service import NANODET, SSD, Sidecar

SEED = int(os.environ.get("FUZZ_SEED", "20260726"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "300"))
DEADLINE_SECONDS = 60

TEXTS = [
    "",
    " ",
    "a",
    "A",
    "..",
    "/",
    "-",
    "\0",
    "a\0b",
    "\n",
    "\u202e",
    "ä" * 40,
    "x" * 5000,
    "%s%n",
    "{}",
    "one",
    "one\n",
    "../../etc",
]
URIS = [
    "rtsp://127.0.0.1:1/none",
    "rtsp://",
    "rtsp://127.0.0.1:99999/a",
    "rtsp://[::1/a",
    "rtsp://user:word@127.0.0.1:1/a",
    "rtsp://127.0.0.1:1/" + "a" * 3000,
    "rtsps://127.0.0.1:1/a",
    "file:///none.mp4",
    "file://",
    "file:///dev/null",
    "file:///a\0b",
    "/dev/video77",
    "/dev/null",
    "test://ball?width=64&height=64&rate=5",
    "test://ball?width=-1&height=0&rate=nan",
    "test://nothing?",
    "test://ball?width=99999999999999999999",
    "http://127.0.0.1/",
    "gopher://a",
    "rtsp://127.0.0.1:1/ ! fakesink",
]
BUNDLES = [SSD, SSD, NANODET, "/", "/dev/null", "/none", "relative", "a\0b", "x" * 5000, "/proc/self"]
WHOLE = [0, 1, 2, 3, 15, 16, 17, 64, 65, 7680, 7681, 8554, 65535, 65536, 2**31, 2**32 - 1]
FLOATS = [0.0, -0.0, 0.5, 1.0, 1.0001, -1.0, 1e-45, 3e38, float("inf"), float("-inf"), float("nan")]
ENUMS = [0, 1, 2, 3, 4, 5, 99, -1, 2**31 - 1]
SECONDS = [0, 1, 60, -1, 315576000000, -315576000000, 2**62, -(2**62)]
NANOS = [0, 1, 999999999, -1, 2**31 - 1, -(2**31)]


class Fuzz:
    """Changes specifications at random."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def text(self):
        return self.chance.choice(TEXTS)

    def change(self, specification):
        """One change that may be right or wrong."""
        self.chance.choice([self.camera, self.camera, self.masks, self.model, self.output, self.output, self.shape])(
            specification
        )

    def camera(self, specification):
        if not specification.cameras:
            return
        camera = self.chance.choice(specification.cameras)
        field = self.chance.randrange(9)
        if field == 0:
            camera.id = self.text()
        elif field == 1:
            camera.name = self.text()
        elif field in (2, 3):
            camera.uri = self.chance.choice(URIS)
        elif field == 4:
            camera.credentials.username, camera.credentials.password = self.text(), self.text()
        elif field == 5:
            camera.transport = self.chance.choice(ENUMS)
        elif field == 6:
            self.time(camera.latency)
        elif field == 7:
            self.time(camera.frozen_after)
        else:
            camera.off.SetInParent()
            if self.chance.random() < 0.5:
                self.time(camera.off.until)

    def time(self, message):
        message.seconds, message.nanos = self.chance.choice(SECONDS), self.chance.choice(NANOS)

    def masks(self, specification):
        if specification.cameras:
            polygon = self.chance.choice(specification.cameras).masks.add()
            for _ in range(self.chance.choice([0, 1, 2, 3, 4, 300])):
                polygon.points.add(x=self.chance.choice(FLOATS), y=self.chance.choice(FLOATS))

    def model(self, specification):
        if not specification.models or self.chance.random() < 0.1:
            specification.models.add(bundle_path=self.chance.choice(BUNDLES))
        model = self.chance.choice(specification.models)
        field = self.chance.randrange(4)
        if field == 0:
            model.bundle_path = self.chance.choice(BUNDLES)
        elif field == 1:
            model.interval = self.chance.choice(WHOLE)
        elif field == 2:
            model.threshold = self.chance.choice(FLOATS)
        else:
            model.classes.append(self.text())

    def output(self, specification):
        if not specification.outputs:
            return
        output = self.chance.choice(specification.outputs)
        field = self.chance.randrange(9)
        if field == 0:
            output.id = self.text()
        elif field == 1:
            output.layout = self.chance.choice(ENUMS)
        elif field == 2:
            output.encoding.codec = self.chance.choice(ENUMS)
        elif field == 3:
            setattr(output.encoding, self.chance.choice(["width", "height"]), self.chance.choice(WHOLE))
        elif field == 4:
            setattr(output.encoding, self.chance.choice(["bitrate", "frame_rate"]), self.chance.choice(WHOLE))
        elif field == 5:
            output.rtsp.port = self.chance.choice([0, 65536, 2**32 - 1, output.rtsp.port])
        elif field == 6:
            output.rtsp.path = self.chance.choice(["/" + self.text(), self.text(), "/ds"])
        elif field == 7:
            output.rtsp.users.add(username=self.text(), password=self.text())
        else:
            output.file.path = self.chance.choice(
                ["", "relative", "/a.mkv", "../a.mkv", "a.mkv", "b/a.mkv", "a\0b.mkv"]
            )
            if self.chance.random() < 0.5:
                self.time(output.file.file_duration)
            output.file.max_bytes = self.chance.choice(WHOLE)

    def shape(self, specification):
        kind = self.chance.randrange(8)
        if kind == 0:
            del specification.cameras[:]
        elif kind == 1:
            del specification.outputs[:]
        elif kind == 2 and specification.cameras:
            specification.cameras.add().CopyFrom(specification.cameras[0])
        elif kind == 3 and specification.outputs:
            specification.outputs.add().CopyFrom(specification.outputs[0])
        elif kind == 4:
            specification.ClearField("models")
        elif kind == 5:
            specification.tracker.algorithm = self.chance.choice(ENUMS)
        elif kind == 6:
            for number in range(self.chance.randrange(8)):
                specification.cameras.add(id="more-%d" % number, uri=self.chance.choice(URIS))
        else:
            specification.outputs.add(id="window").window.SetInParent()


@pytest.fixture(scope="module")
def sidecar():
    one = Sidecar()
    yield one
    one.stop()


def test_every_specification_is_taken_or_refused_by_name_and_the_worker_lives_on(sidecar):
    fuzz = Fuzz(SEED)
    accepted = 0
    for number in range(ROUNDS):
        specification = sidecar.specification(cameras=[spec.Camera(id="one", uri="rtsp://127.0.0.1:1/none")])
        for _ in range(fuzz.chance.choice([1, 1, 1, 2, 3, 6])):
            fuzz.change(specification)
        what = "seed %d, round %d: %s" % (SEED, number, specification)
        generation = fuzz.chance.choice(["", "same", "g%d" % number, "g%d" % number, "\0", "x" * 5000])
        request = pipeline.ApplyRequest(generation=generation, spec=specification)
        try:
            checked = sidecar.stub.Check(pipeline.CheckRequest(spec=specification), timeout=DEADLINE_SECONDS)
            applied = sidecar.stub.Apply(request, timeout=DEADLINE_SECONDS)
        except grpc.RpcError as error:
            pytest.fail("%s: %s\n%s" % (error.code(), error.details(), what))
        assert all(problem.code and problem.path and problem.message for problem in checked.problems), what
        assert all(problem.code and problem.path and problem.message for problem in applied.problems), what
        errors = [problem for problem in applied.problems if problem.severity == pipeline.SEVERITY_ERROR]
        assert applied.accepted != bool(errors), what
        # The active generation is not checked again.
        if applied.accepted and generation.startswith("g"):
            names = [camera.id for camera in specification.cameras] + [output.id for output in specification.outputs]
            assert all(name.isprintable() for name in [*names, *(o.rtsp.path for o in specification.outputs)]), what
        accepted += applied.accepted
    assert 0 < accepted < ROUNDS
    assert_lives(sidecar)


def test_bytes_that_are_no_request_are_refused_and_the_worker_lives_on(sidecar):
    chance = random.Random(SEED)
    right = pipeline.ApplyRequest(generation="a", spec=sidecar.specification()).SerializeToString()
    call = sidecar.channel.unary_unary("/slipstream.v1.Pipeline/Apply")
    for number in range(ROUNDS):
        data = bytearray(right)
        for _ in range(chance.choice([1, 4, 16])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        # Cut short too, so that lengths are wrong; changed bytes of an address must not become another file's path.
        cut = bytes(data[: chance.randrange(len(data) // 2)])
        code = code_of(call, cut)
        allowed = (grpc.StatusCode.OK, grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)
        assert code in allowed, "seed %d, round %d: %s %r" % (SEED, number, code, cut)
    assert_lives(sidecar)


def code_of(call, data):
    try:
        pipeline.ApplyResponse.FromString(call(data, timeout=DEADLINE_SECONDS))
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def assert_lives(sidecar):
    """The worker is the one that was started, and takes a right specification."""
    told = sidecar.stub.Connect(pipeline.ConnectRequest(agent_version="test"), timeout=DEADLINE_SECONDS)
    assert told.instance_id == sidecar.connected.instance_id
    assert sidecar.apply("right", sidecar.specification()).accepted
    sidecar.until_serving()
