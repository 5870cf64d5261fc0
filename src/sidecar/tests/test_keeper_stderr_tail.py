"""What the keeper keeps of a child's standard error, what it tells the next one, and what nobody may read."""

import json
import os

import pytest

from sidecar.keeper.previous_worker import CrashLoop, PreviousWorker, crash_loop, previous_worker, to_environment
from sidecar.keeper.stderr_relay import StderrRelay
from sidecar.keeper.stderr_tail import StderrTail
from sidecar.redact import redact


def words_of(*received):
    words = StderrTail()
    forwarded = b"".join([words.take(piece) for piece in received] + [words.end()])
    return words.lines(), forwarded


def test_keeps_the_last_twenty_lines_that_are_no_log_lines_and_forwards_all():
    log_line = json.dumps({"level": "info", "message": "worker started"}).encode()
    said = b"".join(b"line %d\n%s\n\n" % (number, log_line) for number in range(30))
    lines, forwarded = words_of(said)
    assert lines == tuple("line %d" % number for number in range(10, 30))
    assert forwarded == said


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_lines_are_forwarded_whole_however_they_come(size):
    said = "Traceback:\n  ü ключ\nValueError: x".encode()
    words = StderrTail()
    pieces = [words.take(said[at : at + size]) for at in range(0, len(said), size)]
    assert all(piece == b"" or piece.endswith(b"\n") for piece in pieces)
    assert b"".join(pieces) + words.end() == said + b"\n"
    assert words.lines() == ("Traceback:", "ü ключ", "ValueError: x")


def test_each_line_is_cut_at_five_hundred_bytes_between_letters():
    lines, _ = words_of(b"a" + "ü".encode() * 400 + b"\n")
    assert lines == ("a" + "ü" * 249,)


def test_a_line_without_an_end_is_bounded_and_forwarded():
    words = StderrTail()
    forwarded = 0
    for _ in range(1000):
        forwarded += len(words.take(b"x" * 10000))
        assert len(words._rest) < 20000
    assert forwarded >= 1000 * 10000 - 20000
    assert words.take(b"\nafter\n").endswith(b"\nafter\n")
    assert words.lines() == ("x" * 500, "after")


def test_what_a_terminal_would_obey_is_left_out():
    assert words_of(b"\x1b[31;01mERROR\x1b[00m \x07bell\x00\n")[0] == ("ERROR  bell",)
    assert words_of(b"\xff\xfe\n")[0] == ("\ufffd\ufffd",)


# Each holds hunter2, or its parts, as a password.
TELLTALES = [
    "rtsp://admin:hunter2@10.0.0.9/live failed",
    'could not open "rtsp://admin:hunter2@10.0.0.9/live"',
    "rtsp://admin:hunter2@10.0.0.9 and rtsps://eve:hunter2@10.0.0.8/x",
    "rtsp://admin:hun/ter2@hunter2@10.0.0.9/live",
    "rtsp://admin:hun ter2@10.0.0.9/live",
    "rtsp://admin:hun\"ter2'hunter2@10.0.0.9/live",
    "rtsp://:hunter2@10.0.0.9/live",
    "rtsp://10.0.0.9/live?user=admin&password=hunter2&channel=1",
    "rtspsrc0: user-id=admin, user-pw=hunter2, latency=0",
    'location = "rtsp://x/", user-pw = (string)"hun\\"ter2", user-id = me',
    "Authorization: Basic aHVudGVyMg==hunter2",
    'Authorization: Digest username="admin", realm="x", response="hunter2"',
    "Credentials(username='admin', password='hunter2')",
    'password: "hunter2"',
    '{"username": "admin", "password": "hunter2"',
    "PASSWORD=hunter2",
]


@pytest.mark.parametrize("line", TELLTALES)
def test_no_secret_is_told(line):
    lines, forwarded = words_of(line.encode() + b"\n")
    for told in (lines[0], forwarded.decode()):
        assert not [secret for secret in ("hunter2", "ter2", "aHVudGVyMg") if secret in told], told


# What a pattern may stumble over when there is much of it.
PARTS = ["a", "://", "://a:", "a:", "password=", 'password="', "authorization: ", "a@", "\\"]


@pytest.mark.parametrize("part", PARTS)
def test_a_login_is_hidden_behind_whatever_is_said(part):
    assert "hunter2" not in redact("rtsp://" + part * (1000 // len(part)) + " rtsp://admin:hunter2@10.0.0.9/live")


def test_a_login_whose_end_was_cut_off_is_hidden():
    lines, _ = words_of(b"failed: rtsp://admin:hunter2" + b"x" * 20000 + b"@10.0.0.9/live\n")
    assert lines == ("failed: rtsp://***",)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.9:554/live refused the user name and password; check them",
        "wrong password: try another one",
        "file:///footage/demo.mp4",
        "could not bind to 0.0.0.0:8554, authorization is off",
    ],
)
def test_what_holds_no_secret_is_told_as_it_is(text):
    assert redact(text) == text


def test_the_next_worker_reads_what_the_keeper_wrote():
    ended = PreviousWorker(1700000000.25, "exited with signal SIGSEGV after 12.3 s", ("one", "ü\ud800"), 7)
    told = to_environment(ended, CrashLoop(1700000030.0))
    assert all("\n" not in value and value.isascii() for value in told.values())
    assert previous_worker(told) == ended
    assert crash_loop(told) == CrashLoop(1700000030.0)
    assert previous_worker({}) is None
    assert crash_loop(to_environment(ended, None)) is None


class Pipe:
    """A relay to a pipe whose reader takes what it likes."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.relay = StderrRelay(self.write_end)

    def read(self):
        taken = b""
        while True:
            self.relay.write_backlog()
            try:
                piece = os.read(self.read_end, 65536)
            except BlockingIOError:
                return taken
            taken += piece


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    for end in (made.read_end, made.write_end):
        try:
            os.close(end)
        except OSError:
            pass  # A test closed it.


def test_what_a_slow_reader_does_not_take_waits_in_order(pipe):
    said = [b"%06d%s\n" % (number, b"x" * 93) for number in range(5000)]
    for line in said:
        pipe.relay.forward(line)
    assert pipe.relay.is_behind
    assert pipe.read() == b"".join(said)
    assert not pipe.relay.is_behind


def test_a_reader_that_never_reads_costs_bounded_memory_and_is_told_what_it_missed(pipe):
    line = b"x" * 999 + b"\n"
    for _ in range(3000):
        pipe.relay.forward(line)
    assert pipe.relay._backlog_bytes < 1100000
    read = pipe.read()
    kept, notice = read.count(line), read.splitlines()[-1]
    assert notice == b"(%d lines were dropped here: nothing read them)" % (3000 - kept)
    pipe.relay.forward(b"after\n")
    assert pipe.read() == b"after\n"


def test_a_reader_that_is_gone_costs_nothing(pipe):
    os.close(pipe.read_end)
    for _ in range(100):
        pipe.relay.forward(b"x" * 1000 + b"\n")
    assert not pipe.relay.is_behind
