"""The stand-ins have programs of their own. The shipped code does not know of them."""

import os
import subprocess
import sys

SIDECAR = os.path.join(os.path.dirname(__file__), "..", "..", "..", "src", "sidecar")


def test_nothing_that_is_shipped_mentions_the_stand_ins() -> None:
    found = []
    for folder, folders, names in os.walk(SIDECAR):
        folders[:] = [name for name in folders if name not in ("tests", "gen", "__pycache__")]
        # Pages may say where the stand-ins are.
        for name in (name for name in names if not name.endswith(".md")):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = file.read().lower()
            if "standins" in text or "stand-in" in text:
                found.append(os.path.join(folder, name))
    assert found == []


def test_the_keeper_needs_nothing_but_the_standard_library() -> None:
    loaded = "import sys, sidecar.keeper.__main__; print('gi' in sys.modules, 'google' in sys.modules)"
    environment = dict(os.environ, PYTHONPATH=os.path.dirname(SIDECAR))
    answer = subprocess.run([sys.executable, "-c", loaded], env=environment, stdout=subprocess.PIPE, check=True)
    assert answer.stdout == b"False False\n"
