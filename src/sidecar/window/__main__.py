"""A window: python -m sidecar.window --width W --height H --title TEXT --sink ELEMENT

Standard input is raw I420 frames, and its end is the end. "shown" is written when the first frame is on the display.
When nothing can be shown (any more) it ends with status 1, and the last line says why.

A process of its own: Xlib ends the process whose display goes away, and a driver that crashes takes nothing else along.
"""

import argparse
import sys
from typing import Optional

from sidecar.chain import Chain, ChainError
from sidecar.gst import GLib, Gst


def main() -> int:
    parser = argparse.ArgumentParser(description="Shows raw I420 frames of standard input in a window.")
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--sink", required=True, help="the element that shows them")
    options = parser.parse_args()
    Gst.init(None)
    # Sinks write it above the window.
    GLib.set_application_name(options.title)
    problem = show(options.sink, options.width, options.height)
    if problem is not None:
        print("%s: %s" % (options.sink, problem), flush=True)
    return 0 if problem is None else 1


def show(sink: str, width: int, height: int) -> Optional[str]:
    """Returns at the end of the input, or with what went wrong."""
    pipeline = Gst.Pipeline.new("window")
    chain = Chain(pipeline)
    try:
        chain.add("fdsrc", None, fd=sys.stdin.fileno(), blocksize=width * height)
        chain.add("rawvideoparse", None, format="i420", width=width, height=height)
        chain.add("videoconvert", None, n_threads=1)
        # No clock: a frame that waited for its time would be late for ever.
        shown_by = chain.add(sink, None, sync=False)
    except ChainError as error:
        return str(error)
    shown_by.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, _Proof().on_frame)
    pipeline.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.ERROR | Gst.MessageType.EOS
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, wanted)
    pipeline.set_state(Gst.State.NULL)
    return None if message.type == Gst.MessageType.EOS else str(message.parse_error()[0].message)


class _Proof:
    """A frame that comes to the sink is the proof that it has shown the one before."""

    def __init__(self) -> None:
        self._frames = 0

    def on_frame(self, _pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        self._frames += 1
        if self._frames == 2:
            print("shown", flush=True)
        return Gst.PadProbeReturn.OK


if __name__ == "__main__":
    sys.exit(main())
