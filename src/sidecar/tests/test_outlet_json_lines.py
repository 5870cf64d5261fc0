"""JSON lines over a real socket pair and a real main loop."""

import socket
import threading

import pytest

from sidecar.gst import GLib
from sidecar.outlet.json_lines import JsonLines


def turn_until(condition):
    context = GLib.MainContext.default()
    expired = []
    alarm = GLib.timeout_add(3000, lambda: expired.append(True) or True)
    while not condition():
        assert not expired, "did not happen in time"
        context.iteration(True)
    GLib.source_remove(alarm)


class End:
    """One end of a connection, and what it heard."""

    def __init__(self, connection):
        self.heard = []
        self.closed = []
        self.lines = JsonLines(connection, self.heard.append, self.closed.append)


@pytest.fixture
def pair():
    here, there = socket.socketpair()
    end = End(here)
    yield end, there
    end.lines.close()
    there.close()


def test_messages_arrive_whole_and_in_order_however_they_are_cut(pair):
    end, peer = pair
    peer.sendall(b'{"a": 1}\n{"b"')
    turn_until(lambda: end.heard)
    assert end.heard == [{"a": 1}]
    peer.sendall(b': 2}\n{"c": 3}\n')
    turn_until(lambda: len(end.heard) == 3)
    assert end.heard[1:] == [{"b": 2}, {"c": 3}]


def test_what_the_peer_cannot_take_yet_is_sent_later(pair):
    end, peer = pair
    other = End(peer)
    messages = [{"number": number, "text": "x" * 10000} for number in range(90)]
    for message in messages:
        end.lines.send(message)
    turn_until(lambda: len(other.heard) == len(messages))
    assert other.heard == messages
    other.lines.close()
    turn_until(lambda: end.closed)
    assert end.closed == [None]


def test_a_peer_that_never_reads_is_cut_off(pair):
    end, _ = pair
    for _ in range(300):
        end.lines.send({"text": "x" * 10000})
    assert end.closed == ["the peer does not read"]
    end.lines.send({"text": "too late"})


def send_all(peer, line):
    try:
        peer.sendall(line)
    except OSError:
        pass  # Cut off before the end of the line: as it should be.


@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b"\xff\n", b"[" * 100000 + b"\n", b"x" * 1100000])
def test_a_peer_that_speaks_nonsense_is_cut_off(pair, line):
    end, peer = pair
    sender = threading.Thread(target=send_all, args=(peer, line))
    sender.start()
    turn_until(lambda: end.closed)
    sender.join()
    assert len(end.closed) == 1
    assert end.closed[0] is not None
    assert end.heard == []


def test_nothing_is_called_after_close(pair):
    end, peer = pair
    peer.sendall(b'{"a": 1}\n')
    end.lines.close()
    peer.close()
    for _ in range(10):
        GLib.MainContext.default().iteration(False)
    assert end.heard == []
    assert end.closed == []
