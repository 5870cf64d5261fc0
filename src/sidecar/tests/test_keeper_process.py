"""The keeper as a real process with scripted children."""

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
from sidecar.keeper.restart import Limits
from sidecar.keeper.process import Command, adopt_orphans
from sidecar.keeper.stderr_relay import StderrRelay
children, limits, lifeline = json.loads(sys.argv[1])
relay = StderrRelay(2)
log.configure("info", relay)
adopt_orphans()
commands = [
    Command(name, [sys.executable, "-S", "-E", "-c", code], dict(os.environ), has_placeholder=name == "worker")
    for name, code in children
]
Keeper(commands, Limits(**limits), relay, lifeline).run()
"""


class KeeperProcess:
    def __init__(self, children, lifeline=None, **limits):
        limits = dict({"first_heartbeat": 2.0, "heartbeat": 0.6, "first_delay": 0.05}, **limits)
        self.process = subprocess.Popen(
            [sys.executable, "-c", KEEPER, json.dumps([children, limits, lifeline])],
            env=dict(os.environ, PYTHONPATH=SOURCE),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines = queue.Queue()
        self._stopped = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stderr:
            if self._stopped.is_set():
                return
            self._lines.put(line)
        self._lines.put(b"")

    def stop_reading(self):
        self._stopped.set()

    def next(self, message, within=30.0):
        """The next log line with this message; what comes before it is passed over."""
        deadline = time.monotonic() + within
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic())).decode()
            if line.startswith("{") and json.loads(line).get("message") == message:
                return json.loads(line)

    def rest(self):
        """The messages of what comes up to the end of its log."""
        lines = iter(lambda: self._lines.get(timeout=30.0), b"")
        return [json.loads(line).get("message") for line in lines if line.startswith(b"{")]


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


def eventually(condition, within=30.0):
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
    assert keeper.next("child hangs and is killed")["why"] == "heartbeat stopped"
    assert keeper.next("child started")["pid"] != first
    assert not is_alive(first)


# Computes for a while between its heartbeats, on a CPU that others have nearly to themselves, and says when it is done.
STARVED = """
import os, subprocess, sys, time
# Ends with its parent.
spin = "import os; parent = os.getppid()\\nwhile os.getppid() == parent: pass"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
others = [subprocess.Popen([sys.executable, "-S", "-E", "-c", spin]) for _ in range(8)]
os.nice(19)
beat_end = int(os.environ["SLIPSTREAM_HEARTBEAT_FD"])
os.write(beat_end, b".")
for _ in range(3):
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass
    os.write(beat_end, b".")
for other in others:
    other.kill()
sys.stderr.write('{"message": "done"}\\n')
sys.stderr.flush()
time.sleep(60)
"""


def test_a_child_that_the_machine_keeps_from_running_is_not_killed(start):
    keeper = start([["a", STARVED]], heartbeat=0.6, patience=1000.0, first_heartbeat=30.0)
    keeper.next("child is late because memory or CPU is short; waiting longer")
    keeper.next("done", within=300.0)
    # From now on it waits for nothing, and is silent.
    assert keeper.next("child hangs and is killed")["why"] == "heartbeat stopped"


def test_a_child_that_hangs_tells_the_next_one_where(start):
    code = """
import os, sys
if "SLIPSTREAM_PREVIOUS" in os.environ:
    sys.stderr.write('{"message": "told", "told": %s}\\n' % os.environ["SLIPSTREAM_PREVIOUS"])
    sys.stderr.flush()
import threading, time
sys.path.insert(0, SOURCE)
from sidecar.stack_dump import enable_stack_dump
enable_stack_dump()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
def waits_for_ever():
    time.sleep(60)
os.write(int(os.environ["SLIPSTREAM_HEARTBEAT_FD"]), b".")
waits_for_ever()
"""
    keeper = start([["a", "SOURCE = %r\n%s" % (SOURCE, code)]], first_heartbeat=30.0, stack_dump=2.0)
    told = keeper.next("told")["told"]
    assert told["how"].endswith(": heartbeat stopped")
    assert any(line.endswith("in waits_for_ever") for line in told["last_lines"])


def test_kills_a_child_that_never_beats(start):
    keeper = start([["a", SILENT]], first_heartbeat=0.3)
    assert keeper.next("child hangs and is killed")["why"] == "no heartbeat since its start"


def test_an_exit_with_code_0_counts_and_the_delay_grows_into_a_crash_loop(start):
    keeper = start([["a", ""]], crash_loop=4, first_delay=0.1)
    exits = [keeper.next("child exited") for _ in range(3)]
    assert [line["code"] for line in exits] == [0, 0, 0]
    assert [line["next_start_seconds"] for line in exits] == [0.1, 0.2, 0.4]
    assert [line["failures"] for line in exits] == [1, 2, 3]
    assert keeper.next("child is in a crash loop: exited")["level"] == "error"


# linux/capability.h
CAP_SYS_NICE = 23
NICENESS = """
import os, sys
from sidecar.keeper.process import Command, Process
if sys.argv[1] == "nobody" and os.geteuid() == 0:
    os.setuid(65534)
process = Process(Command("a", [sys.executable, "-S", "-E", "-c", "input()"], {}, niceness=-10), {})
print(os.getpriority(os.PRIO_PROCESS, process.pid))
"""


def niceness(user):
    return int(subprocess.check_output([sys.executable, "-c", NICENESS, user], env=dict(os.environ, PYTHONPATH=SOURCE)))


def test_a_child_is_preferred_where_that_is_permitted_and_runs_all_the_same_where_it_is_not(start):
    assert niceness("nobody") == os.nice(0)
    with open("/proc/self/status") as status:
        capabilities = int(next(line for line in status if line.startswith("CapEff:")).split()[1], 16)
    if capabilities >> CAP_SYS_NICE & 1:
        assert niceness("root") == -10


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
    for _ in range(2):
        keeper.next("beating")
    keeper.process.send_signal(number)
    assert keeper.process.wait(30.0) == 0
    assert "child did not stop in time and is killed" not in keeper.rest()
    assert not any(is_alive(pid) for pid in pids)


def test_kills_a_child_that_will_not_stop(start):
    keeper = start([["a", STUBBORN], ["b", BEATING]])
    pids = [keeper.next("child started")["pid"] for _ in range(2)]
    for _ in range(2):
        keeper.next("beating")
    keeper.process.terminate()
    assert keeper.next("child did not stop in time and is killed")["child"] == "a"
    assert keeper.process.wait(30.0) == 0
    assert not any(is_alive(pid) for pid in pids)


def test_the_end_of_the_lifeline_means_stop(start):
    keeper = start([["a", BEATING]], lifeline=0)
    pid = keeper.next("child started")["pid"]
    keeper.process.stdin.close()
    assert keeper.process.wait(30.0) == 0
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


# Says who it is and what it was told, and dies, unless it is a placeholder that is to stay.
TELLING = """
import json, os, signal, sys
told = {name: json.loads(os.environ.get(name, "null")) for name in ("SLIPSTREAM_PREVIOUS", "SLIPSTREAM_CRASH_LOOP")}
sys.stderr.write(json.dumps({"level": "info", "message": "told", "pid": os.getpid(), "told": told}) + "\\n")
sys.stderr.flush()
if told["SLIPSTREAM_CRASH_LOOP"] is None or PLACEHOLDER_DIES:
    sys.stderr.write('{"message": "no log line"}\\n')
    sys.stderr.write("half a line")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_the_next_child_is_told_how_the_one_before_ended(start):
    keeper = start([["a", "PLACEHOLDER_DIES = True\n" + TELLING]])
    assert keeper.next("told")["told"] == {"SLIPSTREAM_PREVIOUS": None, "SLIPSTREAM_CRASH_LOOP": None}
    for failures in (1, 2):
        ended = keeper.next("told")["told"]["SLIPSTREAM_PREVIOUS"]
        assert ended["how"].startswith("exited with signal SIGSEGV after ")
        assert ended["last_lines"] == ['{"message": "no log line"}', "half a line"]
        assert ended["failures"] == failures
        assert abs(ended["at"] - time.time()) < 60


def test_the_next_child_is_told_that_the_one_before_was_killed_because_its_heartbeat_stopped(start):
    keeper = start(
        [["a", "PLACEHOLDER_DIES = False\n" + TELLING.replace("is None", "is 0") + SILENT]], first_heartbeat=0.3
    )
    keeper.next("told")
    how = keeper.next("told")["told"]["SLIPSTREAM_PREVIOUS"]["how"]
    assert how.startswith("was killed after ")
    assert how.endswith(": no heartbeat since its start")


def test_in_a_crash_loop_a_placeholder_runs_until_the_next_try(start):
    code = "PLACEHOLDER_DIES = False\n" + TELLING + BEATING
    keeper = start([["worker", code]], crash_loop=2, first_delay=1.5, first_heartbeat=30.0, heartbeat=30.0)
    for _ in range(2):
        assert keeper.next("told")["told"]["SLIPSTREAM_CRASH_LOOP"] is None
    placeholder = keeper.next("told")
    assert placeholder["told"]["SLIPSTREAM_PREVIOUS"]["failures"] == 2
    assert (
        placeholder["told"]["SLIPSTREAM_CRASH_LOOP"]["next_attempt"] > placeholder["told"]["SLIPSTREAM_PREVIOUS"]["at"]
    )
    again = keeper.next("told")
    assert again["told"]["SLIPSTREAM_CRASH_LOOP"] is None
    assert again["told"]["SLIPSTREAM_PREVIOUS"]["failures"] == 2, "the placeholder's end is no failure"
    assert not is_alive(placeholder["pid"])
    assert keeper.next("told")["told"]["SLIPSTREAM_PREVIOUS"]["failures"] == 3


def test_a_placeholder_that_dies_too_changes_nothing(start):
    keeper = start([["worker", "PLACEHOLDER_DIES = True\n" + TELLING]], crash_loop=1, first_delay=0.5)
    for failures in (1, 2):
        assert keeper.next("child is in a crash loop: exited")["failures"] == failures
        assert keeper.next("placeholder exited")["signal"] == "SIGSEGV"


def test_a_flood_of_lines_reaches_the_log_unchanged_and_a_reader_that_stops_delays_nothing(start):
    flood = BEATING.replace("    time.sleep(0.1)", "    sys.stderr.write(LINE)\n    sys.stderr.flush()")
    line = json.dumps({"message": "x" * 2000}) + "\n"
    keeper = start([["a", "LINE = %r\n%s" % (line, flood)], ["b", BEATING]], heartbeat=30.0)
    pid = keeper.next("child started")["pid"]
    keeper.next("x" * 2000)
    # Nobody takes lines out of this queue from now on, but the thread that fills it reads on: stop that too.
    keeper.stop_reading()
    before = _cpu_seconds(pid)
    eventually(lambda: _cpu_seconds(pid) > before + 0.3)
    assert _resident_bytes(keeper.process.pid) < 60e6


def _resident_bytes(pid):
    with open("/proc/%d/statm" % pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
