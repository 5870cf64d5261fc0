"""One version for both halves."""

import json
import os

from sidecar.version import VERSION


def test_the_sidecar_has_the_version_of_the_package():
    root = os.path.join(os.path.dirname(__file__), "..", "..", "..")
    with open(os.path.join(root, "package.json"), encoding="utf-8") as file:
        assert json.load(file)["version"] == VERSION
