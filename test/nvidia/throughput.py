"""Measures decoding and converting for 1, 4 and 16 cameras, and prints a table.

At full speed: a file in a loop, decoded as fast as possible. Paced: cameras over RTSP at 30 frames a second, through
the engine's source bin. The clip is the demo, scaled up to 1920x1080.
"""

import os
import resource
import tempfile
import time
from typing import Any, Callable, Dict, List

import nvml
import real

CAMERAS = (1, 4, 16)
RATE = 30
_CLIP_FRAMES = 300
_WARM_UP_SECONDS = 2.0
_SECONDS = 5.0

_TO_720 = "width=1280, height=720"
# What follows the decoder, by the name in the table.
STAGES = {
    "decode": "",
    "decode, scale on the GPU": "! nvvideoconvert nvbuf-memory-type=2 ! video/x-raw(memory:NVMM), format=NV12, "
    + _TO_720,
    "decode, scale, copy to memory": "! nvvideoconvert nvbuf-memory-type=2 ! video/x-raw, format=I420, " + _TO_720,
}


def make_clip(directory: str) -> None:
    """clip.h264 and clip.mp4 in a directory: H.264 of about 4 Mbit/s without B frames, a key frame every second."""
    from sidecar.gst import Gst

    reader = Gst.parse_launch(
        "filesrc location=%s ! qtdemux ! h264parse ! nvv4l2decoder ! nvvideoconvert"
        " ! video/x-raw, format=I420, width=1920, height=1080 ! appsink name=frames sync=false" % real.DEMO
    )
    frames = []
    reader.set_state(Gst.State.PLAYING)
    while True:
        sample = reader.get_by_name("frames").emit("pull-sample")
        if sample is None:
            break
        frames.append(sample.get_buffer())
    reader.set_state(Gst.State.NULL)
    assert frames, "the demo was not decoded"
    writer = Gst.parse_launch(
        "appsrc name=frames format=time block=true caps=video/x-raw,format=I420,width=1920,height=1080,framerate=%d/1"
        " ! x264enc tune=zerolatency threads=1 speed-preset=veryfast bitrate=4000 key-int-max=%d ! tee name=both"
        " both. ! queue ! h264parse config-interval=-1 ! video/x-h264, stream-format=byte-stream ! filesink location=%s"
        " both. ! queue ! h264parse ! mp4mux ! filesink location=%s"
        % (RATE, RATE, os.path.join(directory, "clip.h264"), os.path.join(directory, "clip.mp4"))
    )
    writer.set_state(Gst.State.PLAYING)
    source = writer.get_by_name("frames")
    for number in range(_CLIP_FRAMES):
        # Forwards and backwards, so that nothing jumps where the loop restarts.
        place = number % (2 * len(frames) - 2)
        buffer = frames[min(place, 2 * len(frames) - 2 - place)].copy_deep()
        buffer.pts, buffer.duration = number * Gst.SECOND // RATE, Gst.SECOND // RATE
        assert source.emit("push-buffer", buffer) == Gst.FlowReturn.OK, _error(writer)
    source.emit("end-of-stream")
    message = writer.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    writer.set_state(Gst.State.NULL)
    assert message is not None, "the clip took too long"
    assert message.type == Gst.MessageType.EOS, message.parse_error()


def at_full_speed(directory: str, stage: str, cameras: int) -> Dict[str, float]:
    from sidecar.gst import Gst
    from sidecar.worker.engines.deepstream.pipeline import decoder_settings

    settings = decoder_settings(real.elements(), "H264")
    properties = " ".join("%s=%s" % (name, int(value)) for name, value in settings.items())
    branch = (
        "multifilesrc location=%s loop=true ! h264parse ! nvv4l2decoder %s %s ! fakesink name=sink%%d sync=false"
        % (os.path.join(directory, "clip.h264"), properties, STAGES[stage])
    )
    pipeline = Gst.parse_launch(" ".join(branch % number for number in range(cameras)))
    sinks = [pipeline.get_by_name("sink%d" % number) for number in range(cameras)]

    def frames() -> int:
        return sum(sink.get_property("stats").get_value("rendered") for sink in sinks)

    return _measured(pipeline, frames)


def paced(address: str, cameras: int) -> Dict[str, float]:
    from sidecar.gst import Gst

    pipeline = Gst.Pipeline.new()
    counts = [0] * cameras

    def opened(number: int) -> Gst.Bin:
        def count() -> None:
            counts[number] += 1

        return real.source(address, "camera-%d" % number, decoded=count)

    for number in range(cameras):
        container = opened(number)
        tail = Gst.parse_bin_from_description(
            STAGES["decode, scale on the GPU"].lstrip("! ") + " ! fakesink sync=false async=false",
            True,
        )
        pipeline.add(container)
        pipeline.add(tail)
        container.link(tail)
    return _measured(pipeline, lambda: sum(counts))


def _measured(pipeline: Any, frames: Callable[[], int]) -> Dict[str, float]:
    from sidecar.gst import Gst

    pipeline.set_state(Gst.State.PLAYING)
    try:
        assert real.run_until(lambda: frames() > 0, 20), _error(pipeline)
        real.run_until(lambda: False, _WARM_UP_SECONDS)
        before, began, spent = frames(), time.monotonic(), _cpu()
        with nvml.Sampler(nvml.Nvml()) as sampler:
            real.run_until(lambda: False, _SECONDS)
        seconds = time.monotonic() - began
        passed, spent = frames() - before, _cpu() - spent
        assert passed, _error(pipeline)
        compute, decoders, megabytes = sampler.mean()
        return {
            "rate": passed / seconds,
            "cores": spent / seconds,
            "compute": compute,
            "decoders": decoders,
            "megabytes": megabytes,
        }
    finally:
        pipeline.set_state(Gst.State.NULL)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _error(pipeline: Any) -> str:
    from sidecar.gst import Gst

    message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    return "no frames" if message is None else str(message.parse_error())


def _row(name: str, cameras: int, found: Dict[str, float]) -> str:
    return "| %s | %d | %.0f | %.0f | %.2f | %.0f %% | %.0f %% | %d |" % (
        name,
        cameras,
        found["rate"],
        found["rate"] / cameras,
        found["cores"],
        found["decoders"],
        found["compute"],
        found["megabytes"],
    )


def main() -> None:
    gpu = nvml.Nvml().gpu()
    print("\n%s, driver %s, 1920x1080 H.264, DeepStream 9.0.2's elements\n" % gpu)
    print("| | cameras | frames/s | per camera | CPU cores | decoders | GPU | GPU memory, MB |")
    print("|---|---|---|---|---|---|---|---|")
    rows: List[str] = []
    with tempfile.TemporaryDirectory() as directory:
        real.isolated(make_clip, directory)
        for stage in STAGES:
            for cameras in CAMERAS:
                rows.append(_row(stage, cameras, real.isolated(at_full_speed, directory, stage, cameras)))
                print(rows[-1], flush=True)
        with real.camera("--file", os.path.join(directory, "clip.mp4")) as address:
            for cameras in CAMERAS:
                rows.append(_row("RTSP, paced", cameras, real.isolated(paced, address, cameras)))
                print(rows[-1], flush=True)
