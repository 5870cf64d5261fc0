"""Compares boxes that came over the contract with those of a straightforward inference of the same frames.

    python test/support/compare_boxes.py --file CLIP --bundle nanodet-coco --detections FRAMES.json

FRAMES.json maps a frame's time in the file, in nanoseconds, to a list of {"label", "confidence", "left", "top",
"width", "height"}. Writes one line of JSON: how many frames were compared, how many boxes each side has on them, and
how many of each have a partner on the other side, of the same class and with an overlap (IoU) of 0.9 or more.
"""

import argparse
import json
from typing import Dict, Iterator, List, Tuple

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.tests.inference_footage import copy_frame  # noqa: E402
from sidecar.tests.inference_reference import Found, Reference, matched  # noqa: E402
from sidecar.worker.inference.frame import I420Frame  # noqa: E402

_READ_TIMEOUT_NS = 10 * Gst.SECOND
# Times in the contract are whole nanoseconds; those of a file may be rounded once more on the way.
_SAME_TIME_NS = Gst.MSECOND


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares boxes with a straightforward inference.")
    for name in ("--file", "--bundle", "--detections"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    with open(options.detections, encoding="utf-8") as file:
        ours = {int(time): [_found(box) for box in boxes] for time, boxes in json.load(file).items()}
    Gst.init(None)
    print(json.dumps(_compare(ours, Reference(options.bundle), options.file)))


def _compare(ours: Dict[int, List[Found]], reference: Reference, path: str) -> Dict[str, int]:
    counts = dict.fromkeys(("frames", "ours", "theirs", "ours_matched", "theirs_matched"), 0)
    for time, frame in _frames(path):
        near = next((known for known in ours if abs(known - time) < _SAME_TIME_NS), None)
        if near is None:
            continue
        mine, theirs = ours[near], reference.find(frame)
        counts["frames"] += 1
        counts["ours"] += len(mine)
        counts["theirs"] += len(theirs)
        counts["ours_matched"] += matched(mine, theirs)
        counts["theirs_matched"] += matched(theirs, mine)
    return counts


def _frames(path: str) -> Iterator[Tuple[int, I420Frame]]:
    """Every frame of a file with its time in it."""
    pipeline = Gst.parse_launch(
        "filesrc name=file ! decodebin ! videoconvert ! video/x-raw, format=I420 !"
        " appsink name=sink sync=false max-buffers=2"
    )
    pipeline.get_by_name("file").set_property("location", path)
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    try:
        while True:
            sample = sink.emit("try-pull-sample", _READ_TIMEOUT_NS)
            if sample is None:
                return
            time = sample.get_segment().to_stream_time(Gst.Format.TIME, sample.get_buffer().pts)
            yield time, copy_frame(sample)
    finally:
        pipeline.set_state(Gst.State.NULL)


def _found(box: Dict[str, float]) -> Found:
    left, top = box["left"], box["top"]
    return Found(str(box["label"]), box["confidence"], (left, top, left + box["width"], top + box["height"]))


if __name__ == "__main__":
    main()
