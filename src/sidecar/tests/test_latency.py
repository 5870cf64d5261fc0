from sidecar.contract import state
from sidecar.worker.status.latency import BOUNDS, LatencyCounts


def filled(counts):
    histogram = state.LatencyHistogram()
    counts.fill(histogram)
    return histogram


def test_a_frame_counts_in_the_first_bucket_that_holds_it():
    counts = LatencyCounts()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 0.001, BOUNDS[-1] + 1):
        counts.observe(seconds)
    assert list(filled(counts).counts) == [2, 1] + [0] * (len(BOUNDS) - 2) + [1]
    assert list(filled(counts).bounds) == list(BOUNDS)


def test_a_frame_from_the_future_does_not_lower_the_sum():
    counts = LatencyCounts()
    counts.observe(-5.0)
    counts.observe(0.25)
    assert filled(counts).sum_seconds == 0.25
    assert sum(filled(counts).counts) == 2


def test_without_a_frame_there_is_no_histogram():
    assert filled(LatencyCounts()) == state.LatencyHistogram()
