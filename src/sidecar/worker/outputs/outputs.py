"""Delivers the streams of an engine: to the outlet, into files and into windows. Both engines use it."""

import os
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from sidecar.contract import state
from sidecar.gst import Gst
from sidecar.outlet.protocol import Failure, Mount, MountStatus
from sidecar.timer import Timer, once
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.outputs.outlet_link import OutletLink
from sidecar.worker.outputs.plan import Difference, FileTarget, OutletTarget, StreamPlan, codec_name, difference
from sidecar.worker.outputs.receiver import Phase, Receiver, Serving, Waiting
from sidecar.worker.outputs.recording.folder import Folder, recordings_dir
from sidecar.worker.outputs.recording.names import stem
from sidecar.worker.outputs.recording.recorder import Limits, Recorder
from sidecar.worker.outputs.window import X_SINK, Window, WindowOptions
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import OutputKey, StatusStore

RETRY_SECONDS = 2.0
_OUTLET_GRACE_SECONDS = 2.0
_OUTLET_GONE = "the process that serves RTSP has ended and is being restarted; see the end of its log"
# How long all files together may take to be finished. The keeper's timeout is 1.5.
_STOP_SECONDS = 1.0
_NOTHING_YET = MountStatus(frames=0, viewers=0, served=False)


class Outputs:
    """Configures the outlet, owns recorders and windows, and sets the status of every output.

    All methods and callbacks are on the loop thread.
    """

    def __init__(
        self,
        processes: Processes,
        store: StatusStore,
        on_ports: Callable[[Dict[OutputKey, int]], None],
        count: Callable[[OutputKey, state.OutputStatus], None],
        window_sinks: Sequence[str] = (),
    ) -> None:
        """on_ports: the loopback ports to which the RTP of each stream goes, again whenever they change.

        count: fills in how many frames of a stream were encoded and dropped; called on any thread.
        window_sinks: elements for windows to try before the one that works with every display.
        """
        self._store = store
        self._window_module = processes.window_module
        self._on_ports = on_ports
        self._count = count
        self._window_sinks = [*window_sinks, X_SINK]
        self._plans: Dict[OutputKey, StreamPlan] = {}
        # Read by streaming threads.
        self._receivers: Dict[OutputKey, Receiver] = {}
        self._mount_statuses: Dict[OutputKey, MountStatus] = {}
        # 0: the outlet has had no stream yet.
        self._port = 0
        self._outlet_timer: Optional[Timer] = None
        self._link = OutletLink(
            processes.outlet_socket,
            on_ports=self._on_outlet_ports,
            on_status=self._on_outlet_status,
            on_failed=self._on_outlet_failed,
            on_down=self._on_outlet_down,
        )

    def serve(self, plans: List[StreamPlan]) -> None:
        """Serves these streams from now on. Those of the outlet begin a new RTP stream at the ports of on_ports, which
        follows; the frames of the others go to take()."""
        wanted = {one.key: one for one in plans}
        kept = {
            key
            for key, one in wanted.items()
            if key in self._receivers and difference(self._plans[key], one) is not Difference.REBUILD
        }
        for key in [key for key in self._receivers if key not in kept]:
            self._receivers.pop(key).stop()
        for key in [key for key in self._plans if key not in wanted]:
            self._store.remove_output(key)
        self._plans = wanted
        for key, one in wanted.items():
            if key in kept:
                continue
            self._store.add_output(key, self._counter(key))
            self.set_state(key, waiting=state.OutputStatus.Waiting())
            if not isinstance(one.target, OutletTarget):
                self._receivers[key] = self._make_receiver(one)
        self._set_limits(plans)
        served = [(one, one.target) for one in plans if isinstance(one.target, OutletTarget)]
        if served:
            self._port = served[0][1].port
        if self._port:
            mounts = [
                Mount(target.path, codec_name(one.encoding), one.encoding.width, one.encoding.height, _title(one))
                for one, target in served
            ]
            self._link.configure(self._port, mounts, served[0][1].users if served else ())

    def take(self, key: OutputKey, sample: Gst.Sample) -> None:
        """Takes a frame of a stream that does not go to the outlet. Called on a streaming thread; never waits."""
        receiver = self._receivers.get(key)
        if receiver is not None:
            receiver.take(sample)

    def update(self, plans: List[StreamPlan]) -> None:
        """Changes users and limits of the streams of serve() while frames flow."""
        self._plans = {one.key: one for one in plans}
        users = [one.target.users for one in plans if isinstance(one.target, OutletTarget)]
        if users:
            self._link.set_users(users[0])
        self._set_limits(plans)

    def set_standby_text(self, key: OutputKey, text: str, holds: bool = False) -> None:
        """Sets why a stream has no frames, for its standby picture; empty: it has. holds: its last frame is current."""
        one = self._plans.get(key)
        if one is not None and isinstance(one.target, OutletTarget):
            self._link.set_text(one.target.path, text)
            self._link.hold_last_frame(one.target.path, holds)

    def set_failed(
        self,
        key: OutputKey,
        reason: "state.OutputFailedReason",
        detail: str,
        retry_seconds: Optional[float] = RETRY_SECONDS,
    ) -> None:
        """Sets an output's state to failed. retry_seconds: until the caller's next attempt. None: there is none."""
        failed = state.OutputStatus.Failed(reason=reason, detail=detail)
        if retry_seconds is not None:
            failed.next_attempt.FromNanoseconds(int((time.time() + retry_seconds) * 1e9))
        self.set_state(key, failed=failed)

    def set_state(self, key: OutputKey, **phase: Any) -> None:
        """Sets an output's state: waiting, serving or failed."""
        output_id, camera_id = key
        self._store.set_output(state.OutputStatus(id=output_id, camera_id=camera_id, **phase))

    def stop(self) -> None:
        """Ends everything, and gives recorders and windows a moment for that."""
        self._expect_outlet(False)
        self._link.stop()
        receivers = list(self._receivers.values())
        self._receivers = {}
        for receiver in receivers:
            receiver.stop()
        deadline = time.monotonic() + _STOP_SECONDS
        for receiver in receivers:
            receiver.wait(max(0.0, deadline - time.monotonic()))

    def _set_limits(self, plans: List[StreamPlan]) -> None:
        for one in plans:
            receiver = self._receivers.get(one.key)
            if isinstance(receiver, Recorder):
                receiver.limits = _limits(one)

    def _make_receiver(self, one: StreamPlan) -> Receiver:
        def on_phase(phase: Phase) -> None:
            MainLoop.post(lambda: self._on_phase(one.key, receiver, phase))

        receiver: Receiver
        if isinstance(one.target, FileTarget):
            folder = Folder(recordings_dir(os.environ), stem(one.target.path))
            receiver = Recorder(folder, one.key[1], _limits(one), on_phase)
        else:
            title = _title(one) or one.key[0]
            options = WindowOptions(one.encoding.width, one.encoding.height, title, self._window_sinks)
            receiver = Window(options, os.environ, on_phase, self._window_module)
        return receiver

    def _on_phase(self, key: OutputKey, receiver: Receiver, phase: Phase) -> None:
        if self._receivers.get(key) is not receiver:
            return
        if isinstance(phase, Waiting):
            self.set_state(key, waiting=state.OutputStatus.Waiting())
        elif isinstance(phase, Serving):
            self.set_state(key, serving=state.OutputStatus.Serving())
        else:
            self.set_failed(key, phase.reason, phase.detail, phase.retry_seconds)

    def _counter(self, key: OutputKey) -> Callable[[state.OutputStatus], None]:
        def count(status: state.OutputStatus) -> None:
            one = self._plans.get(key)
            if one is None:
                return
            self._count(key, status)
            receiver = self._receivers.get(key)
            if receiver is not None:
                status.path = receiver.path
                status.frames_dropped += receiver.dropped
            if isinstance(one.target, OutletTarget):
                status.port = one.target.port
                status.path = one.target.path
                status.viewers = self._mount_statuses.get(key, _NOTHING_YET).viewers

        return count

    def _on_outlet_ports(self, ports: Dict[str, int]) -> None:
        self._expect_outlet(False)
        known = {key: ports[path] for key, path in self._mounts() if path in ports}
        self._mount_statuses = {}
        for key in known:
            self.set_state(key, waiting=state.OutputStatus.Waiting())
        self._on_ports(known)

    def _on_outlet_status(self, mounts: Dict[str, MountStatus]) -> None:
        for key, path in self._mounts():
            status = mounts.get(path)
            if status is None:
                continue
            newly_served = status.served and not self._mount_statuses.get(key, _NOTHING_YET).served
            self._mount_statuses[key] = status
            if newly_served:
                self.set_state(key, serving=state.OutputStatus.Serving())

    def _on_outlet_failed(self, failure: Failure) -> None:
        self._expect_outlet(False)
        in_use = failure.reason == "PORT_IN_USE"
        reason = state.OUTPUT_FAILED_REASON_PORT_IN_USE if in_use else state.OUTPUT_FAILED_REASON_OUTLET
        for key, _path in self._mounts():
            self.set_failed(key, reason, failure.detail)

    def _on_outlet_down(self) -> None:
        self._mount_statuses = {}
        if self._outlet_timer is None:
            self._expect_outlet(True)

    def _expect_outlet(self, waiting: bool) -> None:
        """A missing outlet is reported only after a while: it may just be starting, as this process is."""
        if self._outlet_timer is not None:
            self._outlet_timer.stop()
            self._outlet_timer = None
        if waiting:
            self._outlet_timer = once(int(_OUTLET_GRACE_SECONDS * 1000), self._on_outlet_timeout)

    def _on_outlet_timeout(self) -> None:
        self._outlet_timer = None
        for key, _path in self._mounts():
            self.set_failed(key, state.OUTPUT_FAILED_REASON_OUTLET, _OUTLET_GONE)

    def _mounts(self) -> List[Tuple[OutputKey, str]]:
        """The streams of the outlet, with their paths there."""
        return [(key, one.target.path) for key, one in self._plans.items() if isinstance(one.target, OutletTarget)]


def _title(one: StreamPlan) -> str:
    """The title of a standby picture: that of a tiled stream has none."""
    return one.cameras[0].name or one.cameras[0].id if len(one.cameras) == 1 else ""


def _limits(one: StreamPlan) -> Limits:
    assert isinstance(one.target, FileTarget), "only recordings have limits"
    return Limits(one.target.file_duration, one.target.max_bytes, one.encoding.bitrate)
