"""What a standby picture says."""

from typing import NamedTuple, Optional


class Facts(NamedTuple):
    """What the outlet knows of a mount that shows nothing. Times of day as they are shown."""

    # From the worker, if it has said something.
    said: str
    worker_is_here: bool
    # The stream that the worker was told to send has begun.
    has_stream: bool
    # The last frame that viewers could see; None: there was none yet.
    last_frame: Optional[str]
    # Since when the mount is served.
    served_since: str


def standby_text(facts: Facts) -> str:
    """What is going on, and since when. Pure."""
    since = facts.last_frame or facts.served_since
    if not facts.worker_is_here:
        return "restarting, no picture since %s" % since
    if facts.said:
        return facts.said
    if not facts.has_stream:
        return "starting, no picture since %s" % since
    return "no signal since %s" % since
