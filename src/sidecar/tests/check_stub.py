"""A check that misbehaves as the name of its directory says."""

import os
import signal
import sys
import threading

from sidecar.worker.check_process import answer
from sidecar.worker.problem import error


def check(directory):
    kind = os.path.basename(directory)
    if kind == "hangs":
        threading.Event().wait()
    elif kind == "spins":
        while True:
            pass
    elif kind == "swells":
        bytearray(1 << 40)
    elif kind == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == "exits":
        os._exit(3)
    elif kind == "writes":
        with open(os.path.join(os.path.dirname(directory), "written"), "wb") as file:
            file.write(b"x")
    elif kind == "chatters":
        while True:
            sys.stdout.write("x" * 65536)
    elif kind == "leaves-a-thread":
        threading.Thread(target=threading.Event().wait).start()
    return [error("found", "network.onnx", "told")]


if __name__ == "__main__":
    answer(check)
