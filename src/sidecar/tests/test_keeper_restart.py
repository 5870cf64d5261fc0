"""The keeper's decisions, as a table."""

import pytest

from sidecar.keeper.restart import (
    Ask,
    Caretaking,
    Dying,
    Kill,
    Leaving,
    Limits,
    Resting,
    Running,
    Start,
    StartCaretaker,
    Wait,
    after_exit,
    asked,
    forgive,
    killed,
    next_step,
    rest,
)

LIMITS = Limits(start=30.0, silence=5.0, first_delay=0.2, longest_delay=30.0, healthy=60.0)


@pytest.mark.parametrize(
    ("what", "state", "now", "step"),
    [
        ("starts at once", Resting(0.0, 0), 0.0, Start()),
        ("waits for the end of a rest", Resting(10.0, 3), 9.9, Wait(10.0)),
        ("starts after a rest", Resting(10.0, 3), 10.0, Start()),
        ("waits for the first heartbeat", Running(7, 100.0, None, 0), 130.0, Wait(130.0)),
        ("asks a start that never beats", Running(7, 100.0, None, 0), 130.1, Ask("no heartbeat since its start")),
        ("waits for the next heartbeat", Running(7, 100.0, 200.0, 0), 205.0, Wait(205.0)),
        ("asks a child that falls silent", Running(7, 100.0, 200.0, 0), 205.1, Ask("heartbeat stopped")),
        ("waits for an answer", Dying(7, 100.0, 200.0, 0, "it hangs", 205.3), 205.2, Wait(205.3)),
        ("kills after that", Dying(7, 100.0, 200.0, 0, "it hangs", 205.3), 205.3, Kill("it hangs")),
        ("kills once and waits for the end", Dying(7, 100.0, 200.0, 0, "it hangs", None), 999.0, Wait(None)),
    ],
)
def test_next_step(what, state, now, step):
    assert next_step(state, now, LIMITS) == step, what


@pytest.mark.parametrize(
    ("what", "state", "now", "step"),
    [
        ("nobody is needed for a short rest", Resting(10.0, 5), 9.0, Wait(10.0)),
        ("a crash loop begins", Resting(10.0, 6), 9.0, StartCaretaker(10.0)),
        ("the next try is due", Resting(10.0, 6), 10.0, Start()),
        ("the caretaker died too", Resting(10.0, 6, had_caretaker=True), 9.0, Wait(10.0)),
        ("the next try is due after that", Resting(10.0, 6, had_caretaker=True), 10.0, Start()),
        ("a caretaker stays", Caretaking(7, 100.0, 101.0, 6, 103.0), 102.0, Wait(103.0)),
        ("a caretaker must beat", Caretaking(7, 100.0, 101.0, 6, 120.0), 102.0, Wait(106.0)),
        ("a caretaker that hangs", Caretaking(7, 100.0, 101.0, 6, 120.0), 106.1, Kill("heartbeat stopped")),
        ("a caretaker gives way", Caretaking(7, 100.0, None, 6, 103.0), 103.0, Kill("the next start is due")),
        ("nobody starts before it is gone", Leaving(7, 6, 103.0), 200.0, Wait(None)),
    ],
)
def test_next_step_of_a_child_that_has_a_caretaker(what, state, now, step):
    assert next_step(state, now, LIMITS, has_caretaker=True) == step, what


def test_a_child_without_a_caretaker_leaves_its_place_empty():
    assert next_step(Resting(10.0, 99), 9.0, LIMITS, has_caretaker=False) == Wait(10.0)


@pytest.mark.parametrize("hangs", [False, True])
def test_the_end_of_a_caretaker_is_no_failure(hangs):
    state = Caretaking(7, 100.0, 101.0, 6, 120.0)
    ended = killed(state) if hangs else state
    assert after_exit(ended, 110.0, LIMITS) == Resting(120.0, 6, had_caretaker=True)


def test_a_healthy_minute_after_a_crash_loop_makes_good_for_it():
    running = Running(7, 100.0, 160.0, 9)
    after = after_exit(running, 160.0, LIMITS)
    assert after == Resting(160.2, 1)
    assert next_step(after, 160.1, LIMITS, has_caretaker=True) == Wait(160.2)


def test_a_child_that_hangs_is_asked_then_killed():
    state = asked(Running(7, 100.0, 200.0, 2), "it hangs", 205.1, LIMITS)
    assert isinstance(next_step(state, 205.2, LIMITS), Wait)
    assert next_step(state, 205.31, LIMITS) == Kill("it hangs")
    assert next_step(killed(state), 999.0, LIMITS) == Wait(None)


def test_delay_doubles_up_to_the_longest():
    delays = [rest(failures, 0.0, LIMITS).until for failures in range(10)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert rest(10000, 0.0, LIMITS).until == 30.0


def test_an_exit_soon_after_the_start_counts_on():
    assert after_exit(Running(7, 100.0, 159.0, 3), 160.0, LIMITS) == Resting(160.0 + 1.6, 4)


def test_a_healthy_minute_makes_good_for_earlier_failures():
    assert after_exit(Running(7, 100.0, 160.0, 3), 160.0, LIMITS) == Resting(160.0 + 0.2, 1)


def test_the_time_that_a_child_hung_is_no_health():
    assert after_exit(Dying(7, 100.0, 156.0, 3, "", None), 161.0, LIMITS).failures == 4
    assert after_exit(Dying(7, 100.0, None, 3, "", None), 500.0, LIMITS).failures == 4


def test_time_in_which_the_keeper_was_not_running_is_not_held_against_a_child():
    caretaker = Caretaking(7, 0.0, 1.0, 6, 2000.0)
    for state in (Running(7, 0.0, 1.0, 2), Running(7, 0.0, None, 2), caretaker):
        assert next_step(state, 1000.0, LIMITS) != Wait(None)
        assert isinstance(next_step(forgive(state, 1000.0), 1000.0, LIMITS), Wait)
    assert forgive(Resting(5.0, 2), 1000.0) == Resting(5.0, 2)
