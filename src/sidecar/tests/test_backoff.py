"""When a lost camera is tried again."""

import pytest

from sidecar.contract import state
from sidecar.worker.cameras.backoff import retry_delay


@pytest.mark.parametrize(
    ("attempts", "shortest", "longest"),
    [(1, 0.125, 0.5), (2, 0.25, 1), (4, 1, 4), (7, 7.5, 30), (50, 7.5, 30), (2000, 7.5, 30)],
)
def test_delays_double_up_to_half_a_minute_and_are_spread(attempts, shortest, longest):
    reason = state.CAMERA_LOST_REASON_UNREACHABLE
    assert retry_delay(reason, attempts, lambda: 0.0) == pytest.approx(shortest)
    assert retry_delay(reason, attempts, lambda: 1.0) == pytest.approx(longest)


def test_a_refused_password_is_tried_rarely_from_the_first_time_on():
    assert retry_delay(state.CAMERA_LOST_REASON_AUTH_FAILED, 1, lambda: 0.0) >= 30
