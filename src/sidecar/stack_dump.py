"""Writes the stack to standard error when the process crashes, or when the keeper asks because it hangs."""

import faulthandler
import signal

# Sent by the keeper. Ends a process that has not called enable_stack_dump().
DUMP_SIGNAL = signal.SIGUSR2


def enable_stack_dump() -> None:
    """From now on this process writes its stack."""
    # One thread's stack, the main one's when asked: there are many, and the keeper keeps only the last lines.
    faulthandler.enable(all_threads=False)
    faulthandler.register(DUMP_SIGNAL, all_threads=False)
