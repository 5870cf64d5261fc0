"""The memory limit of the worker."""

import resource

import pytest

from sidecar.worker.data_limit import DataLimit, data_limit

MIB = 1 << 20


@pytest.mark.parametrize(
    ("most", "used", "limit"),
    [
        # A process that grows step by step may reach the most; one step may not.
        (8192 * MIB, 500 * MIB, 1524 * MIB),
        (1280 * MIB, 500 * MIB, 1280 * MIB),
        # What is there already stays, and little things can still be allocated.
        (1280 * MIB, 1500 * MIB, 1756 * MIB),
    ],
)
def test_the_limit_leaves_room_to_grow_and_none_for_one_huge_allocation(most, used, limit):
    assert data_limit(most, used) == limit


def test_a_huge_allocation_fails_while_there_is_a_limit_and_only_then():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    one = DataLimit()
    one.set_cameras(1)
    with pytest.raises(MemoryError):
        bytearray(2000000000)
    bytearray(100 * MIB)
    one.stop()
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
