"""The engine's own source stage on the real decoder: real streams, decoded by NVDEC into memory of the GPU."""

import json
import unittest
from typing import Any, Dict

import real

FRAMES = 30


def decoded(uri: str) -> Dict[str, Any]:
    """What comes out of the engine's source, and what the engine is told of it."""
    from gi.repository import Gst

    from sidecar.contract import spec
    from sidecar.worker.engines.deepstream import source

    told: Dict[str, Any] = {"encoding": "", "failures": [], "decoded": 0}
    events = source.SourceEvents(
        encoding=lambda name: told.update(encoding=name),
        failed=lambda why: told["failures"].append(why.detail),
        decoded=lambda: told.update(decoded=told["decoded"] + 1),
    )
    pipeline = Gst.Pipeline.new()
    container = source.build("camera", spec.Camera(id="camera", uri=uri), real.elements(), events, lambda: 0)
    pipeline.add(container)
    # What a viewer would see of it, in system memory.
    tail = Gst.parse_bin_from_description(
        "nvvideoconvert name=real ! video/x-raw, format=I420 ! appsink name=frames sync=false max-buffers=1 drop=true",
        True,
    )
    pipeline.add(tail)
    container.link(tail)
    try:
        pipeline.set_state(Gst.State.PLAYING)
        arrived = real.run_until(lambda: told["decoded"] >= FRAMES or bool(told["failures"]), 20)
        message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        assert message is None, message.parse_error()
        assert arrived, "%d frames came" % told["decoded"]
        caps = container.get_static_pad("src").get_current_caps()
        sample = tail.get_by_name("frames").emit("try-pull-sample", 5 * Gst.SECOND)
        return dict(
            told,
            caps=caps.to_string(),
            size=list(source.decoded_size(container)),
            decoder=_decoder(container),
            picture=_described(sample),
        )
    finally:
        pipeline.set_state(Gst.State.NULL)


def _decoder(container: Any) -> Dict[str, Any]:
    """The decoder that the source found, and the settings that the engine gave it."""
    elements = []
    container.iterate_recurse().foreach(elements.append)
    one = next(each for each in elements if each.get_factory() and each.get_factory().get_name() == "nvv4l2decoder")
    settings = real.elements().decoder("")
    return {
        "plugin": one.get_factory().get_plugin_name(),
        "settings": {name: int(one.get_property(name)) for name in settings if name != "mjpeg"},
    }


def _described(sample: Any) -> Dict[str, Any]:
    import counter
    import measure

    with measure.Planes(sample) as planes:
        return {
            "counter": counter.read(planes.y),
            "contrast": float(planes.y.std()),
            "colour": float(planes.u.std() + planes.v.std()),
        }


class RealDecoder(unittest.TestCase):
    def assert_real(self, seen: Dict[str, Any], size: Any) -> None:
        assert "video/x-raw(memory:NVMM)" in seen["caps"]
        assert "format=(string)NV12" in seen["caps"]
        assert seen["size"] == list(size)
        assert seen["decoder"]["plugin"] == "nvvideo4linux2"
        assert seen["decoder"]["settings"] == {"cudadec-memtype": 0}
        assert seen["failures"] == []

    def test_decodes_the_demo_camera_s_stream_over_rtsp(self) -> None:
        with real.camera() as address:
            seen = real.isolated(decoded, address)
        self.assert_real(seen, (1280, 720))
        assert seen["encoding"] == "H264"
        assert seen["picture"]["contrast"] > 20
        assert seen["picture"]["colour"] > 2

    def test_decodes_a_file_that_decodebin_opens(self) -> None:
        seen = real.isolated(decoded, "file://" + real.DEMO)
        self.assert_real(seen, (1280, 720))
        assert seen["picture"]["contrast"] > 20

    def test_decodes_every_bit_of_the_counter_in_a_camera_s_frames(self) -> None:
        with real.counting_camera("--rate", "30") as address:
            seen = real.isolated(decoded, address)
        self.assert_real(seen, (640, 360))
        assert seen["picture"]["counter"] >= FRAMES - 5

    def test_decodes_motion_jpeg(self) -> None:
        with real.counting_camera("--codec", "mjpeg") as address:
            seen = real.isolated(decoded, address)
        assert (seen["encoding"], seen["size"]) == ("JPEG", [640, 360])
        assert "memory:NVMM" in seen["caps"]
        assert seen["picture"]["counter"] >= FRAMES - 5


if __name__ == "__main__":
    print(json.dumps(decoded("file://" + real.DEMO), indent=1))
