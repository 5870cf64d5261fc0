"""Runs bundles on a picture or a video, and draws what they find: slipstream model import --try.

    python -m sidecar.worker.engines.cpu.annotate BUNDLE... [--file PICTURE --png ANNOTATED]

The bundles behind the first work on the objects that it finds. It prints JSON: the bundles' problems, how long an
inference of the last takes of one core here, and the objects on the frame that it drew. Of a video, that is the frame
with most objects among some of the first seconds.
"""

import argparse
import json
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from sidecar.chain import ChainError, make
from sidecar.gst import Gst
from sidecar.worker.engines.cpu.object_inference import ObjectInference, ObjectModel, object_model
from sidecar.worker.engines.cpu.overlay import OverlayContent, TileOverlay
from sidecar.worker.engines.overlay import OverlayOptions
from sidecar.worker.engines.planes import edited_copy, planes, video_info
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.cascade import cascade_problems, placed
from sidecar.worker.inference.classifier import Classifier
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.networks import Network, load_network
from sidecar.worker.inference.postprocess import DetectionFilter, Object
from sidecar.worker.inference.session import ModelError
from sidecar.worker.outputs.layout import Rectangle
from sidecar.worker.problem import Problem, error, has_errors

# Of a video, every so many frames, and so many in all.
_STEP = 15
_MOST_FRAMES = 20
_RUNS = 5
_SECONDS = 20
_OVERLAY = OverlayOptions(boxes=True, labels=True)


class TryError(Exception):
    """The file cannot be shown, or the picture not be written. The message is one line."""


class _Seen(NamedTuple):
    sample: Gst.Sample
    objects: List[Object]


def annotate(directories: Sequence[str], file: Optional[str], png: Optional[str]) -> Dict[str, Any]:
    """What main() prints. Raises TryError."""
    bundles, problems = [], []
    for number, directory in enumerate(directories):
        bundle, found = load_bundle(directory)
        problems += placed(number, found)
        if bundle is not None:
            bundles.append(bundle)
    problems += cascade_problems([one.member for one in bundles], is_tracked=False)
    if len(bundles) < len(directories) or has_errors(problems):
        return _answer(problems)
    try:
        detector = Detector(bundles[0])
        others = [object_model(bundles, number, load_network(bundles[number])) for number in range(1, len(bundles))]
        times = [_inference_seconds(others[-1].network if others else detector) for _ in range(_RUNS)]
        seen = None if file is None else _best(detector, others, file)
    except ModelError as why:
        return _answer([*problems, error("model-does-not-load", "bundle_path", str(why))])
    if seen is not None and png is not None:
        _write(png, seen)
    return _answer(problems, 1000 * sorted(times)[_RUNS // 2], None if seen is None else seen.objects)


def _answer(
    problems: List[Problem], milliseconds: Optional[float] = None, objects: Optional[List[Object]] = None
) -> Dict[str, Any]:
    return {
        "problems": [one._asdict() for one in problems],
        "milliseconds": milliseconds,
        "objects": None if objects is None else [one._asdict() for one in objects],
    }


def _inference_seconds(network: Network) -> float:
    if isinstance(network, Classifier):
        return network.classify([_grey()], DetectionFilter()).cpu_seconds
    return network.detect(_grey(), DetectionFilter()).cpu_seconds


def _grey() -> I420Frame:
    plane = np.full((360, 640), 128, np.uint8)
    return I420Frame(plane, plane[::2, ::2], plane[::2, ::2], 640, 360)


def _best(detector: Detector, others: Sequence[ObjectModel], file: str) -> _Seen:
    """The frame with most objects."""
    best: Optional[_Seen] = None
    for sample in _samples(file):
        buffer = sample.get_buffer()
        ok, mapped = buffer.map(Gst.MapFlags.READ)
        if not ok:
            raise TryError("%s: a frame of it cannot be read" % file)
        try:
            frame = planes(mapped.data, buffer, video_info(sample.get_caps()))
            found = detector.detect(frame, DetectionFilter()).objects
            objects = ObjectInference().infer(frame, found, others).objects
        finally:
            buffer.unmap(mapped)
        if best is None or len(objects) > len(best.objects):
            best = _Seen(sample, objects)
    if best is None:
        raise TryError("%s: there is no frame in it" % file)
    return best


def _samples(file: str) -> Iterator[Gst.Sample]:
    """Some of the first frames of a picture or a video, as I420."""
    pipeline = Gst.parse_launch(
        "filesrc name=file ! decodebin ! videoconvert ! video/x-raw, format=I420 !"
        " appsink name=sink sync=false max-buffers=2"
    )
    pipeline.get_by_name("file").set_property("location", file)
    sink = pipeline.get_by_name("sink")
    try:
        pipeline.set_state(Gst.State.PLAYING)
        for number in range(_STEP * (_MOST_FRAMES - 1) + 1):
            sample = sink.emit("try-pull-sample", _SECONDS * Gst.SECOND)
            if sample is None:
                failure = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
                if failure is not None:
                    raise TryError("%s: %s" % (file, failure.parse_error()[0].message))
                return
            if number % _STEP == 0:
                yield sample
    finally:
        pipeline.set_state(Gst.State.NULL)


def _write(png: str, seen: _Seen) -> None:
    caps = seen.sample.get_caps()
    info = video_info(caps)
    content = OverlayContent(
        info.width, info.height, Rectangle(0, 0, info.width, info.height), seen.objects, _OVERLAY, name=""
    )
    overlay = TileOverlay(info.width, info.height)
    drawn = edited_copy(seen.sample.get_buffer(), info, lambda frame: overlay.paint(frame, content))
    _encode(png, drawn, caps)


def _encode(png: str, buffer: Gst.Buffer, caps: Gst.Caps) -> None:
    pipeline = Gst.Pipeline.new("png")
    source = make("appsrc", caps=caps, format="time")
    chain = [source, make("videoconvert"), make("pngenc", snapshot=True), make("filesink", location=png)]
    for element in chain:
        pipeline.add(element)
    for one, other in zip(chain, chain[1:]):
        one.link(other)
    try:
        pipeline.set_state(Gst.State.PLAYING)
        source.emit("push-buffer", buffer)
        source.emit("end-of-stream")
        wanted = Gst.MessageType.EOS | Gst.MessageType.ERROR
        message = pipeline.get_bus().timed_pop_filtered(_SECONDS * Gst.SECOND, wanted)
    finally:
        pipeline.set_state(Gst.State.NULL)
    if message is None or message.type == Gst.MessageType.ERROR:
        why = "it took too long" if message is None else message.parse_error()[0].message
        raise TryError("%s cannot be written: %s" % (png, why))


def _options() -> Tuple[List[str], Optional[str], Optional[str]]:
    parser = argparse.ArgumentParser(description="Runs bundles on a picture or a video.")
    parser.add_argument("bundles", nargs="+", help="directories of bundles")
    parser.add_argument("--file", help="a picture or a video")
    parser.add_argument("--png", help="where the annotated picture goes")
    options = parser.parse_args()
    return options.bundles, options.file, options.png


def main() -> int:
    directories, file, png = _options()
    Gst.init(None)
    try:
        answer = annotate(directories, file, png)
    except (TryError, ChainError) as why:
        print(str(why), file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
