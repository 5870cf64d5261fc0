"""Graph: the pipeline of one specification with its cameras, outputs and probes, built and not started."""

import os
from functools import partial
from typing import Callable, Dict, List, NamedTuple, Optional

from sidecar.chain import ChainError
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.deepstream.batch_probes import BatchProbes, live_settings
from sidecar.worker.engines.deepstream.camera import DeepstreamCameraSource
from sidecar.worker.engines.deepstream.camera_slot import CameraSlot
from sidecar.worker.engines.deepstream.changes import connection
from sidecar.worker.engines.deepstream.detection_reporter import DetectionReporter
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.infer_config import infer_config, write_config
from sidecar.worker.engines.deepstream.model import LoadedModel
from sidecar.worker.engines.deepstream.osd_text import OsdText
from sidecar.worker.engines.deepstream.output_branch import OutputBranch
from sidecar.worker.engines.deepstream.pipeline import add_batch, add_outputs, mux_config
from sidecar.worker.engines.deepstream.probes import pass_if
from sidecar.worker.engines.deepstream.sizes import mux_size, tile_rectangles
from sidecar.worker.engines.deepstream.tensor_decoder import TensorDecoder
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.outputs.plan import plan_streams
from sidecar.worker.status.store import OutputKey, StatusStore

# How long close() waits for the sources, in seconds.
_CLOSE_SECONDS = 0.5


class GraphTools(NamedTuple):
    """What all graphs of an engine share."""

    run_dir: str
    elements: Elements
    # The codecs that the GPU encodes.
    hardware: List[str]
    store: StatusStore
    reporter: DetectionReporter
    closer: SourceCloser
    # Gets the frames of streams that do not go to the outlet, see Outputs.
    take: Callable[[OutputKey, Gst.Sample], None]


class Graph:
    """Methods are called on the loop thread, except load()."""

    def __init__(
        self,
        specification: spec.PipelineSpec,
        model: LoadedModel,
        earlier: Optional["Graph"],
        tools: GraphTools,
        set_standby_text: Callable[[str, TileText], None],
        probe_failed: Callable[[BatchProbes, Exception], None],
    ) -> None:
        """Builds it in state NULL.

        earlier: its cameras keep their counters, and the times of their next attempts. set_standby_text: by camera id,
        see DeepstreamCameraSource. probe_failed: called on the loop thread with an exception of a probe, which every
        frame may raise again.

        Raises ChainError. Then nothing of it is left.
        """
        streams = plan_streams(specification)
        size = mux_size(streams)
        bundle = model.bundle
        stats = {} if earlier is None else {slot.camera_id: slot.stats for slot in earlier.slots}
        self.slots: List[CameraSlot] = [
            CameraSlot(one.id, stats.get(one.id, CameraStats())) for one in specification.cameras
        ]
        self.batch = bundle.batch(len(self.slots))
        self.probes = BatchProbes(
            self.slots,
            size,
            None if bundle.decoded_here is None else TensorDecoder(bundle, size),
            bool(specification.tracker.algorithm),
            # The engine sets those of the overlay when the graph takes over.
            live_settings(specification, model.interval(specification), {}),
            tools.reporter,
        )
        failed = partial(probe_failed, self.probes)
        threshold = specification.model.threshold if specification.model.HasField("threshold") else None
        config = infer_config(bundle, model.tensorrt_engine.path, self.batch, threshold, tools.elements.catalogue)
        self.pipeline = Gst.Pipeline.new("deepstream")
        # Sources come and go, and with them the clocks that they offer.
        self.pipeline.use_clock(Gst.SystemClock.obtain())
        add_batch(
            self.pipeline,
            tools.elements,
            self.probes,
            self.batch,
            specification.tracker.algorithm,
            _write_config("nvstreammux", mux_config(len(self.slots)), tools),
            _write_config("nvinfer", config, tools),
            failed,
        )
        self._closer = tools.closer
        states = {} if earlier is None else {connection(one.camera): one.state for one in earlier.controllers}
        self.sources: List[DeepstreamCameraSource] = []
        self.controllers: List[CameraController] = []
        for index, (camera, slot) in enumerate(zip(specification.cameras, self.slots)):
            set_text = partial(set_standby_text, camera.id)
            source = DeepstreamCameraSource(
                camera, slot, index, self.pipeline, tools.elements, size, tools.closer, set_text
            )
            before = states.get(connection(camera))
            self.sources.append(source)
            self.controllers.append(
                CameraController(camera, source, slot.stats, source.freeze_detector, tools.store, before=before)
            )
        self.outputs: Dict[OutputKey, OutputBranch] = {}
        per_camera: Dict[str, Dict[int, Gst.Bin]] = {}
        tiled = []
        for plan in streams:
            output_id, camera_id = plan.key
            slots = [index for index, slot in enumerate(self.slots) if camera_id in ("", slot.camera_id)]
            text = OsdText(self.probes, slots, tile_rectangles(plan, size))
            take = partial(tools.take, plan.key)
            branch = OutputBranch(plan, tools.elements, tools.hardware, text, failed, take)
            self.outputs[plan.key] = branch
            if camera_id:
                per_camera.setdefault(output_id, {})[slots[0]] = branch.container
                # The stream of one camera shows that camera or nothing. The standby picture says why.
                pass_if(branch.container.get_static_pad("sink"), self.slots[slots[0]].is_live)
            else:
                tiled.append(branch.container)
        add_outputs(self.pipeline, per_camera.values(), tiled)

    def load(self) -> Gst.StateChangeReturn:
        """Takes the elements to PAUSED, in which nvinfer loads its TensorRT engine. That takes seconds on a Jetson, so
        this one call is made on a thread of its own, while the main loop keeps its heartbeat."""
        return self.pipeline.set_state(Gst.State.PAUSED)

    def close(self) -> None:
        """Returns when nothing runs any more, except sources that do not end. The cameras' status stays as it is."""
        for controller, source in zip(self.controllers, self.sources):
            controller.stop()
            source.remove()
        self.pipeline.set_state(Gst.State.NULL)
        self._closer.wait(_CLOSE_SECONDS)


def _write_config(element: str, text: str, tools: GraphTools) -> str:
    """The path of a configuration file with a text. Raises ChainError."""
    try:
        return write_config(os.path.join(tools.run_dir, element), text)
    except OSError as why:
        raise ChainError(element, "its configuration file cannot be written: %s" % why, "config-file-path") from why
