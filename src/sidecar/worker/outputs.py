"""The pictures that a specification asks for, and what becomes of them at the outlet. Every engine uses it."""

import enum
import time
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from gi.repository import GLib

from sidecar.contract import spec, state
from sidecar.outlet.protocol import Failure, Mount, MountStatus, User
from sidecar.worker.board import Board, OutputKey
from sidecar.worker.outlet_link import OutletLink

RETRY_SECONDS = 2.0
_OUTLET_GRACE_SECONDS = 2.0
_OUTLET_AWAY = "the process that serves RTSP is away; it is started again by itself, its last words are in the log"
_NOTHING_YET = MountStatus(frames=0, viewers=0, served=False)

# Names of codecs as RTP has them.
CODEC_NAMES: Dict["spec.Codec", str] = {spec.CODEC_H264: "H264", spec.CODEC_H265: "H265"}


class Plan(NamedTuple):
    """One picture as it should be."""

    key: OutputKey
    port: int
    path: str
    # Who may watch; none: everybody.
    users: Tuple[User, ...]
    encoding: spec.Encoding
    cameras: List[spec.Camera]


def plan(specification: spec.PipelineSpec) -> List[Plan]:
    """The pictures of a specification, in order. Pure."""
    plans = []
    for output in specification.outputs:
        users = tuple(User(user.username, user.password) for user in output.rtsp.users)
        if output.layout == spec.LAYOUT_PER_CAMERA:
            for camera in specification.cameras:
                path = "%s/%s" % (output.rtsp.path.rstrip("/"), camera.id)
                plans.append(Plan((output.id, camera.id), output.rtsp.port, path, users, output.encoding, [camera]))
        else:
            cameras = list(specification.cameras)
            plans.append(Plan((output.id, ""), output.rtsp.port, output.rtsp.path, users, output.encoding, cameras))
    return plans


def codec_name(encoding: spec.Encoding) -> str:
    """As RTP names it: H264 or H265."""
    return CODEC_NAMES[encoding.codec or spec.CODEC_H264]


def _title(one: Plan) -> str:
    """What a picture is called by its standby picture: a tiled one needs no name."""
    return one.cameras[0].name or one.cameras[0].id if len(one.cameras) == 1 else ""


class Outputs:
    """Tells the outlet what to serve, and the board how it goes. All methods and callbacks are on the loop thread."""

    def __init__(
        self,
        outlet_socket: str,
        board: Board,
        on_ports: Callable[[Dict[OutputKey, int]], None],
        count: Callable[[OutputKey, state.OutputStatus], None],
    ) -> None:
        """on_ports: the loopback ports to which each picture's RTP goes, again whenever they changed.

        count: fills in how many frames of a picture were encoded and dropped; called on any thread.
        """
        self._board = board
        self._on_ports = on_ports
        self._count = count
        self._plans: Dict[OutputKey, Plan] = {}
        self._outlet: Dict[OutputKey, MountStatus] = {}
        self._outlet_is_late = 0
        self._link = OutletLink(
            outlet_socket,
            on_ports=self._ports_known,
            on_status=self._outlet_says,
            on_failed=self._outlet_failed,
            on_down=self._outlet_down,
        )

    def serve(self, plans: List[Plan]) -> None:
        """From now on these pictures are served, and new RTP streams begin. on_ports follows."""
        wanted = {one.key: one for one in plans}
        for key in [key for key in self._plans if key not in wanted]:
            del self._plans[key]
            self._board.remove_output(key)
        self._plans = wanted
        for key in wanted:
            self._board.add_output(key, self._counter(key))
            self.show(key, waiting=state.OutputStatus.Waiting())
        self._link.configure(
            plans[0].port,
            [
                Mount(one.path, codec_name(one.encoding), one.encoding.width, one.encoding.height, _title(one))
                for one in plans
            ],
            plans[0].users,
        )

    def admit(self, plans: List[Plan]) -> None:
        """From now on the users of these plans may watch: plans of the pictures of serve()."""
        self._link.admit(plans[0].users)

    def say(self, key: OutputKey, text: str) -> None:
        """Why a picture of serve() has no frames: its standby picture says so. Empty when it has them again."""
        one = self._plans.get(key)
        if one is not None:
            self._link.say(one.path, text)

    def fail(self, key: OutputKey, reason: "state.OutputFailedReason", detail: str) -> None:
        """An output cannot be made now; whoever says so tries again after RETRY_SECONDS."""
        failed = state.OutputStatus.Failed(reason=reason, detail=detail)
        failed.next_attempt.FromNanoseconds(int((time.time() + RETRY_SECONDS) * 1e9))
        self.show(key, failed=failed)

    def show(self, key: OutputKey, **phase: Any) -> None:
        """Sets an output's state: waiting, serving or failed."""
        output_id, camera_id = key
        self._board.set_output(state.OutputStatus(id=output_id, camera_id=camera_id, **phase))

    def stop(self) -> None:
        self._expect_outlet(False)
        self._link.stop()

    def _counter(self, key: OutputKey) -> Callable[[state.OutputStatus], None]:
        def count(status: state.OutputStatus) -> None:
            one = self._plans.get(key)
            if one is not None:
                status.port = one.port
                status.path = one.path
                status.viewers = self._outlet.get(key, _NOTHING_YET).viewers
                self._count(key, status)

        return count

    def _ports_known(self, ports: Dict[str, int]) -> None:
        self._expect_outlet(False)
        known = {key: ports[one.path] for key, one in self._plans.items() if one.path in ports}
        self._outlet = {}
        for key in known:
            self.show(key, waiting=state.OutputStatus.Waiting())
        self._on_ports(known)

    def _outlet_says(self, mounts: Dict[str, MountStatus]) -> None:
        for key, one in self._plans.items():
            status = mounts.get(one.path)
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
        for key in self._plans:
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
        for key in self._plans:
            self.fail(key, state.OUTPUT_FAILED_REASON_OUTLET, _OUTLET_AWAY)
        return bool(GLib.SOURCE_REMOVE)


class Difference(enum.Enum):
    """What it takes to make one plan of a picture into another."""

    NONE = "nothing"
    # Changes while frames flow: the bit rate, and who may watch.
    LIVE = "live"
    REBUILD = "rebuild"


def difference(before: Plan, after: Plan) -> Difference:
    """How two plans of one picture differ. Pure."""
    if before == after:
        return Difference.NONE
    return Difference.LIVE if _structure(before) == _structure(after) else Difference.REBUILD


def _structure(one: Plan) -> Plan:
    """A plan without what can change while frames flow."""
    encoding = spec.Encoding()
    encoding.CopyFrom(one.encoding)
    encoding.bitrate = 0
    return one._replace(users=(), encoding=encoding)
