"""How many processors a process may use: its affinity, and the CPU quota of its container."""

import os

import pytest

from sidecar.worker.engines.cpu import inference_threads
from sidecar.worker.engines.cpu.inference_threads import InferenceThreads
from sidecar.worker.processors import processors, usable_processors


@pytest.mark.parametrize(
    ("allowed", "v2", "v1", "count"),
    [
        (64, [], [], 64),
        (64, ["150000 100000\n"], [], 2),
        (64, ["max 100000\n"], [], 64),
        (64, ["50000 100000\n"], [], 1),
        (2, ["400000 100000\n"], [], 2),
        (64, [None, "400000 100000", "max 100000", "300000 100000"], [], 3),
        (64, [], [("150000\n", "100000\n")], 2),
        (64, [], [("-1\n", "100000\n")], 64),
        (64, [], [(None, None), ("200000", "50000")], 4),
        (64, ["nonsense", "", "0 0", "1 2 3"], [("x", "y"), ("0", "0")], 64),
    ],
)
def test_the_smallest_of_affinity_and_quotas_counts_and_a_part_of_a_processor_counts_whole(allowed, v2, v1, count):
    assert usable_processors(allowed, v2, v1) == count


def files(directory, **texts):
    os.makedirs(str(directory), exist_ok=True)
    for name, text in texts.items():
        (directory / name.replace("_dot_", ".")).write_text(text)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))

    def count(groups):
        (tmp_path / "groups").write_text(groups)
        return processors(str(tmp_path / "groups"), str(tmp_path / "mounted"))

    count.mounted = tmp_path / "mounted"
    return count


def test_a_container_with_cgroup_v2_sees_its_quota_at_the_root(machine):
    files(machine.mounted, cpu_dot_max="150000 100000\n")
    assert machine("0::/\n") == 2


def test_a_group_around_the_process_s_own_limits_it_too(machine):
    files(machine.mounted / "pod", cpu_dot_max="250000 100000\n")
    files(machine.mounted / "pod" / "container", cpu_dot_max="max 100000\n")
    assert machine("0::/pod/container\n") == 3


def test_a_container_with_cgroup_v1_sees_its_quota_at_the_root_and_a_path_of_the_host(machine):
    files(machine.mounted / "cpu,cpuacct", cpu_dot_cfs_quota_us="150000\n", cpu_dot_cfs_period_us="100000\n")
    assert machine("4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n0::/system.slice\n") == 2


def test_without_control_groups_the_affinity_counts(machine):
    assert machine("") == 64


def test_no_more_frames_are_inferred_at_a_time_than_the_quota_pays_for(machine, monkeypatch):
    files(machine.mounted, cpu_dot_max="150000 100000\n")
    monkeypatch.setattr(inference_threads, "processors", lambda: machine("0::/\n"))
    threads = InferenceThreads()
    threads.stop()
    assert threads.count == 2
