"""A worker that dies again and again: what the agent and the viewers are told meanwhile."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import pytest

from sidecar.contract import pipeline, pipeline_grpc, spec, state
from sidecar.keeper.previous_worker import CrashLoop, PreviousWorker
from sidecar.worker.engines.unavailable import crash_loop_failure

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
DEADLINE_SECONDS = 60

# The keeper, whose worker kills itself unless it is a placeholder.
KEEPER = """
import os, sys
from sidecar import log
from sidecar.keeper.previous_worker import PreviousWorkerFile
from sidecar.keeper.keeper import Keeper
from sidecar.keeper.restart import Limits
from sidecar.keeper.process import Command, adopt_orphans
from sidecar.keeper.stderr_relay import StderrRelay
relay = StderrRelay(2)
log.configure("info", relay)
adopt_orphans()
code = '''
import os, runpy, signal, sys
if "SLIPSTREAM_CRASH_LOOP" in os.environ:
    runpy.run_module("sidecar.worker", run_name="__main__")
sys.stderr.write("cannot open rtsp://eve:hunter2@10.0.0.9/live: the GPU has fallen off the bus")
sys.stderr.flush()
os.kill(os.getpid(), signal.SIGSEGV)
'''
file = PreviousWorkerFile(os.environ["SLIPSTREAM_RUN_DIR"])
command = Command("worker", [sys.executable, "-c", code], dict(os.environ), True, file)
Keeper([command], Limits(crash_loop=2, first_delay=float(sys.argv[1])), relay, lifeline=0).run()
"""


class OutletDouble:
    """Hears what a worker says to the outlet."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(8)
        self.said = {}
        self.has_said = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        connection, _ = self._socket.accept()
        with connection, connection.makefile() as lines:
            for line in lines:
                self.said.update(json.loads(line))
                if "text" in self.said:
                    self.has_said.set()

    def close(self):
        self._socket.close()


@pytest.fixture
def run_keeper(tmp_path):
    """The keeper with an outlet double beside it."""
    environment = dict(os.environ, SLIPSTREAM_RUN_DIR=str(tmp_path), SLIPSTREAM_ENGINE="cpu")
    environment["PYTHONPATH"] = os.pathsep.join(os.path.join(ROOT, part) for part in ("src", "src/sidecar/gen"))
    outlet = OutletDouble(str(tmp_path / "outlet.sock"))
    started = []

    def run(first_delay):
        command = [sys.executable, "-c", KEEPER, str(first_delay)]
        started.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE))
        return outlet

    yield run
    for keeper in started:
        keeper.send_signal(signal.SIGTERM)
        keeper.wait(DEADLINE_SECONDS)
        keeper.stdin.close()
    outlet.close()


def test_agent_and_viewers_are_told_of_the_crash_loop_and_of_the_next_attempt(run_keeper, tmp_path):
    # The second back-off, in which the placeholder is there, is twice as long.
    outlet = run_keeper(first_delay=8.0)
    with grpc.insecure_channel("unix:" + str(tmp_path / "worker.sock")) as channel:
        stub = pipeline_grpc.PipelineStub(channel)
        connected = stub.Connect(pipeline.ConnectRequest(), wait_for_ready=True, timeout=DEADLINE_SECONDS)
        assert connected.engine == "cpu"
        assert connected.previous.failures == 2
        assert connected.previous.how.startswith("exited with signal SIGSEGV after ")
        assert list(connected.previous.last_lines) == [
            "cannot open rtsp://***@10.0.0.9/live: the GPU has fallen off the bus"
        ]
        wanted = spec.PipelineSpec(
            cameras=[spec.Camera(id="front", name="Front", uri="rtsp://10.0.0.9/live")],
            models=[spec.Model(bundle_path="/models/none")],
            outputs=[
                spec.Output(
                    id="main",
                    encoding=spec.Encoding(width=640, height=360, bitrate=1000000, frame_rate=25),
                    rtsp=spec.RtspTarget(port=8554, path="/ds"),
                )
            ],
        )
        answer = stub.Apply(pipeline.ApplyRequest(generation="one", spec=wanted), timeout=DEADLINE_SECONDS)
        assert not answer.accepted
        assert [problem.code for problem in answer.problems] == ["engine-unavailable"]
        told = next(stub.Watch(pipeline.WatchRequest(), timeout=DEADLINE_SECONDS)).state
        assert told.pipeline.failed.reason == state.FAILURE_REASON_CRASH_LOOP
        assert "the GPU has fallen off the bus" in told.pipeline.failed.detail
        assert "hunter2" not in told.pipeline.failed.detail
        assert told.pipeline.failed.next_attempt.ToNanoseconds() > connected.previous.ended.ToNanoseconds()
        assert [(output.id, output.port, output.path) for output in told.outputs] == [("main", 8554, "/ds")]
    assert outlet.has_said.wait(DEADLINE_SECONDS)
    assert outlet.said["configure"]["port"] == 8554
    assert outlet.said["configure"]["mounts"][0]["title"] == "Front"
    assert outlet.said["text"]["mounts"]["/ds"].startswith("failing again and again, next try at ")


def test_a_file_says_how_the_last_one_ended_where_no_worker_can_be_asked(run_keeper, tmp_path):
    path = tmp_path / "worker-ended.json"
    path.write_text("of a container before this one")
    run_keeper(first_delay=0.1)
    deadline = time.monotonic() + DEADLINE_SECONDS
    told = {"failures": 0}
    while told["failures"] < 2:
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
        try:
            told = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            pass  # Not there yet.
    assert told["how"].startswith("exited with signal SIGSEGV after ")
    assert told["last_lines"] == ["cannot open rtsp://***@10.0.0.9/live: the GPU has fallen off the bus"]
    assert path.stat().st_mode & 0o777 == 0o640


ENDED = PreviousWorker(1700000000.0, "exited with code 1 after 0.1 s", (), 6)


@pytest.mark.parametrize(
    ("ended", "detail"),
    [
        (None, "the worker keeps crashing"),
        (ENDED, "the worker failed 6 times in a row; the last one exited with code 1 after 0.1 s"),
        (ENDED._replace(last_lines=("Traceback:", "ValueError: x")), "after 0.1 s; it said: ValueError: x"),
        (
            ENDED._replace(last_lines=("Fatal Python error: Aborted", '  File "x.py", line 1 in f')),
            "after 0.1 s; it said: Fatal Python error: Aborted",
        ),
    ],
)
def test_the_detail_names_the_cause(ended, detail):
    status = crash_loop_failure(CrashLoop(1700000030.0), ended)
    assert status.detail.endswith(detail)
    assert status.next_attempt.seconds == 1700000030
