"""The process that owns the RTSP port: python -m sidecar.outlet.

SLIPSTREAM_RUN_DIR    directory of outlet.sock. Default /run/slipstream.
LOG_LEVEL             debug, info, warn or error. Default info.
"""

import os
import resource
import signal

from sidecar import heartbeat, log
from sidecar.gst import GLib, Gst
from sidecar.stack_dump import enable_stack_dump
from sidecar.timer import on_signal


def main() -> None:
    enable_stack_dump()
    # Each viewer takes some, and the server bounds its viewers by what there is.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    log.configure(os.environ.get("LOG_LEVEL", "info"))
    # The modules that follow define classes of GstRtspServer's, which needs this.
    Gst.init(None)
    from sidecar.outlet.control_socket import ControlSocket
    from sidecar.outlet.outlet import Outlet
    from sidecar.outlet.protocol import SOCKET_NAME
    from sidecar.outlet.saved_configuration import SavedConfiguration

    run_dir = os.environ.get("SLIPSTREAM_RUN_DIR", "/run/slipstream")
    loop = GLib.MainLoop()
    outlet = Outlet(SavedConfiguration(run_dir))
    control = ControlSocket(os.path.join(run_dir, SOCKET_NAME), outlet.set_active_worker)
    for number in (signal.SIGTERM, signal.SIGINT):
        on_signal(number, loop.quit)
    heartbeat.beat_on_main_loop()
    loop.run()
    control.close()
    outlet.stop()


if __name__ == "__main__":
    main()
