"""GraphRunner: builds a graph's TensorRT engines if they are missing, then loads, plays and stops the graph."""

import os
import subprocess
import tempfile
import threading
import time
from typing import IO, Any, Callable, List, NamedTuple, Optional, Sequence, Set, Union

from sidecar.chain import ChainError
from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.timer import Timer, when_ended
from sidecar.worker.engines.deepstream.graph import Graph
from sidecar.worker.engines.deepstream.graph_failure import GraphFailure, build_failure, element_failure
from sidecar.worker.engines.deepstream.tensorrt_engine import TensorRtEngine
from sidecar.worker.engines.describe import log_playing
from sidecar.worker.main_loop import MainLoop

# How long wait() gives a load, which cannot be interrupted, in seconds. The keeper waits 1.5.
_LOAD_SECONDS = 1.0


class EngineOfGraph(NamedTuple):
    """A TensorRT engine that a graph needs."""

    # Of the nvinfer that loads it.
    element: str
    engine: TensorRtEngine
    batch: int
    # The command that builds it; its argument says whether to replace a stored one.
    build_command: Callable[[bool], List[str]]


class Building(NamedTuple):
    """A process of its own builds a TensorRT engine: minutes on a Jetson."""

    wanted: EngineOfGraph

    process: "subprocess.Popen[bytes]"
    watch: Timer
    output: IO[bytes]
    # On the monotonic clock.
    began: float


class Loading(NamedTuple):
    """A thread takes the graph to PAUSED, in which nvinfer loads its TensorRT engine: seconds. It cannot be
    interrupted."""

    thread: threading.Thread


class Playing(NamedTuple):
    """Batches flow as cameras connect."""


class Stopped(NamedTuple):
    """Nothing runs any more, or nothing was started."""


Phase = Union[Building, Loading, Playing, Stopped]


class GraphRunner:
    """All methods are called on the loop thread."""

    def __init__(
        self,
        graph: Graph,
        engines: Sequence[EngineOfGraph],
        rebuilt: Set[str],
        on_status: Callable[[state.PipelineStatus], None],
        on_failed: Callable[[GraphFailure], None],
    ) -> None:
        """rebuilt: the paths of engines that were built again because they did not load: that is done once, and noted
        here. on_failed: called once, when the graph is stopped."""
        self.graph = graph
        self._engines = engines
        self._rebuilt = rebuilt
        self._on_status = on_status
        self._on_failed = on_failed
        # Whether it ever played: before that, an error is one of loading.
        self.has_played = False
        # The paths of the engines that were built for this graph.
        self._built: Set[str] = set()
        self._phase: Phase = Stopped()
        self._bus_handler = 0
        # Called when a load has returned, in place of playing.
        self._after_load: Optional[Callable[[], None]] = None
        self._log = Log("graph")

    @property
    def is_playing(self) -> bool:
        return isinstance(self._phase, Playing)

    def start(self) -> None:
        missing = next((one for one in self._engines if not one.engine.exists), None)
        if missing is None:
            self._load()
        else:
            self._build(missing, replace=False)

    def stop(self, then: Callable[[], None]) -> None:
        """then: called when nothing runs any more, which may be at once."""
        self._on_failed = lambda _why: None
        if isinstance(self._phase, Building):
            self._phase.watch.stop()
            self._phase.process.kill()
            self._phase.process.wait()
            self._phase.output.close()
            self._phase = Stopped()
        if isinstance(self._phase, Loading):
            # Memory may not hold two networks at once: the next graph waits until this one is gone.
            self._after_load = then
            return
        self._close()
        then()

    def wait(self) -> None:
        """After stop(), before the process ends: gives a load a moment to return."""
        if isinstance(self._phase, Loading):
            self._phase.thread.join(_LOAD_SECONDS)

    def fail(self, why: GraphFailure) -> None:
        """Stops the graph, and reports why."""
        if isinstance(self._phase, Loading):
            # nvinfer posts its error before the call that loads returns.
            self._after_load = lambda: self._report_failure(why)
            return
        self._close()
        self._report_failure(why)

    def _build(self, wanted: EngineOfGraph, replace: bool) -> None:
        self._built.add(wanted.engine.path)
        self._on_status(_loading(state.LOADING_PHASE_ENGINE))
        self._log.info("building TensorRT engine", path=wanted.engine.path, batch=wanted.batch)
        output = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process writes
        try:
            process = subprocess.Popen(
                wanted.build_command(replace), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        except OSError as error:
            output.close()
            self.fail(GraphFailure(state.FAILURE_REASON_MODEL, "the TensorRT engine cannot be built: %s" % error))
            return
        watch = when_ended(process.pid, self._or_fail(self._on_built))
        self._phase = Building(wanted, process, watch, output, time.monotonic())

    def _on_built(self, status: int) -> None:
        assert isinstance(self._phase, Building), "stop() removes the watch"
        self._phase.output.seek(0)
        output = self._phase.output.read().decode(errors="replace")
        self._phase.output.close()
        seconds = round(time.monotonic() - self._phase.began, 1)
        engine = self._phase.wanted.engine
        self._phase = Stopped()
        failure = build_failure(status, output)
        if failure is None and not engine.exists:
            detail = "the bundle changed while its TensorRT engine was being built"
            failure = GraphFailure(state.FAILURE_REASON_MODEL, detail)
        if failure is None:
            size = os.stat(engine.path).st_size
            self._log.info("TensorRT engine built", path=engine.path, seconds=seconds, bytes=size)
            self.start()
            return
        self._log.error("TensorRT engine not built", path=engine.path, seconds=seconds)
        self.fail(failure)

    def _load(self) -> None:
        self._on_status(_loading(state.LOADING_PHASE_GRAPH))
        bus = self.graph.pipeline.get_bus()
        bus.add_signal_watch()
        self._bus_handler = bus.connect("message::error", self._or_fail(self._on_error))

        def load() -> None:
            MainLoop.post(self._or_fail(self._on_loaded), self.graph.load())

        thread = threading.Thread(target=load, name="graph-loader", daemon=True)
        self._phase = Loading(thread)
        thread.start()

    def _on_loaded(self, result: Gst.StateChangeReturn) -> None:
        self._phase = Playing()
        if self._after_load is not None:
            self._close()
            self._after_load()
            return
        if result == Gst.StateChangeReturn.FAILURE:
            bus = self.graph.pipeline.get_bus()
            message = bus.pop_filtered(Gst.MessageType.ERROR)
            if message is None:
                detail = "an element did not start and gives no reason"
                self.fail(GraphFailure(state.FAILURE_REASON_ELEMENT, detail))
            else:
                self._on_error(bus, message)
            return
        self.graph.pipeline.set_state(Gst.State.PLAYING)
        self.has_played = True
        self._on_status(state.PipelineStatus(running=state.PipelineStatus.Running()))
        try:
            for controller in self.graph.controllers:
                controller.start()
        except ChainError as error:
            self.fail(GraphFailure(state.FAILURE_REASON_ELEMENT, str(error)))
            return
        log_playing(self.graph.pipeline)

    def _on_error(self, _bus: Gst.Bus, message: Gst.Message) -> None:
        name = _child_name(self.graph.pipeline, message.src)
        if not any(source.on_error(name, message) for source in self.graph.sources):
            error, debug = message.parse_error()
            self.fail(element_failure(message.src.get_name(), error, debug or ""))

    def _or_fail(self, act: Callable[..., None]) -> Callable[..., None]:
        """The same function; with an exception the graph fails, which would otherwise stay as it is for ever."""

        def run(*values: Any) -> None:
            try:
                act(*values)
            except Exception as error:
                self._log.exception("graph failed")
                self.fail(GraphFailure(state.FAILURE_REASON_INTERNAL, "%s: %s" % (type(error).__name__, error)))

        return run

    def _report_failure(self, why: GraphFailure) -> None:
        wanted = next((one for one in self._engines if one.element == why.element), None)
        is_of_load = why.reason == state.FAILURE_REASON_MODEL and not self.has_played
        if wanted is not None and is_of_load and wanted.engine.path not in self._built | self._rebuilt:
            # Another TensorRT built it, or for another GPU than its directory says, or it is damaged.
            self._log.warning("TensorRT engine does not load, rebuilding", path=wanted.engine.path, err=why.detail)
            self._rebuilt.add(wanted.engine.path)
            self._after_load = None
            self._build(wanted, replace=True)
            return
        on_failed, self._on_failed = self._on_failed, lambda _why: None
        on_failed(why)

    def _close(self) -> None:
        if self._bus_handler:
            bus = self.graph.pipeline.get_bus()
            bus.disconnect(self._bus_handler)
            bus.remove_signal_watch()
            self._bus_handler = 0
        self.graph.close()
        self._phase = Stopped()


def _loading(phase: "state.LoadingPhase") -> state.PipelineStatus:
    return state.PipelineStatus(loading=state.PipelineStatus.Loading(phase=phase))


def _child_name(pipeline: Gst.Pipeline, source: Optional[Gst.Object]) -> str:
    """The name of the pipeline's direct child that a message comes from."""
    while source is not None and source.get_parent() is not None and source.get_parent() != pipeline:
        source = source.get_parent()
    return "" if source is None else str(source.get_name())
