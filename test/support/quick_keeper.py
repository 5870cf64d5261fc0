"""The sidecar's keeper, which forgives sooner: python test/support/quick_keeper.py

A child that lived for three seconds has made good for the failures before it, where the product asks for a minute. So a
bench may kill a worker every few seconds without being taken for a crash loop.
"""

from sidecar.keeper import __main__ as keeper
from sidecar.keeper import restart as policy

if __name__ == "__main__":
    keeper.Limits = lambda: policy.Limits(healthy=3.0)  # type: ignore[assignment,misc]
    keeper.main()
