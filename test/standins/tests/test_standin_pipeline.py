"""Frames pass the stand-in elements: batches, tiles, boxes, tracks, and the failures of the real ones."""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from sidecar.gst import Gst
from standins.scenario import camera, pixels, play, probe, run

RED, GREEN, BLUE = 0xFF0000, 0x00C000, 0x0000C0

MUX = "nvstreammux name=mux width=320 height=180 batched-push-timeout=1000000"
TRACKER = "nvtracker ll-lib-file=/lib/libnvds_nvmultiobjecttracker.so name=tracker"
TO_RGB = (
    "nvvideoconvert ! video/x-raw, format=RGBA ! videoconvert ! video/x-raw, format=RGB ! fakesink sync=false name="
)


def near(color: List[int], wanted: int) -> bool:
    return all(abs(part - (wanted >> shift & 255)) < 50 for part, shift in zip(color, (16, 8, 0)))


@pytest.fixture
def config(tmp_path: Path) -> str:
    """An nvinfer configuration for a detector."""
    return bundle(tmp_path)


def bundle(folder: Path, *lines: str) -> str:
    (folder / "network.onnx").write_bytes(b"a network")
    (folder / "labels.txt").write_text("car\nperson\n")
    path = folder / "config_infer.txt"
    text = ["[property]", "onnx-file=network.onnx", "labelfile-path=labels.txt", "gie-unique-id=7", *lines]
    path.write_text("\n".join(text))
    return str(path)


@pytest.fixture
def script(tmp_path: Path) -> str:
    """One person in the frames of source 0, from (80, 36) to (240, 126), and another with a low confidence."""
    path = tmp_path / "objects.json"
    objects: List[Dict[str, Any]] = [
        {"source": 0, "class_id": 1, "confidence": 0.8, "box": [0.25, 0.2, 0.5, 0.5]},
        {"source": 0, "class_id": 1, "confidence": 0.1, "box": [0.0, 0.0, 0.1, 0.1]},
    ]
    path.write_text(json.dumps(objects))
    return str(path)


def tiled_over_rtp(config: str) -> List[List[int]]:
    played = play(
        "%s ! mux.sink_0 %s ! mux.sink_1 %s batch-size=2 ! nvinfer config-file-path=%s ! %s"
        " ! nvvideoconvert ! video/x-raw(memory:NVMM), format=RGBA"
        " ! nvmultistreamtiler rows=1 columns=2 width=640 height=180 ! nvdsosd display-text=0 ! nvvideoconvert"
        " ! video/x-raw(memory:NVMM), format=I420 ! nvv4l2h264enc bitrate=4000000 ! h264parse config-interval=-1"
        " ! rtph264pay ! rtph264depay ! avdec_h264 ! videoconvert ! video/x-raw, format=RGB"
        " ! fakesink sync=false name=sink" % (camera(BLUE), camera(GREEN), MUX, config, TRACKER),
        sinks=["sink"],
    )
    assert played.error is None, played.error
    # On the box's left and upper border; inside it; outside; in the other tile, at the same place and elsewhere.
    return pixels(played.samples["sink"], [[81, 80], [160, 37], [160, 80], [20, 120], [401, 80], [600, 20]])


@pytest.mark.parametrize("target", ["6.0.1/jetson", "7.1/dgpu"])
def test_two_cameras_tile_and_the_box_is_drawn_where_the_metadata_say(target: str, tmp_path: Path, script: str) -> None:
    config = bundle(tmp_path, "[class-attrs-all]", "pre-cluster-threshold=0.5")
    left, top, inside, outside, same, other = run(tiled_over_rtp, "%s objects=%s" % (target, script), config)
    assert near(left, RED)
    assert near(top, RED)
    assert near(inside, BLUE)
    assert near(outside, BLUE)
    assert near(same, GREEN)
    assert near(other, GREEN)


def demuxed(config: str) -> List[List[List[int]]]:
    played = play(
        "%s ! mux.sink_0 %s ! mux.sink_1 %s batch-size=2 ! nvinfer config-file-path=%s ! nvstreamdemux name=demux"
        " demux.src_0 ! queue ! nvdsosd display-text=0 ! %sfirst"
        " demux.src_1 ! queue ! nvdsosd display-text=0 ! %ssecond"
        % (camera(BLUE), camera(GREEN), MUX, config, TO_RGB, TO_RGB),
        sinks=["first", "second"],
    )
    assert played.error is None, played.error
    return [pixels(played.samples[name], [[81, 80], [160, 80]]) for name in ("first", "second")]


def test_the_demuxer_gives_each_camera_its_frames_and_its_metadata(config: str, script: str) -> None:
    first, second = run(demuxed, "7.1/dgpu objects=%s" % script, config)
    assert near(first[0], RED)
    assert near(first[1], BLUE)
    assert near(second[0], GREEN)
    assert near(second[1], GREEN)


def overlaid(config: str) -> List[List[int]]:
    import pyds

    def cover(buffer: Gst.Buffer) -> None:
        batch = pyds.gst_buffer_get_nvds_batch_meta(hash(buffer))
        frame = pyds.NvDsFrameMeta.cast(batch.frame_meta_list.data)
        display = pyds.nvds_acquire_display_meta_from_pool(batch)
        display.num_rects = display.num_labels = display.num_lines = 1
        mask = display.rect_params[0]
        mask.left, mask.top, mask.width, mask.height = 40.0, 20.0, 80.0, 40.0
        mask.has_bg_color = 1
        mask.bg_color.set(1.0, 0.0, 0.0, 1.0)
        text = display.text_params[0]
        text.display_text, text.x_offset, text.y_offset = "MMMM", 40, 100
        text.font_params.font_name, text.font_params.font_size = "Sans", 20
        text.set_bg_clr = 1
        text.text_bg_clr.set(0.0, 1.0, 0.0, 1.0)
        line = display.line_params[0]
        line.x1, line.y1, line.x2, line.y2, line.line_width = 200, 40, 300, 40, 8
        line.line_color.set(1.0, 0.0, 0.0, 1.0)
        pyds.nvds_add_display_meta_to_frame(frame, display)

    played = play(
        "%s ! mux.sink_0 %s batch-size=1 ! nvmultistreamtiler rows=1 columns=2 width=640 height=180 ! nvdsosd ! %ssink"
        % (camera(BLUE), MUX, TO_RGB),
        prepare=lambda pipeline: probe(pipeline, "mux", cover),
        sinks=["sink"],
    )
    assert played.error is None, played.error
    return pixels(played.samples["sink"], [[80, 40], [38, 40], [50, 110], [250, 40], [250, 60], [400, 40]])


def test_masks_texts_and_lines_of_a_probe_are_drawn(config: str) -> None:
    mask, beside, text, line, below, empty = run(overlaid, "7.1/dgpu", config)
    assert near(mask, RED)
    assert near(beside, BLUE)
    assert near(text, 0x00FF00)
    assert near(line, RED)
    assert near(below, BLUE)
    assert near(empty, 0x000000)


def metadata(config: str, interval: int) -> List[Any]:
    import pyds

    frames: List[Any] = []

    def seen(buffer: Gst.Buffer) -> None:
        node = pyds.gst_buffer_get_nvds_batch_meta(hash(buffer)).frame_meta_list
        while node is not None:
            frame = pyds.NvDsFrameMeta.cast(node.data)
            objects = []
            item = frame.obj_meta_list
            while item is not None:
                found = pyds.NvDsObjectMeta.cast(item.data)
                place = found.rect_params
                box = [place.left, place.top, place.width, place.height]
                facts = [found.class_id, found.obj_label, found.object_id, found.unique_component_id]
                objects.append([*facts, round(found.confidence, 2), [round(side) for side in box]])
                try:
                    item = item.next
                except StopIteration:
                    break
            frames.append([frame.source_id, frame.frame_num, frame.bInferDone, objects])
            try:
                node = node.next
            except StopIteration:
                break

    played = play(
        "%s ! mux.sink_0 %s batch-size=1 ! nvinfer config-file-path=%s interval=%d ! %s ! fakesink"
        % (camera(BLUE, frames=4), MUX, config, interval, TRACKER),
        prepare=lambda pipeline: probe(pipeline, "tracker", seen),
    )
    assert played.error is None, played.error
    return frames


def test_objects_carry_class_label_number_detector_confidence_and_box(tmp_path: Path, script: str) -> None:
    config = bundle(tmp_path, "[class-attrs-1]", "pre-cluster-threshold=0.5")
    person = [1, "person", 0, 7, 0.8, [80, 36, 160, 90]]
    assert run(metadata, "7.1/dgpu objects=%s" % script, config, 0) == [[0, n, 1, [person]] for n in range(4)]


def test_a_class_that_is_filtered_out_is_not_reported(tmp_path: Path, script: str) -> None:
    config = bundle(tmp_path, "filter-out-class-ids=1")
    assert [frame[3] for frame in run(metadata, "7.1/dgpu objects=%s" % script, config, 0)] == [[]] * 4


def test_the_tracker_repeats_objects_on_frames_without_inference(tmp_path: Path, script: str) -> None:
    config = bundle(tmp_path, "[class-attrs-1]", "pre-cluster-threshold=0.5")
    frames = run(metadata, "7.1/dgpu objects=%s" % script, config, 1)
    assert [frame[2] for frame in frames] == [1, 0, 1, 0]
    assert [[found[2] for found in frame[3]] for frame in frames] == [[0]] * 4
    assert [frame[3][0][4] for frame in frames] == [0.8, -0.1, 0.8, -0.1]


def batches(timeout: int) -> List[List[int]]:
    """The sources of each batch while camera 1 sends one frame a second and camera 0 ten."""
    import pyds

    found: List[List[int]] = []

    def seen(buffer: Gst.Buffer) -> None:
        batch = pyds.gst_buffer_get_nvds_batch_meta(hash(buffer))
        frames = [pyds.NvDsFrameMeta.cast(batch.frame_meta_list.data)]
        if batch.num_frames_in_batch == 2:
            frames.append(pyds.NvDsFrameMeta.cast(batch.frame_meta_list.next.data))
        found.append([frame.source_id for frame in frames])

    slow = camera(GREEN, frames=2, live=True).replace("framerate=10/1", "framerate=1/1")
    played = play(
        "%s ! mux.sink_0 %s ! mux.sink_1 nvstreammux name=mux width=320 height=180 batch-size=2 live-source=1"
        " batched-push-timeout=%d ! fakesink sync=false" % (camera(BLUE, live=True), slow, timeout),
        prepare=lambda pipeline: probe(pipeline, "mux", seen),
    )
    assert played.error is None, played.error
    return found


def test_a_slow_camera_holds_a_batch_no_longer_than_the_timeout() -> None:
    found = run(batches, "7.1/dgpu", 50000)
    assert found.count([0, 1]) <= 2
    assert found.count([0]) >= 7


def test_without_a_timeout_a_batch_waits_for_all_cameras() -> None:
    found = run(batches, "7.1/dgpu", -1)
    assert found[:2] == [[0, 1], [0, 1]]


def test_many_cameras_fit_in_a_batch() -> None:
    assert run(many, "7.1/dgpu", 20) == [20, True, True]


def many(count: int) -> List[Any]:
    # More frames than a buffer can have memories.
    sources = " ".join("%s ! mux.sink_%d" % (camera(0x606060, frames=2), index) for index in range(count))
    sizes: List[int] = []
    played = play(
        "%s nvstreammux name=mux width=64 height=36 batch-size=%d ! nvmultistreamtiler rows=4 columns=5 width=320"
        " height=144 ! %ssink" % (sources, count, TO_RGB),
        prepare=lambda pipeline: probe(pipeline, "mux", lambda buffer: sizes.append(buffer.get_size())),
        sinks=["sink"],
    )
    assert played.error is None, played.error
    first, last = pixels(played.samples["sink"], [[32, 18], [288, 126]])
    return [sizes[0] // (64 * 36 * 3 // 2), near(first, 0x606060), near(last, 0x606060)]


def request_pads() -> List[str]:
    mux = Gst.ElementFactory.make("nvstreammux", None)
    demux = Gst.ElementFactory.make("nvstreamdemux", None)
    pads = [mux.get_request_pad("sink_3"), mux.get_request_pad("sink_%u"), demux.get_request_pad("src_2")]
    names = [pad.get_name() for pad in pads]
    mux.release_request_pad(pads[0])
    return [*names, mux.get_request_pad("sink_3").get_name()]


def test_request_pads_have_the_numbers_that_were_asked_for() -> None:
    assert run(request_pads, "7.1/dgpu") == ["sink_3", "sink_0", "src_2", "sink_3"]


def refused_link() -> bool:
    source = Gst.ElementFactory.make("videotestsrc", None)
    infer = Gst.ElementFactory.make("nvinfer", None)
    pipeline = Gst.Pipeline()
    pipeline.add(source)
    pipeline.add(infer)
    return source.link(infer)


def test_raw_video_in_system_memory_does_not_link_to_nvinfer() -> None:
    assert run(refused_link, "7.1/dgpu") is False


def failure(description: str) -> Optional[str]:
    return play(description).error


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("width=320 batch-size=1", "Output height not set"),
        ("height=180 batch-size=1", "Output width not set"),
        ("width=320 height=180", "Batch size not set"),
    ],
)
def test_a_muxer_without_its_settings_does_not_start(settings: str, error: str) -> None:
    description = "%s ! mux.sink_0 nvstreammux name=mux %s ! fakesink" % (camera(BLUE), settings)
    assert run(failure, "7.1/dgpu", description) == error


def test_an_infer_element_without_its_configuration_does_not_start() -> None:
    source = camera(BLUE)
    assert run(failure, "7.1/dgpu", "%s ! nvinfer ! fakesink" % source) == "Configuration file not provided"
    description = "%s ! nvinfer config-file-path=/nowhere ! fakesink" % source
    assert run(failure, "7.1/dgpu", description) == "Configuration file parsing failed"


def test_a_caffe_network_starts_only_where_its_parser_is(tmp_path: Path) -> None:
    config = tmp_path / "config_infer.txt"
    config.write_text("[property]\nmodel-file=network.caffemodel\n")
    (tmp_path / "network.caffemodel").write_bytes(b"a network")
    description = "%s ! mux.sink_0 %s batch-size=1 ! nvinfer config-file-path=%s ! fakesink" % (
        camera(BLUE),
        MUX,
        config,
    )
    assert run(failure, "6.0.1/jetson", description) is None
    assert run(failure, "7.1/dgpu", description) == "Failed to create NvDsInferContext instance"


@pytest.mark.parametrize(
    ("target", "library", "works"),
    [
        ("5.1/dgpu", "libnvds_mot_iou.so", True),
        ("6.0.1/jetson", "libnvds_mot_iou.so", False),
        ("6.0.1/jetson", "libnvds_nvmultiobjecttracker.so", True),
    ],
)
def test_a_tracker_starts_only_with_a_library_of_its_release(target: str, library: str, works: bool) -> None:
    description = "%s ! mux.sink_0 %s batch-size=1 ! nvtracker ll-lib-file=/lib/%s ! fakesink"
    error = run(failure, target, description % (camera(BLUE), MUX, library))
    assert error == (None if works else "Failed to initialize low level lib.")


def started(config: str, batch_size: int) -> None:
    """Starts nvinfer and stops it again."""
    infer = Gst.ElementFactory.make("nvinfer", None)
    infer.set_property("config-file-path", config)
    infer.set_property("batch-size", batch_size)
    infer.set_state(Gst.State.PAUSED)
    infer.set_state(Gst.State.NULL)


def test_an_engine_is_built_once_and_again_for_a_larger_batch(tmp_path: Path) -> None:
    target = "7.1/dgpu build=0.1"
    config = bundle(tmp_path, "network-mode=2", "model-engine-file=network.onnx_b2_gpu0_fp16.engine")

    def engines() -> Dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.engine")}

    run(started, target, config, 2)
    before = engines()
    assert list(before) == ["network.onnx_b2_gpu0_fp16.engine"]
    run(started, target, config, 2)
    run(started, target, config, 1)
    assert engines() == before
    run(started, target, config, 3)
    larger = engines()
    assert larger != before
    # One that was built for another release does not load.
    run(started, "9.1/dgpu build=0.1", config, 2)
    assert engines() != larger


def updated(config: str, engine: str) -> List[Any]:
    signals: List[Any] = []

    def prepare(pipeline: Gst.Pipeline) -> None:
        infer = pipeline.get_by_name("infer")
        infer.connect("model-updated", lambda element, status, file: signals.append([status, file]))
        frames: List[int] = []

        def seen(buffer: Gst.Buffer) -> None:
            frames.append(1)
            if len(frames) == 3:
                infer.set_property("model-engine-file", engine)

        probe(pipeline, "mux", seen)

    description = "%s ! mux.sink_0 %s batch-size=1 ! nvinfer name=infer config-file-path=%s ! fakesink"
    played = play(description % (camera(BLUE), MUX, config), prepare=prepare)
    assert played.error is None, played.error
    return signals


def test_a_model_is_swapped_while_playing_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    config = bundle(tmp_path)
    engine = str(tmp_path / "network.onnx_b1_gpu0_fp32.engine")
    run(started, "7.1/dgpu", config, 1)
    assert run(updated, "7.1/dgpu", config, engine) == [[0, engine]]
    assert run(updated, "7.1/dgpu", config, "/nowhere.engine") == [[1, "/nowhere.engine"]]
