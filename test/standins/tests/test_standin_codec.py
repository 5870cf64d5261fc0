"""The stand-in codecs really decode and encode, and an encoder without hardware fails as on a board."""

from pathlib import Path
from typing import Any, List, Optional

import pytest

from sidecar.gst import Gst
from standins.scenario import camera, pixels, play, probe, run

NOISE = (
    "videotestsrc pattern=snow num-buffers=%d ! video/x-raw, format=I420, width=320, height=180, framerate=10/1"
    " ! nvvideoconvert ! video/x-raw(memory:NVMM), format=NV12"
)


def decoded(encoder: str, folder: str) -> List[Any]:
    file = folder + "/video.mkv"
    source = "videotestsrc pattern=solid-color foreground-color=0xFF0000C0 num-buffers=5 ! video/x-raw, width=320"
    assert play("%s ! %s ! matroskamux ! filesink location=%s" % (source, encoder, file)).error is None
    names: List[str] = []

    def prepare(pipeline: Gst.Pipeline) -> None:
        pipeline.connect("deep-element-added", lambda top, parent, element: names.append(element.get_name()))

    played = play(
        "uridecodebin uri=file://%s ! video/x-raw(memory:NVMM), format=NV12 ! nvvideoconvert ! video/x-raw, format=RGBA"
        " ! videoconvert ! video/x-raw, format=RGB ! fakesink name=sink" % file,
        prepare,
        sinks=["sink"],
    )
    assert played.error is None, played.error
    return [any(name.startswith("nvv4l2decoder") for name in names), *pixels(played.samples["sink"], [[100, 100]])]


@pytest.mark.parametrize("encoder", ["x264enc ! h264parse", "x265enc ! h265parse"])
def test_uridecodebin_takes_the_decoder_which_gives_frames_in_nvmm(encoder: str, tmp_path: Path) -> None:
    chosen, color = run(decoded, "7.1/dgpu", encoder, str(tmp_path))
    assert chosen
    assert color[2] > 150
    assert max(color[:2]) < 40


def source_bin(folder: str) -> Optional[str]:
    file = folder + "/video.mkv"
    assert play("videotestsrc num-buffers=5 ! x264enc ! matroskamux ! filesink location=%s" % file).error is None
    return play(
        "nvurisrcbin uri=file://%s ! mux.sink_0 nvstreammux name=mux width=320 height=180 batch-size=1 ! fakesink"
        % file
    ).error


def test_the_source_bin_decodes_into_the_muxer(tmp_path: Path) -> None:
    assert run(source_bin, "7.1/dgpu", str(tmp_path)) is None


def failure(description: str) -> Optional[str]:
    return play(description).error


def factory_exists(name: str) -> bool:
    return Gst.ElementFactory.make(name, None) is not None


def test_a_board_without_an_encoder_has_the_factory_and_fails_at_the_first_frame() -> None:
    target = "7.1/jetson no-encoder"
    assert run(factory_exists, target, "nvv4l2h264enc")
    error = run(failure, target, "%s ! nvv4l2h264enc ! fakesink" % camera(0))
    assert error == "Device '/dev/v4l2-nvenc' failed during initialization"


@pytest.mark.parametrize("encoder", ["nvv4l2h264enc", "nvv4l2h265enc", "nvjpegenc"])
def test_an_encoder_encodes(encoder: str) -> None:
    decoder = {"nvv4l2h264enc": "h264parse ! avdec_h264", "nvv4l2h265enc": "h265parse ! avdec_h265"}.get(
        encoder, "jpegparse ! jpegdec"
    )
    color = run(encoded, "7.1/dgpu", encoder, decoder)
    assert color[1] > 150
    assert color[0] < 40


def encoded(encoder: str, decoder: str) -> List[int]:
    played = play(
        "%s ! %s ! %s ! videoconvert ! video/x-raw, format=RGB ! fakesink name=sink"
        % (camera(0x00C000), encoder, decoder),
        sinks=["sink"],
    )
    assert played.error is None, played.error
    return pixels(played.samples["sink"], [[100, 100]])[0]


def bytes_around_a_change(bitrates: List[int]) -> List[int]:
    """The bytes of frames 20 to 60 at the first bitrate, and of 80 to 120 at the second, which is set while playing."""
    sizes: List[int] = []

    def prepare(pipeline: Gst.Pipeline) -> None:
        encoder = pipeline.get_by_name("encoder")

        def seen(buffer: Gst.Buffer) -> None:
            sizes.append(buffer.get_size())
            if len(sizes) == 60:
                encoder.set_property("bitrate", bitrates[1])

        probe(pipeline, "encoder", seen)

    description = "%s ! nvv4l2h264enc name=encoder bitrate=%d ! fakesink" % (NOISE % 120, bitrates[0])
    assert play(description, prepare).error is None
    return [sum(sizes[20:60]), sum(sizes[80:120])]


def test_the_bitrate_is_in_bits_a_second_and_changes_while_playing() -> None:
    before, after = run(bytes_around_a_change, "7.1/dgpu", [2000000, 500000])
    # 40 frames at 10 a second.
    assert 0.5 < before / (2000000 / 8 * 4) < 1.5
    assert after < before / 2


def key_frames(settings: str) -> List[int]:
    found: List[int] = []
    numbers: List[int] = []

    def seen(buffer: Gst.Buffer) -> None:
        if not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT):
            found.append(len(numbers))
        numbers.append(1)

    description = "%s ! nvv4l2h264enc name=encoder %s ! fakesink" % (camera(0, frames=25), settings)
    assert play(description, lambda pipeline: probe(pipeline, "encoder", seen)).error is None
    return found


def test_key_frames_come_at_the_smaller_of_the_two_intervals() -> None:
    assert run(key_frames, "7.1/dgpu", "iframeinterval=10") == [0, 10, 20]
    assert run(key_frames, "7.1/dgpu", "iframeinterval=10 idrinterval=5") == [0, 5, 10, 15, 20]
