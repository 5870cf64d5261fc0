"""The RTP input of one mount on its own: real datagrams and pipelines, without a server."""

import socket
import threading

import pytest

from sidecar.gst import GLib, Gst
from sidecar.outlet import mount_point
from sidecar.outlet.fallback_switch import FallbackSwitch
from sidecar.outlet.mount_point import MountPoint
from sidecar.outlet.protocol import User
from sidecar.outlet.rtp_input import RtpInput, failures_in_a_row, restart_delay
from sidecar.tests.outlet_rig import H264, Sender, is_refused, until
from sidecar.worker.outputs.rtp_sender import sender_port


class NoServer:
    """A server that listens nowhere."""

    port = None

    def add(self, path, factory):
        pass

    def remove(self, path):
        pass


@pytest.fixture
def send():
    senders = []

    def run(rtp_port, **options):
        senders.append(Sender(H264, rtp_port, **options).start())
        return senders[-1]

    yield run
    for sender in senders:
        sender.stop()


def test_a_late_key_frame_of_the_old_stream_does_not_begin_the_new_one(monkeypatch, send):
    """The old stream's thread is held in the middle of a key frame until the mount begins to end the stream."""
    is_in_frame, is_ending = threading.Event(), threading.Event()

    class SlowSwitch(FallbackSwitch):
        def push(self, frame, clock_time):
            is_in_frame.set()
            assert is_ending.wait(30.0)
            super().push(frame, clock_time)

    class Input(RtpInput):
        def end_stream(self):
            is_ending.set()
            super().end_stream()

    monkeypatch.setattr(mount_point, "FallbackSwitch", SlowSwitch)
    monkeypatch.setattr(mount_point, "RtpInput", Input)
    mount = MountPoint(H264, NoServer(), User("", ""), lambda: None)
    mount.expect_new_stream(sender_port())
    is_ending.clear()
    send(mount.rtp_port, key_interval=1, frames=1)
    until(is_in_frame.is_set, "a frame of the old stream")
    mount.expect_new_stream(sender_port())
    assert mount.status(viewers=0).frames == 1, "the late frame has arrived"
    assert not mount._switch.has_stream
    mount.stop()


def fail(rtp_input, text):
    """An error of the input's pipeline, as an element posts it."""
    pipeline = rtp_input._pipeline
    error = GLib.Error.new_literal(Gst.StreamError.quark(), text, Gst.StreamError.FAILED)
    pipeline.post_message(Gst.Message.new_error(pipeline, error, "on purpose"))


def test_an_input_that_fails_is_restarted_after_a_pause_and_takes_the_stream_again(send, caplog):
    frames = []
    rtp_input = RtpInput(H264, lambda frame, _: frames.append(frame))
    rtp_input.begin_stream(sender_port())
    send(rtp_input.port, key_interval=5)
    until(lambda: frames, "a frame")
    for _ in range(2):
        failed = rtp_input._pipeline
        fail(rtp_input, "a defect")
        until(lambda: rtp_input._pipeline is not failed, "the failure is noticed")  # noqa: B023
        assert rtp_input._pipeline is None, "it pauses"
        until(lambda: rtp_input._pipeline is not None, "the restart")
        seen = len(frames)
        until(lambda: len(frames) > seen, "a frame after the restart")  # noqa: B023
    rtp_input.stop()
    logged = [record.fields for record in caplog.records if record.getMessage() == "RTP input failed"]
    assert [fields["restart_milliseconds"] for fields in logged] == [100, 200]


def test_an_input_that_was_ended_in_its_pause_stays_ended():
    rtp_input = RtpInput(H264, lambda *_: None)
    rtp_input.begin_stream(sender_port())
    failed = rtp_input._pipeline
    fail(rtp_input, "a defect")
    until(lambda: rtp_input._pipeline is not failed, "the failure is noticed")
    other = RtpInput(H264, lambda *_: None)
    other.begin_stream(sender_port())
    rtp_input.end_stream()
    # The other one fails later, and its pause is as long: the first one's would be over before it.
    failed = other._pipeline
    fail(other, "a defect")
    until(lambda: other._pipeline not in (None, failed), "the restart of the other")
    assert rtp_input._pipeline is None
    rtp_input.stop()
    other.stop()


def test_the_pause_before_a_restart_grows_to_five_seconds_and_shrinks_after_a_healthy_run():
    assert [restart_delay(failures) for failures in (1, 2, 3, 6, 7, 10000)] == [100, 200, 400, 3200, 5000, 5000]
    assert failures_in_a_row(7, ran_seconds=9.9) == 8
    assert failures_in_a_row(7, ran_seconds=10.0) == 1


def test_datagrams_of_anybody_but_the_worker_are_refused_by_the_kernel(send):
    frames = []
    rtp_input = RtpInput(H264, lambda frame, _: frames.append(frame))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", rtp_input.port))
        # What came before the worker's port was known is dropped unread.
        stranger.send(b"no RTP")
        rtp_input.begin_stream(sender_port())
        assert is_refused(stranger)
    send(rtp_input.port, frames=3)
    until(lambda: len(frames) == 3, "the worker's frames")
    rtp_input.stop()
