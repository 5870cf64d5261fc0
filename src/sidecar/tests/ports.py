"""Ports for tests, of which many run side by side."""

import random
import socket

# Below the ports that the kernel gives to connections (net.ipv4.ip_local_port_range).
_FIRST, _LAST = 20000, 32767
# A name in the abstract namespace for each port: taken by one process at a time, and free again when that has ended.
_reservations = []


def free_port():
    """A port that nobody listens on, and that no other test is given while this process runs."""
    while True:
        port = random.randint(_FIRST, _LAST)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind("\0slipstream-test-port-%d" % port)
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("0.0.0.0", port))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port
