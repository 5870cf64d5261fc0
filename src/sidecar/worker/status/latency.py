"""Counts frames by their latency."""

from bisect import bisect_left

from sidecar.contract import state

# Seconds. Finer where a live stream should be.
BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 2.0, 5.0)


class LatencyCounts:
    """Written by one streaming thread and read by any."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """A clock that is set, or a frame that is due in the future, may give a negative latency: it counts as none."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += max(0.0, seconds)

    def fill(self, histogram: state.LatencyHistogram) -> None:
        """Fills in the contract's histogram, unless no frame was counted yet."""
        counts = list(self._counts)
        if any(counts):
            histogram.bounds[:] = BOUNDS
            histogram.counts[:] = counts
            histogram.sum_seconds = self._sum
