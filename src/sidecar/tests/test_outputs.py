"""What the pictures of a specification are, and what it takes to change one."""

import pytest
from google.protobuf.duration_pb2 import Duration

from sidecar.contract import spec
from sidecar.outlet.protocol import User
from sidecar.worker.outputs.plan import Difference, difference, plan_streams


def specification(layout=spec.LAYOUT_TILED, **rtsp):
    return spec.PipelineSpec(
        cameras=[spec.Camera(id="front", name="Front"), spec.Camera(id="back")],
        outputs=[
            spec.Output(
                id="main",
                layout=layout,
                encoding=spec.Encoding(width=640, height=360, bitrate=1000000, frame_rate=25),
                rtsp=spec.RtspTarget(**dict({"port": 8554, "path": "/ds"}, **rtsp)),
            )
        ],
    )


EVE = spec.Credentials(username="eve", password="hunter2")


def test_every_picture_has_the_users_of_its_output():
    plans = plan_streams(specification(layout=spec.LAYOUT_PER_CAMERA, users=[EVE]))
    assert [(one.target.path, one.target.users) for one in plans] == [
        ("/ds/front", (User("eve", "hunter2"),)),
        ("/ds/back", (User("eve", "hunter2"),)),
    ]


def recorded(layout=spec.LAYOUT_TILED, **file):
    changed = specification(layout)
    changed.outputs[0].file.CopyFrom(spec.FileTarget(**dict({"path": "yard.mkv"}, **file)))
    return changed


def test_what_a_recording_may_take_changes_while_frames_flow():
    (before,), (after,) = (
        plan_streams(recorded()),
        plan_streams(recorded(max_bytes=5, file_duration=Duration(seconds=30))),
    )
    assert difference(before, after) is Difference.LIVE
    (elsewhere,) = plan_streams(recorded(path="north/yard.mkv"))
    assert difference(before, elsewhere) is Difference.REBUILD


def test_a_recording_begins_a_file_every_ten_minutes_unless_it_says_otherwise():
    assert [one.target.file_duration for one in plan_streams(recorded())] == [600]
    assert [one.target.file_duration for one in plan_streams(recorded(file_duration=Duration(seconds=2)))] == [2]


def encoded(**fields):
    changed = specification()
    for name, value in fields.items():
        setattr(changed.outputs[0].encoding, name, value)
    return changed


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (specification(), Difference.NONE),
        (specification(users=[EVE]), Difference.LIVE),
        (encoded(bitrate=2000000), Difference.LIVE),
        (encoded(bitrate=2000000, width=800), Difference.REBUILD),
        (encoded(codec=spec.CODEC_H265), Difference.REBUILD),
        (specification(path="/other"), Difference.REBUILD),
        (specification(port=8555), Difference.REBUILD),
        (recorded(), Difference.REBUILD),
    ],
)
def test_what_a_change_takes(changed, expected):
    (before,), (after,) = plan_streams(specification()), plan_streams(changed)
    assert difference(before, after) is expected
    assert difference(after, before) is expected
