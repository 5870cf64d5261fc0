"""Where a process is when it crashes, or when the keeper asks because it hangs: the stack, on standard error."""

import faulthandler
import signal

# Sent by the keeper. Ends a process that does not know it.
WHERE_SIGNAL = signal.SIGUSR2


def tell_last_stack() -> None:
    """From now on this process tells."""
    # One thread's, the main one when asked: there are many, and only the last lines are kept.
    faulthandler.enable(all_threads=False)
    faulthandler.register(WHERE_SIGNAL, all_threads=False)
