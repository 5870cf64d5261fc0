"""The keeper as a real process with stand-in children."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# Beats ten times a second, and says when it has begun to.
BEATING = """
import os, sys, time
os.write(int(os.environ["SLIPSTREAM_HEARTBEAT_FD"]), b".")
sys.stderr.write('{"message": "beating"}\\n')
sys.stderr.flush()
while True:
    os.write(int(os.environ["SLIPSTREAM_HEARTBEAT_FD"]), b".")
    time.sleep(0.1)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + BEATING
SILENT = "import time; time.sleep(60)"
# Leaves a process behind that is the child of nobody any more, tells its number, and beats.
ORPHANING = (
    """
import subprocess, sys
orphan = "import subprocess; print(subprocess.Popen(['sleep', 'SECONDS'], stdout=subprocess.DEVNULL).pid)"
pid = subprocess.check_output([sys.executable, "-c", orphan]).decode().strip()
sys.stderr.write('{"message": "orphan", "pid": %s}\\n' % pid)
sys.stderr.flush()
"""
    + BEATING
)

KEEPER = """
import json, os, sys
from sidecar import log
from sidecar.keeper.keeper import Keeper
from sidecar.keeper.policy import Limits
from sidecar.keeper.process import Command, adopt_orphans
children, limits, lifeline = json.loads(sys.argv[1])
log.configure("info")
adopt_orphans()
commands = [Command(name, [sys.executable, "-S", "-E", "-c", code], dict(os.environ)) for name, code in children]
Keeper(commands, Limits(**limits), lifeline).run()
"""


class KeeperProcess:
    def __init__(self, children, lifeline=None, **limits):
        limits = dict({"start": 2.0, "silence": 0.6, "first_delay": 0.05}, **limits)
        self.process = subprocess.Popen(
            [sys.executable, "-c", KEEPER, json.dumps([children, limits, lifeline])],
            env=dict(os.environ, PYTHONPATH=SOURCE),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stderr:
            self._lines.put(line)

    def next(self, message, within=4.0):
        """The next log line with this message; those before it are passed over."""
        deadline = time.monotonic() + within
        while True:
            line = json.loads(self._lines.get(timeout=max(0.01, deadline - time.monotonic())).decode())
            if line["message"] == message:
                return line


@pytest.fixture
def start():
    started = []

    def run(*args, **limits):
        started.append(KeeperProcess(*args, **limits))
        return started[-1]

    yield run
    for keeper in started:
        keeper.process.kill()
        keeper.process.wait()
        keeper.process.stdin.close()


def is_alive(pid):
    """Whether a process runs. A zombie does not."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition, within=3.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def test_replaces_a_killed_child_and_leaves_the_other_alone(start):
    keeper = start([["a", BEATING], ["b", BEATING]])
    first, other = keeper.next("child started")["pid"], keeper.next("child started")["pid"]
    os.kill(first, signal.SIGKILL)
    exited = keeper.next("child exited")
    assert (exited["child"], exited["signal"], exited["level"]) == ("a", "SIGKILL", "warn")
    again = keeper.next("child started")
    assert again["child"] == "a"
    assert again["pid"] != first
    assert is_alive(other)


def test_kills_and_replaces_a_child_that_hangs(start):
    keeper = start([["a", BEATING]])
    first = keeper.next("child started")["pid"]
    keeper.next("beating")
    os.kill(first, signal.SIGSTOP)
    assert keeper.next("child is killed")["why"] == "heartbeat stopped"
    assert keeper.next("child started")["pid"] != first
    assert not is_alive(first)


def test_kills_a_child_that_never_beats(start):
    keeper = start([["a", SILENT]], start=0.3)
    assert keeper.next("child is killed")["why"] == "no heartbeat since its start"


def test_an_exit_with_code_0_counts_and_the_delay_grows_into_a_crash_loop(start):
    keeper = start([["a", ""]], crash_loop=4, first_delay=0.1)
    exits = [keeper.next("child exited") for _ in range(3)]
    assert [line["code"] for line in exits] == [0, 0, 0]
    assert [line["next_start_seconds"] for line in exits] == [0.1, 0.2, 0.4]
    assert [line["failures"] for line in exits] == [1, 2, 3]
    assert keeper.next("child is in a crash loop: exited")["level"] == "error"


def test_goes_on_trying_when_a_child_cannot_be_started(start, tmp_path):
    code = KEEPER.replace('[sys.executable, "-S", "-E", "-c", code]', "[code]")
    missing = str(tmp_path / "missing")
    process = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps([[["a", missing]], {"first_delay": 0.05}, None])],
        env=dict(os.environ, PYTHONPATH=SOURCE),
        stderr=subprocess.PIPE,
    )
    try:
        messages = [json.loads(process.stderr.readline().decode()) for _ in range(3)]
        assert [line["message"] for line in messages[1:]] == ["child cannot be started"] * 2
        assert missing in messages[1]["error"]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_leaves_no_orphan_when_it_is_killed(start):
    keeper = start([["a", STUBBORN], ["b", STUBBORN]])
    pids = [keeper.next("child started")["pid"] for _ in range(2)]
    keeper.process.kill()
    eventually(lambda: not any(is_alive(pid) for pid in pids))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_its_children_on_a_signal(start, number):
    keeper = start([["a", BEATING], ["b", BEATING]])
    pids = [keeper.next("child started")["pid"] for _ in range(2)]
    began = time.monotonic()
    keeper.process.send_signal(number)
    assert keeper.process.wait(3.0) == 0
    assert time.monotonic() - began < 1.0
    assert not any(is_alive(pid) for pid in pids)


def test_stops_within_two_seconds_when_a_child_will_not(start):
    keeper = start([["a", STUBBORN], ["b", BEATING]])
    pids = [keeper.next("child started")["pid"] for _ in range(2)]
    for _ in range(2):
        keeper.next("beating")
    began = time.monotonic()
    keeper.process.terminate()
    assert keeper.process.wait(3.0) == 0
    assert 1.4 < time.monotonic() - began < 2.0
    assert not any(is_alive(pid) for pid in pids)


def test_the_end_of_the_lifeline_means_stop(start):
    keeper = start([["a", BEATING]], lifeline=0)
    pid = keeper.next("child started")["pid"]
    keeper.process.stdin.close()
    assert keeper.process.wait(3.0) == 0
    assert not is_alive(pid)


def test_ends_what_a_dead_child_leaves_behind(start):
    keeper = start([["a", ORPHANING.replace("SECONDS", "60")]])
    first = keeper.next("child started")["pid"]
    orphan = keeper.next("orphan")["pid"]
    os.kill(first, signal.SIGKILL)
    keeper.next("child started")
    assert not is_alive(orphan)


def test_collects_orphans_that_fall_to_it(start):
    keeper = start([["a", ORPHANING.replace("SECONDS", "0.3")]])
    orphan = keeper.next("orphan")["pid"]
    eventually(lambda: not os.path.exists("/proc/%d" % orphan))


def test_sleeps_when_there_is_nothing_to_do(start):
    quiet = BEATING.replace("0.1", "0.5")
    keeper = start([["a", quiet], ["b", quiet]], silence=5.0)
    for _ in range(2):
        keeper.next("child started")
    before = _cpu_seconds(keeper.process.pid)
    time.sleep(1.0)
    assert _cpu_seconds(keeper.process.pid) - before <= 0.02


def _cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
