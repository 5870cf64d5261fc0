"""GraphFailure: why a graph does not run, and when it is tried again. Pure."""

import os
import signal
from typing import NamedTuple, Optional

from sidecar.contract import state
from sidecar.gst import GLib
from sidecar.redact import redact
from sidecar.worker.engines.deepstream.prebuild import CANNOT_STORE

# Seconds until a graph that failed is built again: the first time, and at most. Each failure in a row doubles them.
_RETRY_SECONDS = (2.0, 60.0)
# The same after a failed build of a TensorRT engine, which takes minutes of the whole GPU.
_REBUILD_SECONDS = (60.0, 3600.0)

_REPORTED_LINES = 5
# What the names of nvinfer's elements begin with.
INFER = "infer"
# What nvinfer prints when the parser refuses a network, rather than the builder running out of memory or time.
_PARSER_REFUSED = "failed to build network"


class GraphFailure(NamedTuple):
    """Why a graph does not run: a FailureReason, and what and where in one line."""

    reason: "state.FailureReason"
    detail: str
    # Whether another attempt may succeed. If not, the next one is made when the bundle's files change.
    is_transient: bool = True
    # It failed while the TensorRT engine was built, which takes minutes of the whole GPU.
    in_build: bool = False
    # Name of the element that failed, if one did.
    element: str = ""


def build_failure(status: int, output: str) -> Optional[GraphFailure]:
    """Why a build process built nothing, by its status as waitpid() returns it, and its output. None: it did build."""
    exit_status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    if exit_status == 0:
        return None
    last_lines = " ".join(output.strip().splitlines()[-_REPORTED_LINES:])
    if exit_status == CANNOT_STORE:
        return GraphFailure(state.FAILURE_REASON_STORAGE, redact(last_lines), in_build=True)
    killed = "" if exit_status is not None else "killed by %s: " % signal.Signals(os.WTERMSIG(status)).name
    is_transient = exit_status is None or _PARSER_REFUSED not in output
    detail = redact("TensorRT did not build the engine: %s%s" % (killed, last_lines))
    return GraphFailure(state.FAILURE_REASON_MODEL, detail, is_transient, in_build=True)


def element_failure(element: str, error: GLib.Error, debug: str) -> GraphFailure:
    """What an error message of an element means."""
    text = ("%s %s" % (error.message, debug)).lower()
    if "cuda" in text and ("error" in text or "fail" in text):
        reason = state.FAILURE_REASON_GPU
    elif element.startswith(INFER):
        reason = state.FAILURE_REASON_MODEL
    else:
        reason = state.FAILURE_REASON_ELEMENT
    last_line = debug.strip().split("\n")[-1].strip()
    detail = redact("%s: %s%s" % (element, error.message, last_line and " (%s)" % last_line))
    return GraphFailure(reason, detail, element=element)


def retry_delay(why: GraphFailure, failures: int) -> Optional[float]:
    """Seconds until a graph that failed is built again, after so many failures in a row before this one.

    None: not before something has changed.
    """
    if not why.is_transient:
        return None
    first, longest = _REBUILD_SECONDS if why.in_build else _RETRY_SECONDS
    return min(longest, first * 2.0 ** min(failures, 16))
