"""What it means that a live camera sends no frame, case by case, at a given moment."""

import pytest

from sidecar.worker.cameras.observation import Observation
from sidecar.worker.cameras.silence import Silence, allowed_silence, judge_silence

NOW = 1000.0
NORMAL, UNCLEAR, LOST = Silence


def judged(frame, quiet=60.0, silent=10.0, earlier=0, awake=0.0, interval=0.04, keys=0.0, **ages):
    """frame and ages: seconds since then. keys: seconds from key frame to key frame."""
    moments = {name if "_" in name else "last_" + name: NOW - age for name, age in ages.items()}
    observation = Observation(last_frame=NOW - frame, interval=interval, key_interval=keys, **moments)
    return judge_silence(observation, NOW, awake, quiet, silent, earlier)


@pytest.mark.parametrize(("interval", "seconds"), [(0, 1.5), (1 / 30, 1.5), (1, 4), (10, 40)])
def test_a_camera_with_few_frames_may_be_silent_for_longer(interval, seconds):
    assert allowed_silence(interval) == seconds


@pytest.mark.parametrize(
    ("verdict", "case"),
    [
        # Its own rhythm, whatever else is known.
        (NORMAL, {"frame": 1.4}),
        (NORMAL, {"frame": 19, "interval": 5}),
        (NORMAL, {"frame": 19, "interval": 5, "ack": 15}),
        # Nothing is known of its connection: a device.
        (LOST, {"frame": 1.6}),
        (LOST, {"frame": 21, "interval": 5}),
        # Its host is gone, whatever came before.
        (LOST, {"frame": 3.5, "ack": 3.2}),
        (LOST, {"frame": 3.5, "ack": 3.2, "sign": 3.2, "answer": 3.3}),
        # Its host is there, and that is all.
        (NORMAL, {"frame": 9, "ack": 0.5}),
        (UNCLEAR, {"frame": 11, "ack": 0.5}),
        (NORMAL, {"frame": 19, "ack": 0.5, "earlier": 1}),
        (UNCLEAR, {"frame": 21, "ack": 0.5, "earlier": 1}),
        (UNCLEAR, {"frame": 61, "ack": 0.5, "earlier": 99}),
        # It sends reports, or answers rtspsrc's own requests.
        (NORMAL, {"frame": 55, "ack": 0.5, "sign": 6}),
        (UNCLEAR, {"frame": 55, "ack": 0.5, "sign": 11}),
        (UNCLEAR, {"frame": 61, "ack": 0.5, "sign": 6}),
        # It answers when it is asked.
        (NORMAL, {"frame": 55, "ack": 0.5, "answer": 1, "question": 1.1}),
        (NORMAL, {"frame": 55, "ack": 0.5, "answer": 4, "question": 1.4}),
        (UNCLEAR, {"frame": 61, "ack": 0.5, "answer": 1, "question": 1.1}),
        # It has answered, and does not any more.
        (LOST, {"frame": 4, "ack": 0.5, "answer": 3, "question": 1.6}),
        # It was never asked successfully: its silence says nothing.
        (NORMAL, {"frame": 4, "ack": 0.5, "question": 1.6}),
        # Packets come, and the decoder waits for a key frame.
        (NORMAL, {"frame": 29, "ack": 0.5, "packet": 0.1}),
        (LOST, {"frame": 31, "ack": 0.5, "packet": 0.1}),
        (LOST, {"frame": 31, "ack": 0.5, "packet": 0.1, "answer": 0.5, "question": 0.6}),
        # The next key frame is overdue, by the camera's own rhythm.
        (LOST, {"frame": 2.1, "ack": 0.5, "packet": 0.1, "keys": 1}),
        (NORMAL, {"frame": 1.9, "ack": 0.5, "packet": 0.1, "keys": 1}),
        (NORMAL, {"frame": 19, "ack": 0.5, "packet": 0.1, "keys": 10}),
        (LOST, {"frame": 21, "ack": 0.5, "packet": 0.1, "keys": 10}),
        (NORMAL, {"frame": 29, "ack": 0.5, "packet": 0.1, "keys": 60}),
        (LOST, {"frame": 31, "ack": 0.5, "packet": 0.1, "keys": 60}),
        # Each of its frames looks like a key frame.
        (NORMAL, {"frame": 1.9, "ack": 0.5, "packet": 0.1, "keys": 0.04}),
        # They have just begun to come again.
        (NORMAL, {"frame": 40, "ack": 0.5, "packet": 0.1, "packets_since": 0.3, "keys": 0.1}),
        (LOST, {"frame": 40, "ack": 0.5, "packet": 0.1, "packets_since": 2.3, "keys": 0.1}),
        # They came only as long as its frames did.
        (NORMAL, {"frame": 9, "ack": 0.5, "packet": 8.9}),
        # What the settings say.
        (NORMAL, {"frame": 119, "ack": 0.5, "silent": 120}),
        (UNCLEAR, {"frame": 121, "ack": 0.5, "silent": 120}),
        (NORMAL, {"frame": 5000, "ack": 0.5, "silent": float("inf")}),
        (NORMAL, {"frame": 5000, "ack": 0.5, "answer": 1, "question": 2, "quiet": float("inf")}),
        (LOST, {"frame": 5000, "ack": 5, "silent": float("inf")}),
        # This process was held up until a moment ago.
        (NORMAL, {"frame": 60, "ack": 60, "awake": NOW - 1}),
        (LOST, {"frame": 60, "ack": 60, "awake": NOW - 4}),
    ],
)
def test_the_rhythm_comes_first_then_the_connection_then_the_settings(verdict, case):
    assert judged(**case) is verdict
