"""What the linter says of a bundle, the engines say too: bundle-table.test.ts goes through the same table."""

import pytest

from sidecar.tests.bundle_table import BUNDLES, verdict, write_bundle


@pytest.mark.parametrize("one", BUNDLES, ids=[one["name"] for one in BUNDLES])
def test_the_engines_say_what_the_linter_says(tmp_path, one):
    write_bundle(one, str(tmp_path))
    for targets, expected in one["expected"].items():
        for target in targets.split():
            assert verdict(str(tmp_path), target) == expected, target
