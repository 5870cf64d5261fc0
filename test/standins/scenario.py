"""Runs scenarios in processes of their own, because a process can have one release on one board only.

A scenario is a function whose arguments and result are JSON values. A critical message of GLib's ends its process.
"""

import importlib
import json
import os
import subprocess
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from sidecar.gst import Gst

_CHILD = "from standins import scenario; scenario.child()"
_LIMIT_SECONDS = 120


def run(scenario: Callable[..., Any], standins: str, *arguments: Any) -> Any:
    """The scenario's result with SLIPSTREAM_STANDINS, such as "7.1/dgpu no-encoder"."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, scenario.__module__, scenario.__name__, json.dumps(arguments)],
        env=dict(
            os.environ, SLIPSTREAM_STANDINS=standins, G_DEBUG="fatal-criticals", PYTHONPATH=os.pathsep.join(sys.path)
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return json.loads(done.stdout)


def child() -> None:
    import standins

    assert standins.install_from_environment()
    scenario = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    sys.stdout.write(json.dumps(scenario(*json.loads(sys.argv[3]))))


class Played(NamedTuple):
    """How a pipeline ended: the error's text, None for EOS, and the last samples of its sinks by name."""

    error: Optional[str]
    samples: Dict[str, Gst.Sample]


def play(
    description: str, prepare: Callable[[Gst.Pipeline], None] = lambda pipeline: None, sinks: Sequence[str] = ()
) -> Played:
    """Plays a pipeline to its end. sinks: the names of those whose last sample is returned."""
    pipeline = Gst.parse_launch(description)
    prepare(pipeline)
    try:
        pipeline.set_state(Gst.State.PLAYING)
        message = pipeline.get_bus().timed_pop_filtered(
            _LIMIT_SECONDS * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS
        )
        assert message is not None, "the pipeline neither ended nor failed"
        error = message.parse_error()[0].message if message.type == Gst.MessageType.ERROR else None
        return Played(error, {name: pipeline.get_by_name(name).get_property("last-sample") for name in sinks})
    finally:
        pipeline.set_state(Gst.State.NULL)


def probe(pipeline: Gst.Pipeline, name: str, seen: Callable[[Gst.Buffer], None]) -> None:
    """Calls a function with every buffer that leaves an element at its pad src."""

    def on_buffer(pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        seen(info.get_buffer())
        return Gst.PadProbeReturn.OK

    pipeline.get_by_name(name).get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, on_buffer)


def camera(color: int, frames: int = 10, live: bool = False) -> str:
    """A source of 320x180 frames of one colour (0xRRGGBB), 10 a second, in memory:NVMM."""
    return (
        "videotestsrc pattern=solid-color foreground-color=%d num-buffers=%d is-live=%s"
        " ! video/x-raw, format=I420, width=320, height=180, framerate=10/1"
        " ! nvvideoconvert ! video/x-raw(memory:NVMM), format=NV12" % (0xFF000000 | color, frames, str(live).lower())
    )


def pixels(sample: Gst.Sample, places: List[List[int]]) -> List[List[int]]:
    """The colours (RGB) at places (x, y) of a sample in format RGB with a width that is a multiple of four."""
    structure = sample.get_caps().get_structure(0)
    width = structure.get_int("width")[1]
    buffer = sample.get_buffer()
    data = buffer.extract_dup(0, buffer.get_size())
    return [list(data[3 * (y * width + x) :][:3]) for x, y in places]
