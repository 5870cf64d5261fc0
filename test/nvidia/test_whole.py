"""The whole sidecar: real RTSP in, real decoder and converters, stand-ins between them, real RTSP out."""

import contextlib
import unittest
from typing import Any, Dict, List

import real

CAR = {"class_id": 0, "box": [0.25, 0.5, 0.25, 0.25], "confidence": 0.8}
RED = (255, 0, 0)


def watched(address: str, frames: int) -> List[Dict[str, Any]]:
    """What a viewer with a real decoder sees: the counters of two tiles, and how many pixels are red."""
    import counter
    import measure

    from sidecar.gst import Gst

    pipeline = Gst.parse_launch(
        "rtspsrc location=%s protocols=tcp latency=0 ! rtph264depay ! h264parse name=parser ! nvv4l2decoder"
        " ! nvvideoconvert ! video/x-raw, format=I420 ! appsink name=frames sync=false" % address
    )
    seen: List[Dict[str, Any]] = []
    keys: List[bool] = []

    def on_encoded(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """NVIDIA's decoder gives broken frames if it starts between two key frames."""
        if not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
            keys.append(True)
        return Gst.PadProbeReturn.OK if keys else Gst.PadProbeReturn.DROP

    pipeline.get_by_name("parser").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, on_encoded)
    try:
        pipeline.set_state(Gst.State.PLAYING)
        sink = pipeline.get_by_name("frames")
        while len(seen) < frames:
            sample = sink.emit("try-pull-sample", 10 * Gst.SECOND)
            assert sample is not None, "%d frames came" % len(seen)
            with measure.Planes(sample) as planes:
                width, height = planes.width, planes.height
                tiles = [counter.Rectangle(left, 0, width / 2, height) for left in (0, width / 2)]
                seen.append(
                    {
                        "size": [width, height],
                        "whole": counter.read(planes.y),
                        "tiles": [counter.read(planes.y, tile) for tile in tiles],
                        "red": planes.coloured(measure.Colour(*RED)),
                    }
                )
    finally:
        pipeline.set_state(Gst.State.NULL)
    return seen


class WholeSidecar(unittest.TestCase):
    def setUp(self) -> None:
        from sidecar.tests import deepstream_sidecar

        self.sidecars = deepstream_sidecar
        deepstream_sidecar.BOARDS["real"] = (real.WITH_STANDINS, real.PLATFORM)
        self.cleanups = contextlib.ExitStack()
        self.addCleanup(self.cleanups.close)

    def sidecar(self) -> Any:
        one = self.sidecars.Sidecar("real", objects=[CAR])
        self.cleanups.callback(one.stop)
        return one

    def cameras(self, *rates: str) -> List[Any]:
        size = ("--width", "640", "--height", "360")
        started = [self.cleanups.enter_context(real.counting_camera(*size, "--rate", rate)) for rate in rates]
        return [self.sidecars.camera(name, address) for name, address in zip(("one", "two"), started)]

    def test_two_cameras_tile_with_boxes_and_detections(self) -> None:
        sidecar = self.sidecar()
        assert (sidecar.connected.engine, sidecar.connected.deepstream_release) == ("deepstream", real.RELEASE)
        output = sidecar.output(width=1280, height=360, bitrate=2000000)
        response = sidecar.apply("one", sidecar.specification(cameras=self.cameras("15", "15"), outputs=[output]))
        assert response.accepted, response
        sidecar.until_serving()
        seen = real.isolated(watched, "rtsp://127.0.0.1:%d/main" % sidecar.port, 30, standins=real.ALONE)
        assert seen[-1]["size"] == [1280, 360]
        for tile in (0, 1):
            numbers = [one["tiles"][tile] for one in seen if one["tiles"][tile] is not None]
            assert len(numbers) > 20, seen
            assert numbers == sorted(numbers), numbers
            assert len(set(numbers)) > 15
        # The outlines of two boxes of 160 by 90 pixels, three thick.
        assert min(one["red"] for one in seen[-10:]) > 100
        found = sidecar.detections("two", 3)[-1]
        assert [(one.label, one.class_id) for one in found.detections] == [("car", 0)]
        assert (found.frame_width, found.frame_height) == (640, 360)

    def test_each_camera_has_its_own_stream(self) -> None:
        from sidecar.contract import spec

        sidecar = self.sidecar()
        output = sidecar.output(layout=spec.LAYOUT_PER_CAMERA, width=640, height=360)
        response = sidecar.apply("one", sidecar.specification(cameras=self.cameras("15", "10"), outputs=[output]))
        assert response.accepted, response
        sidecar.until_serving()
        for name in ("one", "two"):
            # The encoder starts with a poor quality: the counter may be unreadable for a second.
            seen = real.isolated(watched, "rtsp://127.0.0.1:%d/main/%s" % (sidecar.port, name), 30, standins=real.ALONE)
            numbers = [one["whole"] for one in seen if one["whole"] is not None]
            assert len(numbers) > 8, seen
            assert numbers == sorted(numbers), numbers
            assert seen[-1]["red"] > 50

    def test_a_lost_camera_stops_no_other_and_comes_back(self) -> None:
        sidecar = self.sidecar()
        port = str(self.sidecars.free_port())
        (near,) = self.cameras("15")
        phase = self.sidecars.phase
        with real.counting_camera("--port", port) as address:
            far = self.sidecars.camera("far", address)
            assert sidecar.apply("one", sidecar.specification(cameras=[far, near])).accepted
            since = sidecar.until(lambda state: phase(state.cameras, "far") == "live").pipeline.since
        sidecar.until(lambda state: phase(state.cameras, "far") == "lost")
        before = _frames(sidecar.state(), "one")
        sidecar.until(lambda state: _frames(state, "one") > before + 15)
        with real.counting_camera("--port", port):
            back = sidecar.until(lambda state: phase(state.cameras, "far") == "live")
            assert back.pipeline.since == since
            sidecar.until(lambda state: _frames(state, "far") > _frames(back, "far") + 5)


def _frames(state: Any, camera_id: str) -> int:
    return next(one.counters.frames_inferred for one in state.cameras if one.id == camera_id)
