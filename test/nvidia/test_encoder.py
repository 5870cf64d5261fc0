"""The engine's encoders on the real elements: the probe, and frames on the GPU to RTP by the encoder that it found."""

import socket
import unittest
from typing import Any, Dict, List

import real


def probed() -> Dict[str, Any]:
    from sidecar.worker.engines.deepstream.encoder_probe import probe_encoders

    found = probe_encoders(real.elements())
    return {"hardware": found.hardware, "refusals": found.refusals}


def encoded() -> Dict[str, Any]:
    """A test source through the engine's source bin and encoder to RTP, and what a real decoder makes of it."""
    from sidecar.chain import Chain
    from sidecar.contract import spec
    from sidecar.gst import Gst
    from sidecar.worker.engines.deepstream.encoder_probe import probe_encoders
    from sidecar.worker.engines.deepstream.pipeline import add_encoder, converter_settings
    from sidecar.worker.engines.shared_elements import add_loopback

    elements = real.elements()
    hardware = probe_encoders(elements).hardware
    encoding = spec.Encoding(codec=spec.CODEC_H264, width=640, height=360, bitrate=1000000, frame_rate=15)
    pipeline, viewer = Gst.Pipeline.new(), None
    container = real.source("test://smpte?width=1280&height=720&rate=15")
    pipeline.add(container)
    chain = Chain(pipeline, after=container)
    chain.add("nvvideoconvert", None, **converter_settings(elements))
    encoder = add_encoder(chain, encoding, elements, hardware)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    add_loopback(chain, encoding, port)
    try:
        viewer = Gst.parse_launch(
            "udpsrc port=%d caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96"
            " ! rtph264depay ! h264parse ! nvv4l2decoder ! nvvideoconvert ! video/x-raw, format=I420"
            " ! appsink name=frames sync=false" % port
        )
        viewer.set_state(Gst.State.PLAYING)
        pipeline.set_state(Gst.State.PLAYING)
        sink = viewer.get_by_name("frames")
        bars: List[Dict[str, float]] = []
        while len(bars) < 10:
            sample = sink.emit("try-pull-sample", 10 * Gst.SECOND)
            assert sample is not None, "%d frames came" % len(bars)
            bars.append(_first_bar(sample))
        caps = encoder.get_static_pad("sink").get_current_caps().to_string()
        return {"caps": caps, "encoder": encoder.get_factory().get_name(), "bar": bars[-1]}
    finally:
        for one in (pipeline, viewer):
            if one is not None:
                one.set_state(Gst.State.NULL)


def _first_bar(sample: Any) -> Dict[str, float]:
    """SMPTE's second bar from the left is yellow."""
    import counter
    import measure

    with measure.Planes(sample) as planes:
        assert (planes.width, planes.height) == (640, 360), (planes.width, planes.height)
        return planes.describe(counter.Rectangle(110, 20, 50, 150))


class RealEncoders(unittest.TestCase):
    def test_the_probe_says_which_really_encode_and_why_the_others_do_not(self) -> None:
        found = real.isolated(probed)
        assert sorted([*found["hardware"], *found["refusals"]]) == ["H264", "H265"]
        for why in found["refusals"].values():
            assert "/dev/v4l2-nvenc" in why

    def test_frames_get_from_the_gpu_to_rtp_by_an_encoder_that_works(self) -> None:
        hardware = "H264" in real.isolated(probed)["hardware"]
        seen = real.isolated(encoded)
        assert seen["encoder"] == ("nvv4l2h264enc" if hardware else "x264enc")
        assert ("memory:NVMM" in seen["caps"]) == hardware
        # Yellow: bright, little blue, some red.
        assert seen["bar"]["y"] > 140
        assert seen["bar"]["u"] < 70
        assert seen["bar"]["v"] > 128
