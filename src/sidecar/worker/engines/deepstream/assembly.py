"""Everything of one graph, put together from a specification and its model: built, wired, and not started."""

import os
from functools import partial
from typing import Callable, Dict, NamedTuple, Sequence

from sidecar.chain import ChainError
from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.deepstream.camera import Camera
from sidecar.worker.engines.deepstream.camera_source import DeepstreamCameraSource
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.changes import connection
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.encoders import Encoders
from sidecar.worker.engines.deepstream.graph import Graph, GraphPlan
from sidecar.worker.engines.deepstream.infer_config import infer_config, write_config
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.model import LoadedModel
from sidecar.worker.engines.deepstream.prebuild import prebuild_command
from sidecar.worker.engines.deepstream.reporter import Reporter
from sidecar.worker.engines.deepstream.run import Failure, Run
from sidecar.worker.engines.deepstream.sizes import mux_size
from sidecar.worker.engines.deepstream.vision import OutputDecoder, Seat, Vision, settings_of
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.outputs.plan import plan_streams
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import OutputKey, StatusStore


class Tools(NamedTuple):
    """What all graphs of an engine share."""

    machine: Machine
    processes: Processes
    catalogue: Catalogue
    elements: Elements
    encoders: Encoders
    store: StatusStore
    reporter: Reporter
    closer: SourceCloser
    # Gets the frames of pictures that do not go to the outlet, see Outputs.
    take: Callable[[OutputKey, Gst.Sample], None]


class Assembly(NamedTuple):
    """A graph's life, what it sees with, and what is counted of each camera."""

    run: Run
    vision: Vision
    all_stats: Dict[str, CameraStats]


class Says(NamedTuple):
    """What a graph tells of itself. Called on the loop thread."""

    # A camera's id, and what stands in place of its picture.
    of_camera: Callable[[str, str], None]
    of_pipeline: Callable[[state.PipelineStatus], None]
    # See Run.
    failed: Callable[[Failure], None]
    probe_failed: Callable[[Vision, Exception], None]


def assemble(
    specification: spec.PipelineSpec,
    model: LoadedModel,
    all_stats: Dict[str, CameraStats],
    earlier: Sequence[CameraController],
    may_rebuild: bool,
    tools: Tools,
    says: Says,
) -> Assembly:
    """all_stats, earlier: of the cameras so far, which go on counting, and waiting for their next attempts.

    may_rebuild: see Run.

    Raises ChainError; what is in force is not touched by it.
    """
    pictures = plan_streams(specification)
    size = mux_size(pictures)
    bundle = model.bundle
    seats = [Seat(one.id, all_stats.get(one.id, CameraStats())) for one in specification.cameras]
    batch = bundle.batch(len(seats))
    vision = Vision(
        seats,
        size,
        None if bundle.decoded_here is None else OutputDecoder(bundle, size),
        bool(specification.tracker.algorithm),
        settings_of(specification, model.interval(specification)),
        tools.reporter,
    )
    graph_plan = GraphPlan(
        seats,
        pictures,
        size,
        _infer_config(specification, model, batch, tools),
        _written("nvstreammux", tools.elements.mux_config(len(seats)), tools),
        batch,
        specification.tracker.algorithm,
    )
    graph = Graph(
        graph_plan,
        tools.elements,
        tools.encoders,
        vision,
        tools.closer,
        failed=lambda why: says.probe_failed(vision, why),
        take=tools.take,
    )
    states = {(one.id, connection(one)): controller.state for controller in earlier for one in [controller.camera]}
    cameras = []
    for one, seat, place in zip(specification.cameras, seats, graph.places):
        line = DeepstreamCameraSource(one, seat, place, tools.elements, size, partial(says.of_camera, one.id))
        before = states.get((one.id, connection(one)))
        controller = CameraController(one, line, seat.stats, line.freeze_detector, tools.store, before=before)
        cameras.append(Camera(controller, line))
    build = partial(prebuild_command, tools.processes.prebuild_module, bundle.directory, batch)
    run = Run(graph, cameras, model.engine, build, batch, may_rebuild, says.of_pipeline, says.failed)
    return Assembly(run, vision, {seat.camera_id: seat.stats for seat in seats})


def _infer_config(specification: spec.PipelineSpec, model: LoadedModel, batch: int, tools: Tools) -> str:
    threshold = specification.model.threshold if specification.model.HasField("threshold") else None
    text = infer_config(model.bundle, model.engine.path, batch, threshold, tools.catalogue)
    return _written("nvinfer", text, tools)


def _written(element: str, text: str, tools: Tools) -> str:
    """The path of an element's configuration file with a text."""
    try:
        return write_config(os.path.join(tools.machine.run_dir, element), text)
    except OSError as why:
        raise ChainError(element, "its file cannot be written: %s" % why, "config-file-path") from why
