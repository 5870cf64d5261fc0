"""The engine's source bin on the real decoder: real streams, decoded by NVDEC into the GPU's memory."""

import os
import tempfile
import unittest
from typing import Any, Dict, List

import real

FRAMES = 30


def decoded(uri: str) -> Dict[str, Any]:
    """What comes out of the engine's source bin, and what it reports."""
    from sidecar.gst import Gst
    from sidecar.worker.cameras.freeze_detector import FreezeDetector

    class EveryFrame(FreezeDetector):
        """Wants a copy of each frame, and keeps them all."""

        def __init__(self) -> None:
            super().__init__()
            self.copies: List[bytes] = []

        def is_due(self, now: float) -> bool:
            return True

        def observe(self, luma: bytes, now: float) -> None:
            self.copies.append(luma)

    freeze_detector = EveryFrame()
    told: Dict[str, Any] = {"encoding": "", "decoded": 0, "size": []}
    failures: List[str] = []
    pipeline = Gst.Pipeline.new()
    container = real.source(
        uri,
        encoding=lambda name: told.update(encoding=name),
        failed=lambda why: failures.append(why.detail),
        decoded=lambda: told.update(decoded=told["decoded"] + 1),
        sized=lambda width, height: told.update(size=[width, height]),
        freeze_detector=freeze_detector,
    )
    # What a viewer would see of it, in system memory.
    tail = Gst.parse_bin_from_description(
        "nvvideoconvert ! video/x-raw, format=I420 ! appsink name=frames sync=false", True
    )
    frames: List[Dict[str, Any]] = []

    def enough() -> bool:
        sample = tail.get_by_name("frames").emit("try-pull-sample", 0)
        if sample is not None:
            frames.append(_described(sample))
        return len(frames) >= FRAMES or bool(failures)

    try:
        pipeline.add(container)
        pipeline.add(tail)
        container.link(tail)
        pipeline.set_state(Gst.State.PLAYING)
        arrived = real.run_until(enough, 20)
        message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        assert message is None, message.parse_error()
        assert not failures, failures
        assert arrived, "%d frames were decoded, %d converted" % (told["decoded"], len(frames))
        return dict(
            told,
            caps=container.get_static_pad("src").get_current_caps().to_string(),
            decoder=_decoder(container),
            counters=[one["counter"] for one in frames],
            contrast=frames[-1]["contrast"],
            colour=frames[-1]["colour"],
            copies=len(freeze_detector.copies),
            different_copies=len(set(freeze_detector.copies)),
            # In the first frames, an encoder still improves the picture.
            different_late_copies=len(set(freeze_detector.copies[FRAMES // 2 :])),
            copy_size=len(freeze_detector.copies[-1]),
            copy_contrast=max(freeze_detector.copies[-1]) - min(freeze_detector.copies[-1]),
        )
    finally:
        pipeline.set_state(Gst.State.NULL)


def render_still(path: str) -> None:
    """Writes a film in which nothing moves."""
    from sidecar.gst import Gst

    writer = Gst.parse_launch(
        "videotestsrc pattern=smpte100 num-buffers=%d ! video/x-raw, format=I420, width=640, height=360, framerate=30/1"
        " ! x264enc tune=zerolatency threads=1 key-int-max=1000 ! h264parse ! mp4mux ! filesink location=%s"
        % (3 * FRAMES, path)
    )
    writer.set_state(Gst.State.PLAYING)
    message = writer.get_bus().timed_pop_filtered(30 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    writer.set_state(Gst.State.NULL)
    assert message is not None, "the film took too long"
    assert message.type == Gst.MessageType.EOS, message.parse_error()


def _decoder(container: Any) -> Dict[str, Any]:
    """The decoder in the source bin, and the settings that the engine gave it."""
    from sidecar.worker.engines.deepstream.pipeline import decoder_settings

    elements: List[Any] = []
    container.iterate_recurse().foreach(elements.append)
    one = next(each for each in elements if each.get_factory() and each.get_factory().get_name() == "nvv4l2decoder")
    settings = decoder_settings(real.elements(), "")
    return {
        "plugin": one.get_factory().get_plugin_name(),
        "settings": {name: int(one.get_property(name)) for name in settings},
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
    def test_decodes_the_demo_camera_s_stream_over_rtsp(self) -> None:
        with real.camera() as address:
            seen = real.isolated(decoded, address)
        assert_real(seen, [1280, 720])
        assert seen["encoding"] == "H264"
        assert seen["contrast"] > 20
        assert seen["colour"] > 2

    def test_decodes_a_file_that_decodebin_opens(self) -> None:
        seen = real.isolated(decoded, "file://" + real.DEMO)
        assert_real(seen, [1280, 720])
        assert seen["contrast"] > 20

    def test_decodes_every_frame_of_a_camera_once(self) -> None:
        with real.counting_camera("--rate", "30") as address:
            seen = real.isolated(decoded, address)
        assert_real(seen, [640, 360])
        assert_each_once(seen["counters"])
        # The freeze detector's copies: small, with their contrast, and all different.
        assert seen["copies"] >= FRAMES
        assert seen["different_copies"] == seen["copies"]
        assert seen["copy_size"] == 512 * 288
        assert seen["copy_contrast"] > 100

    def test_copies_of_frames_are_equal_while_nothing_moves(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            still = os.path.join(folder, "still.mp4")
            real.isolated(render_still, still)
            seen = real.isolated(decoded, "file://" + still)
        assert seen["copies"] >= FRAMES
        assert seen["different_late_copies"] == 1

    def test_decodes_motion_jpeg(self) -> None:
        with real.counting_camera("--codec", "mjpeg") as address:
            seen = real.isolated(decoded, address)
        assert_real(seen, [640, 360])
        assert seen["encoding"] == "JPEG"
        assert_each_once(seen["counters"])


def assert_real(seen: Dict[str, Any], size: List[int]) -> None:
    assert "video/x-raw(memory:NVMM)" in seen["caps"], seen["caps"]
    assert "format=(string)NV12" in seen["caps"], seen["caps"]
    assert seen["size"] == size
    assert seen["decoder"]["plugin"] == "nvvideo4linux2"
    assert seen["decoder"]["settings"] == {"cudadec-memtype": 0}


def assert_each_once(counters: List[int]) -> None:
    """In order, none twice. A few may be missing: the source drops frames that are not taken at once."""
    steps = [later - earlier for earlier, later in zip(counters, counters[1:])]
    assert min(steps) == 1, counters
    assert counters[-1] - counters[0] < FRAMES + 3, counters
