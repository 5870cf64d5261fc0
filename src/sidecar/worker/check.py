"""Checks whether a specification can run here: all that can be told without trying, except about the model."""

import re
from typing import Any, Iterable, List, Set
from urllib.parse import urlsplit

from sidecar.contract import pipeline, spec
from sidecar.redact import redact
from sidecar.worker.cameras.addresses import scheme
from sidecar.worker.outputs.recording.names import LONGEST_PATH, is_path
from sidecar.worker.problem import Problem, error

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
# Each takes time for every object that it looks at.
MOST_MODELS = 8
_SMALLEST_SIDE = 16
_LARGEST_SIDE = 8192
_LONGEST_LATENCY_SECONDS = 60
_LONGEST_PATIENCE_SECONDS = 24 * 3600
_LONGEST_STILL_INTERVAL_SECONDS = 60
_LONGEST_FILE_SECONDS = 24 * 3600
# The last second of the year 9999.
_LAST_SECOND = 253402300799


def check(specification: spec.PipelineSpec, capabilities: pipeline.Capabilities) -> List[Problem]:
    """All problems of a specification for an engine with these capabilities. Pure."""
    return list(_problems(specification, capabilities))


def _problems(specification: spec.PipelineSpec, capabilities: pipeline.Capabilities) -> Iterable[Problem]:
    cameras, models, outputs = specification.cameras, specification.models, specification.outputs
    if not cameras:
        yield error("no-camera", "cameras", "there is no camera; name at least one")
    yield from _ids("cameras", [camera.id for camera in cameras])
    for index, camera in enumerate(cameras):
        yield from _camera("cameras[%d]" % index, camera, capabilities)
    if not models:
        yield error("no-model", "models", "there is no model; name at least one")
    if len(models) > MOST_MODELS:
        yield _out_of_range("models", "there are %d models; at most %d run together" % (len(models), MOST_MODELS))
    for index, model in enumerate(models):
        path = "models[%d]" % index
        if not model.bundle_path:
            yield error("no-model", path + ".bundle_path", "no model is named")
        if model.HasField("threshold") and not 0 <= model.threshold <= 1:
            yield _out_of_range(path + ".threshold", "%g is not within 0 to 1" % model.threshold)
    algorithm = specification.tracker.algorithm
    if algorithm and algorithm not in capabilities.trackers:
        name = spec.TrackerAlgorithm.Name(algorithm) if algorithm in spec.TrackerAlgorithm.values() else str(algorithm)
        yield error("unsupported-tracker", "tracker.algorithm", "this engine has no tracker %s" % name)
    if not outputs:
        yield error("no-output", "outputs", "there is no output; name at least one")
    yield from _ids("outputs", [output.id for output in outputs])
    for index, output in enumerate(outputs):
        yield from _output("outputs[%d]" % index, output, capabilities)
    yield from _targets(specification)


def _out_of_range(path: str, message: str) -> Problem:
    return error("out-of-range", path, message)


def _ids(path: str, ids: List[str]) -> Iterable[Problem]:
    seen: Set[str] = set()
    for index, one in enumerate(ids):
        where = "%s[%d].id" % (path, index)
        if not _ID.match(one):
            rule = "use a-z, 0-9, _ and -, at most 63 characters, the first a letter or digit"
            yield error("bad-id", where, "%r is no id; %s" % (one, rule))
        if one in seen:
            yield error("duplicate-id", where, "the id %r is used twice" % one)
        seen.add(one)


def _camera(path: str, camera: spec.Camera, capabilities: pipeline.Capabilities) -> Iterable[Problem]:
    uri = camera.uri
    kind = scheme(uri)
    host = uri.split("://", 1)[1].split("/")[0] if "://" in uri else ""
    if kind not in capabilities.sources:
        forms = ", ".join(one + "N" if one.startswith("/") else one + "://" for one in capabilities.sources)
        yield error("unsupported-source", path + ".uri", "%r cannot be opened; use one of: %s" % (redact(uri), forms))
    elif not uri.isprintable() or not _can_be_parsed(uri):
        # The message does not repeat it: what cannot be parsed may hold a login anywhere.
        problem = "it is no address; look at the port (1 to 65535), brackets and characters that cannot be seen"
        yield error("bad-uri", path + ".uri", problem)
    elif kind in ("rtsp", "rtsps") and not host:
        yield error("bad-uri", path + ".uri", "%r names no host" % redact(uri))
    if "@" in host:
        yield error("secret-in-uri", path + ".uri", "the address carries a login; put it into credentials")
    for index, mask in enumerate(camera.masks):
        where = "%s.masks[%d]" % (path, index)
        if len(mask.points) < 3:
            yield error("bad-mask", where, "a mask needs at least three points")
        if any(not (0 <= point.x <= 1 and 0 <= point.y <= 1) for point in mask.points):
            yield error("bad-mask", where, "points are fractions of the frame, 0 to 1")
    if camera.HasField("hiding") and not camera.hiding.classes:
        yield error("bad-hiding", path + ".hiding.classes", "no class is named; name at least one, or leave hiding out")
    for name, span, most in (
        ("latency", camera.latency, _LONGEST_LATENCY_SECONDS),
        ("frozen_after", camera.frozen_after, _LONGEST_PATIENCE_SECONDS),
        ("silent_after", camera.silent_after, _LONGEST_PATIENCE_SECONDS),
        ("still_interval", camera.still_interval, _LONGEST_STILL_INTERVAL_SECONDS),
    ):
        if not _is_within(span, 0, most - 1) and (span.seconds, span.nanos) != (most, 0):
            yield _out_of_range("%s.%s" % (path, name), "it is not within 0 to %d s" % most)
    if not _is_within(camera.off.until, 0, _LAST_SECOND):
        yield _out_of_range(path + ".off.until", "it is no time of the years 1970 to 9999")


def _can_be_parsed(uri: str) -> bool:
    try:
        # Raises for a port that is no number or too large.
        port = urlsplit(uri).port
    except ValueError:
        return False
    return port is None or port > 0


def _is_within(span: Any, first: int, last: int) -> bool:
    """Whether a Duration or Timestamp is valid, and its whole seconds are within bounds."""
    return bool(first <= span.seconds <= last and 0 <= span.nanos < 10**9)


def _output(path: str, output: spec.Output, capabilities: pipeline.Capabilities) -> Iterable[Problem]:
    if output.HasField("rtsp"):
        if not 0 < output.rtsp.port < 65536:
            yield _out_of_range(path + ".rtsp.port", "%d is not within 1 to 65535" % output.rtsp.port)
        if not re.match(r"/[A-Za-z0-9._~/-]*\Z", output.rtsp.path):
            yield error("bad-path", path + ".rtsp.path", "%r is no path; for example /ds" % output.rtsp.path)
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
            message = "%d is no even number within %d to %d" % (side, _SMALLEST_SIDE, _LARGEST_SIDE)
            yield _out_of_range("%s.encoding.%s" % (path, name), message)
    if is_encoded and not 10000 <= encoding.bitrate <= 100000000:
        yield _out_of_range(path + ".encoding.bitrate", "%d is not within 10000 to 100000000 bit/s" % encoding.bitrate)
    if not 1 <= encoding.frame_rate <= 120:
        yield _out_of_range(path + ".encoding.frame_rate", "%d is not within 1 to 120" % encoding.frame_rate)


def _file(path: str, file: spec.FileTarget) -> Iterable[Problem]:
    if not is_path(file.path):
        yield error(
            "bad-path",
            path + ".path",
            "%r is no path below the directory of recordings; use letters, digits, _ and -, for example yard.mkv or"
            " north/yard.mkv, at most %d characters" % (file.path, LONGEST_PATH),
        )
    if file.HasField("file_duration") and not _is_within(file.file_duration, 1, _LONGEST_FILE_SECONDS - 1):
        yield _out_of_range(path + ".file_duration", "it is not within 1 s to a day")


def _targets(specification: spec.PipelineSpec) -> Iterable[Problem]:
    """What the outputs share, or must not share."""
    targets = [(index, output.rtsp) for index, output in enumerate(specification.outputs) if output.HasField("rtsp")]
    paths: Set[str] = set()
    for index, rtsp in targets:
        where = "outputs[%d].rtsp" % index
        first_index, first = targets[0]
        if rtsp.port != first.port:
            message = "all RTSP outputs share one port, %d here; tell them apart by path" % first.port
            yield error("several-ports", where + ".port", message)
        if list(rtsp.users) != list(first.users):
            message = "all RTSP outputs share one list of users; give this one the same as outputs[%d]" % first_index
            yield error("several-user-lists", where + ".users", message)
        yield from _users(where + ".users", rtsp)
        if rtsp.path in paths:
            yield error("duplicate-path", where + ".path", "the path %s is used twice" % rtsp.path)
        paths.add(rtsp.path)
    files: Set[str] = set()
    for index, output in enumerate(specification.outputs):
        if output.HasField("file"):
            if output.file.path in files:
                message = "the path %s is used twice" % output.file.path
                yield error("duplicate-path", "outputs[%d].file.path" % index, message)
            files.add(output.file.path)


def _users(path: str, rtsp: spec.RtspTarget) -> Iterable[Problem]:
    """The messages hold no name and no password."""
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
