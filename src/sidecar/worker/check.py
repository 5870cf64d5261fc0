"""Checks whether a specification can run here: everything that can be told without trying, except about the model."""

import re
from typing import Iterable, List, Set
from urllib.parse import urlsplit

from sidecar.contract import pipeline, spec
from sidecar.log import redact
from sidecar.worker.cameras.addresses import scheme
from sidecar.worker.outputs.recording.names import LONGEST_PATH, is_path
from sidecar.worker.problem import Problem, error

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_SMALLEST_SIDE = 16
_LARGEST_SIDE = 8192
_LONGEST_LATENCY_SECONDS = 60
_LONGEST_FROZEN_SECONDS = 24 * 3600
_LONGEST_FILE_SECONDS = 24 * 3600
# Of the year 9999.
_LAST_SECOND = 253402300799


def check(specification: spec.PipelineSpec, capabilities: pipeline.Capabilities) -> List[Problem]:
    """All problems of a specification for an engine that can do so much. Pure."""
    problems: List[Problem] = []
    if not specification.cameras:
        problems.append(error("no-camera", "cameras", "there is no camera; name at least one"))
    problems += _ids("cameras", [camera.id for camera in specification.cameras])
    for index, camera in enumerate(specification.cameras):
        problems += _camera("cameras[%d]" % index, camera, capabilities)
    if not specification.model.bundle_path:
        problems.append(error("no-model", "model.bundle_path", "no model is named"))
    if specification.model.HasField("threshold") and not 0 <= specification.model.threshold <= 1:
        problems.append(
            error("out-of-range", "model.threshold", "%g is not within 0 to 1" % specification.model.threshold)
        )
    algorithm = specification.tracker.algorithm
    if algorithm and algorithm not in capabilities.trackers:
        name = spec.TrackerAlgorithm.Name(algorithm) if algorithm in spec.TrackerAlgorithm.values() else str(algorithm)
        problems.append(error("unsupported-tracker", "tracker.algorithm", "this engine has no tracker %s" % name))
    if not specification.outputs:
        problems.append(error("no-output", "outputs", "there is no output; name at least one"))
    problems += _ids("outputs", [output.id for output in specification.outputs])
    for index, output in enumerate(specification.outputs):
        problems += _output("outputs[%d]" % index, output, capabilities)
    problems += _addresses(specification)
    return problems


def _ids(path: str, ids: List[str]) -> Iterable[Problem]:
    seen: Set[str] = set()
    for index, one in enumerate(ids):
        if not _ID.match(one):
            yield error(
                "bad-id",
                "%s[%d].id" % (path, index),
                "%r is no id; use a-z, 0-9, _ and -, at most 63 characters, the first a letter or digit" % one,
            )
        if one in seen:
            yield error("duplicate-id", "%s[%d].id" % (path, index), "the id %r is used twice" % one)
        seen.add(one)


def _camera(path: str, camera: spec.Camera, capabilities: pipeline.Capabilities) -> Iterable[Problem]:
    uri = camera.uri
    kind = scheme(uri)
    if kind not in capabilities.sources:
        yield error(
            "unsupported-source",
            path + ".uri",
            "%r cannot be opened; use one of: %s"
            % (redact(uri), ", ".join(_form(source) for source in capabilities.sources)),
        )
    elif not uri.isprintable() or not _can_be_read(uri):
        # It is not repeated: what cannot be read may hold a login anywhere.
        problem = "it is no address; look at the port (1 to 65535), brackets and characters that cannot be seen"
        yield error("bad-uri", path + ".uri", problem)
    elif kind in ("rtsp", "rtsps") and not uri.split("://", 1)[1].split("/")[0]:
        yield error("bad-uri", path + ".uri", "%r names no host" % redact(uri))
    if "://" in uri and "@" in uri.split("://", 1)[1].split("/")[0]:
        yield error("secret-in-uri", path + ".uri", "the address carries a login; put it into credentials")
    for index, mask in enumerate(camera.masks):
        where = "%s.masks[%d]" % (path, index)
        if len(mask.points) < 3:
            yield error("bad-mask", where, "a mask needs at least three points")
        if any(not (0 <= point.x <= 1 and 0 <= point.y <= 1) for point in mask.points):
            yield error("bad-mask", where, "points are fractions of the frame, 0 to 1")

    for name, span, most in (
        ("latency", camera.latency, _LONGEST_LATENCY_SECONDS),
        ("frozen_after", camera.frozen_after, _LONGEST_FROZEN_SECONDS),
    ):
        if not (0 <= span.seconds < most and 0 <= span.nanos < 10**9) and (span.seconds, span.nanos) != (most, 0):
            yield error("out-of-range", "%s.%s" % (path, name), "it is not within 0 to %d s" % most)
    until = camera.off.until
    if not (0 <= until.seconds <= _LAST_SECOND and 0 <= until.nanos < 10**9):
        yield error("out-of-range", path + ".off.until", "it is no time of the years 1970 to 9999")


def _can_be_read(uri: str) -> bool:
    try:
        # A port that is no number, or too large a one, is found when it is asked for.
        port = urlsplit(uri).port
    except ValueError:
        return False
    return port is None or port > 0


def _form(source: str) -> str:
    return source + "N" if source.startswith("/") else source + "://"


def _output(path: str, output: spec.Output, capabilities: pipeline.Capabilities) -> Iterable[Problem]:
    if output.HasField("rtsp"):
        yield from _rtsp(path + ".rtsp", output.rtsp)
    elif output.HasField("file"):
        yield from _file(path + ".file", output.file)
    elif not output.HasField("window"):
        yield error("unsupported-target", path, "it goes nowhere; give it one of rtsp, file and window")
    encoding = output.encoding
    is_encoded = not output.HasField("window")
    if is_encoded and (encoding.codec or spec.CODEC_H264) not in capabilities.codecs:
        yield error("unsupported-codec", path + ".encoding.codec", "this machine has no encoder for it")
    for name, side in (("width", encoding.width), ("height", encoding.height)):
        if side % 2 or not _SMALLEST_SIDE <= side <= _LARGEST_SIDE:
            yield error(
                "out-of-range",
                "%s.encoding.%s" % (path, name),
                "%d is no even number within %d to %d" % (side, _SMALLEST_SIDE, _LARGEST_SIDE),
            )
    if is_encoded and not 10000 <= encoding.bitrate <= 100000000:
        yield error(
            "out-of-range",
            path + ".encoding.bitrate",
            "%d is not within 10000 to 100000000 bit/s" % encoding.bitrate,
        )
    if not 1 <= encoding.frame_rate <= 120:
        yield error("out-of-range", path + ".encoding.frame_rate", "%d is not within 1 to 120" % encoding.frame_rate)


def _rtsp(path: str, rtsp: spec.RtspTarget) -> Iterable[Problem]:
    if not 0 < rtsp.port < 65536:
        yield error("out-of-range", path + ".port", "%d is not within 1 to 65535" % rtsp.port)
    if not re.match(r"/[A-Za-z0-9._~/-]*\Z", rtsp.path):
        yield error("bad-path", path + ".path", "%r is no path; for example /ds" % rtsp.path)


def _file(path: str, file: spec.FileTarget) -> Iterable[Problem]:
    if not is_path(file.path):
        yield error(
            "bad-path",
            path + ".path",
            "%r is no path below the directory of recordings; use letters, digits, _ and -, for example yard.mkv or"
            " north/yard.mkv, at most %d characters" % (file.path, LONGEST_PATH),
        )
    span = file.file_duration
    if file.HasField("file_duration") and not (1 <= span.seconds < _LONGEST_FILE_SECONDS and 0 <= span.nanos < 10**9):
        yield error("out-of-range", path + ".file_duration", "it is not within 1 s to a day")


def _addresses(specification: spec.PipelineSpec) -> Iterable[Problem]:
    targets = [(index, output.rtsp) for index, output in enumerate(specification.outputs) if output.HasField("rtsp")]
    for index, rtsp in targets:
        if rtsp.port != targets[0][1].port:
            yield error(
                "several-ports",
                "outputs[%d].rtsp.port" % index,
                "all RTSP outputs share one port, %d here; tell them apart by path" % targets[0][1].port,
            )
        if list(rtsp.users) != list(targets[0][1].users):
            yield error(
                "several-user-lists",
                "outputs[%d].rtsp.users" % index,
                "all RTSP outputs share one list of users; give this one the same as outputs[%d]" % targets[0][0],
            )
        yield from _users("outputs[%d].rtsp.users" % index, rtsp)
        if any(other.path == rtsp.path for position, other in targets if position < index):
            yield error("duplicate-path", "outputs[%d].rtsp.path" % index, "the path %s is used twice" % rtsp.path)
    files = [(index, output.file) for index, output in enumerate(specification.outputs) if output.HasField("file")]
    for index, file in files:
        if any(other.path == file.path for position, other in files if position < index):
            yield error("duplicate-path", "outputs[%d].file.path" % index, "the path %s is used twice" % file.path)


def _users(path: str, rtsp: spec.RtspTarget) -> Iterable[Problem]:
    """Messages tell no name and no password."""
    seen: Set[str] = set()
    for index, user in enumerate(rtsp.users):
        where = "%s[%d]" % (path, index)
        # Clients write the name between quotes, as it is, and the server finds none with a colon.
        if not user.username or not user.username.isprintable() or set(user.username) & set('":\\'):
            yield error("bad-user", where + ".username", "a name is not empty and has no colon, quote or backslash")
        if not user.password or not user.password.isprintable():
            yield error("bad-user", where + ".password", "a password is not empty and has no line break or tab")
        if user.username in seen:
            yield error("duplicate-user", where + ".username", "the name is used twice")
        seen.add(user.username)
