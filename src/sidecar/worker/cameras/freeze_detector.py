"""Detects that a camera repeats one frame, by sparse copies of its luma.

Only equal copies count as the same frame, so a sensor that hangs in front of an encoder that goes on is detected only
where the encoder repeats it exactly. No tolerance would detect the others alone. Measured with x264 at 100 to
2000 kbit/s, half a second apart, as the mean difference of a copy in levels of 255: a still scene up to 0.17, a quiet
night scene with little noise left (standard deviation 0.05 to 0.15 levels, as cameras reduce it) 0.03 to 0.21. A live
camera that is called frozen is worse than a frozen one that is called live.
"""

# Seconds between the frames that are compared.
_SPAN = 0.5


class FreezeDetector:
    """is_due() and observe() are called on the streaming thread of the camera's connection, the rest on the loop thread
    while there is none, or on any thread to read."""

    def __init__(self) -> None:
        self._luma = b""
        self._since = 0.0
        self._observed_at = 0.0
        # The frame with which the camera was lost: until it sends another it is not back.
        self._frozen = b""

    def begin(self) -> None:
        """A new connection."""
        self._luma = b""
        self._observed_at = 0.0

    def is_due(self, now: float) -> bool:
        """Whether observe() wants a frame. now: monotonic, in seconds."""
        return now - self._observed_at >= _SPAN

    def observe(self, luma: bytes, now: float) -> None:
        """Compares a frame with the previous one. luma: a sparse copy."""
        if luma != self._luma:
            self._luma = luma
            self._since = now
        self._observed_at = now

    @property
    def seconds(self) -> float:
        """For how long the frames have been the same."""
        return max(0.0, self._observed_at - self._since) if self._luma else 0.0

    def latch(self) -> None:
        """The camera hangs: it is frozen until it sends another frame than the current one."""
        self._frozen = self._luma

    def reset(self) -> None:
        """The camera is back."""
        self._frozen = b""

    @property
    def is_frozen(self) -> bool:
        """Whether the camera hangs and has sent nothing else since."""
        return bool(self._frozen) and self._luma in (b"", self._frozen)
