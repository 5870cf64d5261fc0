"""All pictures of engine cpu: built when they can be sent, fed by the cameras, rebuilt when they fail."""

from functools import partial
from typing import Dict, List, Optional, Tuple

from sidecar.chain import ChainError
from sidecar.contract import pipeline, spec, state
from sidecar.gst import GLib
from sidecar.worker.cameras.text import TileText, standby_picture_text
from sidecar.worker.engines.cpu.intake import SeenFrame
from sidecar.worker.engines.cpu.picture import Look, Picture
from sidecar.worker.outputs.outputs import RETRY_SECONDS, Outputs
from sidecar.worker.outputs.plan import Difference, OutletTarget, StreamPlan, difference, plan_streams
from sidecar.worker.processes import Processes
from sidecar.worker.status.store import OutputKey, StatusStore


class Pictures:
    """All methods are called on the loop thread, except deliver(), which cameras call on theirs."""

    def __init__(self, processes: Processes, store: StatusStore) -> None:
        self._outputs = Outputs(processes, store, on_ports=self._on_ports, count=self._count)
        self._look = Look(False, False, False, False)
        self._plans: Dict[OutputKey, StreamPlan] = {}
        self._ports: Dict[OutputKey, int] = {}
        # Replaced as a whole, for the cameras' threads.
        self._pictures: Dict[OutputKey, Picture] = {}
        self._retries: Dict[OutputKey, int] = {}
        # By camera id.
        self._notes: Dict[str, TileText] = {}

    def deliver(self, frame: SeenFrame) -> None:
        """Hands a frame to every picture that shows its camera. Called on the camera's streaming thread."""
        for picture in self._pictures.values():
            picture.push(frame)

    def note(self, camera_id: str, note: TileText) -> None:
        """What the tiles of a camera say while it sends nothing."""
        self._notes[camera_id] = note
        for picture in self._pictures.values():
            picture.note(camera_id, note)
        for key in self._plans:
            self._say(key)

    def picture(self, key: OutputKey) -> Optional[Picture]:
        """The picture of an output, None if there is none (yet)."""
        return self._pictures.get(key)

    def apply(self, specification: spec.PipelineSpec) -> List[pipeline.Change]:
        """Makes the pictures as planned, and tells what it did. Pictures that stay the same are not touched."""
        changes = self._apply_look(specification.overlay)
        wanted = {one.key: one for one in plan_streams(_as_drawn(specification))}
        outdated = [key for key in self._plans if key not in wanted]
        fresh = [key for key in wanted if key not in self._plans]
        for key, before in self._plans.items():
            after = wanted.get(key)
            if after is None:
                continue
            how = difference(before, after)
            if how is Difference.REBUILD or (how is Difference.LIVE and not self._set_bitrate(key, before, after)):
                outdated.append(key)
                fresh.append(key)
            elif how is Difference.LIVE:
                changes.append(_change(key, pipeline.EFFECT_LIVE))
        targets_differ = any(key in self._plans and self._plans[key].target != wanted[key].target for key in wanted)
        for key in outdated:
            self._drop(key)
        self._plans = wanted
        changes += [_change(key, pipeline.EFFECT_REBUILD) for key in dict.fromkeys(outdated + fresh)]
        if outdated or fresh:
            self._outputs.serve(list(wanted.values()))
            for key in fresh:
                self._say(key)
                if not isinstance(wanted[key].target, OutletTarget):
                    self._build(key)
        elif targets_differ:
            self._outputs.update(list(wanted.values()))
        return changes

    def stop(self) -> None:
        """Returns when all pictures are gone."""
        for key in list(self._plans):
            self._drop(key)
        self._plans = {}
        self._outputs.stop()

    def _apply_look(self, overlay: spec.Overlay) -> List[pipeline.Change]:
        look = Look(overlay.boxes, overlay.labels, overlay.counts, overlay.names)
        if look == self._look:
            return []
        self._look = look
        for picture in self._pictures.values():
            picture.look = look
        return [pipeline.Change(path="overlay", effect=pipeline.EFFECT_LIVE)]

    def _set_bitrate(self, key: OutputKey, before: StreamPlan, after: StreamPlan) -> bool:
        """False: it takes a new picture."""
        picture = self._pictures.get(key)
        return before.encoding == after.encoding or picture is None or picture.set_bitrate(after.encoding)

    def _on_ports(self, ports: Dict[OutputKey, int]) -> None:
        self._ports = ports
        for key, port in ports.items():
            picture = self._pictures.get(key)
            if picture is not None:
                picture.set_rtp_port(port)
            elif key not in self._retries:
                self._build(key)

    def _build(self, key: OutputKey) -> None:
        one = self._plans.get(key)
        if one is None:
            return
        to_outlet = isinstance(one.target, OutletTarget)
        end = self._ports.get(key) if to_outlet else partial(self._outputs.take, key)
        if end is None:
            return
        try:
            picture = Picture(
                one,
                self._look,
                self._notes,
                end,
                failed=lambda error, _debug: self._failed(key, str(error.message)),
            )
        except ChainError as error:
            self._failed(key, str(error))
            return
        self._pictures = {**self._pictures, key: picture}

    def _drop(self, key: OutputKey) -> None:
        retry = self._retries.pop(key, 0)
        if retry:
            GLib.source_remove(retry)
        picture = self._pictures.get(key)
        if picture is not None:
            self._pictures = {other: each for other, each in self._pictures.items() if other != key}
            picture.stop()

    def _failed(self, key: OutputKey, detail: str) -> None:
        self._drop(key)

        def again() -> bool:
            del self._retries[key]
            self._outputs.set_state(key, waiting=state.OutputStatus.Waiting())
            self._build(key)
            return bool(GLib.SOURCE_REMOVE)

        self._retries[key] = GLib.timeout_add(int(RETRY_SECONDS * 1000), again)
        self._outputs.set_failed(key, state.OUTPUT_FAILED_REASON_ENCODER, detail)

    def _say(self, key: OutputKey) -> None:
        """Why a picture may have no frames: one of several cameras has none until the first of them sends, and none
        while all of them are off."""
        texts = {camera_id: note.text for camera_id, note in self._notes.items()}
        self._outputs.set_standby_text(key, standby_picture_text(self._plans[key].cameras, texts))

    def _count(self, key: OutputKey, status: state.OutputStatus) -> None:
        picture = self._pictures.get(key)
        if picture is not None:
            status.frames = picture.frames
            status.frames_dropped = picture.frames_dropped


def _as_drawn(specification: spec.PipelineSpec) -> spec.PipelineSpec:
    """With nothing of the cameras but what their pictures show of them: how they are reached is no matter of theirs."""
    drawn = spec.PipelineSpec()
    drawn.CopyFrom(specification)
    del drawn.cameras[:]
    drawn.cameras.extend(spec.Camera(id=camera.id, name=camera.name) for camera in specification.cameras)
    return drawn


def _change(key: Tuple[str, str], effect: "pipeline.Effect") -> pipeline.Change:
    output_id, camera_id = key
    return pipeline.Change(path="outputs[%s]" % "/".join(filter(None, (output_id, camera_id))), effect=effect)
