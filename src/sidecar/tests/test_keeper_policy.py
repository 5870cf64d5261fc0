"""The keeper's decisions, as a table."""

import pytest

from sidecar.keeper.policy import (
    Dying,
    Kill,
    Limits,
    Resting,
    Running,
    Start,
    Wait,
    after_exit,
    forgive,
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
        ("kills a start that never beats", Running(7, 100.0, None, 0), 130.1, Kill("no heartbeat since its start")),
        ("waits for the next heartbeat", Running(7, 100.0, 200.0, 0), 205.0, Wait(205.0)),
        ("kills a child that falls silent", Running(7, 100.0, 200.0, 0), 205.1, Kill("heartbeat stopped")),
        ("kills once and waits for the end", Dying(7, 100.0, 200.0, 0), 999.0, Wait(None)),
    ],
)
def test_next_step(what, state, now, step):
    assert next_step(state, now, LIMITS) == step, what


def test_delay_doubles_up_to_the_longest():
    delays = [rest(failures, 0.0, LIMITS).until for failures in range(10)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert rest(10000, 0.0, LIMITS).until == 30.0


def test_an_exit_soon_after_the_start_counts_on():
    assert after_exit(Running(7, 100.0, 159.0, 3), 160.0, LIMITS) == Resting(160.0 + 1.6, 4)


def test_a_healthy_minute_makes_good_for_earlier_failures():
    assert after_exit(Running(7, 100.0, 160.0, 3), 160.0, LIMITS) == Resting(160.0 + 0.2, 1)


def test_the_time_that_a_child_hung_is_no_health():
    assert after_exit(Dying(7, 100.0, 156.0, 3), 161.0, LIMITS).failures == 4
    assert after_exit(Dying(7, 100.0, None, 3), 500.0, LIMITS).failures == 4


def test_time_in_which_the_keeper_was_not_running_is_not_held_against_a_child():
    for state in (Running(7, 0.0, 1.0, 2), Running(7, 0.0, None, 2)):
        assert next_step(state, 1000.0, LIMITS) != Wait(None)
        assert isinstance(next_step(forgive(state, 1000.0), 1000.0, LIMITS), Wait)
    assert forgive(Resting(5.0, 2), 1000.0) == Resting(5.0, 2)
