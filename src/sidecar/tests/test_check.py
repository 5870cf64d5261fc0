"""What is wrong with a specification, said before anything runs."""

import pytest
from google.protobuf.duration_pb2 import Duration

from sidecar.contract import pipeline, spec
from sidecar.worker.check import check

CAN = pipeline.Capabilities(
    codecs=[spec.CODEC_H264], trackers=[spec.TRACKER_ALGORITHM_IOU], sources=["rtsp", "file", "/dev/video", "test"]
)


def right():
    return spec.PipelineSpec(
        cameras=[spec.Camera(id="front", uri="rtsp://10.0.0.2/main")],
        models=[spec.Model(bundle_path="/models/a")],
        outputs=[
            spec.Output(
                id="main",
                encoding=spec.Encoding(width=1280, height=720, bitrate=4000000, frame_rate=25),
                rtsp=spec.RtspTarget(port=8554, path="/ds"),
            )
        ],
    )


def test_a_right_specification_has_no_problem():
    assert check(right(), CAN) == []


@pytest.mark.parametrize("uri", ["rtsp://cam-1.example:554/a?b=c#d", "rtsp://[fe80::1]/", "file:///a b.mp4", "test://"])
def test_addresses_of_every_form_are_right(uri):
    specification = right()
    specification.cameras[0].uri = uri
    specification.cameras[0].latency.FromSeconds(60)
    specification.cameras[0].frozen_after.FromSeconds(24 * 3600)
    specification.cameras[0].off.SetInParent()
    assert check(specification, CAN) == []


def change(path, value):
    def apply(specification):
        target = specification
        *way, last = path.split(".")
        for step in way:
            name, _, index = step.partition("[")
            target = getattr(target, name)
            target = target[int(index[:-1])] if index else target
        setattr(target, last, value)

    return apply


def second_camera(**fields):
    return lambda specification: specification.cameras.add(**fields)


def second_output(**fields):
    def apply(specification):
        other = specification.outputs.add()
        other.CopyFrom(specification.outputs[0])
        other.id = "second"
        for name, value in fields.items():
            setattr(other.rtsp, name, value)

    return apply


def file_output(**fields):
    def apply(specification):
        specification.outputs[0].file.CopyFrom(spec.FileTarget(**dict({"path": "yard.mkv"}, **fields)))

    return apply


def two_files(one, other):
    def apply(specification):
        second_output()(specification)
        specification.outputs[0].file.path = one
        specification.outputs[1].file.path = other

    return apply


def mask(*points):
    def apply(specification):
        polygon = specification.cameras[0].masks.add()
        for x, y in points:
            polygon.points.add(x=x, y=y)

    return apply


@pytest.mark.parametrize(
    ("fault", "code", "path"),
    [
        (lambda s: s.ClearField("cameras"), "no-camera", "cameras"),
        (lambda s: s.ClearField("outputs"), "no-output", "outputs"),
        (change("models[0].bundle_path", ""), "no-model", "models[0].bundle_path"),
        (change("models[0].threshold", 1.5), "out-of-range", "models[0].threshold"),
        (change("cameras[0].id", "Front Door"), "bad-id", "cameras[0].id"),
        # $ of a regular expression would let a line break at the end pass.
        (change("cameras[0].id", "front\n"), "bad-id", "cameras[0].id"),
        (change("outputs[0].rtsp.path", "/ds\n"), "bad-path", "outputs[0].rtsp.path"),
        (second_camera(id="front", uri="test://"), "duplicate-id", "cameras[1].id"),
        (change("cameras[0].uri", "http://10.0.0.2/"), "unsupported-source", "cameras[0].uri"),
        (change("cameras[0].uri", ""), "unsupported-source", "cameras[0].uri"),
        (change("cameras[0].uri", "rtsp:///x"), "bad-uri", "cameras[0].uri"),
        (change("cameras[0].uri", "rtsp://me:pass@10.0.0.2/"), "secret-in-uri", "cameras[0].uri"),
        (change("cameras[0].uri", "rtsp://10.0.0.2:99999/"), "bad-uri", "cameras[0].uri"),
        (change("cameras[0].uri", "rtsp://10.0.0.2:0/"), "bad-uri", "cameras[0].uri"),
        (change("cameras[0].uri", "rtsp://10.0.0.2:port/"), "bad-uri", "cameras[0].uri"),
        (change("cameras[0].uri", "rtsp://[::1/"), "bad-uri", "cameras[0].uri"),
        (change("cameras[0].uri", "file:///a\0b"), "bad-uri", "cameras[0].uri"),
        (change("cameras[0].latency.seconds", 61), "out-of-range", "cameras[0].latency"),
        (change("cameras[0].latency.nanos", -1), "out-of-range", "cameras[0].latency"),
        (change("cameras[0].frozen_after.seconds", 1 << 62), "out-of-range", "cameras[0].frozen_after"),
        (change("cameras[0].off.until.seconds", 1 << 62), "out-of-range", "cameras[0].off.until"),
        (change("cameras[0].off.until.seconds", -1), "out-of-range", "cameras[0].off.until"),
        (mask((0, 0), (1, 1)), "bad-mask", "cameras[0].masks[0]"),
        (mask((0, 0), (1, 1), (0, 2)), "bad-mask", "cameras[0].masks[0]"),
        (change("tracker.algorithm", spec.TRACKER_ALGORITHM_NVDCF), "unsupported-tracker", "tracker.algorithm"),
        (change("outputs[0].encoding.width", 641), "out-of-range", "outputs[0].encoding.width"),
        (change("outputs[0].encoding.height", 0), "out-of-range", "outputs[0].encoding.height"),
        (change("outputs[0].encoding.bitrate", 12), "out-of-range", "outputs[0].encoding.bitrate"),
        (change("outputs[0].encoding.frame_rate", 0), "out-of-range", "outputs[0].encoding.frame_rate"),
        (change("outputs[0].encoding.codec", spec.CODEC_H265), "unsupported-codec", "outputs[0].encoding.codec"),
        (change("outputs[0].rtsp.port", 70000), "out-of-range", "outputs[0].rtsp.port"),
        (change("outputs[0].rtsp.path", "ds"), "bad-path", "outputs[0].rtsp.path"),
        (change("outputs[0].rtsp.path", "/a b"), "bad-path", "outputs[0].rtsp.path"),
        (lambda s: s.outputs[0].ClearField("rtsp"), "unsupported-target", "outputs[0]"),
        (file_output(path=""), "bad-path", "outputs[0].file.path"),
        (file_output(path="/yard.mkv"), "bad-path", "outputs[0].file.path"),
        (file_output(path="../yard.mkv"), "bad-path", "outputs[0].file.path"),
        (file_output(path="a/../../yard.mkv"), "bad-path", "outputs[0].file.path"),
        (file_output(path="yard.mkv\n"), "bad-path", "outputs[0].file.path"),
        (file_output(path="yard.mp4"), "bad-path", "outputs[0].file.path"),
        (file_output(path="y" * 300 + ".mkv"), "bad-path", "outputs[0].file.path"),
        (file_output(file_duration=Duration(nanos=5)), "out-of-range", "outputs[0].file.file_duration"),
        (file_output(file_duration=Duration(seconds=1 << 62)), "out-of-range", "outputs[0].file.file_duration"),
        (two_files("yard.mkv", "yard.mkv"), "duplicate-path", "outputs[1].file.path"),
        (second_output(path="/other", port=9000), "several-ports", "outputs[1].rtsp.port"),
        (second_output(), "duplicate-path", "outputs[1].rtsp.path"),
    ],
)
def test_each_fault_is_found_with_its_code_and_place_and_nothing_else(fault, code, path):
    specification = right()
    fault(specification)
    problems = check(specification, CAN)
    assert [(problem.code, problem.path) for problem in problems] == [(code, path)]
    assert problems[0].message
    assert "pass" not in problems[0].message


@pytest.mark.parametrize("path", ["yard.mkv", "north/yard_1.mkv", "a/b/c/d-e.mkv"])
def test_files_and_windows_are_taken(path):
    specification = right()
    file_output(path=path, max_bytes=1)(specification)
    window = specification.outputs.add()
    window.CopyFrom(specification.outputs[0])
    window.id = "window"
    window.window.SetInParent()
    # It is not encoded.
    window.encoding.codec = spec.CODEC_H265
    window.encoding.bitrate = 0
    assert check(specification, CAN) == []


def test_all_faults_are_told_at_once():
    specification = right()
    specification.cameras[0].uri = "http://x"
    specification.models[0].bundle_path = ""
    specification.outputs[0].encoding.width = 3
    assert len(check(specification, CAN)) == 3


def users(*logins):
    return [spec.Credentials(username=username, password=password) for username, password in logins]


def with_users(*lists):
    """Outputs with these users."""
    specification = right()
    for number, logins in enumerate(lists):
        if number:
            second_output(path="/ds/%d" % number)(specification)
            specification.outputs[number].id = "output-%d" % number
            del specification.outputs[number].rtsp.users[:]
        specification.outputs[number].rtsp.users.extend(users(*logins))
    return specification


EVE, ADAM = ("eve", 'p@ss:w/rd%23 "ü"'), ("adam", "hunter2")


@pytest.mark.parametrize("lists", [[[]], [[EVE]], [[EVE, ADAM], [EVE, ADAM]]])
def test_users_that_all_outputs_share_are_right(lists):
    assert check(with_users(*lists), CAN) == []


@pytest.mark.parametrize(
    ("lists", "code", "path"),
    [
        ([[EVE], [ADAM]], "several-user-lists", "outputs[1].rtsp.users"),
        ([[EVE], []], "several-user-lists", "outputs[1].rtsp.users"),
        ([[EVE], [EVE], [EVE, ADAM]], "several-user-lists", "outputs[2].rtsp.users"),
        ([[EVE, ("eve", "hunter2")]], "duplicate-user", "outputs[0].rtsp.users[1].username"),
        ([[("", "hunter2")]], "bad-user", "outputs[0].rtsp.users[0].username"),
        ([[("hunter2:x", "x")]], "bad-user", "outputs[0].rtsp.users[0].username"),
        ([[('hun"ter2', "x")]], "bad-user", "outputs[0].rtsp.users[0].username"),
        ([[EVE, ("hunter2", "")]], "bad-user", "outputs[0].rtsp.users[1].password"),
        ([[("eve", "hunter2\n")]], "bad-user", "outputs[0].rtsp.users[0].password"),
    ],
)
def test_users_that_cannot_be_are_refused_without_a_word_of_them(lists, code, path):
    found = check(with_users(*lists), CAN)
    assert [(problem.code, problem.path) for problem in found] == [(code, path)]
    assert "hunter2" not in str(found)
