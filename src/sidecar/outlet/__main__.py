"""The process that owns the RTSP port: python -m sidecar.outlet.

SLIPSTREAM_RUN_DIR    directory of outlet.sock. Default /run/slipstream.
LOG_LEVEL             debug, info, warn or error. Default info.
"""

import os
import signal

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from sidecar import heartbeat, log  # noqa: E402
from sidecar.last_stack import tell_last_stack  # noqa: E402


def main() -> None:
    tell_last_stack()
    log.configure(os.environ.get("LOG_LEVEL", "info"))
    # GStreamer's bindings cannot be imported whole before this.
    Gst.init(None)
    from sidecar.outlet.control import ControlSocket
    from sidecar.outlet.outlet import Outlet
    from sidecar.outlet.protocol import SOCKET_NAME
    from sidecar.outlet.remembered import Remembered

    run_dir = os.environ.get("SLIPSTREAM_RUN_DIR", "/run/slipstream")
    loop = GLib.MainLoop()
    outlet = Outlet(Remembered(run_dir))
    control = ControlSocket(os.path.join(run_dir, SOCKET_NAME), outlet.take_worker)
    for number in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    heartbeat.beat_on_main_loop()
    loop.run()
    control.close()
    outlet.stop()


if __name__ == "__main__":
    main()
