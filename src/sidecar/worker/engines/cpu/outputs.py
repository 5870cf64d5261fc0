"""The outputs on engine cpu: a pipeline for each stream, built when it can be sent, and rebuilt when it fails."""

from functools import partial
from typing import Dict, List, Optional

from sidecar.chain import ChainError
from sidecar.contract import pipeline, spec, state
from sidecar.gst import Gst
from sidecar.timer import Timer, attempt
from sidecar.worker.cameras.text import TileText, standby_text
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame
from sidecar.worker.engines.cpu.output_pipeline import OutputPipeline
from sidecar.worker.engines.overlay import OverlayOptions, Shapes, overlay_options
from sidecar.worker.outputs.outputs import RETRY_SECONDS, Outputs
from sidecar.worker.outputs.plan import Difference, OutletTarget, StreamPlan, difference, plan_streams
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import OutputKey, StatusStore


class CpuOutputs:
    """All methods are called on the loop thread, except deliver(), which each camera calls on one thread at a time."""

    def __init__(self, processes: Processes, store: StatusStore) -> None:
        self._outputs = Outputs(processes, store, on_ports=self._on_ports, count=self._count)
        self._options = OverlayOptions()
        self._shapes: Shapes = {}
        self._plans: Dict[OutputKey, StreamPlan] = {}
        self._ports: Dict[OutputKey, int] = {}
        # Replaced as a whole, for the cameras' threads.
        self._pipelines: Dict[OutputKey, OutputPipeline] = {}
        # The next attempts to build a pipeline that failed.
        self._retries: Dict[OutputKey, Timer] = {}
        # By camera id.
        self._texts: Dict[str, TileText] = {}

    def deliver(self, frame: DetectedFrame) -> None:
        """Hands a frame to every stream that shows its camera."""
        for one in self._pipelines.values():
            one.push(frame)

    def set_tile_text(self, camera_id: str, text: TileText) -> None:
        """Sets what the tiles of a camera say while it sends nothing."""
        self._texts[camera_id] = text
        for one in self._pipelines.values():
            one.set_tile_text(camera_id, text)
        for key in self._plans:
            self._set_standby_text(key)

    def forget_frame(self, camera_id: str) -> None:
        """No tile shows an earlier frame of the camera any more, nor does any later text stand on one."""
        for one in self._pipelines.values():
            one.forget_frame(camera_id)

    def show_zones(self, shapes: Shapes) -> None:
        self._shapes = shapes
        for one in self._pipelines.values():
            one.show_zones(shapes)

    def pipelines(self) -> List[Gst.Pipeline]:
        return [one.pipeline for one in self._pipelines.values()]

    def raw_pad(self, key: OutputKey) -> Optional[Gst.Pad]:
        """Where the annotated frames of a stream pass; None while it has no pipeline."""
        one = self._pipelines.get(key)
        return None if one is None else one.raw_pad

    def encoded_pad(self, key: OutputKey) -> Optional[Gst.Pad]:
        """Where its encoded frames pass; None for a window too."""
        one = self._pipelines.get(key)
        return None if one is None else one.encoded_pad

    def apply(self, specification: spec.PipelineSpec) -> List[pipeline.Change]:
        """Makes the streams as specified, and returns what it did. Streams that stay the same are not touched."""
        changes = self._apply_overlay(specification.overlay)
        wanted = {one.key: one for one in plan_streams(_visible(specification))}
        rebuilt, live = [], []
        for key in {**self._plans, **wanted}:
            before, after = self._plans.get(key), wanted.get(key)
            how = Difference.REBUILD if before is None or after is None else difference(before, after)
            if how is Difference.LIVE and self._set_bitrate(key, wanted[key]):
                live.append(key)
            elif how is not Difference.NONE:
                rebuilt.append(key)
        for key in rebuilt:
            self._drop(key)
        self._plans = wanted
        if rebuilt:
            self._outputs.serve(list(wanted.values()))
            for key in filter(wanted.get, rebuilt):
                self._set_standby_text(key)
                if not isinstance(wanted[key].target, OutletTarget):
                    self._build(key)
        elif live:
            self._outputs.update(list(wanted.values()))
        changes += [_change(key, pipeline.EFFECT_LIVE) for key in live]
        return changes + [_change(key, pipeline.EFFECT_REBUILD) for key in rebuilt]

    def stop(self) -> None:
        """Returns when all pipelines are gone."""
        for key in list(self._plans):
            self._drop(key)
        self._plans = {}
        self._outputs.stop()

    def _apply_overlay(self, overlay: spec.Overlay) -> List[pipeline.Change]:
        options = overlay_options(overlay)
        if options == self._options:
            return []
        self._options = options
        for one in self._pipelines.values():
            one.set_overlay_options(options)
        return [pipeline.Change(path="overlay", effect=pipeline.EFFECT_LIVE)]

    def _set_bitrate(self, key: OutputKey, plan: StreamPlan) -> bool:
        """False: the pipeline must be replaced."""
        one = self._pipelines.get(key)
        return self._plans[key].encoding == plan.encoding or one is None or one.set_bitrate(plan.encoding)

    def _on_ports(self, ports: Dict[OutputKey, int]) -> None:
        self._ports = ports
        for key, port in ports.items():
            one = self._pipelines.get(key)
            if one is not None:
                one.set_rtp_port(port)
            elif key not in self._retries:
                self._build(key)

    def _build(self, key: OutputKey) -> None:
        plan = self._plans.get(key)
        if plan is None:
            return
        to_outlet = isinstance(plan.target, OutletTarget)
        end = self._ports.get(key) if to_outlet else partial(self._outputs.take, key)
        if end is None:
            return
        try:
            one = OutputPipeline(
                plan,
                self._options,
                self._texts,
                end,
                failed=lambda error, _debug: self._failed(key, str(error.message)),
            )
        except ChainError as error:
            self._failed(key, str(error))
            return
        one.show_zones(self._shapes)
        self._pipelines = {**self._pipelines, key: one}

    def _drop(self, key: OutputKey) -> None:
        retry = self._retries.pop(key, None)
        if retry is not None:
            retry.stop()
        one = self._pipelines.get(key)
        if one is not None:
            self._pipelines = {other: each for other, each in self._pipelines.items() if other != key}
            one.stop()

    def _failed(self, key: OutputKey, detail: str) -> None:
        self._drop(key)

        def retry() -> None:
            self._outputs.set_state(key, waiting=state.OutputStatus.Waiting())
            self._build(key)
            if self._retries.get(key) is timer:
                del self._retries[key]

        timer = self._retries[key] = attempt(int(RETRY_SECONDS * 1000), retry)
        self._outputs.set_failed(key, state.OUTPUT_FAILED_REASON_ENCODER, detail)

    def _set_standby_text(self, key: OutputKey) -> None:
        """Says why a stream may have no frames: with several cameras, none of them has sent any yet, or all are off."""
        standby = standby_text(self._plans[key].cameras, self._texts)
        self._outputs.set_standby_text(key, standby.text, standby.holds)

    def _count(self, key: OutputKey, status: state.OutputStatus) -> None:
        one = self._pipelines.get(key)
        if one is not None:
            status.frames = one.frames
            status.frames_dropped = one.frames_dropped
            one.latency.fill(status.encoding_latency)


def _visible(specification: spec.PipelineSpec) -> spec.PipelineSpec:
    """The specification without what streams do not show of their cameras: how they are reached does not matter."""
    visible = spec.PipelineSpec()
    visible.CopyFrom(specification)
    del visible.cameras[:]
    visible.cameras.extend(spec.Camera(id=camera.id, name=camera.name) for camera in specification.cameras)
    return visible


def _change(key: OutputKey, effect: "pipeline.Effect") -> pipeline.Change:
    return pipeline.Change(path="outputs[%s]" % "/".join(filter(None, key)), effect=effect)
