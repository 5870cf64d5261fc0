"""Stand-ins for NVIDIA's GStreamer elements and for pyds, so that an unchanged graph runs without the hardware.

    standins.install("7.1", "dgpu")
    standins.install("7.1", "jetson", encoder_works=False)          # a board without NVENC, such as Orin Nano
    standins.install("6.0.1", "jetson", detect=objects.scripted("objects.json"))
    standins.install("9.0", "dgpu", real=["nvvideoconvert"])        # beside elements of NVIDIA's own
    standins.install_from_environment()                             # SLIPSTREAM_STANDINS="7.1/jetson no-encoder"

    SLIPSTREAM_STANDINS="7.1/dgpu" python -m standins.keeper         # the whole sidecar, on stand-ins

install() registers the elements that the catalogue gives a DeepStream release on a board, with their pads, caps and
properties, and puts the stand-in pyds into sys.modules. GType names are global: a process can do it once, before
anything asks for an element.

What is real: negotiation with memory:NVMM, refusals of properties and values (TypeError for an unknown property; a
value out of range leaves a GLib warning and the old value, as on a device), batching, scaling, tiles, drawing, H.264
and H.265, object and tensor metadata, the life of engine files. What is not: speed, TensorRT, NVENC and NVDEC. Pixels
are in system memory, the pictures of a batch one after the other in one buffer, which carries its metadata (frames.py,
batch.py).

SLIPSTREAM_STANDINS is "RELEASE/BOARD", then words: no-encoder; objects=FILE (a script, see objects.scripted);
build=SECONDS (how long nvinfer takes to build an engine: half a second, minutes on a device); real=ELEMENT,ELEMENT
(which ones are NVIDIA's own). USE_NEW_NVSTREAMMUX=yes chooses the new muxer, as it does on a device.
"""

import os
import sys
from typing import Collection

from sidecar.gst import Gst
from standins import catalogue, objects

VARIABLE = "SLIPSTREAM_STANDINS"
# Which platform the sidecar takes this machine for.
_PLATFORM = "SLIPSTREAM_PLATFORM"

_CATALOGUE = os.path.join(os.path.dirname(__file__), "..", "..", "catalogue", "deepstream-elements.json")


def install(
    release: str,
    board: str,
    encoder_works: bool = True,
    build_seconds: float = 0.5,
    detect: objects.Detect = objects.moving_box,
    real: Collection[str] = (),
    catalogue_path: str = _CATALOGUE,
) -> None:
    """Registers the elements of a release ("7.1") on a board ("dgpu" or "jetson"), and pyds.

    encoder_works: False for a board without NVENC; the encoders then exist and fail at the first frame's format.
    detect: what nvinfer sees in a frame, for networks that are no raw tensors. real: elements that are NVIDIA's own;
    what stands in for the others then takes and gives pictures on the GPU where it meets them (bridge.py). Raises
    catalogue.CatalogueError, and ValueError for a real element that GStreamer does not have.
    """
    mux = "new" if os.environ.get("USE_NEW_NVSTREAMMUX") == "yes" else "legacy"
    specs = catalogue.load(catalogue_path, release, board, mux)
    order = catalogue.releases(catalogue_path)
    Gst.init(None)
    missing = [name for name in real if Gst.ElementFactory.find(name) is None]
    if missing:
        raise ValueError(
            "GStreamer has no real %s; is the library beside it that the plugin needs?" % ", ".join(missing)
        )
    # Classes of elements become GTypes when their modules are imported, which GStreamer must be initialised for.
    from standins import pyds, registry

    options = registry.Options(release, board, order, encoder_works, build_seconds, detect, frozenset(real))
    registry.register_all(specs, options)
    sys.modules["pyds"] = pyds


def install_from_environment() -> bool:
    """Does what SLIPSTREAM_STANDINS says, and returns whether it says anything. Raises ValueError for unknown words.

    SLIPSTREAM_PLATFORM names the same release and board afterwards, unless it was set.
    """
    words = os.environ.get(VARIABLE, "").split()
    if not words:
        return False
    release, slash, board = words[0].partition("/")
    if not slash:
        raise ValueError("%s begins with RELEASE/BOARD, such as 7.1/dgpu, not with %s" % (VARIABLE, words[0]))
    encoder_works, build_seconds = True, 0.5
    detect: objects.Detect = objects.moving_box
    real: Collection[str] = ()
    for word in words[1:]:
        key, _, value = word.partition("=")
        if word == "no-encoder":
            encoder_works = False
        elif key == "objects" and value:
            detect = objects.scripted(value)
        elif key == "build" and value:
            build_seconds = float(value)
        elif key == "real" and value:
            real = value.split(",")
        else:
            message = "%s: %s is none of no-encoder, objects=FILE, build=SECONDS, real=ELEMENTS" % (VARIABLE, word)
            raise ValueError(message)
    install(release, board, encoder_works, build_seconds, detect, real)
    os.environ.setdefault(_PLATFORM, words[0])
    return True
