"""Which RTP packets of a camera are noted: few while whole frames come, all while none does."""

import pytest

from sidecar.gst import Gst
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines import rtp_packets
from sidecar.worker.engines.rtp_packets import PacketWatch

OK, DROP, REMOVE = Gst.PadProbeReturn.OK, Gst.PadProbeReturn.DROP, Gst.PadProbeReturn.REMOVE


class Packets:
    """Packets of 1000 bytes that come to a watch."""

    def __init__(self):
        self.stats = CameraStats()
        self.exceeded = 0
        self.watch = PacketWatch(self.stats, self._on_exceeded)
        self._is_watching = False

    def _on_exceeded(self):
        self.exceeded += 1

    def look(self):
        self._is_watching |= self.watch.begins()

    def come(self, count):
        """Returns how many passed."""
        passed = 0
        for _ in range(count):
            became = self.watch.on_packet(1000) if self._is_watching else OK
            self._is_watching &= became != REMOVE
            passed += became != DROP
        return passed

    def are_whole_frames(self, count):
        for _ in range(count):
            self.come(10)
            self.stats.on_encoded_frame()


@pytest.fixture
def packets(monkeypatch):
    monkeypatch.setattr(rtp_packets, "MOST_FRAME_BYTES", 100 * 1000)
    packets = Packets()
    packets.look()
    return packets


def test_each_packet_is_noted_until_the_first_frame_is_whole(packets):
    packets.come(7)
    assert packets.stats.packets == 7


def test_one_packet_is_noted_in_each_look_while_whole_frames_come(packets):
    packets.are_whole_frames(4)
    packets.look()
    before = packets.stats.packets
    for _ in range(5):
        packets.are_whole_frames(4)
        packets.look()
    assert packets.stats.packets == before + 5


def test_all_packets_are_noted_again_once_no_frame_has_become_whole_from_one_look_to_the_next(packets):
    packets.are_whole_frames(4)
    packets.look()
    packets.look()
    before = packets.stats.packets
    packets.come(30)
    assert packets.stats.packets == before + 30


def test_a_frame_that_never_becomes_whole_is_cut_off(packets):
    packets.are_whole_frames(4)
    packets.look()
    packets.look()
    assert packets.come(300) == 100
    assert packets.exceeded == 1


def test_no_look_lets_packets_pass_again_that_are_cut_off(packets):
    packets.come(300)
    packets.look()
    packets.look()
    assert packets.come(10) == 0
    assert packets.exceeded == 1
