"""Tells whether a camera is there while it sends no frames: by its RTCP reports, and by its RTSP connection."""

from sidecar.gst import Gst
from sidecar.timer import every
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.weak_socket import WeakSocket

_LOOK_MILLISECONDS = 250


def note_reports(source: Gst.Element, stats: CameraStats) -> None:
    """Notes each RTCP report that an rtspsrc gets."""
    number = stats.connections

    def on_manager(_source: Gst.Element, manager: Gst.Element) -> None:
        # On the streaming thread of the reports.
        manager.connect("on-ssrc-active", lambda *_: stats.on_sign(number))

    source.connect("new-manager", on_manager)


def note_connection(stats: CameraStats, number: int, connection: WeakSocket) -> None:
    """Notes what an open connection shows, until it is closed. Called on the loop thread. number: of CameraStats."""
    connection.keep_alive()

    def look() -> None:
        ages = connection.ages()
        if ages is None:
            timer.stop()
            return
        stats.on_sign(number, ages[0])
        stats.on_ack(number, ages[1])

    timer = every(_LOOK_MILLISECONDS, look)
