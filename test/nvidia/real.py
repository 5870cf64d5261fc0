"""What these tests share: which elements are real, and scenarios in processes of their own.

A scenario is a function whose arguments and result are JSON values. Its process ends with it, and with it everything
that a driver has done to the process, and the stand-ins, which a process can have for one release only.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Iterator

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
DEMO = os.path.join(ROOT, "footage", "demo.mp4")

RELEASE, KIND = "9.0", "dgpu"
REAL = ("nvv4l2decoder", "nvvideoconvert", "nvv4l2h264enc", "nvv4l2h265enc")
# Scenarios without and with stand-ins for what is not real.
ALONE = ""
WITH_STANDINS = "%s/%s real=%s" % (RELEASE, KIND, ",".join(REAL))
ALL_STANDINS = "%s/%s" % (RELEASE, KIND)
# No SDK is installed whose release could be read.
PLATFORM = "%s/%s" % (RELEASE, KIND)

LIMIT_SECONDS = 60
_CHILD = "import real; real.child()"


def isolated(scenario: Callable[..., Any], *arguments: Any, standins: str = ALONE) -> Any:
    """Returns the scenario's result, by a file: NVIDIA's libraries write to stdout."""
    with tempfile.TemporaryDirectory() as directory:
        result = os.path.join(directory, "result.json")
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, scenario.__module__, scenario.__name__, json.dumps(arguments), result],
            env=dict(os.environ, SLIPSTREAM_STANDINS=standins, PYTHONPATH=os.pathsep.join(sys.path)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        said = done.stdout.decode(errors="replace")[-4000:]
        assert done.returncode == 0, "status %d\n%s" % (done.returncode, said)
        with open(result) as file:
            return json.load(file)


def child() -> None:
    import standins
    from sidecar.gst import Gst

    Gst.init(None)
    standins.install_from_environment()
    scenario = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    result = scenario(*json.loads(sys.argv[3]))
    with open(sys.argv[4], "w") as file:
        json.dump(result, file)


def elements() -> Any:
    """The engine's view of these elements."""
    from sidecar.worker.engines.deepstream.catalogue import Catalogue
    from sidecar.worker.engines.deepstream.elements import Elements
    from sidecar.worker.engines.deepstream.platform import Platform

    return Elements(Platform(RELEASE, KIND, "", "", "", ""), Catalogue(RELEASE, KIND))


def source(
    uri: str,
    name: str = "camera",
    encoding: Callable[[str], None] = lambda name: None,
    failed: Callable[[Any], None] = lambda why: None,
    decoded: Callable[[], None] = lambda: None,
    sized: Callable[[int, int], None] = lambda width, height: None,
    freeze_detector: Any = None,
) -> Any:
    """The engine's source bin for an address."""
    from sidecar.contract import spec
    from sidecar.worker.cameras.stats import CameraStats
    from sidecar.worker.engines.deepstream.pipeline import SourceCallbacks, source_bin

    class Stats(CameraStats):
        def on_received(self) -> None:
            super().on_received()
            decoded()

    callbacks = SourceCallbacks(encoding, failed, Stats(), sized, freeze_detector)
    return source_bin(name, spec.Camera(id=name, uri=uri), elements(), (1280, 720), callbacks, lambda: 0)


@contextlib.contextmanager
def camera(*arguments: str, program: str = "") -> Iterator[str]:
    """The address of an RTSP camera in a process of its own: the demo camera, or another program."""
    command = [program] if program else ["-m", "dev.camera"]
    process = subprocess.Popen([sys.executable, *command, *arguments], stdout=subprocess.PIPE)
    try:
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def counting_camera(*arguments: str) -> Any:
    """A camera whose frames carry a counter."""
    return camera(*arguments, program=os.path.join(ROOT, "test", "support", "counter_camera.py"))


def run_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Runs the main loop until a condition holds. False: it does not within that time."""
    from sidecar.gst import GLib

    context = GLib.MainContext.default()
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        # Wakes the loop to look again.
        timer = GLib.timeout_add(20, lambda: GLib.SOURCE_REMOVE)
        context.iteration(True)
        if context.find_source_by_id(timer) is not None:
            GLib.source_remove(timer)
    return True
