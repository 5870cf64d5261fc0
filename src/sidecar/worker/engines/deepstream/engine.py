"""Engine deepstream: NVIDIA's elements, all cameras in one batch."""

import os
import time
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib  # noqa: E402

from sidecar.chain import ChainError  # noqa: E402
from sidecar.contract import pipeline, spec, state  # noqa: E402
from sidecar.log import Log  # noqa: E402
from sidecar.worker.board import Board, OutputKey  # noqa: E402
from sidecar.worker.engines.deepstream import source  # noqa: E402
from sidecar.worker.engines.deepstream.bundle import NvinferBundle, load_nvinfer_bundle  # noqa: E402
from sidecar.worker.engines.deepstream.camera import Camera  # noqa: E402
from sidecar.worker.engines.deepstream.catalogue import Catalogue, boards  # noqa: E402
from sidecar.worker.engines.deepstream.changes import Structure, live_changes, rebuild_changes, structure  # noqa: E402
from sidecar.worker.engines.deepstream.elements import Elements  # noqa: E402
from sidecar.worker.engines.deepstream.encoders import Encoders, probe_encoders  # noqa: E402
from sidecar.worker.engines.deepstream.engine_cache import DATA_DIR, CachedEngine, cached_engine, lay_out  # noqa: E402
from sidecar.worker.engines.deepstream.facts import read_facts  # noqa: E402
from sidecar.worker.engines.deepstream.fitness import fitness_problems  # noqa: E402
from sidecar.worker.engines.deepstream.graph import Graph, GraphPlan, frame_rate  # noqa: E402
from sidecar.worker.engines.deepstream.infer_config import infer_config, write_config  # noqa: E402
from sidecar.worker.engines.deepstream.platform import Platform, identify  # noqa: E402
from sidecar.worker.engines.deepstream.reporter import Reporter  # noqa: E402
from sidecar.worker.engines.deepstream.run import Failure, Run, prebuild_command  # noqa: E402
from sidecar.worker.engines.deepstream.sizes import mux_size  # noqa: E402
from sidecar.worker.engines.deepstream.tally import Tally  # noqa: E402
from sidecar.worker.engines.deepstream.vision import MisfitError, OutputDecoder, Seat, Vision, settings_of  # noqa: E402
from sidecar.worker.engines.engine import Engine, Facts, Preview  # noqa: E402
from sidecar.worker.inference.decoders import DecoderError  # noqa: E402
from sidecar.worker.outputs import Outputs, plan  # noqa: E402
from sidecar.worker.problem import Problem, error, has_errors  # noqa: E402

# Before a graph that failed is built anew, in seconds; doubles with each failure in a row.
_FIRST_DELAY = 2.0
_LONGEST_DELAY = 60.0
# A graph that ran this long has made good for the failures before it.
_HEALTHY = 60.0


class Machine(NamedTuple):
    """Where the engine runs, and where it keeps what it writes."""

    platform: Platform
    run_dir: str
    data_dir: str


class LoadedModel(NamedTuple):
    """What prepare() made ready for apply()."""

    bundle: NvinferBundle
    engine: CachedEngine


def machine(environment: Mapping[str, str], run_dir: str) -> Machine:
    """This machine. Raises ValueError for a variable that cannot be read."""
    platform = identify(read_facts(environment), boards())
    return Machine(platform, run_dir, environment.get("SLIPSTREAM_DATA_DIR", DATA_DIR))


class DeepstreamEngine(Engine):
    """One graph for everything. What changes its structure builds it anew; the rest changes while frames flow."""

    def __init__(self, outlet_socket: str, board: Board, here: Machine, replace: Callable[[], None]) -> None:
        """Probes the encoders, for which it waits: a moment, or seconds where CUDA is slow to start.

        replace: asks for another process in place of this one.
        """
        self._replace_process = replace
        self._board = board
        self._here = here
        self._catalogue = Catalogue(here.platform.release, here.platform.kind)
        self._elements = Elements(here.platform, self._catalogue)
        self._encoders: Encoders = probe_encoders(self._elements)
        self._outputs = Outputs(outlet_socket, board, on_ports=self._on_ports, count=self._count)
        self._reporter = Reporter(board.publish_detections, board.events.wanted)
        self._ports: Dict[OutputKey, int] = {}
        self._tallies: Dict[str, Tally] = {}
        # What is in force.
        self._specification = spec.PipelineSpec()
        self._structure: Optional[Structure] = None
        self._model: Optional[LoadedModel] = None
        self._run: Optional[Run] = None
        self._vision: Optional[Vision] = None
        self._seats: Dict[str, Seat] = {}
        # Of the run in force: when it began, and the failures in a row before it. The timer of the next one; 0: none.
        self._began = 0.0
        self._failures = 0
        self._retry = 0
        # The GPU has failed under a graph that played. CUDA does not recover from that within a process.
        self._gpu_is_lost = False

    def facts(self) -> Facts:
        platform = self._here.platform
        return Facts("deepstream", platform.board, platform.release, platform.gpu)

    def capabilities(self) -> pipeline.Capabilities:
        return pipeline.Capabilities(
            codecs=self._encoders.codecs(), trackers=self._elements.trackers(), sources=list(source.SCHEMES)
        )

    def prepare(self, specification: spec.PipelineSpec) -> Tuple[Optional[LoadedModel], List[Problem]]:
        bundle, problems = load_nvinfer_bundle(specification.model.bundle_path, self._here.platform, self._catalogue)
        if bundle is None:
            return None, problems
        pictures = plan(specification)
        problems = problems + fitness_problems(specification, pictures, bundle, self._encoders)
        batch = bundle.batch(len(specification.cameras))
        try:
            if bundle.decoded_here is not None and pictures:
                OutputDecoder(bundle, mux_size(pictures))
            engine = cached_engine(self._here.data_dir, bundle, batch, self._here.platform, self._catalogue)
            if not has_errors(problems):
                lay_out(engine, bundle, batch, self._here.platform, self._catalogue)
        except DecoderError as why:
            return None, [*problems, error("model-does-not-load", "model.bundle_path", str(why))]
        except OSError as why:
            message = "the directory of engines cannot be written to: %s; set SLIPSTREAM_DATA_DIR" % why
            return None, [*problems, error("data-dir", "model.bundle_path", message)]
        return LoadedModel(bundle, engine), problems

    def apply(self, specification: spec.PipelineSpec, model: LoadedModel) -> List[pipeline.Change]:
        before, wanted = self._specification, structure(specification, model.bundle, model.engine)
        if self._structure == wanted:
            changes = live_changes(before, specification)
            rebuilt = [
                key for key in self._bitrates(before, specification) if not self._set_bitrate(key, specification)
            ]
            if not rebuilt:
                self._take_over(specification)
                return changes
        run, vision, seats = self._new_run(specification, model)
        self._replace(run, vision, seats, specification, model, wanted)
        self._failures = 0
        return rebuild_changes(before, specification)

    def preview(self, output_id: str, camera_id: str, max_frame_rate: float) -> Optional[Preview]:
        picture = None if self._run is None else self._run.graph.pictures.get((output_id, camera_id))
        return None if picture is None else picture.preview(max_frame_rate)

    def stop(self) -> None:
        self._plan_retry(0.0)
        run, self._run = self._run, None
        if run is not None:
            run.stop(then=lambda: None)
            run.wait()
        self._reporter.stop()
        self._outputs.stop()

    def _new_run(self, specification: spec.PipelineSpec, model: LoadedModel) -> Tuple[Run, Vision, Dict[str, Seat]]:
        """Everything of a graph, built and not started. Raises ChainError; what is in force is not touched."""
        pictures = plan(specification)
        size = mux_size(pictures)
        bundle = model.bundle
        seats = [Seat(one.id, self._tallies.get(one.id, Tally())) for one in specification.cameras]
        vision = Vision(
            seats,
            size,
            None if bundle.decoded_here is None else OutputDecoder(bundle, size),
            bool(specification.tracker.algorithm),
            settings_of(specification),
            self._reporter,
        )
        threshold = specification.model.threshold if specification.model.HasField("threshold") else None
        batch = bundle.batch(len(seats))
        text = infer_config(bundle, model.engine, batch, threshold, self._catalogue)
        graph_plan = GraphPlan(
            seats,
            pictures,
            size,
            self._written(text),
            batch,
            _interval(specification, bundle),
            specification.tracker.algorithm,
        )
        graph = Graph(
            graph_plan,
            self._elements,
            self._encoders,
            vision,
            failed=lambda why: self._on_probe_failed(vision, why),
        )
        # A tile with neighbours says why it is black; a picture of one camera has the outlet's standby picture.
        filler_rate = frame_rate(pictures) if any(len(one.cameras) > 1 for one in pictures) else 0
        cameras = [
            Camera(one, seat, place, self._elements, self._board, filler_rate)
            for one, seat, place in zip(specification.cameras, seats, graph.places)
        ]
        build = prebuild_command(bundle.directory, batch)
        run = Run(graph, cameras, model.engine, build, self._board, self._on_failed)
        return run, vision, {seat.camera_id: seat for seat in seats}

    def _written(self, text: str) -> str:
        """The file for nvinfer with this text."""
        try:
            return write_config(os.path.join(self._here.run_dir, "nvinfer"), text)
        except OSError as why:
            raise ChainError("nvinfer", "its file cannot be written: %s" % why, "config-file-path") from why

    def _replace(
        self,
        run: Run,
        vision: Vision,
        seats: Dict[str, Seat],
        specification: spec.PipelineSpec,
        model: LoadedModel,
        wanted: Structure,
    ) -> None:
        """The run in force gives way to another."""
        self._plan_retry(0.0)
        before, self._run = self._run, run
        self._vision, self._seats = vision, seats
        self._structure, self._model = wanted, model
        self._began = time.monotonic()
        outdated = self._tallies.keys() - seats.keys()
        self._tallies = {camera_id: seat.tally for camera_id, seat in seats.items()}
        for camera_id in outdated:
            self._board.remove_camera(camera_id)
        for camera_id, tally in self._tallies.items():
            self._board.add_camera(camera_id, tally.fill)
            connecting = state.CameraStatus.Connecting(attempt=1)
            self._board.set_camera(state.CameraStatus(id=camera_id, connecting=connecting))
        self._board.order_cameras(tuple(seats))
        self._take_over(specification)
        self._ports = {}
        # RTP streams begin anew: the outlet is told, and says the ports.
        self._outputs.serve(plan(specification))

        def start() -> None:
            # Another change may have come while the run before was taken down.
            if self._run is run:
                run.start()

        if before is None:
            start()
        else:
            before.stop(then=start)

    def _take_over(self, specification: spec.PipelineSpec) -> None:
        """What changes while frames flow."""
        self._specification = specification
        assert self._run is not None, "a run came first"
        assert self._vision is not None, "it comes with the run"
        assert self._model is not None, "it comes with the run"
        self._vision.settings = settings_of(specification)
        self._run.graph.infer.set_property("interval", _interval(specification, self._model.bundle))
        for picture in self._run.graph.pictures.values():
            picture.show(specification.overlay.boxes)

    def _bitrates(self, before: spec.PipelineSpec, after: spec.PipelineSpec) -> List[OutputKey]:
        """The pictures whose bit rate changes."""
        rates = {one.key: one.encoding.bitrate for one in plan(before)}
        return [one.key for one in plan(after) if rates.get(one.key) != one.encoding.bitrate]

    def _set_bitrate(self, key: OutputKey, specification: spec.PipelineSpec) -> bool:
        encoding = next(one.encoding for one in plan(specification) if one.key == key)
        return self._run is not None and self._run.graph.pictures[key].set_bitrate(encoding)

    def _on_ports(self, ports: Dict[OutputKey, int]) -> None:
        self._ports = ports
        if self._run is not None:
            for key, port in ports.items():
                picture = self._run.graph.pictures.get(key)
                if picture is not None:
                    picture.set_rtp_port(port)

    def _on_failed(self, why: Failure) -> None:
        """The run in force has failed and is taken down."""
        assert self._run is not None, "it is the one that failed"
        self._gpu_is_lost = why.reason == state.FAILURE_REASON_GPU and self._run.played
        if time.monotonic() - self._began > _HEALTHY:
            self._failures = 0
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(self._failures, 10))
        self._failures += 1
        failed = state.PipelineStatus.Failed(reason=why.reason, detail=why.detail)
        failed.next_attempt.FromNanoseconds(int((time.time() + delay) * 1e9))
        self._board.set_pipeline(state.PipelineStatus(failed=failed))
        self._plan_retry(delay)

    def _on_probe_failed(self, vision: Vision, why: Exception) -> None:
        """A defect of ours, or a network that is not what its bundle says. The same comes with every frame."""
        if self._run is None or self._vision is not vision or not self._run.playing:
            return
        if isinstance(why, MisfitError):
            self._run.fail(Failure(state.FAILURE_REASON_MODEL, str(why)))
            return
        Log("engine").error("a probe failed", err="%s: %s" % (type(why).__name__, why))
        self._run.fail(Failure(state.FAILURE_REASON_INTERNAL, "%s: %s" % (type(why).__name__, why)))

    def _plan_retry(self, delay: float) -> None:
        """0: no retry."""
        if self._retry:
            GLib.source_remove(self._retry)
        self._retry = GLib.timeout_add(int(delay * 1000), self._try_again) if delay else 0

    def _try_again(self) -> bool:
        self._retry = 0
        if self._gpu_is_lost:
            self._replace_process()
            return bool(GLib.SOURCE_REMOVE)
        assert self._model is not None, "something failed, so something was applied"
        assert self._structure is not None, "it comes with the model"
        try:
            run, vision, seats = self._new_run(self._specification, self._model)
        except ChainError as why:
            self._on_failed(Failure(state.FAILURE_REASON_ELEMENT, str(why)))
        else:
            self._replace(run, vision, seats, self._specification, self._model, self._structure)
        return bool(GLib.SOURCE_REMOVE)

    def _count(self, key: OutputKey, status: state.OutputStatus) -> None:
        picture = None if self._run is None else self._run.graph.pictures.get(key)
        if picture is not None:
            status.frames = picture.frames


def _interval(specification: spec.PipelineSpec, bundle: NvinferBundle) -> int:
    return specification.model.interval if specification.model.HasField("interval") else bundle.interval
