"""Tells whether a camera is there while it sends no frames: by its RTCP reports, and by its RTSP connection."""

from typing import List

from sidecar.gst import Gst
from sidecar.timer import Timer, every
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.rtsp_connection import RtspConnection

_LOOK_MILLISECONDS = 250


def note_reports(source: Gst.Element, stats: CameraStats) -> None:
    """Notes each RTCP report that an rtspsrc gets."""

    number = stats.connections

    def on_manager(_source: Gst.Element, manager: Gst.Element) -> None:
        # On the streaming thread of the reports.
        manager.connect("on-ssrc-active", lambda *_: stats.on_sign(number))

    source.connect("new-manager", on_manager)


def note_connection(connection: RtspConnection, stats: CameraStats, number: int) -> None:
    """Notes what an open connection shows, until it is closed. Called on the loop thread. number: of CameraStats."""
    timers: List[Timer] = []

    def look() -> None:
        facts = None if connection.is_closed else connection.facts()
        if facts is None:
            timers[0].stop()
            return
        stats.on_sign(number, facts.data_age)
        stats.on_ack(number, facts.ack_age)

    timers.append(every(_LOOK_MILLISECONDS, look))
