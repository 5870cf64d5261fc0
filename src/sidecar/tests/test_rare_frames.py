"""Cameras with few frames, over TCP and UDP: what they show of themselves decides whether they are there."""

import time

import pytest
from google.protobuf.duration_pb2 import Duration

from sidecar.contract import spec, state
from sidecar.tests.playing_camera import PlayingCamera
from sidecar.tests.test_cpu_camera import is_live, is_lost, watch
from sidecar.worker.cameras import silence
from sidecar.worker.cameras import state as camera_state

__all__ = ["watch"]

TCP, UDP = spec.TRANSPORT_TCP, spec.TRANSPORT_UDP
NO_QUESTIONS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"
QUESTIONS = NO_QUESTIONS + ", GET_PARAMETER"


@pytest.fixture
def camera(monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 0.0)
    cameras = []

    def start(**fields):
        cameras.append(PlayingCamera(**fields))
        return cameras[-1]

    yield start
    for one in cameras:
        one.stop()


def first_frame(one, double):
    one.until(double.is_played.is_set)
    double.send_frame()
    one.until(is_live(one))
    return one.status().since


def pass_silently(one, seconds, act=lambda: None):
    """The time itself is what is tested. act: called twice a second."""
    for _ in range(int(seconds * 2)):
        end = time.monotonic() + 0.5
        one.until(lambda end=end: time.monotonic() > end)
        act()


@pytest.mark.parametrize("transport", [TCP, UDP])
@pytest.mark.parametrize("public", [QUESTIONS, NO_QUESTIONS])
def test_a_camera_with_one_frame_in_five_seconds_stays_live(watch, camera, transport, public):
    double = camera(public=public)
    one = watch(uri=double.address, transport=transport)
    since = first_frame(one, double)
    pass_silently(one, 5)
    double.send_frame(5)
    one.until(lambda: one.status().counters.frames_received == 2)
    assert is_live(one)()
    assert one.status().since == since
    assert double.connections == 1


@pytest.mark.parametrize("transport", [TCP, UDP])
def test_the_reports_of_a_camera_that_has_nothing_to_send_show_that_it_is_there(watch, camera, transport):
    double = camera(public=NO_QUESTIONS)
    one = watch(uri=double.address, transport=transport, silent_after=Duration(seconds=2))
    since = first_frame(one, double)
    pass_silently(one, 5, double.send_report)
    assert is_live(one)()
    assert one.status().since == since
    assert double.connections == 1


@pytest.mark.parametrize("transport", [TCP, UDP])
def test_a_camera_that_shows_nothing_is_connected_to_again_and_stays_live_if_it_sends_a_frame_then(
    watch, camera, transport
):
    double = camera(public=NO_QUESTIONS)
    one = watch(uri=double.address, transport=transport, silent_after=Duration(seconds=2))
    since = first_frame(one, double)
    one.until(lambda: double.connections == 2)
    one.until(lambda: double.methods().count("PLAY") == 2)
    assert is_live(one)()
    one.until(lambda: double.viewers == 1)
    double.send_frame()
    one.until(lambda: one.status().counters.frames_received == 2)
    assert is_live(one)()
    assert one.status().since == since
    assert all(text.text in ("", "connecting") for text in one.texts)


def test_a_camera_that_shows_nothing_and_sends_nothing_on_its_next_connection_is_lost(watch, camera, monkeypatch):
    monkeypatch.setattr(camera_state, "FIRST_FRAME_SECONDS", 1.0)
    double = camera(public=NO_QUESTIONS)
    one = watch(uri=double.address, silent_after=Duration(seconds=2))
    first_frame(one, double)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_TIMEOUT
    assert double.connections >= 2


def test_a_camera_that_answers_is_not_connected_to_again(watch, camera):
    double = camera(public=QUESTIONS)
    one = watch(uri=double.address, silent_after=Duration(seconds=2))
    first_frame(one, double)
    pass_silently(one, 5)
    assert is_live(one)()
    assert double.connections == 1


def test_a_camera_that_ignores_what_it_is_asked_may_still_send_rarely(watch, camera):
    double = camera(public=QUESTIONS, answer=lambda method, *_: "\r\n" if method == "GET_PARAMETER" else "")
    one = watch(uri=double.address)
    since = first_frame(one, double)
    pass_silently(one, 8)
    double.send_frame(8)
    one.until(lambda: one.status().counters.frames_received == 2)
    assert one.status().since == since
    assert double.connections == 1


def test_a_description_that_names_no_codec_means_that_of_its_payload_type(watch, camera):
    double = camera()
    one = watch(uri=double.address)
    first_frame(one, double)
    assert one.status().live.encoding == "JPEG"


def test_a_camera_that_changes_its_ssrc_stays_live(watch, camera):
    double = camera()
    one = watch(uri=double.address)
    since = first_frame(one, double)
    for _ in range(2):
        double.ssrc += 1
        frames = len(one.frames)
        one.until(lambda frames=frames: double.send_frame(0.04) or len(one.frames) >= frames + 5)
    assert one.status().since == since
    assert double.connections == 1


@pytest.mark.parametrize("transport", [TCP, UDP])
def test_a_camera_whose_packets_make_no_frame_is_lost_when_its_next_key_frame_is_overdue(
    watch, camera, monkeypatch, transport
):
    monkeypatch.setattr(silence, "_NEXT_KEY_FRAME_MOST_SECONDS", 3600.0)
    double = camera()
    one = watch(uri=double.address, transport=transport)
    first_frame(one, double)
    for frames in range(2, 5):
        double.send_frame(0.2)
        one.until(lambda frames=frames: one.status().counters.frames_received == frames)
    double.sends_garbage = True

    def sends_and_is_lost():
        double.send_frame(0.02)
        return is_lost(one)()

    one.until(sends_and_is_lost)
    assert "packets arrive and make no frame" in one.status().lost.detail
