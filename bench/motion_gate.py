"""Measures what the motion gate saves and misses on a video, against inference of every frame, as JSON.

    PYTHONPATH=src:src/sidecar/gen .venv/bin/python bench/motion_gate.py [VIDEO [BUNDLE [STILL_INTERVAL]]]

Both ways have the tracker. A box is missed where inference of every frame has one, and the gate none of that class that
overlaps it by a third. An object is late for as long as its boxes are missed from its first frame on.
"""

import json
import os
import statistics
import sys
import time
from typing import Any, Dict, List

from sidecar.tests.inference_footage import DEMO, MODELS, read_frames
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.motion_gate import MotionGate
from sidecar.worker.inference.postprocess import DetectionFilter, Object
from sidecar.worker.inference.tracker import Tracker

_OVERLAP = 1 / 3
# Frames a second of the footage that ships, and of opencv-doc's street video, as played.
_RATE = 15.0


def _overlap(one: Object, other: Object) -> float:
    wide = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    high = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    common = max(0.0, wide) * max(0.0, high)
    return common / (one.width * one.height + other.width * other.height - common)


def _has(objects: List[Object], wanted: Object) -> bool:
    return any(one.class_id == wanted.class_id and _overlap(one, wanted) >= _OVERLAP for one in objects)


def measure(video: str, bundle_name: str, still_interval: float) -> Dict[str, Any]:
    bundle, problems = load_bundle(os.path.join(MODELS, bundle_name))
    assert bundle is not None, problems
    detector, everything = Detector(bundle), DetectionFilter()
    gate, full, gated = MotionGate(), Tracker(), Tracker()
    inferred = boxes = missed = 0
    costs: List[float] = []
    # By track id: how many frames an object has been late, and whether it still is.
    late: Dict[int, int] = {}
    seen = set()
    frames = read_frames(video, 1)
    for number, frame in enumerate(frames):
        now = number / _RATE
        objects = detector.detect(frame, everything).objects
        wanted = full.update(objects, now)
        began = time.thread_time()
        opens = gate.opens(frame.y, now, still_interval)
        costs.append(time.thread_time() - began)
        inferred += opens
        # A frame does not wait for its inference: what is found on it is for those that follow.
        got = gated.predict(now, frame.width, frame.height)
        if opens:
            gated.update(objects, now)
        for one in wanted:
            boxes += 1
            if _has(got, one):
                seen.add(one.track_id)
            else:
                missed += 1
                if one.track_id not in seen:
                    late[one.track_id] = late.get(one.track_id, 0) + 1
    return {
        "frames": len(frames),
        "inferredPercent": round(100 * inferred / len(frames), 1),
        "missedBoxesPercent": round(100 * missed / boxes, 2) if boxes else 0.0,
        "boxes": boxes,
        "lateObjects": len(late),
        "longestLateSeconds": round(max(late.values(), default=0) / _RATE, 2),
        "gateCpuMs": round(1000 * statistics.median(costs), 3),
    }


def main() -> None:
    video = sys.argv[1] if len(sys.argv) > 1 else DEMO
    bundle = sys.argv[2] if len(sys.argv) > 2 else "ssd-street"
    still_interval = float(sys.argv[3]) if len(sys.argv) > 3 else 2.0
    print(json.dumps(measure(video, bundle, still_interval)))


if __name__ == "__main__":
    main()
