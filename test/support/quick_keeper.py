"""The sidecar's keeper, which forgets failures sooner: python test/support/quick_keeper.py

A child that has lived for three seconds starts with a failure count of zero again, where the product asks for a minute.
So a bench may kill a worker every few seconds without driving it into a crash loop.
"""

from sidecar.keeper.__main__ import main
from sidecar.keeper.restart import Limits

if __name__ == "__main__":
    main(limits=Limits(healthy=3.0))
