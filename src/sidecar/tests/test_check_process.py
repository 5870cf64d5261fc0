"""A check in a process of its own: it answers, or ends and says why. None of its processes is left."""

import glob
import os

import pytest

from sidecar.worker.check_process import CheckLimits, run_check

STUB = "sidecar.tests.check_stub"
LIMITS = CheckLimits(seconds=60.0, cpu_seconds=1, memory=1 << 28)


def children():
    found = []
    for path in glob.glob("/proc/self/task/*/children"):
        with open(path) as file:
            found += file.read().split()
    return found


@pytest.fixture(autouse=True)
def no_process_is_left():
    before = children()
    yield
    assert children() == before


@pytest.mark.parametrize("kind", ["fine", "leaves-a-thread"])
def test_the_problems_are_those_that_the_check_found(kind):
    (problem,) = run_check(STUB, "/" + kind, limits=LIMITS)
    assert problem == ("error", "found", "network.onnx", "told")


@pytest.mark.parametrize(
    ("kind", "limits", "words"),
    [
        ("hangs", LIMITS._replace(seconds=0.5), "did not load and run once within 0.5 s"),
        ("spins", LIMITS, "more than 1 s of processor time"),
        ("swells", LIMITS, "more than 256 MiB of memory"),
        ("crashes", LIMITS, "ended with signal 11"),
        ("exits", LIMITS, "ended with status 3 and no answer"),
        ("writes", LIMITS, "its check failed with OSError(27"),
        ("chatters", LIMITS, "answered with more than 1048576 bytes"),
    ],
)
def test_a_check_that_reaches_a_limit_or_dies_is_a_problem_of_the_model(kind, limits, words, tmp_path):
    (problem,) = run_check(STUB, str(tmp_path / kind), limits=limits)
    assert (problem.severity, problem.code, problem.path) == ("error", "model-check-failed", "bundle_path")
    assert words in problem.message
    assert "\n" not in problem.message


def test_a_check_ends_when_nobody_waits_for_it_any_more():
    def leaves_at_once(act):
        act()
        return True

    (problem,) = run_check(STUB, "/hangs", leaves_at_once, LIMITS)
    assert "nobody waits" in problem.message


def test_a_check_for_which_nobody_waits_is_not_begun():
    (problem,) = run_check("no.such.module", "/", lambda _act: False, LIMITS)
    assert "nobody waits" in problem.message


def test_whoever_leaves_after_the_answer_changes_nothing():
    kept = []

    def when_abandoned(act):
        kept.append(act)
        return True

    run_check(STUB, "/fine", when_abandoned, LIMITS)
    descriptors = os.listdir("/proc/self/fd")
    kept[0]()
    assert os.listdir("/proc/self/fd") == descriptors
