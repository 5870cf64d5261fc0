"""The sidecar: keeper, worker and outlet.

Importing it settles what must be settled before libraries are loaded: who unwinds C++ exceptions, and that ONNX Runtime
tells nobody anything.
"""

import ctypes
import os


def _unwind_by_libgcc() -> None:
    """Puts libgcc's unwinder in front of libunwind, which GStreamer's libraries put into the global scope.

    Libraries that are loaded afterwards would else unwind with one and resume with the other, and end the process at
    their first exception: ONNX Runtime at a broken network, for example. The same in ros2/rclpy#1149.
    """
    try:
        ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError:
        # A system without libgcc has no second unwinder to mix up.
        pass


_unwind_by_libgcc()
# Since 1.29 ONNX Runtime's Linux builds send telemetry to their maker unless this is set before they are loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
