"""Runs the check of a model in a process of its own: whatever a model does there, it harms nothing that runs.

The worker calls run_check(); the module that it names calls answer(). The process ends when it reaches a limit, when
nobody waits for the answer any more, and with the worker.
"""

import argparse
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from typing import Callable, List, NamedTuple, Optional

from sidecar.keeper.process import die_with_parent
from sidecar.worker.problem import Problem, error

# Registers what is called, on any thread, once nobody waits for an answer any more. False: nobody does already, and it
# is not called. A gRPC context's add_callback() is one.
WhenAbandoned = Callable[[Callable[[], None]], bool]

_MOST_ANSWER = 1 << 20
_END_SECONDS = 1.0
_ABANDONED = "nobody waits for the answer any more"
_OUT_OF_MEMORY = "it needs more than %d MiB of memory to load and to run once"
_NICE = 5
# When memory runs out, the kernel ends this process before any other. Raising the score needs no right.
_OOM_SCORE = "1000"


class CheckLimits(NamedTuple):
    """What a check may take."""

    seconds: float = 30.0
    # Processor seconds of all its threads.
    cpu_seconds: int = 30
    # Bytes of memory that can be written.
    memory: int = 1 << 30


CHECK_LIMITS = CheckLimits()


def never_abandoned(_act: Callable[[], None]) -> bool:
    """Somebody waits until the end."""
    return True


def run_check(
    module: str, directory: str, when_abandoned: WhenAbandoned = never_abandoned, limits: CheckLimits = CHECK_LIMITS
) -> List[Problem]:
    """The problems that a module finds in a bundle. Blocks until they are known: never called on the loop thread."""
    waker = _Waker()
    try:
        if not when_abandoned(waker.wake):
            return [_failed(_ABANDONED)]
        return _run(_command(module, directory, limits), waker.woken, limits)
    finally:
        waker.close()


def answer(check: Callable[[str], List[Problem]]) -> None:
    """What the process does: check(directory) within its limits. check imports what it needs by itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--cpu-seconds", type=int, required=True)
    parser.add_argument("directory")
    options = parser.parse_args()
    die_with_parent(options.parent)
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(_OOM_SCORE)
    os.nice(_NICE)
    for limit, most in (
        (resource.RLIMIT_DATA, options.memory),
        (resource.RLIMIT_CPU, options.cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        problems = check(options.directory)
    except MemoryError:
        problems = [_failed(_OUT_OF_MEMORY % (options.memory >> 20))]
    except Exception as why:  # whatever a model makes the check do, it is told
        problems = [_failed("its check failed with %r" % why)]
    sys.stdout.write(json.dumps(problems) + "\n")
    sys.stdout.flush()
    # Whatever the model has left running ends here.
    os._exit(0)


class _Waker:
    """A pipe that becomes readable."""

    def __init__(self) -> None:
        self.woken, self._end = os.pipe()
        self._lock = threading.Lock()
        self._is_closed = False

    def wake(self) -> None:
        """Called on any thread, also after close()."""
        with self._lock:
            if not self._is_closed:
                os.write(self._end, b"x")

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            os.close(self._end)
            os.close(self.woken)


def _command(module: str, directory: str, limits: CheckLimits) -> List[str]:
    options = ["--parent", str(os.getpid()), "--memory", str(limits.memory), "--cpu-seconds", str(limits.cpu_seconds)]
    return [sys.executable, "-m", module, *options, "--", directory]


def _run(command: List[str], woken: int, limits: CheckLimits) -> List[Problem]:
    # Pools of threads for linear algebra would only take memory.
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as why:
        return [_failed("no process could be started to check it: %s" % why)]
    with process:
        try:
            content = _read(process, woken, limits)
            # Its output ends a moment before the process does.
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            content = b""
        except _CheckError as why:
            return [_failed(str(why))]
        finally:
            process.kill()
    problems = _parse(content)
    return [_failed(_how_it_ended(process.returncode, limits))] if problems is None else problems


class _CheckError(Exception):
    """Why there is no answer."""


def _read(process: "subprocess.Popen[bytes]", woken: int, limits: CheckLimits) -> bytes:
    """All that it writes. Raises _CheckError."""
    assert process.stdout is not None
    output = process.stdout.fileno()
    deadline = time.monotonic() + limits.seconds
    content = b""
    while True:
        ready, _, _ = select.select([output, woken], [], [], max(0.0, deadline - time.monotonic()))
        if woken in ready:
            raise _CheckError(_ABANDONED)
        if not ready:
            raise _CheckError("it did not load and run once within %g s; simplify the network" % limits.seconds)
        part = os.read(output, 65536)
        content += part
        if not part:
            return content
        if len(content) > _MOST_ANSWER:
            raise _CheckError("its check answered with more than %d bytes" % _MOST_ANSWER)


def _parse(content: bytes) -> Optional[List[Problem]]:
    """None: it is no answer."""
    try:
        return [Problem(*(str(field) for field in fields)) for fields in json.loads(content.decode("utf-8"))]
    except (ValueError, TypeError):
        return None


def _how_it_ended(status: int, limits: CheckLimits) -> str:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        # The kernel sends SIGKILL at a hard limit of processor time, and where memory has run out.
        return "it took more than %d s of processor time, or this machine's memory ran out" % limits.cpu_seconds
    if status == -signal.SIGABRT:
        return _OUT_OF_MEMORY % (limits.memory >> 20) + ", or a defect of the runtime"
    return "the process that loaded it ended with %s" % (
        "signal %d" % -status if status < 0 else "status %d and no answer" % status
    )


def _failed(why: str) -> Problem:
    return error("model-check-failed", "bundle_path", "the model was not taken: %s" % why)
