"""Stand-ins for NVIDIA's GStreamer elements and for pyds: an unchanged graph runs on them without the hardware.

    standins.install("7.1", "dgpu")
    standins.install("7.1", "jetson", encoder_works=False)          # a board without NVENC, such as Orin Nano
    standins.install("6.0.1", "jetson", detect=objects.scripted("objects.json"))
    standins.install("9.0", "dgpu", real=["nvvideoconvert"])        # beside NVIDIA's own elements
    standins.install_from_environment()                             # SLIPSTREAM_STANDINS="7.1/jetson no-encoder"

    SLIPSTREAM_STANDINS="7.1/dgpu" python -m standins.keeper         # the whole sidecar, on stand-ins

install() registers the elements that a DeepStream release has on a board according to the catalogue, with their pads,
caps and properties, and puts the stand-in pyds into sys.modules. GType names are global: a process can do that once,
before it creates an element.

Real are: negotiation with memory:NVMM, refusals of properties and values (TypeError for an unknown property; a value
out of range leaves a GLib warning and the old value, as on a device), batching, scaling, tiles, drawing, H.264 and
H.265, object and tensor metadata, and how TensorRT engine files are built, stored and loaded. Not real are: speed,
TensorRT, NVENC and NVDEC. Pixels are in system memory; a batch is one buffer that holds its frames one after the other,
and its metadata (frames.py, batch.py).

SLIPSTREAM_STANDINS is "RELEASE/BOARD", followed by options: no-encoder; objects=FILE (a script, see objects.scripted);
build=SECONDS (how long nvinfer takes to build a TensorRT engine: by default half a second, on a device minutes);
real=ELEMENT,ELEMENT (elements that are NVIDIA's own). USE_NEW_NVSTREAMMUX=yes selects the new muxer, as on a device.
"""

import os
import sys
from typing import Collection

from sidecar.gst import Gst
from standins import catalogue, objects

VARIABLE = "SLIPSTREAM_STANDINS"
# Overrides the platform that the sidecar detects.
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

    encoder_works: False for a board without NVENC: the encoders exist, and fail when the first frame's format is set.
    detect: what nvinfer finds in a frame, unless its network gives raw tensors. real: elements that are NVIDIA's own;
    stand-ins that are linked to them then accept and give frames on the GPU (bridge.py). Raises
    catalogue.CatalogueError, and ValueError for a real element that GStreamer does not have.
    """
    mux = "new" if os.environ.get("USE_NEW_NVSTREAMMUX") == "yes" else "legacy"
    specs = catalogue.load(catalogue_path, release, board, mux)
    order = catalogue.releases(catalogue_path)
    Gst.init(None)
    missing = [name for name in real if Gst.ElementFactory.find(name) is None]
    if missing:
        raise ValueError(
            "GStreamer has no real %s; is the library that the plugin needs beside it?" % ", ".join(missing)
        )
    # Importing the modules of elements registers GTypes: GStreamer must be initialised before.
    from standins import pyds, registry

    options = registry.Options(release, board, order, encoder_works, build_seconds, detect, frozenset(real))
    registry.register_all(specs, options)
    sys.modules["pyds"] = pyds


def install_from_environment() -> bool:
    """Installs what SLIPSTREAM_STANDINS says. False: it is not set. Raises ValueError for unknown options.

    Sets SLIPSTREAM_PLATFORM to the same release and board, unless it is set already.
    """
    options = os.environ.get(VARIABLE, "").split()
    if not options:
        return False
    release, slash, board = options[0].partition("/")
    if not slash:
        raise ValueError("%s begins with RELEASE/BOARD, such as 7.1/dgpu, not with %s" % (VARIABLE, options[0]))
    encoder_works, build_seconds = True, 0.5
    detect: objects.Detect = objects.moving_box
    real: Collection[str] = ()
    for option in options[1:]:
        key, _, value = option.partition("=")
        if option == "no-encoder":
            encoder_works = False
        elif key == "objects" and value:
            detect = objects.scripted(value)
        elif key == "build" and value:
            build_seconds = float(value)
        elif key == "real" and value:
            real = value.split(",")
        else:
            message = "%s: %s is none of no-encoder, objects=FILE, build=SECONDS, real=ELEMENTS" % (VARIABLE, option)
            raise ValueError(message)
    install(release, board, encoder_works, build_seconds, detect, real)
    os.environ.setdefault(_PLATFORM, options[0])
    return True
