"""Stand-ins beside a converter that they take for NVIDIA's own: only that can read its memory."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List

import pytest

from sidecar.gst import Gst
from standins.scenario import camera, pixels, play, probe

RED, GREEN, BLUE = (255, 0, 0), (0, 0xC0, 0), (0, 0, 0xC0)
RELEASE = "9.0"
TO_RGB = (
    "nvvideoconvert ! video/x-raw, format=RGBA ! videoconvert ! video/x-raw, format=RGB ! fakesink sync=false name="
)
MUX = "nvstreammux name=mux width=320 height=180 batched-push-timeout=1000000 batch-size=2"


def run(scenario: Callable[..., Any], *arguments: Any) -> Any:
    """The scenario's result in a process of its own."""
    code = "from standins.tests.test_standin_bridge import child; child()"
    done = subprocess.run(
        [sys.executable, "-c", code, scenario.__name__, json.dumps(arguments)],
        env=dict(os.environ, G_DEBUG="fatal-criticals", PYTHONPATH=os.pathsep.join(sys.path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return json.loads(done.stdout)


def child() -> None:
    import standins

    Gst.init(None)
    register_converter()
    standins.install(RELEASE, "dgpu", real=["nvvideoconvert"])
    scenario = getattr(importlib.import_module(__name__), sys.argv[1])
    sys.stdout.write(json.dumps(scenario(*json.loads(sys.argv[2]))))


def register_converter() -> None:
    """An nvvideoconvert that inverts every byte in memory:NVMM."""
    from standins import catalogue, element
    from standins.convert import Convert
    from standins.frames import mapped
    from standins.tests.test_standin_properties import CATALOGUE

    class Secretive(Convert):
        def do_set_caps(self, incaps: Gst.Caps, outcaps: Gst.Caps) -> bool:
            self._secret = [each.get_features(0).contains("memory:NVMM") for each in (incaps, outcaps)]
            return Convert.do_set_caps(self, incaps, outcaps)

        def transformed(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> None:
            if self._secret[0]:
                with mapped(inbuf) as data:
                    inbuf = Gst.Buffer.new_wrapped((~data).tobytes())
            Convert.transformed(self, inbuf, outbuf)
            if self._secret[1]:
                with mapped(outbuf, write=True) as data:
                    data[:] = ~data

    spec = next(each for each in catalogue.load(CATALOGUE, RELEASE, "dgpu") if each.name == "nvvideoconvert")
    element.register(Secretive, spec, None, 0, "Filter/Converter/Video/Scaler")


def near(color: List[int], wanted: Any) -> bool:
    return all(abs(part - expected) < 50 for part, expected in zip(color, wanted))


@pytest.fixture
def infer(tmp_path: Path) -> str:
    """nvinfer, which finds one object in every frame, at first from (0, 72) to (64, 126)."""
    (tmp_path / "network.onnx").write_bytes(b"a network")
    (tmp_path / "labels.txt").write_text("car\n")
    (tmp_path / "config").write_text("[property]\nonnx-file=network.onnx\nlabelfile-path=labels.txt\n")
    return "nvinfer config-file-path=%s" % (tmp_path / "config")


def number(color: Any) -> int:
    return int("%02x%02x%02x" % tuple(color), 16)


def tiled(infer: str) -> List[List[int]]:
    played = play(
        "%s ! mux.sink_0 %s ! mux.sink_1 %s ! %s ! nvmultistreamtiler rows=1 columns=2 width=640 height=180"
        " ! nvvideoconvert ! video/x-raw(memory:NVMM), format=NV12 ! nvdsosd display-text=0 ! %ssink"
        % (camera(number(GREEN), frames=1), camera(number(BLUE), frames=1), MUX, infer, TO_RGB),
        sinks=["sink"],
    )
    assert played.error is None, played.error
    return pixels(played.samples["sink"], [[160, 20], [480, 20], [30, 73], [350, 73]])


def test_tiles_and_boxes_are_drawn_between_real_converters(infer: str) -> None:
    left, right, box, other_box = run(tiled, infer)
    assert near(left, GREEN), left
    assert near(right, BLUE), right
    assert near(box, RED), box
    assert near(other_box, RED), other_box


def apart(infer: str) -> List[List[List[int]]]:
    played = play(
        "%s ! mux.sink_0 %s ! mux.sink_1 %s ! %s ! nvstreamdemux name=demux"
        " demux.src_0 ! queue ! nvvideoconvert ! video/x-raw(memory:NVMM), format=RGBA ! nvdsosd ! %sone"
        " demux.src_1 ! queue ! nvvideoconvert ! video/x-raw(memory:NVMM), format=NV12 ! nvdsosd display-bbox=0"
        " ! %sother" % (camera(number(GREEN), frames=1), camera(number(BLUE), frames=1), MUX, infer, TO_RGB, TO_RGB),
        sinks=["one", "other"],
    )
    assert played.error is None, played.error
    return [pixels(played.samples[name], [[160, 20], [30, 73]]) for name in ("one", "other")]


def test_the_frames_of_a_batch_are_handed_out_one_by_one(infer: str) -> None:
    (one, box), (other, no_box) = run(apart, infer)
    assert near(one, GREEN), one
    assert near(box, RED), box
    assert near(other, BLUE), other
    assert near(no_box, BLUE), no_box


def properties() -> List[Any]:
    mux, osd = (Gst.ElementFactory.make(name, None) for name in ("nvstreammux", "nvdsosd"))
    mux.set_property("width", 640)
    osd.set_property("process-mode", 0)
    refusals = []
    for element, name in ((mux, "no-such-property"), (osd, "hw-blend-color-attr")):
        try:
            element.set_property(name, "x")
        except TypeError as error:
            refusals.append(str(error))
    return [mux.get_property("width"), int(osd.get_property("process-mode")), *refusals]


def test_a_bridge_has_the_properties_and_refusals_of_what_it_holds() -> None:
    refusal = "object of type `%s' does not have property `%s'"
    assert run(properties) == [
        640,
        0,
        refusal % ("nvstreammux", "no-such-property"),
        refusal % ("nvdsosd", "hw-blend-color-attr"),
    ]


def exchanged() -> List[int]:
    """Connects two cameras to one pad, in turn: the frames, and how many children the muxer has each time."""
    pipeline = Gst.parse_launch("%s ! fakesink sync=false" % MUX.replace("batch-size=2", "batch-size=1"))
    mux = pipeline.get_by_name("mux")
    counts = [mux.get_children_count()]
    seen = [0]
    probe(pipeline, "mux", lambda buffer: seen.__setitem__(0, seen[0] + 1))
    for _ in range(2):
        source = Gst.parse_bin_from_description(camera(number(BLUE), frames=5) + " ! identity", True)
        pipeline.add(source)
        pad = mux.get_request_pad("sink_0")
        assert source.get_static_pad("src").link(pad) == Gst.PadLinkReturn.OK
        counts.append(mux.get_children_count())
        pipeline.set_state(Gst.State.PLAYING)
        pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        pipeline.set_state(Gst.State.NULL)
        pipeline.remove(source)
        mux.release_request_pad(pad)
        counts.append(mux.get_children_count())
    return [seen[0], *counts]


def test_a_released_pad_takes_its_converters_with_it() -> None:
    frames, before, first, released, second, last = run(exchanged)
    assert frames == 10
    assert (first, second) == (before + 3, before + 3)
    assert (released, last) == (before, before)


def unknown() -> str:
    import standins

    try:
        standins.install("9.0", "dgpu", real=["nvjpegdec", "nvvideoconvert"])
    except ValueError as error:
        return str(error)
    return ""


def test_a_real_element_that_is_missing_is_named() -> None:
    code = "from standins.tests.test_standin_bridge import unknown; print(unknown())"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    assert said.stdout.decode().startswith("GStreamer has no real nvjpegdec, nvvideoconvert;")
