"""Runs the models behind the first on the objects of one camera's frames: classifiers, and detectors within objects.

When an object is inferred again follows nvinfer. Two things are engine cpu's own: a frame has at most so many crops for
each model, and the objects that wait longest come first; and what a detector found within an object stays with that
object until it is inferred again.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from sidecar.contract import spec
from sidecar.worker.inference.bundle import Bundle
from sidecar.worker.inference.classifier import Classifier
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.networks import Network
from sidecar.worker.inference.object_rules import ObjectRules
from sidecar.worker.inference.postprocess import Attribute, DetectionFilter, Object, detection_filter

# Crops of one frame for each model. More would make the frame late; the others have their turn on the next frames.
MOST_CROPS = 8
# A classifier infers an object again that has grown by this much.
_GROWTH = 1.2
# Frames for which the results of an object that is gone are kept.
_KEPT_FRAMES = 150


class ObjectModel(NamedTuple):
    """A model that works on objects, and its settings."""

    # Its place in the specification.
    number: int
    network: Network
    rules: ObjectRules
    # Frames that are skipped at least between two: nvinfer's interval.
    skipped_frames: int
    filter: DetectionFilter
    # gie-unique-id of the models before it, by their place.
    ids: Tuple[int, ...]


def object_model(
    bundles: Sequence[Bundle], number: int, network: Network, wanted: Optional[spec.Model] = None
) -> ObjectModel:
    """bundles: of all models. wanted: settings that override those of the bundle."""
    config = bundles[number].config
    assert config.rules is not None, "models behind the first work on objects"
    wanted = spec.Model() if wanted is None else wanted
    rules = config.rules._replace(interval=wanted.interval) if wanted.HasField("interval") else config.rules
    ids = tuple(one.config.unique_id for one in bundles[:number])
    return ObjectModel(number, network, rules, config.interval, detection_filter(wanted), ids)


class _Result(NamedTuple):
    """What a model said of an object."""

    attributes: Tuple[Attribute, ...]
    # Objects within it; their boxes are in fractions of its own.
    objects: Tuple[Object, ...]


class _Past(NamedTuple):
    """What a model said last of a tracked object."""

    result: _Result
    # The frames on which the object was inferred, and seen last.
    frame: int
    seen: int
    # When it was inferred, in pixels.
    area: float


class Inferred(NamedTuple):
    """Objects with what the models say of them, those within others behind all of them, and the networks' time."""

    objects: List[Object]
    seconds: float
    cpu_seconds: float


class ObjectInference:
    """For one thread at a time."""

    def __init__(self) -> None:
        # By the model's place and the object's track id.
        self._past: Dict[Tuple[int, int], _Past] = {}
        self._frame = 0
        # The frame of each model's last run, by the model's place.
        self._last_runs: Dict[int, int] = {}

    def reset(self) -> None:
        """Forgets all objects."""
        self._past = {}
        self._last_runs = {}

    def infer(self, frame: I420Frame, objects: Sequence[Object], models: Sequence[ObjectModel]) -> Inferred:
        """The objects of the next frame with what the models say of them. Blocks for the time of the inferences. Raises
        ModelError."""
        return self._run(frame, objects, models)

    def recall(self, objects: Sequence[Object], models: Sequence[ObjectModel]) -> List[Object]:
        """The objects of the next frame, which is not inferred, with what is known of them."""
        return self._run(None, objects, models).objects

    def _run(self, frame: Optional[I420Frame], objects: Sequence[Object], models: Sequence[ObjectModel]) -> Inferred:
        self._frame += 1
        done = Inferred(list(objects), 0.0, 0.0)
        for model in models:
            results: Dict[int, _Result] = {}
            # The first model may skip frames of its own, so that no fixed count of frames meets an inferred one.
            last_run = self._last_runs.get(model.number)
            if frame is not None and (last_run is None or self._frame - last_run > model.skipped_frames):
                self._last_runs[model.number] = self._frame
                due = self._due(model, done.objects)
                results, seconds, cpu_seconds = _infer(frame, model, done.objects, due)
                done = done._replace(seconds=done.seconds + seconds, cpu_seconds=done.cpu_seconds + cpu_seconds)
            for number, one in enumerate(list(done.objects)):
                result = self._remember(model, one, results.get(number))
                if result is not None:
                    done.objects[number] = one._replace(attributes=one.attributes + result.attributes)
                    done.objects.extend(_within(one, inner) for inner in result.objects)
        self._past = {key: one for key, one in self._past.items() if self._frame - one.seen <= _KEPT_FRAMES}
        return done

    def _due(self, model: ObjectModel, objects: Sequence[Object]) -> List[int]:
        """The numbers of the objects to infer on this frame: first those that never were, then by age."""
        ages = {}
        for number, one in enumerate(objects):
            if not model.rules.match(model.ids[one.model], one.class_id, one.width, one.height):
                continue
            if one.track_id is None:
                if not model.rules.only_tracked:
                    ages[number] = -1
                continue
            past = self._past.get((model.number, one.track_id))
            if past is None:
                ages[number] = -1
            elif _is_due(model, self._frame - past.frame, one.width * one.height / max(1.0, past.area)):
                ages[number] = past.frame
        return sorted(ages, key=lambda number: ages[number])[:MOST_CROPS]

    def _remember(self, model: ObjectModel, item: Object, result: Optional[_Result]) -> Optional[_Result]:
        """What is known of an object, with its result on this frame."""
        if item.track_id is None:
            return result
        key = model.number, item.track_id
        if result is not None:
            self._past[key] = _Past(result, self._frame, self._frame, item.width * item.height)
        elif key in self._past:
            self._past[key] = self._past[key]._replace(seen=self._frame)
        return self._past[key].result if key in self._past else None


def _is_due(model: ObjectModel, frames: int, growth: float) -> bool:
    """Whether an object is inferred again so many frames later, as nvinfer decides it. growth: of its area."""
    interval = model.rules.interval
    if isinstance(model.network, Classifier):
        return growth > _GROWTH or (interval is not None and frames > interval)
    return interval is None or frames > interval


def _infer(
    frame: I420Frame, model: ObjectModel, objects: Sequence[Object], due: Sequence[int]
) -> Tuple[Dict[int, _Result], float, float]:
    """The results by the objects' numbers, and the network's time."""
    crops = {number: frame.crop(*objects[number][3:7]) for number in due}
    results: Dict[int, _Result] = {}
    seconds = cpu_seconds = 0.0
    if isinstance(model.network, Classifier):
        found = [(number, crop[0]) for number, crop in crops.items() if crop is not None]
        said = model.network.classify([crop for _, crop in found], model.filter)
        for (number, _), attributes in zip(found, said.attributes):
            results[number] = _Result(attributes, ())
        return results, said.seconds, said.cpu_seconds
    for number, crop in crops.items():
        if crop is None:
            continue
        part, left, top = crop
        inference = model.network.detect(part, model.filter)
        seconds, cpu_seconds = seconds + inference.seconds, cpu_seconds + inference.cpu_seconds
        outer = objects[number]
        inner = [
            one._replace(
                left=(left + one.left - outer.left) / outer.width,
                top=(top + one.top - outer.top) / outer.height,
                width=one.width / outer.width,
                height=one.height / outer.height,
                model=model.number,
            )
            for one in inference.objects
        ]
        results[number] = _Result((), tuple(inner))
    return results, seconds, cpu_seconds


def _within(outer: Object, inner: Object) -> Object:
    return inner._replace(
        left=outer.left + inner.left * outer.width,
        top=outer.top + inner.top * outer.height,
        width=inner.width * outer.width,
        height=inner.height * outer.height,
    )
