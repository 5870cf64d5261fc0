"""The streams that a specification asks for, and what it takes to change one. Pure."""

import enum
from typing import Dict, List, NamedTuple, Tuple, Union

from sidecar.contract import spec
from sidecar.outlet.protocol import User
from sidecar.worker.status.store import OutputKey

_DEFAULT_FILE_SECONDS = 600.0

# As RTP names them.
CODEC_NAMES: Dict["spec.Codec", str] = {spec.CODEC_H264: "H264", spec.CODEC_H265: "H265"}


class OutletTarget(NamedTuple):
    """The outlet serves the stream over RTSP."""

    port: int
    path: str
    # Who may watch. Empty: everybody.
    users: Tuple[User, ...]


class FileTarget(NamedTuple):
    """The stream is recorded."""

    # See recording/names.py.
    path: str
    # Seconds.
    file_duration: float
    # All files of the output together. 0: no limit.
    max_bytes: int


class WindowTarget(NamedTuple):
    """The stream is shown on a screen. It is not encoded."""


class StreamPlan(NamedTuple):
    """One stream as the specification asks for it: of all cameras in tiles, or of one camera."""

    key: OutputKey
    target: Union[OutletTarget, FileTarget, WindowTarget]
    encoding: spec.Encoding
    cameras: List[spec.Camera]


def plan_streams(specification: spec.PipelineSpec) -> List[StreamPlan]:
    """The streams of a specification, in order."""
    plans = []
    for output in specification.outputs:
        if output.layout == spec.LAYOUT_PER_CAMERA:
            for camera in specification.cameras:
                target = _target(output, camera.id)
                plans.append(StreamPlan((output.id, camera.id), target, output.encoding, [camera]))
        else:
            plans.append(StreamPlan((output.id, ""), _target(output, ""), output.encoding, list(specification.cameras)))
    return plans


def _target(output: spec.Output, camera_id: str) -> Union[OutletTarget, FileTarget, WindowTarget]:
    if output.HasField("window"):
        return WindowTarget()
    if output.HasField("file"):
        given = output.file.HasField("file_duration")
        duration = output.file.file_duration.ToMilliseconds() / 1000.0 if given else _DEFAULT_FILE_SECONDS
        return FileTarget(output.file.path, duration, output.file.max_bytes)
    users = tuple(User(user.username, user.password) for user in output.rtsp.users)
    path = "%s/%s" % (output.rtsp.path.rstrip("/"), camera_id) if camera_id else output.rtsp.path
    return OutletTarget(output.rtsp.port, path, users)


def codec_name(encoding: spec.Encoding) -> str:
    """H264 or H265."""
    return CODEC_NAMES[encoding.codec or spec.CODEC_H264]


class Difference(enum.Enum):
    """What a change of a stream's plan takes."""

    NONE = "nothing"
    # Changes while frames flow: the bit rate, who may watch, and the limits of files.
    LIVE = "live"
    REBUILD = "rebuild"


def difference(before: StreamPlan, after: StreamPlan) -> Difference:
    """How two plans of one stream differ."""
    if before == after:
        return Difference.NONE
    return Difference.LIVE if _structure(before) == _structure(after) else Difference.REBUILD


def _structure(one: StreamPlan) -> StreamPlan:
    """A plan without what can change while frames flow."""
    encoding = spec.Encoding()
    encoding.CopyFrom(one.encoding)
    encoding.bitrate = 0
    target = one.target
    if isinstance(target, OutletTarget):
        target = target._replace(users=())
    elif isinstance(target, FileTarget):
        target = target._replace(file_duration=0.0, max_bytes=0)
    return one._replace(target=target, encoding=encoding)
