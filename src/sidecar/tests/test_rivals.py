"""When two agents are suspected of controlling one worker."""

import pytest

from sidecar.worker.service.rivals import Rivals


def suspected(generations, step=1.0):
    rivals = Rivals()
    return [rivals.observe(generation, number * step) for number, generation in enumerate(generations)]


def test_two_generations_in_turns_are_two_agents():
    assert suspected("ababab") == [False] * 4 + [True] * 2


@pytest.mark.parametrize("generations", ["aba", "abacada", "abcabcabc", "abaab", "abababc"[4:]])
def test_other_changes_are_those_of_one_agent(generations):
    assert not any(suspected(generations))


def test_changes_that_are_far_apart_are_those_of_one_agent():
    assert not any(suspected("ababab", step=151.0))
