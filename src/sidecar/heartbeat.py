"""The child's side of the keeper's heartbeat: a byte through a pipe, written by the main loop while it runs."""

import os

from sidecar.timer import every

# The keeper's timeout is 5 s; twice a second leaves room for a busy machine.
_INTERVAL_MS = 500


def beat_on_main_loop() -> None:
    """Beats from the default GLib main loop until the process ends. Does nothing without a keeper."""
    number = os.environ.pop("SLIPSTREAM_HEARTBEAT_FD", "")
    if not number:
        return
    descriptor = int(number)
    os.set_inheritable(descriptor, False)
    # The keeper may be stopped while the pipe fills: beats are then dropped, and nothing waits.
    os.set_blocking(descriptor, False)

    def beat() -> None:
        try:
            os.write(descriptor, b".")
        except (BlockingIOError, BrokenPipeError):
            pass  # The keeper does not read, or is gone and takes this process with it.

    every(_INTERVAL_MS, beat)
