"""All pictures of a specification and what becomes of them at the outlet."""

import time
from collections import OrderedDict
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib  # noqa: E402

from sidecar.chain import ChainError  # noqa: E402
from sidecar.contract import pipeline, spec, state  # noqa: E402
from sidecar.log import Log  # noqa: E402
from sidecar.outlet.protocol import Failure, Mount, MountStatus  # noqa: E402
from sidecar.worker.board import Board, OutputKey  # noqa: E402
from sidecar.worker.engines.cpu.encoder import codec_of  # noqa: E402
from sidecar.worker.engines.cpu.intake import SeenFrame  # noqa: E402
from sidecar.worker.engines.cpu.picture import Look, Picture  # noqa: E402
from sidecar.worker.outlet_link import OutletLink  # noqa: E402

_RETRY_SECONDS = 2.0
_OUTLET_GRACE_SECONDS = 2.0
_OUTLET_AWAY = "the process that serves RTSP is away; it is started again by itself, its last words are in the log"


class Plan(NamedTuple):
    """One picture as it should be."""

    key: OutputKey
    port: int
    path: str
    encoding: spec.Encoding
    cameras: List[spec.Camera]


def plan(specification: spec.PipelineSpec) -> List[Plan]:
    """The pictures of a specification, in order. Pure."""
    plans = []
    for output in specification.outputs:
        if output.layout == spec.LAYOUT_PER_CAMERA:
            for camera in specification.cameras:
                path = "%s/%s" % (output.rtsp.path.rstrip("/"), camera.id)
                plans.append(Plan((output.id, camera.id), output.rtsp.port, path, output.encoding, [camera]))
        else:
            cameras = list(specification.cameras)
            plans.append(Plan((output.id, ""), output.rtsp.port, output.rtsp.path, output.encoding, cameras))
    return plans


class _Entry:
    """A planned picture and what there is of it."""

    def __init__(self, wanted: Plan) -> None:
        self.plan = wanted
        self.picture: Optional[Picture] = None
        self.outlet = MountStatus(frames=0, viewers=0, served=False)
        self.retry = 0

    def counters(self, status: state.OutputStatus) -> None:
        status.port = self.plan.port
        status.path = self.plan.path
        status.viewers = self.outlet.viewers
        if self.picture is not None:
            status.frames = self.picture.frames
            status.frames_dropped = self.picture.frames_dropped


class Outputs:
    """All methods are called on the loop thread, except deliver(), which cameras call on theirs."""

    def __init__(self, outlet_socket: str, board: Board) -> None:
        self._board = board
        self._log = Log("outputs")
        self._look = Look(False, False, False, False)
        self._entries: OrderedDict[OutputKey, _Entry] = OrderedDict()
        self._pictures: Tuple[Picture, ...] = ()
        self._notes: Dict[str, str] = {}
        self._ports: Dict[str, int] = {}
        self._outlet_is_late = 0
        self._link = OutletLink(
            outlet_socket,
            on_ports=self._on_ports,
            on_status=self._on_status,
            on_failed=self._on_failed,
            on_down=self._on_down,
        )

    def deliver(self, frame: SeenFrame) -> None:
        """Hands a frame to every picture that shows its camera. Called on the camera's streaming thread."""
        for picture in self._pictures:
            picture.push(frame)

    def note(self, camera_id: str, text: str) -> None:
        """What the tiles of a camera say while it sends nothing."""
        self._notes[camera_id] = text
        for picture in self._pictures:
            picture.note(camera_id, text)

    def picture(self, key: OutputKey) -> Optional[Picture]:
        """The picture of an output, None if there is none (yet)."""
        entry = self._entries.get(key)
        return None if entry is None else entry.picture

    def apply(self, specification: spec.PipelineSpec) -> List[pipeline.Change]:
        """Makes the pictures as planned, and tells what it did. Pictures that stay the same are not touched."""
        changes: List[pipeline.Change] = []
        overlay = specification.overlay
        look = Look(overlay.boxes, overlay.labels, overlay.counts, overlay.names)
        if look != self._look:
            self._look = look
            for picture in self._pictures:
                picture.look = look
            changes.append(pipeline.Change(path="overlay", effect=pipeline.EFFECT_LIVE))

        wanted = OrderedDict((one.key, one) for one in plan(specification))
        for key in [key for key in self._entries if key not in wanted]:
            self._remove(key)
            changes.append(_change(key, pipeline.EFFECT_REBUILD))
        stale = bool(changes)
        for key, one in wanted.items():
            entry = self._entries.get(key)
            if entry is None:
                self._add(one)
                stale = True
                changes.append(_change(key, pipeline.EFFECT_REBUILD))
            elif _same_but_bitrate(entry.plan, one):
                if entry.plan.encoding.bitrate != one.encoding.bitrate and entry.picture is not None:
                    entry.picture.set_bitrate(one.encoding)
                    changes.append(_change(key, pipeline.EFFECT_LIVE))
                entry.plan = one
            elif entry.plan != one:
                self._remove(key)
                self._add(one)
                stale = True
                changes.append(_change(key, pipeline.EFFECT_REBUILD))
        if stale:
            self._link.configure(
                specification.outputs[0].rtsp.port,
                [
                    Mount(one.path, codec_of(one.encoding).name, one.encoding.width, one.encoding.height)
                    for one in wanted.values()
                ],
            )
        return changes

    def stop(self) -> None:
        """Returns when all pictures are gone."""
        for key in list(self._entries):
            self._remove(key)
        self._link.stop()

    def _add(self, one: Plan) -> None:
        entry = _Entry(one)
        self._entries[one.key] = entry
        self._board.add_output(one.key, entry.counters)
        self._show(entry, waiting=state.OutputStatus.Waiting())

    def _remove(self, key: OutputKey) -> None:
        entry = self._entries.pop(key)
        self._drop_picture(entry)
        self._board.remove_output(key)

    def _build(self, entry: _Entry, rtp_port: int) -> None:
        one = entry.plan
        try:
            entry.picture = Picture(
                one.encoding,
                one.cameras,
                self._look,
                self._notes,
                rtp_port,
                failed=lambda error, _debug: self._picture_failed(entry, str(error.message)),
            )
        except ChainError as error:
            self._picture_failed(entry, str(error))
            return
        self._pictures = tuple(each.picture for each in self._entries.values() if each.picture is not None)

    def _drop_picture(self, entry: _Entry) -> None:
        if entry.retry:
            GLib.source_remove(entry.retry)
            entry.retry = 0
        picture, entry.picture = entry.picture, None
        self._pictures = tuple(each.picture for each in self._entries.values() if each.picture is not None)
        if picture is not None:
            picture.stop()

    def _picture_failed(self, entry: _Entry, detail: str) -> None:
        self._drop_picture(entry)

        def again() -> bool:
            entry.retry = 0
            port = self._ports.get(entry.plan.path)
            if port is not None:
                self._build(entry, port)
            return bool(GLib.SOURCE_REMOVE)

        entry.retry = GLib.timeout_add(int(_RETRY_SECONDS * 1000), again)
        self._fail(entry, state.OUTPUT_FAILED_REASON_ENCODER, detail)

    def _on_ports(self, ports: Dict[str, int]) -> None:
        self._expect_outlet(False)
        self._ports = ports
        for entry in self._entries.values():
            port = ports.get(entry.plan.path)
            if port is None:
                continue
            if entry.picture is None:
                self._build(entry, port)
            else:
                entry.picture.set_rtp_port(port)
            if entry.picture is not None:
                self._show(entry, waiting=state.OutputStatus.Waiting())

    def _on_status(self, mounts: Dict[str, MountStatus]) -> None:
        for entry in self._entries.values():
            status = mounts.get(entry.plan.path)
            if status is None:
                continue
            newly_served = status.served and not entry.outlet.served
            entry.outlet = status
            if newly_served:
                self._show(entry, serving=state.OutputStatus.Serving())

    def _on_failed(self, failure: Failure) -> None:
        self._expect_outlet(False)
        reason = (
            state.OUTPUT_FAILED_REASON_PORT_IN_USE
            if failure.reason == "PORT_IN_USE"
            else state.OUTPUT_FAILED_REASON_OUTLET
        )
        for entry in self._entries.values():
            self._fail(entry, reason, failure.detail)

    def _on_down(self) -> None:
        for entry in self._entries.values():
            entry.outlet = MountStatus(frames=0, viewers=0, served=False)
        if not self._outlet_is_late:
            self._expect_outlet(True)

    def _expect_outlet(self, waiting: bool) -> None:
        """An outlet that is away is worth a word only if it does not come back at once: it starts as we do."""
        if self._outlet_is_late:
            GLib.source_remove(self._outlet_is_late)
            self._outlet_is_late = 0

        def late() -> bool:
            self._outlet_is_late = 0
            for entry in self._entries.values():
                self._fail(entry, state.OUTPUT_FAILED_REASON_OUTLET, _OUTLET_AWAY)
            return bool(GLib.SOURCE_REMOVE)

        if waiting:
            self._outlet_is_late = GLib.timeout_add(int(_OUTLET_GRACE_SECONDS * 1000), late)

    def _fail(self, entry: _Entry, reason: state.OutputFailedReason, detail: str) -> None:
        failed = state.OutputStatus.Failed(reason=reason, detail=detail)
        failed.next_attempt.FromNanoseconds(int((time.time() + _RETRY_SECONDS) * 1e9))
        self._show(entry, failed=failed)

    def _show(self, entry: _Entry, **phase: Any) -> None:
        output_id, camera_id = entry.plan.key
        self._board.set_output(state.OutputStatus(id=output_id, camera_id=camera_id, **phase))


def _same_but_bitrate(one: Plan, other: Plan) -> bool:
    if one.encoding.codec == spec.CODEC_H265:
        return one == other
    encoding = spec.Encoding()
    encoding.CopyFrom(one.encoding)
    encoding.bitrate = other.encoding.bitrate
    return one._replace(encoding=encoding) == other


def _change(key: OutputKey, effect: pipeline.Effect) -> pipeline.Change:
    return pipeline.Change(path="outputs[%s]" % key[0], effect=effect)
