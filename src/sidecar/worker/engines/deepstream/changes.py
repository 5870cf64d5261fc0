"""How two specifications differ, and whether that needs another graph. Pure."""

from typing import List, Optional, Tuple

from sidecar.contract import pipeline, spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.model import LoadedModel, Models
from sidecar.worker.outputs.plan import StreamPlan, plan_streams


def structure(specification: spec.PipelineSpec, models: Models) -> Tuple[object, ...]:
    """Everything that a graph is built for. The rest of a specification can change while frames flow."""
    return (
        [connection(camera) for camera in specification.cameras],
        [_wiring(output) for output in specification.outputs],
        [_nvinfer(model) for model in models],
        _nvinfer_threshold(specification, models[0].bundle),
        [one.SerializeToString(deterministic=True) for one in specification.models[1:]],
        specification.tracker.algorithm,
    )


def _nvinfer(model: LoadedModel) -> Tuple[object, ...]:
    groups = model.bundle.groups
    entries = [(group, key, entry.raw) for group, keys in groups.items() for key, entry in keys.items()]
    # The engine's directory is named after the content of the network, the batch and the machine.
    return model.tensorrt_engine.path, sorted(entries), model.bundle.labels, model.bundle.attributes


def connection(camera: spec.Camera) -> bytes:
    """A camera without its name, which is only drawn, without whether it is off, and without what is ignored."""
    bare = spec.Camera()
    bare.CopyFrom(camera)
    bare.name = ""
    bare.ClearField("off")
    bare.ClearField("still_interval")
    return bytes(bare.SerializeToString(deterministic=True))


def _wiring(output: spec.Output) -> bytes:
    """An output without what the graph does not depend on: its bit rate, who may watch, and the limits of its files."""
    bare = spec.Output()
    bare.CopyFrom(output)
    bare.encoding.bitrate = 0
    if bare.HasField("rtsp"):
        del bare.rtsp.users[:]
    if bare.HasField("file"):
        bare.file.ClearField("file_duration")
        bare.file.max_bytes = 0
    return bytes(bare.SerializeToString(deterministic=True))


def _nvinfer_threshold(specification: spec.PipelineSpec, bundle: NvinferBundle) -> Optional[float]:
    """The threshold that nvinfer must have: objects that it drops cannot be brought back. A probe applies one above the
    bundle's own, and any where the outputs are decoded here."""
    if bundle.decoded_here is not None or not specification.models[0].HasField("threshold"):
        return None
    threshold = specification.models[0].threshold
    return threshold if any(threshold < one for one in bundle.thresholds()) else None


def live_changes(before: spec.PipelineSpec, after: spec.PipelineSpec) -> List[pipeline.Change]:
    """The changes between two specifications with the same structure."""
    paths = [
        "models[0].%s" % name for name in ("interval", "threshold") if _optional(before, name) != _optional(after, name)
    ]
    if list(before.models[0].classes) != list(after.models[0].classes):
        paths.append("models[0].classes")
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
    """The streams whose bit rate changes, as they are to be."""
    rates = {one.key: one.encoding.bitrate for one in plan_streams(before)}
    return [one for one in plan_streams(after) if rates.get(one.key) != one.encoding.bitrate]


def rebuild_changes(before: spec.PipelineSpec, after: spec.PipelineSpec) -> List[pipeline.Change]:
    """The changes by another graph: every camera reconnects, every stream restarts, and what was removed is gone."""
    cameras = dict.fromkeys(one.id for specification in (before, after) for one in specification.cameras)
    outputs = dict.fromkeys(one.key for specification in (before, after) for one in plan_streams(specification))
    paths = ["cameras[%s]" % one for one in cameras] + [_path(key) for key in outputs]
    if before.models != after.models:
        paths.insert(0, "models")
    if before.tracker != after.tracker:
        paths.insert(0, "tracker")
    return [pipeline.Change(path=path, effect=pipeline.EFFECT_REBUILD) for path in paths]


def _optional(specification: spec.PipelineSpec, name: str) -> object:
    return getattr(specification.models[0], name) if specification.models[0].HasField(name) else None


def _path(key: Tuple[str, str]) -> str:
    return "outputs[%s]" % "/".join(filter(None, key))
