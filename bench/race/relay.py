"""The limit in the race: a camera is decoded and encoded again, and nothing is detected.

python bench/race/relay.py CAMERA RATE
"""

import signal
import sys

from rtsp_output import ENCODER, RtspOutput

if __name__ == "__main__":
    RtspOutput(
        "rtspsrc location=%s latency=0 protocols=tcp ! rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! %s"
        % (sys.argv[1], ENCODER % int(sys.argv[2]))
    )
    signal.pause()
