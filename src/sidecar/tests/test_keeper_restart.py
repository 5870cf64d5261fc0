"""The keeper's decisions, as a table."""

import os

import pytest

from sidecar.keeper.restart import (
    BackingOff,
    DumpStack,
    EndingPlaceholder,
    Hanging,
    Kill,
    Limits,
    Placeholder,
    Running,
    Start,
    StartPlaceholder,
    Wait,
    after_exit,
    after_kill,
    after_stack_dump,
    back_off,
    next_step,
    restart_timeouts,
)
from sidecar.keeper.starvation import StarvationWatch, Waits, is_starved, read_waits

LIMITS = Limits(first_heartbeat=30.0, heartbeat=5.0, patience=6.0, first_delay=0.2, longest_delay=30.0, healthy=60.0)


@pytest.mark.parametrize(
    ("what", "state", "now", "step"),
    [
        ("starts at once", BackingOff(0.0, 0), 0.0, Start()),
        ("waits for the end of a back-off", BackingOff(10.0, 3), 9.9, Wait(10.0)),
        ("starts after a back-off", BackingOff(10.0, 3), 10.0, Start()),
        ("waits for the first heartbeat", Running(7, 100.0, None, 0), 130.0, Wait(130.0)),
        (
            "a start that never beats",
            Running(7, 100.0, None, 0),
            130.1,
            DumpStack("no heartbeat since its start"),
        ),
        ("waits for the next heartbeat", Running(7, 100.0, 200.0, 0), 205.0, Wait(205.0)),
        (
            "a heartbeat that stopped",
            Running(7, 100.0, 200.0, 0),
            205.1,
            DumpStack("heartbeat stopped"),
        ),
        ("waits for the stack", Hanging(7, 100.0, 200.0, 0, "it hangs", 205.3), 205.2, Wait(205.3)),
        ("kills after that", Hanging(7, 100.0, 200.0, 0, "it hangs", 205.3), 205.3, Kill("it hangs")),
        ("kills once and waits for the end", Hanging(7, 100.0, 200.0, 0, "it hangs", None), 999.0, Wait(None)),
    ],
)
def test_next_step(what, state, now, step):
    assert next_step(state, now, LIMITS) == step, what


@pytest.mark.parametrize(
    ("what", "state", "now", "step"),
    [
        ("a short back-off needs no placeholder", BackingOff(10.0, 5), 9.0, Wait(10.0)),
        ("a crash loop begins", BackingOff(10.0, 6), 9.0, StartPlaceholder(10.0)),
        ("the next try is due", BackingOff(10.0, 6), 10.0, Start()),
        ("the placeholder died too", BackingOff(10.0, 6, had_placeholder=True), 9.0, Wait(10.0)),
        ("the next try is due after that", BackingOff(10.0, 6, had_placeholder=True), 10.0, Start()),
        ("a placeholder stays", Placeholder(7, 100.0, 101.0, 6, 103.0), 102.0, Wait(103.0)),
        ("a placeholder must beat", Placeholder(7, 100.0, 101.0, 6, 120.0), 102.0, Wait(106.0)),
        ("a placeholder that hangs", Placeholder(7, 100.0, 101.0, 6, 120.0), 106.1, Kill("heartbeat stopped")),
        (
            "a placeholder ends then",
            Placeholder(7, 100.0, None, 6, 103.0),
            103.0,
            Kill("the next start is due"),
        ),
        ("nothing starts before it is gone", EndingPlaceholder(7, 6, 103.0), 200.0, Wait(None)),
    ],
)
def test_next_step_of_a_child_that_has_a_placeholder(what, state, now, step):
    assert next_step(state, now, LIMITS, has_placeholder=True) == step, what


LATE = Running(7, 100.0, 200.0, 0)
LATE_PLACEHOLDER = Placeholder(7, 100.0, 101.0, 6, 999.0)


@pytest.mark.parametrize(
    ("what", "state", "now", "step"),
    [
        ("the next look is one heartbeat away", LATE, 206.0, Wait(211.0)),
        ("or at the end of all patience", LATE, 228.0, Wait(230.0)),
        ("patience ends", LATE, 230.1, DumpStack("heartbeat stopped")),
        ("a start takes longer too", LATE._replace(last_beat=None), 279.0, Wait(280.0)),
        ("but not for ever", LATE._replace(last_beat=None), 280.1, DumpStack("no heartbeat since its start")),
        ("the same for a placeholder", LATE_PLACEHOLDER, 110.0, Wait(115.0)),
        ("which ends in time", LATE_PLACEHOLDER._replace(until=110.0), 110.0, Kill("the next start is due")),
    ],
)
def test_next_step_of_a_child_that_the_machine_keeps_from_running(what, state, now, step):
    assert next_step(state, now, LIMITS, has_placeholder=True, is_starved=True) == step, what


@pytest.mark.parametrize(
    ("what", "after", "starved"),
    [
        ("it waits for nothing", Waits(100, 10.0, 20.0), False),
        ("a few pages in five seconds", Waits(119, 10.0, 20.0), False),
        ("page after page", Waits(120, 10.0, 20.0), True),
        ("others got a part of its time", Waits(100, 12.4, 20.0), False),
        ("others got most of it", Waits(100, 12.5, 20.0), True),
        ("others have had all of it until now", Waits(100, 10.0, 20.0, is_runnable=True), True),
        ("it computes without end", Waits(100, 10.0, 25.0, is_runnable=True), False),
    ],
)
def test_a_child_is_starved_if_it_waits_for_pages_or_for_a_cpu(what, after, starved):
    assert is_starved(Waits(100, 10.0, 20.0), after, 5.0) == starved, what


def test_a_child_that_hangs_after_a_long_starvation_is_found_as_soon_as_any_other():
    watch = StarvationWatch(5.0, 0.0)
    assert watch.is_starved(30.1, lambda: Waits(queued=30.0)), "it had no CPU for half a minute"
    assert watch.is_starved(32.0, lambda: Waits(queued=30.0)), "the verdict holds for a while"
    assert not watch.is_starved(35.2, lambda: Waits(queued=30.0)), "it has had all it wants ever since"


def test_a_heartbeat_ends_a_starvation():
    watch = StarvationWatch(5.0, 0.0)
    assert watch.is_starved(30.1, lambda: Waits(queued=30.0))
    watch.restart(31.0, Waits(queued=30.5))
    assert not watch.is_starved(36.1, lambda: Waits(queued=32.0))


def test_what_a_process_has_waited_for_is_read_from_the_kernel():
    waits = read_waits(os.getpid())
    assert waits.queued > 0.0
    assert waits.ran > 0.0
    assert waits.is_runnable
    assert read_waits(2**22 + 1) == Waits(0, 0.0, 0.0), "no such process"


def test_a_child_without_a_placeholder_only_waits():
    assert next_step(BackingOff(10.0, 99), 9.0, LIMITS, has_placeholder=False) == Wait(10.0)


@pytest.mark.parametrize("hangs", [False, True])
def test_the_end_of_a_placeholder_is_no_failure(hangs):
    state = Placeholder(7, 100.0, 101.0, 6, 120.0)
    ended = after_kill(state) if hangs else state
    assert after_exit(ended, 110.0, LIMITS) == BackingOff(120.0, 6, had_placeholder=True)


def test_a_healthy_minute_after_a_crash_loop_resets_the_failure_count():
    running = Running(7, 100.0, 160.0, 9)
    after = after_exit(running, 160.0, LIMITS)
    assert after == BackingOff(160.0, 1)
    assert next_step(after, 160.0, LIMITS, has_placeholder=True) == Start()


def test_a_child_that_hangs_is_asked_for_its_stack_and_then_killed():
    state = after_stack_dump(Running(7, 100.0, 200.0, 2), "it hangs", 205.1, LIMITS)
    assert isinstance(next_step(state, 205.2, LIMITS), Wait)
    assert next_step(state, 205.31, LIMITS) == Kill("it hangs")
    assert next_step(after_kill(state), 999.0, LIMITS) == Wait(None)


def test_delay_doubles_up_to_the_longest():
    delays = [back_off(failures, 0.0, LIMITS).until for failures in range(10)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert back_off(10000, 0.0, LIMITS).until == 30.0


def test_an_exit_soon_after_the_start_adds_to_the_failure_count():
    assert after_exit(Running(7, 100.0, 159.0, 3), 160.0, LIMITS) == BackingOff(160.0 + 1.6, 4)


def test_a_child_is_restarted_at_once_after_a_healthy_minute_and_its_failure_count_is_reset():
    assert after_exit(Running(7, 100.0, 160.0, 3), 160.0, LIMITS) == BackingOff(160.0, 1)


def test_the_time_that_a_child_hung_does_not_count_as_healthy():
    assert after_exit(Hanging(7, 100.0, 156.0, 3, "", None), 161.0, LIMITS).failures == 4
    assert after_exit(Hanging(7, 100.0, None, 3, "", None), 500.0, LIMITS).failures == 4


def test_time_in_which_the_keeper_was_not_running_does_not_count_as_silence():
    placeholder = Placeholder(7, 0.0, 1.0, 6, 2000.0)
    for state in (Running(7, 0.0, 1.0, 2), Running(7, 0.0, None, 2), placeholder):
        assert next_step(state, 1000.0, LIMITS) != Wait(None)
        assert isinstance(next_step(restart_timeouts(state, 1000.0), 1000.0, LIMITS), Wait)
    assert restart_timeouts(BackingOff(5.0, 2), 1000.0) == BackingOff(5.0, 2)
