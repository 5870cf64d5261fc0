"""Decides what it means that a live camera sends no frame: it has none to send, it hangs, or it is gone. Pure.

Cameras that send only when something moves, or a frame in ten seconds, must not be taken for dead. The camera's own
rhythm comes first, then what its connection shows, and the settings FROZEN_AFTER and SILENT_AFTER bound the rest.
"""

import enum

from sidecar.worker.cameras.observation import Observation

# How long any camera may be silent, and a camera with a low frame rate: for this many of its intervals.
SILENCE_SECONDS = 1.5
_SILENT_INTERVALS = 4
# The host of an open connection confirms it every second.
_ACK_SECONDS = 3.0
# Packets come, as long as they are no further apart than this.
PACKET_SECONDS = 5.0
# While packets come that make no frame, the decoder may wait for a key frame, since some packets were lost: for so many
# of the camera's intervals between key frames, within these seconds. After that, what comes is no video. The parser
# takes any frame with an intra slice for a key frame, so that the interval may be a single frame.
_KEY_INTERVALS = 2
_NEXT_KEY_FRAME_LEAST_SECONDS, _NEXT_KEY_FRAME_MOST_SECONDS = 2.0, 30.0
# A silent camera is asked every second at least, and has this long to answer.
_ANSWER_SECONDS = 2.0
_QUESTION_SECONDS = 1.5
_MOST_DOUBLINGS = 6
# rtspsrc ends a stream that was silent for five of its report intervals, which are no shorter than this.
_ENDED_SECONDS = 5.0
# Viewers of a stream without a frame for a second would see its standby picture.
_RARE_SECONDS = 0.6


class Silence(enum.Enum):
    """What a live camera's silence means."""

    NORMAL = "normal"
    # The camera may have nothing to send: then it sends a frame when it is connected to again.
    UNCLEAR = "unclear"
    LOST = "lost"


def judge_silence(
    observation: Observation,
    now: float,
    awake_since: float,
    quiet_seconds: float,
    silent_seconds: float,
    earlier: int = 0,
    slowness: float = 1.0,
) -> Silence:
    """quiet_seconds: how long a camera may send no frame while it shows that it is there. silent_seconds: how long it
    may show nothing while its connection is open; twice as long after each of the earlier silences that were unclear.
    awake_since: this process may have missed what was before. slowness: seconds here for one on an idle machine."""

    def age(moment: float) -> float:
        return (now - max(moment, awake_since)) / slowness

    silence = age(observation.last_frame)
    if silence <= allowed_silence(observation.interval):
        return Silence.NORMAL
    is_open = age(observation.last_ack) <= _ACK_SECONDS if observation.last_ack else None
    if is_open is False or (is_open is None and not observation.last_answer):
        return Silence.LOST
    is_sending = age(observation.last_packet) <= PACKET_SECONDS
    if is_sending and sends_no_frames(observation):
        waits = age(max(observation.last_frame, observation.packets_since))
        return Silence.NORMAL if waits <= _key_frame_patience(observation.key_interval) else Silence.LOST
    if observation.last_answer and _hangs(observation, age(observation.last_answer), age(observation.last_question)):
        return Silence.LOST
    signs = (observation.last_frame, observation.last_packet, observation.last_sign, observation.last_answer)
    longest = max(quiet_seconds, silent_seconds)
    patience = min(longest, silent_seconds * 2.0 ** min(earlier, _MOST_DOUBLINGS))
    if silence < longest and age(max(signs)) <= patience:
        return Silence.NORMAL
    return Silence.UNCLEAR if is_open else Silence.LOST


def ended_without_fault(observation: Observation, now: float, awake_since: float) -> bool:
    """Whether a live camera may be well although its stream has ended: it was silent, and rtspsrc gave up while
    the connection was open; or it ends the connection when it is asked whether it is there."""
    if observation.last_question and not observation.last_answer:
        return now - max(observation.last_question, awake_since) <= _QUESTION_SECONDS
    is_open = bool(observation.last_ack) and now - max(observation.last_ack, awake_since) <= _ACK_SECONDS
    return is_open and now - observation.last_frame > _ENDED_SECONDS


def allowed_silence(interval: float) -> float:
    """Seconds without a frame that mean nothing in a camera that sends one every interval seconds."""
    return max(SILENCE_SECONDS, _SILENT_INTERVALS * interval)


def sends_rarely(observation: Observation, now: float) -> bool:
    """Whether a live camera's last frame holds for longer than that of other cameras."""
    return max(observation.interval, now - observation.last_frame) > _RARE_SECONDS


def sends_no_frames(observation: Observation) -> bool:
    """Whether packets came for some time that made no frame."""
    return observation.last_packet - max(observation.last_frame, observation.packets_since) > SILENCE_SECONDS


def _key_frame_patience(key_interval: float) -> float:
    if not key_interval:
        return _NEXT_KEY_FRAME_MOST_SECONDS
    patience = _KEY_INTERVALS * key_interval
    return min(_NEXT_KEY_FRAME_MOST_SECONDS, max(_NEXT_KEY_FRAME_LEAST_SECONDS, patience))


def _hangs(observation: Observation, answer_age: float, question_age: float) -> bool:
    """Whether a camera that has answered before does not answer any more."""
    is_asked = observation.last_question > observation.last_answer
    return answer_age > _ANSWER_SECONDS and not (is_asked and question_age <= _QUESTION_SECONDS)
