"""A host is probed until it answers."""

import socket

import pytest

from sidecar.tests.outlet_rig import until
from sidecar.tests.ports import free_port
from sidecar.worker.cameras.reachability_probe import ReachabilityProbe

DEADLINE_SECONDS = 30


@pytest.fixture
def probe():
    made = []

    def start(port, **options):
        """The probe, and a list that an answer is put into."""
        answers = []
        made.append(ReachabilityProbe("rtsp://127.0.0.1:%d/x" % port, 20, lambda: answers.append(True), **options))
        return made[-1], answers

    yield start
    for one in made:
        one.stop()


def listen(port):
    host = socket.socket()
    host.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    host.bind(("127.0.0.1", port))
    host.listen(16)
    return host


def accepted(host):
    """Whether a connection was made; the next call waits for another one."""
    host.setblocking(False)
    try:
        host.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_an_answer_is_reported_once(probe):
    with listen(0) as host:
        _, answers = probe(host.getsockname()[1])
        until(lambda: answers, "the answer", DEADLINE_SECONDS)
    assert answers == [True]


def test_a_host_that_is_down_is_probed_until_it_is_up(probe):
    port = free_port()
    one, answers = probe(port, only_after_silence=True)
    until(lambda: one._counts, "a refused connection", DEADLINE_SECONDS)
    assert not answers
    with listen(port):
        until(lambda: answers, "the answer", DEADLINE_SECONDS)


def test_an_answer_may_count_only_after_silence(probe):
    host = listen(0)
    port = host.getsockname()[1]
    one, answers = probe(port, only_after_silence=True)
    for _ in range(3):
        until(lambda: accepted(host), "a connection", DEADLINE_SECONDS)
    assert not answers
    host.close()
    until(lambda: one._counts, "a refused connection", DEADLINE_SECONDS)
    with listen(port):
        until(lambda: answers, "the answer", DEADLINE_SECONDS)
