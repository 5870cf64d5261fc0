"""The pictures that a specification asks for, and what becomes of them at the outlet, in files and in windows.

Every engine uses it.
"""

import os
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from sidecar.contract import spec, state
from sidecar.gst import GLib, Gst
from sidecar.outlet.protocol import Failure, Mount, MountStatus
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
_OUTLET_AWAY = "the process that serves RTSP is away; it is started again by itself, its last words are in the log"
# How long all files together may take to come to their end. The keeper's patience is 1.5.
_STOP_SECONDS = 1.0
_NOTHING_YET = MountStatus(frames=0, viewers=0, served=False)


def _title(one: StreamPlan) -> str:
    """What a picture is called by its standby picture: a tiled one needs no name."""
    return one.cameras[0].name or one.cameras[0].id if len(one.cameras) == 1 else ""


class Outputs:
    """Tells the outlet what to serve, has recorders and windows, and tells the store how it goes.

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
        """on_ports: the loopback ports to which each picture's RTP goes, again whenever they changed.

        count: fills in how many frames of a picture were encoded and dropped; called on any thread.
        window_sinks: elements for windows that are better than the one for every display.
        """
        self._store = store
        self._window_module = processes.window_module
        self._on_ports = on_ports
        self._count = count
        self._window_sinks = [*window_sinks, X_SINK]
        self._plans: Dict[OutputKey, StreamPlan] = {}
        # Read by streaming threads.
        self._receivers: Dict[OutputKey, Receiver] = {}
        self._outlet: Dict[OutputKey, MountStatus] = {}
        # 0: the outlet was not told of any picture yet.
        self._port = 0
        self._outlet_is_late = 0
        self._link = OutletLink(
            processes.outlet_socket,
            on_ports=self._ports_known,
            on_status=self._outlet_says,
            on_failed=self._outlet_failed,
            on_down=self._outlet_down,
        )

    def serve(self, plans: List[StreamPlan]) -> None:
        """From now on these pictures are served, and new streams begin. on_ports follows for those of the outlet; the
        frames of the others go to take()."""
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
            self.show(key, waiting=state.OutputStatus.Waiting())
            if not isinstance(one.target, OutletTarget):
                self._receivers[key] = self._receive(one)
        self._adjust(plans)
        served = [(one, one.target) for one in plans if isinstance(one.target, OutletTarget)]
        if served:
            self._port = served[0][1].port
        if self._port:
            self._link.configure(
                self._port,
                [
                    Mount(target.path, codec_name(one.encoding), one.encoding.width, one.encoding.height, _title(one))
                    for one, target in served
                ],
                served[0][1].users if served else (),
            )

    def take(self, key: OutputKey, sample: Gst.Sample) -> None:
        """A frame of a picture that does not go to the outlet. Called on a streaming thread; never waits."""
        receiver = self._receivers.get(key)
        if receiver is not None:
            receiver.take(sample)

    def admit(self, plans: List[StreamPlan]) -> None:
        """From now on what these plans, of the pictures of serve(), have in users and limits holds."""
        self._plans = {one.key: one for one in plans}
        users = [one.target.users for one in plans if isinstance(one.target, OutletTarget)]
        if users:
            self._link.admit(users[0])
        self._adjust(plans)

    def _adjust(self, plans: List[StreamPlan]) -> None:
        for one in plans:
            receiver = self._receivers.get(one.key)
            if isinstance(one.target, FileTarget) and isinstance(receiver, Recorder):
                receiver.limits = _limits(one.target, one.encoding)

    def _receive(self, one: StreamPlan) -> Receiver:
        """Makes the receiver of a picture."""

        def tell(phase: Phase) -> None:
            MainLoop.post(lambda: self._told(one.key, receiver, phase))

        receiver: Receiver
        if isinstance(one.target, FileTarget):
            limits = _limits(one.target, one.encoding)
            folder = Folder(recordings_dir(os.environ), stem(one.target.path))
            receiver = Recorder(folder, one.key[1], limits, tell)
        else:
            title = _title(one) or one.key[0]
            options = WindowOptions(one.encoding.width, one.encoding.height, title, self._window_sinks)
            receiver = Window(options, os.environ, tell, self._window_module)
        return receiver

    def _told(self, key: OutputKey, receiver: Receiver, phase: Phase) -> None:
        if self._receivers.get(key) is not receiver:
            return
        if isinstance(phase, Waiting):
            self.show(key, waiting=state.OutputStatus.Waiting())
        elif isinstance(phase, Serving):
            self.show(key, serving=state.OutputStatus.Serving())
        else:
            self.fail(key, phase.reason, phase.detail, phase.retry_seconds)

    def say(self, key: OutputKey, text: str) -> None:
        """Why a picture of serve() has no frames: its standby picture says so. Empty when it has them again."""
        one = self._plans.get(key)
        if one is not None and isinstance(one.target, OutletTarget):
            self._link.say(one.target.path, text)

    def fail(
        self,
        key: OutputKey,
        reason: "state.OutputFailedReason",
        detail: str,
        retry_seconds: Optional[float] = RETRY_SECONDS,
    ) -> None:
        """An output cannot be made now; whoever says so tries again after so long. None: never."""
        failed = state.OutputStatus.Failed(reason=reason, detail=detail)
        if retry_seconds is not None:
            failed.next_attempt.FromNanoseconds(int((time.time() + retry_seconds) * 1e9))
        self.show(key, failed=failed)

    def show(self, key: OutputKey, **phase: Any) -> None:
        """Sets an output's state: waiting, serving or failed."""
        output_id, camera_id = key
        self._store.set_output(state.OutputStatus(id=output_id, camera_id=camera_id, **phase))

    def stop(self) -> None:
        """Gives recorders and windows a moment to come to their end."""
        self._expect_outlet(False)
        self._link.stop()
        receivers = list(self._receivers.values())
        self._receivers = {}
        for receiver in receivers:
            receiver.stop()
        deadline = time.monotonic() + _STOP_SECONDS
        for receiver in receivers:
            receiver.wait(max(0.0, deadline - time.monotonic()))

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
                status.viewers = self._outlet.get(key, _NOTHING_YET).viewers

        return count

    def _ports_known(self, ports: Dict[str, int]) -> None:
        self._expect_outlet(False)
        known = {key: ports[path] for key, path in self._mounts() if path in ports}
        self._outlet = {}
        for key in known:
            self.show(key, waiting=state.OutputStatus.Waiting())
        self._on_ports(known)

    def _outlet_says(self, mounts: Dict[str, MountStatus]) -> None:
        for key, path in self._mounts():
            status = mounts.get(path)
            if status is None:
                continue
            newly_served = status.served and not self._outlet.get(key, _NOTHING_YET).served
            self._outlet[key] = status
            if newly_served:
                self.show(key, serving=state.OutputStatus.Serving())

    def _outlet_failed(self, failure: Failure) -> None:
        self._expect_outlet(False)
        in_use = failure.reason == "PORT_IN_USE"
        reason = state.OUTPUT_FAILED_REASON_PORT_IN_USE if in_use else state.OUTPUT_FAILED_REASON_OUTLET
        for key, _path in self._mounts():
            self.fail(key, reason, failure.detail)

    def _outlet_down(self) -> None:
        self._outlet = {}
        if not self._outlet_is_late:
            self._expect_outlet(True)

    def _expect_outlet(self, waiting: bool) -> None:
        """An outlet that is away is worth a word only if it does not come back at once: it starts as we do."""
        if self._outlet_is_late:
            GLib.source_remove(self._outlet_is_late)
            self._outlet_is_late = 0
        if waiting:
            self._outlet_is_late = GLib.timeout_add(int(_OUTLET_GRACE_SECONDS * 1000), self._say_outlet_is_away)

    def _say_outlet_is_away(self) -> bool:
        self._outlet_is_late = 0
        for key, _path in self._mounts():
            self.fail(key, state.OUTPUT_FAILED_REASON_OUTLET, _OUTLET_AWAY)
        return bool(GLib.SOURCE_REMOVE)

    def _mounts(self) -> List[Tuple[OutputKey, str]]:
        """The pictures of the outlet, with their paths there."""
        return [(key, one.target.path) for key, one in self._plans.items() if isinstance(one.target, OutletTarget)]


def _limits(target: FileTarget, encoding: spec.Encoding) -> Limits:
    return Limits(target.file_duration, target.max_bytes, encoding.bitrate)
