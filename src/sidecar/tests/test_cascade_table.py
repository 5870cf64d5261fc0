"""What the linter says of models that run together, the engines say too: cascade-rules.test.ts has the same table."""

import pytest

from sidecar.contract import spec
from sidecar.tests.bundle_table import CASCADES, load, write_bundle
from sidecar.worker.inference.cascade import cascade_problems
from sidecar.worker.inference.classes import class_problems


@pytest.mark.parametrize("target", ["cpu", "t4"])
@pytest.mark.parametrize("one", CASCADES, ids=[one["name"] for one in CASCADES])
def test_the_engines_say_what_the_linter_says(tmp_path, one, target):
    bundles, wanted = [], spec.PipelineSpec()
    for index, model in enumerate(one["models"]):
        directory = tmp_path / ("m%d" % index)
        directory.mkdir()
        write_bundle(model, str(directory))
        bundle, problems = load(str(directory), target)
        assert bundle is not None, problems
        bundles.append(bundle)
        classes = one.get("classes", [[]] * len(one["models"]))[index]
        wanted.models.add(bundle_path=str(directory), classes=classes)
    problems = [
        *class_problems(wanted, [bundle.all_labels for bundle in bundles], ()),
        *cascade_problems([bundle.member for bundle in bundles], one.get("tracked", False)),
    ]
    assert ["%s %s %s" % (found.severity, found.code, found.path) for found in problems] == one["expected"]
