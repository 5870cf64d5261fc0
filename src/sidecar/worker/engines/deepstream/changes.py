"""What differs between two specifications, and whether that needs a new graph. Pure."""

from typing import List, NamedTuple, Tuple

from sidecar.contract import pipeline, spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.engine_cache import CachedEngine
from sidecar.worker.outputs.plan import StreamPlan, plan_streams


class Structure(NamedTuple):
    """All that a graph is built for. What is not in here changes while frames flow."""

    cameras: Tuple[bytes, ...]
    outputs: Tuple[bytes, ...]
    # The engine's directory names the network's content, the batch and the machine.
    engine: str
    # The bundle's own text, and the threshold that nvinfer applies itself.
    settings: Tuple[Tuple[str, str, str], ...]
    threshold: Tuple[float, ...]
    tracker: int


def structure(specification: spec.PipelineSpec, bundle: NvinferBundle, engine: CachedEngine) -> Structure:
    """The structure of the graph for a specification."""
    return Structure(
        tuple(connection(camera) for camera in specification.cameras),
        tuple(_wiring(output) for output in specification.outputs),
        engine.path,
        tuple(
            (group, key, entry.value)
            for group, entries in sorted(bundle.groups.items())
            for key, entry in entries.items()
        ),
        _floor(specification, bundle),
        specification.tracker.algorithm,
    )


def connection(camera: spec.Camera) -> bytes:
    """A camera without its name, which is only drawn, and whether it is off."""
    bare = spec.Camera()
    bare.CopyFrom(camera)
    bare.name = ""
    bare.ClearField("off")
    return bytes(bare.SerializeToString(deterministic=True))


def _wiring(output: spec.Output) -> bytes:
    """An output without what is not built into the graph: its bit rate, who may watch, and the limits of its files."""
    rateless = spec.Output()
    rateless.CopyFrom(output)
    rateless.encoding.bitrate = 0
    if rateless.HasField("rtsp"):
        del rateless.rtsp.users[:]
    if rateless.HasField("file"):
        rateless.file.ClearField("file_duration")
        rateless.file.max_bytes = 0
    return bytes(rateless.SerializeToString(deterministic=True))


def _floor(specification: spec.PipelineSpec, bundle: NvinferBundle) -> Tuple[float, ...]:
    """What nvinfer must let through: objects that it has dropped itself cannot be brought back. Above the bundle's own
    thresholds the probe filters, and so does it where the outputs are decoded here."""
    if bundle.decoded_here is not None or not specification.model.HasField("threshold"):
        return ()
    threshold = specification.model.threshold
    return (threshold,) if any(threshold < one for one in bundle.thresholds()) else ()


def live_changes(before: spec.PipelineSpec, after: spec.PipelineSpec) -> List[pipeline.Change]:
    """What changed of that which can change while frames flow, between two that have the same structure."""
    paths = [
        "model.%s" % name for name in ("interval", "threshold") if _optional(before, name) != _optional(after, name)
    ]
    if list(before.model.classes) != list(after.model.classes):
        paths.append("model.classes")
    if before.overlay != after.overlay:
        paths.append("overlay")
    for one, other in zip(before.cameras, after.cameras):
        if one.name != other.name:
            paths.append("cameras[%s].name" % one.id)
        if (one.HasField("off"), one.off) != (other.HasField("off"), other.off):
            paths.append("cameras[%s].off" % one.id)
    targets = {one.key: one.target for one in plan_streams(before)}
    changed = [one.key for one in changed_bitrates(before, after)]
    changed += [one.key for one in plan_streams(after) if targets.get(one.key) != one.target]
    paths += [_path(key) for key in dict.fromkeys(changed)]
    return [pipeline.Change(path=path, effect=pipeline.EFFECT_LIVE) for path in paths]


def changed_bitrates(before: spec.PipelineSpec, after: spec.PipelineSpec) -> List[StreamPlan]:
    """The pictures that another bit rate is asked of."""
    rates = {one.key: one.encoding.bitrate for one in plan_streams(before)}
    return [one for one in plan_streams(after) if rates.get(one.key) != one.encoding.bitrate]


def rebuild_changes(before: spec.PipelineSpec, after: spec.PipelineSpec) -> List[pipeline.Change]:
    """A new graph: all cameras connect anew and all pictures begin anew, and what is gone is gone."""
    cameras = list(dict.fromkeys([one.id for one in before.cameras] + [one.id for one in after.cameras]))
    outputs = list(dict.fromkeys([one.key for one in plan_streams(before)] + [one.key for one in plan_streams(after)]))
    paths = ["cameras[%s]" % one for one in cameras] + [_path(key) for key in outputs]
    if before.model != after.model:
        paths.insert(0, "model")
    if before.tracker != after.tracker:
        paths.insert(0, "tracker")
    return [pipeline.Change(path=path, effect=pipeline.EFFECT_REBUILD) for path in paths]


def _optional(specification: spec.PipelineSpec, name: str) -> object:
    return getattr(specification.model, name) if specification.model.HasField(name) else None


def _path(key: Tuple[str, str]) -> str:
    return "outputs[%s]" % "/".join(filter(None, key))
