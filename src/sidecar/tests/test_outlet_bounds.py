"""The bounds of the RTSP server as decisions about facts and times."""

import pytest

from sidecar.outlet import bounds
from sidecar.outlet.bounds import Addresses, Bound, Usage

BOUND = Bound("this", burst=10, per_second=2)


def test_a_bound_gives_a_burst_at_once_and_a_rate_in_the_long_run():
    usage = Usage()
    assert [usage.take(BOUND, 0.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert usage.take(BOUND, 0.5)
    assert not usage.take(BOUND, 0.5)
    assert [usage.take(BOUND, 3600.0) for _ in range(11)] == [True] * 10 + [False]


def test_what_is_taken_at_once_counts_by_its_amount_and_other_bounds_do_not_notice():
    usage = Usage()
    assert usage.take(BOUND, 0.0, amount=10)
    assert not usage.take(BOUND, 0.0, amount=0.1)
    assert usage.take(BOUND._replace(name="that"), 0.0)
    assert usage.left(BOUND, 1.0) == 2.0


def enter(addresses, ip, now=0.0):
    why = addresses.refusal(ip, now)
    if why is None:
        addresses.enter(ip)
    return why


def test_one_address_gets_half_of_the_connections_and_all_together_no_more_than_there_are():
    addresses = Addresses(most_connections=8)
    assert [enter(addresses, "10.0.0.1") for _ in range(5)] == [None] * 4 + [bounds.TOO_MANY_OF_ADDRESS]
    assert [enter(addresses, "10.0.0.%d" % n) for n in range(2, 7)] == [None] * 4 + [bounds.TOO_MANY]
    addresses.leave("10.0.0.1")
    assert enter(addresses, "10.0.0.7") is None


def test_an_address_that_connects_and_leaves_all_the_time_is_slowed_down():
    addresses = Addresses(bounds.MOST_CONNECTIONS)

    def comes_and_goes(now):
        why = enter(addresses, "10.0.0.1", now)
        if why is None:
            addresses.leave("10.0.0.1")
        return why

    _, burst, per_second = bounds.NEW_CONNECTIONS
    assert [comes_and_goes(0.0) for _ in range(int(burst))] == [None] * int(burst)
    assert comes_and_goes(0.0) == bounds.CONNECTS_TOO_OFTEN
    assert comes_and_goes(1.0 / per_second) is None
    assert enter(addresses, "10.0.0.2") is None, "another address does not notice"


def test_an_address_is_refused_for_a_while_and_no_longer():
    addresses = Addresses(8)
    addresses["10.0.0.1"].refused_until = 60.0
    assert enter(addresses, "10.0.0.1", now=59.9) == bounds.REFUSED
    assert enter(addresses, "10.0.0.2", now=59.9) is None
    assert enter(addresses, "10.0.0.1", now=60.0) is None


@pytest.mark.parametrize(
    ("what", "prepare", "is_kept"),
    [
        ("an address that has done nothing", lambda address: None, False),
        ("one that has a connection", lambda address: setattr(address, "connections", 1), True),
        ("one that is refused", lambda address: setattr(address, "refused_until", 101.0), True),
        ("one that is refused no longer", lambda address: setattr(address, "refused_until", 99.0), False),
        ("one whose logins failed lately", lambda address: address.take(bounds.FAILED_LOGINS, 99.0), True),
        ("one whose logins failed long ago", lambda address: address.take(bounds.FAILED_LOGINS, 1.0), False),
    ],
)
def test_an_address_is_forgotten_when_nothing_of_it_matters_any_more(what, prepare, is_kept):
    addresses = Addresses(8)
    address = addresses["10.0.0.1"]
    prepare(address)
    addresses.forget(now=100.0)
    assert (addresses["10.0.0.1"] is address) == is_kept, what


def test_so_many_addresses_are_remembered_and_no_more():
    addresses = Addresses(8)
    for number in range(10000):
        addresses[str(number)].refused_until = 101.0
    kept = addresses["9999"]
    addresses.forget(now=100.0)
    assert addresses["9999"] is kept
    assert len(addresses._addresses) == 4096
