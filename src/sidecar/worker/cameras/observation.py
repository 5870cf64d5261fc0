"""What is known of a camera's current connection, several times a second."""

from typing import NamedTuple, Tuple


class Observation(NamedTuple):
    """Moments are on the monotonic clock, in seconds; 0: there was none yet, or the source does not tell."""

    # When the newest decoded frame arrived.
    last_frame: float = 0.0
    # Recent seconds from frame to frame; 0: not known yet.
    interval: float = 0.0
    # The longest seconds from key frame to key frame that were seen; 0: not known yet.
    key_interval: float = 0.0
    # As the camera names it; empty: not known.
    encoding: str = ""
    # In pixels; (0, 0) until a frame can be shown.
    size: Tuple[int, int] = (0, 0)
    # Seconds for which the frames have been the same.
    frozen_for: float = 0.0
    # The camera was lost because it froze, and has sent nothing else since.
    is_frozen: bool = False
    # The newest RTP packet; the newest question whether the camera is there, and the newest answer to one.
    last_packet: float = 0.0
    last_question: float = 0.0
    last_answer: float = 0.0
    # The newest byte on the RTSP connection, or RTCP report; when the host last confirmed that the connection is open.
    last_sign: float = 0.0
    last_ack: float = 0.0
    # Since when RTP packets have come without a pause.
    packets_since: float = 0.0
