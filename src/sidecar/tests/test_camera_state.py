"""What becomes of a camera, decided on a clock that the tests turn."""

import pytest
from google.protobuf.duration_pb2 import Duration

from sidecar.contract import spec, state
from sidecar.worker.cameras.failure import camera_failure
from sidecar.worker.cameras.observation import Observation
from sidecar.worker.cameras.state import (
    CameraState,
    Connecting,
    Ended,
    Failed,
    HostAnswered,
    Live,
    Lost,
    Observed,
    Off,
    Outage,
    TurnedOff,
    TurnedOn,
    camera_rules,
    decide,
    initial_state,
)

RTSP = "rtsp://10.0.0.2/main"
LOOK_SECONDS = 0.25


class Story:
    """A camera through its life. now: the monotonic clock."""

    def __init__(self, uri=RTSP, **fields):
        self.camera = spec.Camera(id="one", uri=uri, **fields)
        self.rules = camera_rules(self.camera)
        self.now = 1000.0
        self.state = initial_state(self.camera, self.now)

    @property
    def phase(self):
        return self.state.phase

    def hears(self, event):
        # The longest of the delays that are drawn.
        self.state = decide(self.state, event, self.rules, self.now, lambda: 1.0)
        return self.phase

    def fails(self, reason):
        return self.hears(Failed(camera_failure(reason, self.rules.uri)))

    def passes(self, seconds, **observation):
        """Looks as often as they are taken; frames come all the time unless observation say otherwise."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + LOOK_SECONDS)
            values = {"last_frame": self.now, "size": (320, 180)}
            values.update(observation)
            self.hears(Observed(Observation(**values)))
        return self.phase

    def waits(self):
        """Until the next attempt, which is due."""
        self.passes(self.phase.due - self.now, last_frame=0.0)
        return self.phase


def lost_for(phase):
    assert isinstance(phase, Lost), phase
    return phase.why.reason


def test_a_camera_is_live_with_its_first_frame_and_not_before():
    story = Story()
    assert isinstance(story.phase, Connecting)
    assert isinstance(story.passes(5, last_frame=0.0), Connecting)
    assert isinstance(story.passes(1, size=(0, 0)), Connecting), "a frame of which the size is not known yet"
    assert isinstance(story.passes(1), Live)


def test_a_camera_that_sends_nothing_in_time_is_lost_and_opened_again_when_that_is_due():
    story = Story()
    assert lost_for(story.passes(10.25, last_frame=0.0)) == state.CAMERA_LOST_REASON_TIMEOUT
    assert story.state.attempts == 1
    before = story.phase
    assert story.passes(story.phase.due - story.now - 0.01, last_frame=0.0) is before
    assert isinstance(story.passes(0.02, last_frame=0.0), Connecting)


def test_the_time_for_the_first_frame_grows_with_each_attempt_that_was_too_short_up_to_a_bound():
    story = Story()
    lasted = []
    for _ in range(4):
        began = story.now
        while isinstance(story.passes(0.25, last_frame=0.0), Connecting):
            pass
        lasted.append(story.now - began)
        story.waits()
    assert lasted == [10.25, 20.25, 40.25, 40.25]
    story.passes(62)
    story.fails(state.CAMERA_LOST_REASON_ENDED)
    story.waits()
    assert lost_for(story.passes(10.25, last_frame=0.0)) == state.CAMERA_LOST_REASON_TIMEOUT


def test_a_camera_whose_packets_come_is_waited_for_until_its_key_frame():
    story = Story()
    for _ in range(50):
        assert isinstance(story.passes(1, last_frame=0.0, last_packet=story.now), Connecting)
        assert story.state.receives
    assert isinstance(story.passes(1), Live)


def test_a_camera_whose_packets_never_make_a_frame_is_lost_at_last():
    story = Story()
    while isinstance(story.phase, Connecting):
        story.passes(0.25, last_frame=0.0, last_packet=story.now)
    assert story.now == 1060.25
    assert lost_for(story.phase) == state.CAMERA_LOST_REASON_TIMEOUT
    assert not story.state.receives


def test_a_camera_that_sends_nothing_and_answers_is_live_for_as_long_as_it_may_repeat_a_frame():
    story = Story(frozen_after=Duration(seconds=30))
    story.passes(5)
    last = story.now
    for _ in range(29):
        assert isinstance(story.passes(1, last_frame=last, last_packet=last, last_answer=story.now), Live)
    for _ in range(2):
        story.passes(1, last_frame=last, last_packet=last, last_answer=story.now)
    assert lost_for(story.phase) == state.CAMERA_LOST_REASON_TIMEOUT


def test_a_silent_camera_that_does_not_answer_any_more_is_lost():
    story = Story(frozen_after=Duration(seconds=30))
    story.passes(5)
    last = story.now
    story.passes(3, last_frame=last, last_packet=last, last_answer=last + 2)
    assert isinstance(story.phase, Live)
    assert lost_for(story.passes(1.25, last_frame=last, last_answer=last + 2)) == state.CAMERA_LOST_REASON_TIMEOUT


def test_a_silent_camera_with_an_open_connection_is_connected_to_again_without_a_word():
    story = Story(silent_after=Duration(seconds=10))
    story.passes(5)
    since, last = story.phase.since, story.now
    assert isinstance(story.passes(10, last_frame=last, last_ack=story.now + 10), Live)
    began = story.now + 0.25
    assert story.passes(0.25, last_frame=last, last_ack=story.now) == Connecting(began, live_since=since)
    # It sends a frame, since it is connected to: to the outside nothing has happened.
    assert story.passes(1) == Live(since)
    assert (story.state.attempts, story.state.failures) == (0, 0)
    # From now on it may be silent for twice as long.
    last = story.now
    assert isinstance(story.passes(20, last_frame=last, last_ack=story.now + 20), Live)
    assert isinstance(story.passes(0.25, last_frame=last, last_ack=story.now), Connecting)


def test_a_silent_camera_that_sends_nothing_on_its_new_connection_either_is_lost():
    story = Story()
    story.passes(5)
    last = story.now
    story.passes(10.25, last_frame=last, last_ack=story.now + 10)
    assert isinstance(story.passes(10, last_frame=0.0, last_ack=story.now), Connecting)
    assert lost_for(story.passes(0.25, last_frame=0.0, last_ack=story.now)) == state.CAMERA_LOST_REASON_TIMEOUT


def test_a_live_camera_that_falls_silent_is_lost_within_two_seconds():
    story = Story()
    story.passes(5)
    last = story.now
    assert isinstance(story.passes(1.4, last_frame=last), Live)
    assert lost_for(story.passes(0.5, last_frame=last)) == state.CAMERA_LOST_REASON_TIMEOUT


def test_a_worker_that_was_held_up_itself_does_not_blame_the_cameras():
    story = Story()
    story.passes(5)
    # Stopped for a minute, or a machine that was asleep: frames and looks come again at the same time.
    last = story.now
    story.now += 60
    story.hears(Observed(Observation(last_frame=last, size=(320, 180))))
    assert isinstance(story.phase, Live)
    assert isinstance(story.passes(1), Live)


def test_a_camera_that_went_silent_while_the_worker_was_held_up_is_still_lost():
    story = Story()
    story.passes(5)
    last = story.now
    story.now += 60
    assert lost_for(story.passes(2, last_frame=last)) == state.CAMERA_LOST_REASON_TIMEOUT


def test_the_same_frame_for_too_long_is_frozen_and_so_is_every_attempt_that_shows_no_other():
    story = Story(frozen_after=Duration(seconds=5))
    story.passes(4, frozen_for=4.0)
    assert isinstance(story.phase, Live)
    assert lost_for(story.passes(0.25, frozen_for=5.1)) == state.CAMERA_LOST_REASON_FROZEN
    assert isinstance(story.waits(), Connecting)
    assert lost_for(story.passes(10.25, is_frozen=True)) == state.CAMERA_LOST_REASON_FROZEN
    assert story.state.attempts == 2
    assert isinstance(story.waits(), Connecting)
    assert isinstance(story.passes(1), Live)


def test_a_frozen_camera_that_goes_away_is_not_waited_for():
    story = Story(frozen_after=Duration(seconds=5))
    story.passes(1)
    story.passes(0.25, frozen_for=5.1)
    story.waits()
    story.passes(1, is_frozen=True)
    last = story.now
    assert lost_for(story.passes(2, is_frozen=True, last_frame=last)) == state.CAMERA_LOST_REASON_FROZEN


@pytest.mark.parametrize(
    ("uri", "fields", "seconds"),
    [
        (RTSP, {}, 60),
        ("/dev/video0", {}, 60),
        (RTSP, {"frozen_after": Duration(seconds=2)}, 2),
        (RTSP, {"frozen_after": Duration()}, float("inf")),
        ("file:///a.mp4", {"frozen_after": Duration(seconds=2)}, float("inf")),
        ("test://ball", {}, float("inf")),
    ],
)
def test_only_real_cameras_can_be_frozen(uri, fields, seconds):
    assert camera_rules(spec.Camera(uri=uri, **fields)).frozen_seconds == seconds


def test_attempts_are_counted_until_it_is_live_and_the_outage_begins_with_the_first():
    story = Story()
    began = story.now
    for number in (1, 2, 3):
        story.fails(state.CAMERA_LOST_REASON_UNREACHABLE)
        assert story.state.attempts == number
        assert story.state.outage == Outage(state.CAMERA_LOST_REASON_UNREACHABLE, began)
        story.waits()
    story.passes(1)
    assert story.state.attempts == 0
    assert story.state.outage is None


def test_delays_grow_over_a_short_life_and_start_again_after_a_healthy_minute():
    story = Story()

    def delay():
        return story.fails(state.CAMERA_LOST_REASON_ENDED).due - story.now

    delays = []
    for _ in range(4):
        delays.append(delay())
        story.waits()
        story.passes(5)
    assert delays == [0.5, 1, 2, 4]
    story.passes(61)
    assert delay() == 0.5


def test_a_refused_login_is_tried_ever_more_rarely():
    story = Story()
    delays = []
    for _ in range(6):
        delays.append(story.fails(state.CAMERA_LOST_REASON_AUTH_FAILED).due - story.now)
        story.waits()
    assert delays == [90, 180, 360, 720, 1350, 1350]


def test_a_host_that_could_not_be_reached_is_probed_and_opened_at_once_when_it_answers():
    story = Story()
    lost = story.fails(state.CAMERA_LOST_REASON_UNREACHABLE)
    assert lost.probes_host
    assert isinstance(story.hears(HostAnswered()), Connecting)
    assert isinstance(story.passes(1), Live)


def test_an_answer_restarts_the_delays_and_no_other_answer_does_until_the_host_was_silent():
    story = Story()
    for _ in range(5):
        assert not story.fails(state.CAMERA_LOST_REASON_UNREACHABLE).host_answers
        story.waits()
    story.fails(state.CAMERA_LOST_REASON_UNREACHABLE)
    story.hears(HostAnswered())
    delays = []
    for _ in range(3):
        lost = story.fails(state.CAMERA_LOST_REASON_UNREACHABLE)
        assert lost.probes_host
        assert lost.host_answers
        delays.append(lost.due - story.now)
        story.waits()
    assert delays == [0.5, 1, 2]
    # Once it was live, it may be gone again.
    story.passes(1)
    assert not story.fails(state.CAMERA_LOST_REASON_UNREACHABLE).host_answers


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        (RTSP, state.CAMERA_LOST_REASON_AUTH_FAILED),
        (RTSP, state.CAMERA_LOST_REASON_NOT_FOUND),
        ("/dev/video0", state.CAMERA_LOST_REASON_UNREACHABLE),
    ],
)
def test_no_host_is_probed_where_an_answer_would_mean_nothing(uri, reason):
    assert not Story(uri).fails(reason).probes_host


def test_a_file_is_played_again_and_is_live_all_the_time():
    story = Story("file:///a.mp4")
    story.passes(40)
    since = story.phase.since
    assert story.hears(Ended()) == Connecting(story.now, live_since=since)
    assert story.passes(1) == Live(since)
    assert story.state.failures == 0


def test_a_file_without_video_is_not_played_again_and_again():
    story = Story("file:///a.mp4")
    assert lost_for(story.hears(Ended())) == state.CAMERA_LOST_REASON_ENDED


def test_a_camera_that_ends_its_stream_is_lost():
    story = Story()
    story.passes(5)
    assert lost_for(story.hears(Ended())) == state.CAMERA_LOST_REASON_ENDED


def test_a_stream_that_is_said_to_have_ended_was_only_silent_if_its_connection_is_open():
    story = Story()
    story.passes(5)
    since, last = story.phase.since, story.now
    story.passes(6, last_frame=last, last_ack=story.now + 6)
    quiet = Observation(last_frame=last, last_ack=story.now - 0.5)
    assert story.hears(Ended(quiet)) == Connecting(story.now, live_since=since)
    story.passes(5)
    assert lost_for(story.hears(Ended(Observation(last_frame=story.now - 0.1, last_ack=story.now)))) == (
        state.CAMERA_LOST_REASON_ENDED
    )


def test_a_camera_that_ends_its_connection_when_it_is_asked_stays_live_to_the_outside():
    story = Story()
    story.passes(5)
    since = story.phase.since
    ended = camera_failure(state.CAMERA_LOST_REASON_ENDED, RTSP)
    asked = Observation(last_frame=story.now, last_question=story.now - 0.1)
    assert story.hears(Failed(ended, asked)) == Connecting(story.now, live_since=since)
    story.passes(5)
    answered = asked._replace(last_question=story.now, last_answer=story.now - 4)
    assert lost_for(story.hears(Failed(ended, answered))) == state.CAMERA_LOST_REASON_ENDED


def test_an_overloaded_machine_gives_a_camera_more_time_and_says_so():
    story = Story()
    while story.state.slowness < 2:
        story.now += 0.9
        story.hears(Observed(Observation(last_frame=story.now, size=(320, 180))))
    last = story.now
    for _ in range(3):
        story.now += 0.9
        story.hears(Observed(Observation(last_frame=last, size=(320, 180))))
    assert isinstance(story.phase, Live)
    while isinstance(story.phase, Live):
        story.now += 0.9
        story.hears(Observed(Observation(last_frame=last, size=(320, 180))))
    assert "this machine is overloaded" in story.phase.why.detail
    assert story.now - last < 6
    # An idle machine again.
    story.waits()
    story.passes(30)
    assert story.state.slowness == 1


def test_a_camera_that_is_off_stays_off_whatever_happens():
    story = Story(off=spec.CameraOff())
    for event in (
        Observed(Observation(5.0, size=(1, 1))),
        Ended(),
        HostAnswered(),
        Failed(camera_failure(1, RTSP)),
        TurnedOff(),
    ):
        assert isinstance(story.hears(event), Off)
    story.passes(3600)
    assert isinstance(story.phase, Off)
    assert isinstance(story.hears(TurnedOn()), Connecting)
    assert isinstance(story.passes(1), Live)


def test_off_ends_every_other_phase_and_forgets_the_outage():
    story = Story()
    for _ in range(5):
        story.fails(state.CAMERA_LOST_REASON_TIMEOUT)
        story.waits()
    story.fails(state.CAMERA_LOST_REASON_TIMEOUT)
    assert isinstance(story.hears(TurnedOff()), Off)
    story.hears(TurnedOn())
    assert story.state == CameraState(Connecting(story.now), observed_at=story.now, awake_since=story.now)
    story.passes(5)
    assert isinstance(story.hears(TurnedOff()), Off)


def test_a_new_source_goes_on_in_the_state_of_the_one_before():
    story = Story()
    lost = story.fails(state.CAMERA_LOST_REASON_AUTH_FAILED)
    waiting = initial_state(story.camera, story.now + 5, story.state)
    assert waiting == story.state._replace(observed_at=story.now + 5, awake_since=story.now + 5)
    assert waiting.phase is lost
    story.waits()
    story.passes(5)
    live = initial_state(story.camera, story.now, story.state)
    assert live.phase == Connecting(story.now)
    assert (live.attempts, live.failures, live.outage) == (0, 1, None)
    off = spec.Camera(id="one", uri=RTSP, off=spec.CameraOff())
    assert isinstance(initial_state(off, story.now, story.state).phase, Off)
    assert initial_state(story.camera, 1.0, initial_state(off, 0.0)) == initial_state(story.camera, 1.0)


def test_on_changes_nothing_of_a_camera_that_is_on():
    story = Story()
    story.passes(5)
    before = story.state
    story.hears(TurnedOn())
    assert story.state is before


def test_events_of_a_connection_after_its_end_are_ignored():
    story = Story()
    lost = story.fails(state.CAMERA_LOST_REASON_TIMEOUT)
    assert story.fails(state.CAMERA_LOST_REASON_NOT_FOUND) is lost
    assert story.hears(Ended()) is lost


def test_a_camera_that_is_connected_to_in_another_way_is_not_lost_unless_that_goes_on():
    story = Story()
    why = camera_failure(state.CAMERA_LOST_REASON_TRANSPORT, RTSP)._replace(retries_otherwise=True)
    for _ in range(2):
        before = story.phase
        assert isinstance(story.hears(Failed(why)), Connecting)
        assert story.phase is not before
        assert story.state.attempts == 0
    assert isinstance(story.hears(Failed(why)), Lost)
