"""The sidecar's keeper, which forgets failures sooner: python test/support/quick_keeper.py

A child that has lived for a second starts with a failure count of zero again, where the product asks for a minute. So a
bench may kill a child as soon as everything has recovered, without driving it into a crash loop.
"""

from sidecar.keeper.__main__ import main
from sidecar.keeper.restart import Limits

if __name__ == "__main__":
    main(limits=Limits(healthy=1.0))
