"""The status of the pipeline, the cameras and the outputs: the one place where it is set and read."""

import threading
from typing import Callable, Dict, Tuple, Union

from sidecar.contract import detection, pipeline, state
from sidecar.redact import redact
from sidecar.worker.status.events import EventLog

OutputKey = Tuple[str, str]


class StatusStore:
    """Statuses are set on the loop thread; owners fill in their counters; snapshots are taken on any thread."""

    def __init__(self, events: EventLog) -> None:
        self.events = events
        self.generation = ""
        self._lock = threading.Lock()
        self._pipeline = state.PipelineStatus(idle=state.PipelineStatus.Idle())
        self._pipeline.since.GetCurrentTime()
        self._cameras: Dict[str, state.CameraStatus] = {}
        self._counters: Dict[str, Callable[[state.CameraCounters], None]] = {}
        self._outputs: Dict[OutputKey, state.OutputStatus] = {}
        self._output_counters: Dict[OutputKey, Callable[[state.OutputStatus], None]] = {}

    def set_pipeline(self, status: state.PipelineStatus) -> None:
        """Sets the pipeline's state; since is now, unless only the details of the same state changed."""
        _redact_detail(status)
        with self._lock:
            self._keep_or_stamp_since(self._pipeline, status)
            self._pipeline = status
        self.events.publish(pipeline.WatchResponse(pipeline=status))

    def add_camera(self, camera_id: str, counters: Callable[[state.CameraCounters], None]) -> None:
        """counters: fills in the counters whenever the camera's status is read."""
        with self._lock:
            self._counters[camera_id] = counters

    def set_camera(self, status: state.CameraStatus) -> None:
        _redact_detail(status)
        with self._lock:
            self._keep_or_stamp_since(self._cameras.get(status.id), status)
            self._cameras[status.id] = status
            event = self._counted_camera(status)
        self.events.publish(pipeline.WatchResponse(camera=event))

    def remove_camera(self, camera_id: str) -> None:
        with self._lock:
            self._cameras.pop(camera_id, None)
            self._counters.pop(camera_id, None)

    def order_cameras(self, camera_ids: Tuple[str, ...]) -> None:
        """Puts the cameras into the order of the specification."""
        with self._lock:
            self._cameras = {camera_id: self._cameras[camera_id] for camera_id in camera_ids}

    def add_output(self, key: OutputKey, counters: Callable[[state.OutputStatus], None]) -> None:
        with self._lock:
            self._output_counters[key] = counters

    def set_output(self, status: state.OutputStatus) -> None:
        key = (status.id, status.camera_id)
        _redact_detail(status)
        with self._lock:
            self._keep_or_stamp_since(self._outputs.get(key), status)
            self._outputs[key] = status
            event = self._counted_output(status)
        self.events.publish(pipeline.WatchResponse(output=event))

    def remove_output(self, key: OutputKey) -> None:
        with self._lock:
            self._outputs.pop(key, None)
            self._output_counters.pop(key, None)

    def publish_detections(self, detections: detection.FrameDetections) -> None:
        """Called on a camera's streaming thread."""
        self.events.publish(pipeline.WatchResponse(detections=detections))

    def snapshot(self) -> state.State:
        """Everything, with fresh counters."""
        with self._lock:
            return state.State(
                generation=self.generation,
                pipeline=self._pipeline,
                cameras=[self._counted_camera(status) for status in self._cameras.values()],
                outputs=[self._counted_output(status) for status in self._outputs.values()],
            )

    def _counted_camera(self, status: state.CameraStatus) -> state.CameraStatus:
        counted = state.CameraStatus()
        counted.CopyFrom(status)
        fill = self._counters.get(status.id)
        if fill is not None:
            fill(counted.counters)
        return counted

    def _counted_output(self, status: state.OutputStatus) -> state.OutputStatus:
        counted = state.OutputStatus()
        counted.CopyFrom(status)
        fill = self._output_counters.get((status.id, status.camera_id))
        if fill is not None:
            fill(counted)
        return counted

    @staticmethod
    def _keep_or_stamp_since(before, after) -> None:  # type: ignore[no-untyped-def]
        if before is not None and before.WhichOneof("state") == after.WhichOneof("state"):
            after.since.CopyFrom(before.since)
        else:
            after.since.GetCurrentTime()


def _redact_detail(status: "Union[state.PipelineStatus, state.CameraStatus, state.OutputStatus]") -> None:
    """What a camera, a library or a file says is told without secrets and on one line."""
    kind = status.WhichOneof("state")
    if kind in ("lost", "failed"):
        current = getattr(status, kind)
        current.detail = redact(current.detail)
