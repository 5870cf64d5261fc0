"""Notices that a camera goes on sending the same picture, by sparse copies of its luma.

Only equal copies are the same picture, so a sensor that hangs in front of an encoder that goes on is noticed only
where the encoder repeats it exactly. There is no tolerance that would find the others alone. Measured with x264 at
100 to 2000 kbit/s, half a second apart, as the mean difference of a copy in levels of 255: a picture that stands
still up to 0.17, a quiet night scene with little noise left (standard deviation 0.05 to 0.15 levels, as cameras
reduce it) 0.03 to 0.21. A live camera called frozen is worse than a frozen one called live.
"""

# Pictures are compared this far apart, in seconds.
_SPAN = 0.5


class FreezeDetector:
    """is_due() and see() are called on the streaming thread of the camera's connection, the rest on the loop thread
    while there is none, or on any thread to read."""

    def __init__(self) -> None:
        self._look = b""
        self._since = 0.0
        self._seen = 0.0
        # The picture with which the camera was given up: until it shows another it is not back.
        self._frozen = b""

    def begin(self) -> None:
        """A new connection."""
        self._look = b""
        self._seen = 0.0

    def is_due(self, now: float) -> bool:
        """Whether see() wants a picture. now: monotonic, in seconds."""
        return now - self._seen >= _SPAN

    def observe(self, look: bytes, now: float) -> None:
        """Compares a picture with the one before."""
        if look != self._look:
            self._look = look
            self._since = now
        self._seen = now

    @property
    def seconds(self) -> float:
        """For how long the same picture has been seen."""
        return max(0.0, self._seen - self._since) if self._look else 0.0

    def latch(self) -> None:
        """The picture of now is that of a camera that hangs."""
        self._frozen = self._look

    def reset(self) -> None:
        """The camera shows something else."""
        self._frozen = b""

    @property
    def is_frozen(self) -> bool:
        """Whether the camera hangs, and nothing else has been seen since."""
        return bool(self._frozen) and self._look in (b"", self._frozen)
