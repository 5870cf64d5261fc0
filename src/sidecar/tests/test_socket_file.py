"""Outlet and worker find the directory of their sockets missing, closed, full or tampered with, and come back."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import grpc
import pytest

from sidecar.contract import pipeline, pipeline_grpc
from sidecar.socket_file import SocketFile, explain
from sidecar.tests.main_loop import turn_until

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
NOBODY = 65534
SOCKETS = {"outlet": "outlet.sock", "worker": "worker.sock"}


def until(condition, what, within=60.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "not in time: " + what
        time.sleep(0.02)


def become_nobody():
    """Root may write everywhere."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


class Half:
    """Outlet or worker as a process, without privileges, and what it has said."""

    def __init__(self, name, run_dir):
        self.path = os.path.join(run_dir, SOCKETS[name])
        environment = dict(os.environ, SLIPSTREAM_RUN_DIR=run_dir, SLIPSTREAM_ENGINE="cpu", HOME=tempfile.gettempdir())
        environment["PYTHONPATH"] = os.pathsep.join([SOURCE, os.path.join(SOURCE, "sidecar", "gen")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sidecar." + name],
            env=environment,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            preexec_fn=become_nobody,
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        with self.process.stderr as lines:
            self.lines.extend(iter(lines.readline, ""))

    def says(self, text):
        until(lambda: any(text in line for line in self.lines), text)

    def listens(self):
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self.path)
            except OSError:
                return False
            return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._reader.join()
        return code


@pytest.fixture
def start():
    started = []

    def run(*args):
        started.append(Half(*args))
        return started[-1]

    yield run
    for half in started:
        half.process.kill()
        half.process.wait()
        half._reader.join()


@pytest.fixture
def directory():
    """One that nobody may pass through, and not too deep for the path of a socket."""
    made = tempfile.mkdtemp(prefix="slip-")
    os.chmod(made, 0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def mount(directory):
    """Mounts a file system of its own there, and changes its options."""
    mounted = []

    def run(options):
        command = ["mount", "-t", "tmpfs", "-o", ("remount," if mounted else "") + options, "none", directory]
        if subprocess.call(command, stderr=subprocess.DEVNULL) != 0:
            pytest.skip("no file system can be mounted here")
        mounted.append(options)
        return directory

    yield run
    if mounted:
        subprocess.check_call(["umount", "-l", directory])


BOTH = pytest.mark.parametrize("name", ["outlet", "worker"])


@BOTH
def test_a_directory_that_may_not_be_written_to_is_said_with_its_owner_and_used_when_it_may(start, directory, name):
    os.chmod(directory, 0o555)
    half = start(name, directory)
    half.says("%s cannot be written to: it is of uid %d" % (directory, os.geteuid()))
    os.chmod(directory, 0o777)
    until(half.listens, "a socket in the directory that was mended")
    half.says("listening after all")
    assert sum("cannot listen" in line for line in half.lines) == 1, "said once"
    assert half.stop() == 0
    assert not os.path.exists(half.path)


@BOTH
def test_a_directory_that_is_missing_is_made_or_waited_for(start, directory, name):
    os.chmod(directory, 0o555)
    inside = os.path.join(directory, "run")
    half = start(name, inside)
    half.says("cannot listen")
    os.chmod(directory, 0o777)
    until(half.listens, "directory and socket made")
    shutil.rmtree(inside)
    until(half.listens, "directory and socket made again")


@BOTH
def test_a_directory_that_is_full_is_said_and_used_when_there_is_room(start, mount, name):
    directory = mount("mode=777,nr_inodes=1")
    half = start(name, directory)
    half.says("%s is full" % directory)
    mount("nr_inodes=100")
    until(half.listens, "a socket in the directory that has room")


@BOTH
def test_a_directory_that_is_read_only_is_said_and_used_when_it_is_not(start, mount, name):
    directory = mount("mode=777,ro")
    half = start(name, directory)
    half.says("%s is read-only" % directory)
    mount("rw")
    until(half.listens, "a socket in the directory that can be written to")


@BOTH
def test_two_do_not_listen_in_one_directory(start, directory, name):
    os.chmod(directory, 0o777)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.path.join(directory, SOCKETS[name]))
        other.listen(1)
        os.chmod(other.getsockname(), 0o777)
        half = start(name, directory)
        half.says("another process listens at " + half.path)
    until(half.listens, "a socket in place of one that was left behind")


def test_a_worker_whose_socket_is_removed_is_found_again(start, directory):
    os.chmod(directory, 0o777)
    half = start("worker", directory)

    def connect(channel):
        stub = pipeline_grpc.PipelineStub(channel)
        return stub.Connect(pipeline.ConnectRequest(), wait_for_ready=True, timeout=60).instance_id

    with grpc.insecure_channel("unix:" + half.path) as before:
        instance = connect(before)
        call = pipeline_grpc.PipelineStub(before).Watch(pipeline.WatchRequest(), timeout=60)
        next(call)
        for _ in range(2):
            os.unlink(half.path)
            until(half.listens, "the socket")
            with grpc.insecure_channel("unix:" + half.path) as after:
                assert connect(after) == instance
        # Who was connected before comes in again.
        assert connect(before) == instance
    assert half.stop() == 0


def test_an_outlet_whose_socket_is_removed_is_found_again(start, directory):
    os.chmod(directory, 0o777)
    half = start("outlet", directory)
    until(half.listens, "the socket")
    for _ in range(2):
        os.unlink(half.path)
        until(half.listens, "the socket again")
    assert os.stat(half.path).st_mode & 0o777 == 0o600
    assert half.stop() == 0


def test_a_defect_while_it_tries_to_listen_does_not_end_the_trying(directory):
    outcomes = iter([OSError(errno.EIO, "not yet"), RuntimeError("a defect"), None])
    tries = []

    def listen():
        outcome = next(outcomes)
        tries.append(outcome)
        if outcome is not None:
            raise outcome
        with open(os.path.join(directory, "x.sock"), "w"):
            pass

    socket_file = SocketFile(os.path.join(directory, "x.sock"), 0o600, listen, lambda: None)
    turn_until(lambda: len(tries) == 3, lambda: "it did not try again", within=60.0)
    socket_file.stop()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EROFS, "/run/x is read-only"),
        (errno.ENOSPC, "/run/x is full"),
        (errno.EDQUOT, "/run/x is full"),
        (errno.EACCES, "/run/x cannot be written to; let uid "),
        (errno.ENOENT, "/run/x is no directory and cannot be made one"),
        (errno.ENOTDIR, "/run/x is no directory and cannot be made one"),
        (errno.EADDRINUSE, "another process listens at /run/x/a.sock"),
        (errno.EIO, "[Errno 5] Input/output error"),
    ],
)
def test_every_reason_has_its_words(number, said):
    assert explain(OSError(number, os.strerror(number)), "/run/x/a.sock").startswith(said)
