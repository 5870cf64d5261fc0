"""Pipelines of stand-ins leave nothing behind, and cameras can come and go."""

import gc
from pathlib import Path
from typing import Dict, List

from sidecar.gst import Gst
from standins.scenario import camera, play, probe, run

MUX = "nvstreammux name=mux width=320 height=180 batched-push-timeout=100000"
GREEN, BLUE = 0x00C000, 0x0000C0


def elements_left(file: str) -> List[str]:
    assert play("videotestsrc num-buffers=3 ! x264enc ! matroskamux ! filesink location=%s" % file).error is None
    played = play(
        "uridecodebin uri=file://%s ! mux.sink_0 %s ! mux.sink_1 %s batch-size=2 ! nvmultistreamtiler rows=1 columns=2"
        " ! nvstreamdemux name=demux demux.src_0 ! nvvideoconvert ! video/x-raw(memory:NVMM), format=I420"
        " ! nvv4l2h264enc ! fakesink" % (file, camera(BLUE, frames=3), MUX)
    )
    assert played.error is None, played.error
    gc.collect()
    return sorted(type(each).__name__ for each in gc.get_objects() if issubclass(type(each), (Gst.Element, Gst.Pad)))


def test_a_pipeline_leaves_nothing_behind(tmp_path: Path) -> None:
    assert run(elements_left, "7.1/dgpu", str(tmp_path / "video.mkv")) == []


def sources_of(buffer: Gst.Buffer) -> List[int]:
    """The source of each frame of a batch."""
    import pyds

    found = []
    node = pyds.gst_buffer_get_nvds_batch_meta(hash(buffer)).frame_meta_list
    while node is not None:
        found.append(pyds.NvDsFrameMeta.cast(node.data).source_id)
        try:
            node = node.next
        except StopIteration:
            break
    return found


def frames_by_source() -> Dict[str, int]:
    seen: Dict[str, int] = {}

    def count(buffer: Gst.Buffer) -> None:
        for source in sources_of(buffer):
            seen[str(source)] = seen.get(str(source), 0) + 1

    description = "%s ! mux.sink_0 %s ! mux.sink_1 %s batch-size=2 ! fakesink"
    sources = (camera(BLUE, frames=4), camera(GREEN, frames=12))
    played = play(description % (*sources, MUX), lambda pipeline: probe(pipeline, "mux", count))
    assert played.error is None, played.error
    return seen


def test_a_camera_that_ends_does_not_stop_the_others() -> None:
    assert run(frames_by_source, "7.1/dgpu") == {"0": 4, "1": 12}


def release_while_playing() -> List[List[int]]:
    """The sources of the batches before and after one source was removed."""
    batches: List[List[int]] = []
    pipeline = Gst.parse_launch(
        "%s ! queue name=left ! mux.sink_0 %s ! mux.sink_1 %s batch-size=2 live-source=1 ! fakesink sync=false"
        % (camera(BLUE, frames=40, live=True), camera(GREEN, frames=20, live=True), MUX)
    )
    mux, queue = pipeline.get_by_name("mux"), pipeline.get_by_name("left")

    def count(buffer: Gst.Buffer) -> None:
        batches.append(sources_of(buffer))

    probe(pipeline, "mux", count)
    pipeline.set_state(Gst.State.PLAYING)
    bus = pipeline.get_bus()
    while len(batches) < 5:
        assert bus.timed_pop_filtered(10 * Gst.MSECOND, Gst.MessageType.ERROR) is None
    queue.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, lambda pad, info: Gst.PadProbeReturn.DROP)
    pad = mux.get_static_pad("sink_0")
    queue.get_static_pad("src").unlink(pad)
    mux.release_request_pad(pad)
    before = len(batches)
    while len(batches) < before + 5:
        assert bus.timed_pop_filtered(10 * Gst.MSECOND, Gst.MessageType.ERROR) is None
    pipeline.set_state(Gst.State.NULL)
    # The next batch may still hold a frame of it.
    halves = (batches[:before], batches[before + 1 :])
    return [sorted({source for batch in half for source in batch}) for half in halves]


def test_a_camera_can_be_removed_while_the_others_play() -> None:
    assert run(release_while_playing, "7.1/dgpu") == [[0, 1], [1]]
