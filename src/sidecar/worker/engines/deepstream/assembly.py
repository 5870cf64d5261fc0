"""Everything of one graph, put together from a specification and its model: built, wired, and not started."""

import os
from functools import partial
from typing import Callable, Dict, NamedTuple, Sequence

from gi.repository import Gst

from sidecar.chain import ChainError
from sidecar.contract import spec, state
from sidecar.worker.attendant import Attendant
from sidecar.worker.board import Board, OutputKey
from sidecar.worker.engines.deepstream.camera import Camera
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.changes import connection
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.encoders import Encoders
from sidecar.worker.engines.deepstream.graph import Graph, GraphPlan, frame_rate
from sidecar.worker.engines.deepstream.infer_config import infer_config, write_config
from sidecar.worker.engines.deepstream.line import PlaceLine
from sidecar.worker.engines.deepstream.machine import Machine
from sidecar.worker.engines.deepstream.model import LoadedModel
from sidecar.worker.engines.deepstream.reporter import Reporter
from sidecar.worker.engines.deepstream.run import Failure, Run, prebuild_command
from sidecar.worker.engines.deepstream.sizes import mux_size
from sidecar.worker.engines.deepstream.vision import OutputDecoder, Seat, Vision, settings_of
from sidecar.worker.outputs import plan
from sidecar.worker.tally import Tally


class Tools(NamedTuple):
    """What all graphs of an engine share."""

    machine: Machine
    catalogue: Catalogue
    elements: Elements
    encoders: Encoders
    board: Board
    reporter: Reporter
    # Gets the frames of pictures that do not go to the outlet, see Outputs.
    take: Callable[[OutputKey, Gst.Sample], None]


class Assembly(NamedTuple):
    """A graph's life, what it sees with, and what is counted of each camera."""

    run: Run
    vision: Vision
    tallies: Dict[str, Tally]


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
    tallies: Dict[str, Tally],
    earlier: Sequence[Attendant],
    tools: Tools,
    says: Says,
) -> Assembly:
    """tallies, earlier: of the cameras so far, which go on counting, and waiting for their next attempts.

    Raises ChainError; what is in force is not touched by it.
    """
    pictures = plan(specification)
    size = mux_size(pictures)
    bundle = model.bundle
    seats = [Seat(one.id, tallies.get(one.id, Tally())) for one in specification.cameras]
    batch = bundle.batch(len(seats))
    vision = Vision(
        seats,
        size,
        None if bundle.decoded_here is None else OutputDecoder(bundle, size),
        bool(specification.tracker.algorithm),
        settings_of(specification),
        tools.reporter,
    )
    graph_plan = GraphPlan(
        seats,
        pictures,
        size,
        _config_file(specification, model, batch, tools),
        batch,
        model.interval(specification),
        specification.tracker.algorithm,
    )
    graph = Graph(
        graph_plan,
        tools.elements,
        tools.encoders,
        vision,
        failed=lambda why: says.probe_failed(vision, why),
        take=tools.take,
    )
    # A tile with neighbours says why it is black; a picture of one camera has the outlet's standby picture.
    filler_rate = frame_rate(pictures) if any(len(one.cameras) > 1 for one in pictures) else 0
    states = {(one.id, connection(one)): attendant.state for attendant in earlier for one in [attendant.camera]}
    cameras = []
    for one, seat, place in zip(specification.cameras, seats, graph.places):
        line = PlaceLine(one, seat, place, tools.elements, filler_rate, partial(says.of_camera, one.id))
        line.rest(all_off(specification))
        before = states.get((one.id, connection(one)))
        attendant = Attendant(one, line, seat.tally, line.stillness, tools.board, before=before)
        cameras.append(Camera(attendant, line))
    run = Run(graph, cameras, model.engine, prebuild_command(bundle.directory, batch), says.of_pipeline, says.failed)
    return Assembly(run, vision, {seat.camera_id: seat.tally for seat in seats})


def all_off(specification: spec.PipelineSpec) -> bool:
    """No camera is to be seen: nothing is sent, and the standby picture says so."""
    return all(camera.HasField("off") for camera in specification.cameras)


def _config_file(specification: spec.PipelineSpec, model: LoadedModel, batch: int, tools: Tools) -> str:
    threshold = specification.model.threshold if specification.model.HasField("threshold") else None
    text = infer_config(model.bundle, model.engine, batch, threshold, tools.catalogue)
    try:
        return write_config(os.path.join(tools.machine.run_dir, "nvinfer"), text)
    except OSError as why:
        raise ChainError("nvinfer", "its file cannot be written: %s" % why, "config-file-path") from why
