"""A listener without file descriptors, on a real socket."""

import os
import resource
import socket

import pytest

from sidecar.outlet.listener import Listener
from sidecar.tests.main_loop import turn_until
from sidecar.timer import every


class CountingSocket(socket.socket):
    """Counts how often somebody tries to accept."""

    tries = 0

    def accept(self):
        self.tries += 1
        return super().accept()


@pytest.fixture
def no_descriptors():
    """Leaves none to this process, as soon as it is called, until its result is called or the test ends."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []

    def give_back():
        while taken:
            os.close(taken.pop())
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    def take():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass  # There are none left.
        return give_back

    yield take
    give_back()


def test_without_descriptors_it_says_so_once_does_not_spin_and_recovers(no_descriptors, caplog):
    caplog.set_level("INFO")
    listening = CountingSocket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(8)
    accepted = []
    listener = Listener(listening, lambda connection, _: accepted.append(connection))
    ticks = []
    clock = every(1, lambda: ticks.append(1))
    with socket.create_connection(listening.getsockname()), socket.create_connection(listening.getsockname()):
        give_back = no_descriptors()
        turn_until(lambda: len(ticks) >= 300, lambda: "the main loop turns", within=60.0)
        # Once, or once more after a second.
        assert 1 <= listening.tries <= 3
        assert accepted == []
        give_back()
        turn_until(lambda: len(accepted) == 2, lambda: "both are accepted", within=60.0)
    clock.stop()
    listener.close()
    for connection in accepted:
        connection.close()
    logged = [record.getMessage() for record in caplog.records if record.name == "outlet"]
    assert logged == ["no connection can be accepted; trying every second", "accepting connections again"]
