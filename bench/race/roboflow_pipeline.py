"""roboflow's inference in the race: its InferencePipeline with a handler that runs the same network file.

python bench/race/roboflow_pipeline.py CAMERA RATE BUNDLE
"""

import os
import sys
from typing import Any, List

os.environ.setdefault("TELEMETRY_OPT_OUT", "True")
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|threads;1"

from bgr_detector import BgrDetector
from inference import InferencePipeline
from rtsp_output import from_frames


def main() -> None:
    uri, rate, bundle = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    output, detector = from_frames(rate), BgrDetector(bundle)

    def on_frames(frames: List[Any]) -> List[Any]:
        return [detector.detect(frame.image) for frame in frames]

    def on_prediction(objects: Any, frame: Any) -> None:
        image = frame.image.copy()
        detector.draw(image, objects)
        output.write(image)

    pipeline = InferencePipeline.init_with_custom_logic(
        video_reference=uri, on_video_frame=on_frames, on_prediction=on_prediction
    )
    pipeline.start()
    pipeline.join()


if __name__ == "__main__":
    main()
