"""The other limit in the race: the network alone, on one thread and on as many as there are processors.

    python bench/race/inference_alone.py BUNDLE SECONDS

It prints JSON: inferences a second, and milliseconds and CPU milliseconds of each, by the number of threads.
"""

import json
import os
import statistics
import sys
import threading
import time
from typing import Dict, List

import numpy as np

from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter


def measure(detector: Detector, count: int, seconds: float) -> Dict[str, float]:
    grey = np.full((360, 640), 128, np.uint8)
    frame = I420Frame(grey, grey[:180, :320], grey[:180, :320], 640, 360)
    taken: List[float] = []
    began, cpu, end = time.monotonic(), time.process_time(), time.monotonic() + seconds

    def run() -> None:
        while time.monotonic() < end:
            taken.append(detector.detect(frame, DetectionFilter()).seconds)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "threads": count,
        "rate": len(taken) / (time.monotonic() - began),
        "ms": 1000 * statistics.median(taken),
        "cpuMs": 1000 * (time.process_time() - cpu) / len(taken),
    }


def main() -> None:
    bundle, problems = load_bundle(sys.argv[1])
    assert bundle is not None, problems
    detector, seconds = Detector(bundle), float(sys.argv[2])
    print(json.dumps([measure(detector, count, seconds) for count in sorted({1, len(os.sched_getaffinity(0))})]))


if __name__ == "__main__":
    main()
