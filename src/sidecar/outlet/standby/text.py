"""The text of a standby picture. Pure."""

from typing import NamedTuple, Optional


class StandbyFacts(NamedTuple):
    """What the outlet knows of a mount without frames. Times of day as they are shown."""

    # The worker's text; empty: none.
    text: str
    worker_is_connected: bool
    # The stream that the worker was told to send has begun.
    has_stream: bool
    # The last frame that viewers could see; None: there was none yet.
    last_frame: Optional[str]
    # When the outlet began to serve the mount.
    served_since: str


def standby_text(facts: StandbyFacts) -> str:
    """What is going on, and since when."""
    since = facts.last_frame or facts.served_since
    if not facts.worker_is_connected:
        return "restarting, no video since %s" % since
    if facts.text:
        return facts.text
    if not facts.has_stream:
        return "starting, no video since %s" % since
    return "no signal since %s" % since
