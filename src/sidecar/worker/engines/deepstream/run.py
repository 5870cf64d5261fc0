"""One graph's life: its TensorRT engine is built if it is missing, it is loaded, it plays, it fails or is stopped."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from typing import IO, Callable, List, NamedTuple, Optional, Union

from sidecar.chain import ChainError
from sidecar.contract import state
from sidecar.gst import GLib, Gst
from sidecar.log import Log
from sidecar.redact import redact
from sidecar.worker.engines.deepstream.camera import Camera
from sidecar.worker.engines.deepstream.engine_cache import CachedEngine
from sidecar.worker.engines.deepstream.graph import Graph
from sidecar.worker.engines.deepstream.prebuild import CANNOT_KEEP
from sidecar.worker.engines.describe import log_playing
from sidecar.worker.main_loop import MainLoop

# How long stop() waits for a load that cannot be broken off, in seconds. The keeper's patience is 1.5.
_LAST_WAIT_SECONDS = 1.0
_TELLING_LINES = 5
# What nvinfer prints when the parser refuses a network, as opposed to a builder that runs out of memory or time.
_PARSER_REFUSED = "failed to build network"


class Failure(NamedTuple):
    """Why a graph does not run: a FailureReason, and what and where in one line."""

    reason: "state.FailureReason"
    detail: str
    # Whether the same may go better later. If not, it is tried again only when the bundle's files change.
    is_passing: bool = True
    # It failed while the engine was built, which takes minutes of the whole GPU.
    in_build: bool = False


class Building(NamedTuple):
    """A process of its own builds the engine: minutes on a Jetson."""

    process: "subprocess.Popen[bytes]"
    watch: int
    words: IO[bytes]
    # On the monotonic clock.
    began: float


class Loading(NamedTuple):
    """A thread takes the graph to PAUSED, in which nvinfer loads the engine: seconds, and nothing can break it off."""

    thread: threading.Thread


class Playing(NamedTuple):
    """Batches flow as cameras come."""


class Ended(NamedTuple):
    """Nothing runs any more, or nothing has been started."""


Phase = Union[Building, Loading, Playing, Ended]


class Run:
    """All methods are called on the loop thread."""

    def __init__(
        self,
        graph: Graph,
        cameras: List[Camera],
        engine: CachedEngine,
        build_command: Callable[[bool], List[str]],
        batch: int,
        may_rebuild: bool,
        tell: Callable[[state.PipelineStatus], None],
        failed: Callable[[Failure], None],
    ) -> None:
        """build_command: builds the TensorRT engine; its argument says whether to do so where one is kept. batch: for
        the log. may_rebuild: whether an engine that was kept and does not load is built anew, once. tell: how far it
        is. failed: called once, when everything has been taken down."""
        self.graph = graph
        self.cameras = cameras
        self._engine = engine
        self._build_command = build_command
        self._batch = batch
        self._may_rebuild = may_rebuild
        self._tell = tell
        self._failed = failed
        # Whether it ever did: an error before that is one of loading.
        self.played = False
        # Whether an engine was built, and whether that was in place of one that did not load.
        self.has_built = False
        self.has_rebuilt = False
        self._phase: Phase = Ended()
        self._bus_handler = 0
        self._on_end: Optional[Callable[[], None]] = None
        self._log = Log("graph")

    @property
    def playing(self) -> bool:
        return isinstance(self._phase, Playing)

    def start(self) -> None:
        if self._engine.exists:
            self._load()
        else:
            self._start_build(anew=False)

    def stop(self, then: Callable[[], None]) -> None:
        """then: called when nothing runs any more, at once if that is so."""
        self._failed = lambda _why: None
        if isinstance(self._phase, Building):
            GLib.source_remove(self._phase.watch)
            self._phase.process.kill()
            self._phase.process.wait()
            self._phase.words.close()
            self._phase = Ended()
        if isinstance(self._phase, Loading):
            # Two networks at once may be more than the memory holds: the next waits until this one is gone.
            self._on_end = then
            return
        self._take_down()
        then()

    def wait(self) -> None:
        """After stop(), before the process ends: gives a load a moment to come to its end."""
        if isinstance(self._phase, Loading):
            self._phase.thread.join(_LAST_WAIT_SECONDS)

    def _start_build(self, anew: bool) -> None:
        self.has_built = True
        self._tell(_loading(state.LOADING_PHASE_ENGINE))
        self._log.info("building the TensorRT engine", engine=self._engine.path, batch=self._batch)
        words = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process writes
        try:
            process = subprocess.Popen(
                self._build_command(anew),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )
        except OSError as error:
            words.close()
            self.fail(Failure(state.FAILURE_REASON_MODEL, "the TensorRT engine cannot be built: %s" % error))
            return
        watch = GLib.child_watch_add(GLib.PRIORITY_DEFAULT, process.pid, self._on_built)
        self._phase = Building(process, watch, words, time.monotonic())

    def _on_built(self, _pid: int, status: int) -> None:
        assert isinstance(self._phase, Building), "the watch ends with the phase"
        self._phase.words.seek(0)
        said = self._phase.words.read().decode(errors="replace")
        self._phase.words.close()
        seconds = round(time.monotonic() - self._phase.began, 1)
        self._phase = Ended()
        failure = build_failure(status, said)
        if failure is None and not self._engine.exists:
            failure = Failure(state.FAILURE_REASON_MODEL, "the bundle changed while its TensorRT engine was built")
        if failure is None:
            size = os.stat(self._engine.path).st_size
            self._log.info("TensorRT engine built", engine=self._engine.path, seconds=seconds, bytes=size)
            self._load()
            return
        self._log.error("TensorRT engine not built", engine=self._engine.path, seconds=seconds)
        self.fail(failure)

    def _load(self) -> None:
        self._tell(_loading(state.LOADING_PHASE_GRAPH))
        bus = self.graph.pipeline.get_bus()
        bus.add_signal_watch()
        self._bus_handler = bus.connect("message::error", self._on_error)

        def load() -> None:
            MainLoop.post(self._on_loaded, self.graph.load())

        thread = threading.Thread(target=load, name="graph-loader", daemon=True)
        self._phase = Loading(thread)
        thread.start()

    def _on_loaded(self, result: Gst.StateChangeReturn) -> None:
        self._phase = Playing()
        if self._on_end is not None:
            self._take_down()
            self._on_end()
            return
        if result == Gst.StateChangeReturn.FAILURE:
            bus = self.graph.pipeline.get_bus()
            message = bus.pop_filtered(Gst.MessageType.ERROR)
            if message is None:
                self.fail(Failure(state.FAILURE_REASON_ELEMENT, "an element did not start and does not say why"))
            else:
                self._on_error(bus, message)
            return
        self.graph.pipeline.set_state(Gst.State.PLAYING)
        self.played = True
        self._tell(state.PipelineStatus(running=state.PipelineStatus.Running()))
        try:
            for camera in self.cameras:
                camera.start()
        except ChainError as error:
            self.fail(Failure(state.FAILURE_REASON_ELEMENT, str(error)))
            return
        log_playing(self.graph.pipeline)

    def _on_error(self, _bus: Gst.Bus, message: Gst.Message) -> None:
        error, debug = message.parse_error()
        name = _bin_below(self.graph.pipeline, message.src)
        if any(camera.source.on_error(name, error, debug or "") for camera in self.cameras):
            return
        self.fail(failure_of(message.src.get_name(), error, debug or ""))

    def fail(self, why: Failure) -> None:
        """Takes the graph down for a reason, and tells it."""
        if isinstance(self._phase, Loading):
            # What failed is told before the call that loads returns.
            self._on_end = lambda: self._give_up(why)
            return
        self._take_down()
        self._give_up(why)

    def _give_up(self, why: Failure) -> None:
        kept = not self.has_built and why.reason == state.FAILURE_REASON_MODEL
        if kept and not self.played and self._may_rebuild:
            # It was built by another TensorRT or for another GPU than it says, or it is damaged.
            self._log.warning(
                "TensorRT engine does not load: it is built anew", engine=self._engine.path, err=why.detail
            )
            self.has_rebuilt = True
            self._on_end = None
            self._start_build(anew=True)
            return
        failed, self._failed = self._failed, lambda _why: None
        failed(why)

    def _take_down(self) -> None:
        for camera in self.cameras if self.played else ():
            camera.stop()
        if self._bus_handler:
            bus = self.graph.pipeline.get_bus()
            bus.disconnect(self._bus_handler)
            bus.remove_signal_watch()
            self._bus_handler = 0
        self.graph.close()
        self._phase = Ended()


def build_failure(status: int, said: str) -> Optional[Failure]:
    """Why a build gave no engine, from the status that waitpid() reports and what the process wrote; None: it did.
    Pure."""
    exit_status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    if exit_status == 0:
        return None
    last = " ".join(said.strip().splitlines()[-_TELLING_LINES:])
    if exit_status == CANNOT_KEEP:
        return Failure(state.FAILURE_REASON_STORAGE, redact(last), in_build=True)
    how = "" if exit_status is not None else "killed by %s: " % signal.Signals(os.WTERMSIG(status)).name
    is_passing = exit_status is None or _PARSER_REFUSED not in said
    detail = "TensorRT did not build the engine: %s%s" % (how, last)
    return Failure(state.FAILURE_REASON_MODEL, redact(detail), is_passing, in_build=True)


def failure_of(element: str, error: GLib.Error, debug: str) -> Failure:
    """What an error of the graph means. Pure."""
    text = ("%s %s" % (error.message, debug)).lower()
    if "cuda" in text and ("error" in text or "fail" in text):
        reason = state.FAILURE_REASON_GPU
    elif element == "infer":
        reason = state.FAILURE_REASON_MODEL
    else:
        reason = state.FAILURE_REASON_ELEMENT
    said = debug.strip().split("\n")[-1].strip()
    return Failure(reason, redact("%s: %s%s" % (element, error.message, " (%s)" % said if said else "")))


def _loading(phase: "state.LoadingPhase") -> state.PipelineStatus:
    return state.PipelineStatus(loading=state.PipelineStatus.Loading(phase=phase))


def _bin_below(pipeline: Gst.Pipeline, source: Optional[Gst.Object]) -> str:
    """Name of the pipeline's own child in which a message arose."""
    while source is not None and source.get_parent() is not None and source.get_parent() != pipeline:
        source = source.get_parent()
    return "" if source is None else str(source.get_name())
