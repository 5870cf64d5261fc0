"""The whole engine on each board: a real worker, a real RTSP camera, real streams and detections."""

import pytest

from sidecar.contract import spec
from sidecar.tests.deepstream_sidecar import (
    BOARDS,
    DEADLINE_SECONDS,
    LABELS,
    NANODET,
    ROOT,
    RtspCamera,
    Sidecar,
    camera,
    phase,
)


@pytest.fixture(scope="module", params=sorted(BOARDS))
def sidecar(request):
    one = Sidecar(request.param)
    one.board = request.param
    yield one
    one.stop()


@pytest.fixture(scope="module")
def rtsp_camera():
    one = RtspCamera()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def running(sidecar, rtsp_camera):
    """One camera over RTSP and one test source, with a tiled stream and a stream of each."""
    specification = sidecar.specification(
        cameras=[camera("one", rtsp_camera.address), camera("two")],
        outputs=[sidecar.output(), sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=320)],
    )
    sidecar.response = sidecar.apply("first", specification)
    assert sidecar.response.accepted, sidecar.response
    sidecar.until_serving()
    return sidecar


def test_connect_names_the_engine_the_board_and_the_release(sidecar):
    connected = sidecar.connected
    assert connected.engine == "deepstream"
    assert connected.board == sidecar.board.split(" ")[0]
    assert connected.deepstream_release == BOARDS[sidecar.board][0].split("/")[0]
    assert list(connected.capabilities.codecs) == [spec.CODEC_H264, spec.CODEC_H265]
    assert spec.TRACKER_ALGORITHM_IOU in connected.capabilities.trackers


def test_streams_arrive_over_rtsp(running):
    for path, width in (("/main", 640), ("/each/one", 320), ("/each/two", 320)):
        seen = running.view(path, 10)
        assert [(frame["width"], frame["height"]) for frame in seen] == [(width, 180)] * 10


def test_boxes_are_drawn_in_each_camera_s_tile_and_in_its_own_stream(running):
    """The car's left edge is at a quarter of the frame, from half its height down. Its outline is red."""

    def until_red(path, *regions, but_not=()):
        def is_red(frame):
            reds = [region["v"] for region in frame["regions"]]
            return min(reds[: len(regions)]) > 140 > max([0, *reds[len(regions) :]])

        running.until_seen(path, is_red, *[word for region in (*regions, *but_not) for word in ("--region", region)])

    until_red("/main", "80,100,2,30", "400,100,2,30")
    until_red("/each/one", "80,100,2,30")
    # At half of it there would be one if two streams moved the same box.
    until_red("/each/two", "80,100,2,30", but_not=["40,50,2,15"])


def test_detections_arrive_over_grpc_in_the_camera_s_pixels(running):
    found = running.detections("one", 3, lambda frame: frame.inferred)[-1]
    assert (found.frame_width, found.frame_height) == (320, 184)
    (car,) = found.detections
    assert (car.class_id, car.label) == (0, "car")
    assert car.confidence == pytest.approx(0.8, abs=0.001)
    assert not car.HasField("track_id")
    # The stand-in's boxes are in fractions of the muxer's frame, which is wider than the camera's: that fills the top
    # left, 176 / 184 of the whole width.
    assert car.box.top == pytest.approx(92, abs=1)
    assert car.box.height == pytest.approx(46, abs=1)
    assert {one.label for one in running.detections("two")[0].detections} == {"car", "person"}


def test_a_camera_s_state_has_its_encoding_and_size(running, rtsp_camera):
    state = running.state()
    assert state.pipeline.WhichOneof("state") == "running"
    one, two = state.cameras
    assert (one.live.encoding, one.live.width, one.live.height) == ("H264", 320, 184)
    assert (two.live.encoding, two.live.width, two.live.height) == ("raw", 320, 180)
    assert one.counters.frames_inferred > 0
    assert one.counters.frames_received >= one.counters.frames_inferred


def test_only_a_board_without_an_encoder_encodes_on_the_cpu(running):
    codes = [problem.code for problem in running.response.problems]
    assert ("software-encoder" in codes) == (running.board == "orin-nano")


def test_a_snapshot_is_a_jpeg(running):
    from sidecar.contract import pipeline

    jpeg = running.stub.TakeSnapshot(pipeline.TakeSnapshotRequest(output_id="main"), timeout=DEADLINE_SECONDS).jpeg
    assert jpeg[:2] == b"\xff\xd8"


def test_the_video_of_a_stream_begins_with_a_key_frame(running):
    from sidecar.contract import pipeline

    call = running.stub.WatchVideo(pipeline.WatchVideoRequest(output_id="main"), timeout=DEADLINE_SECONDS)
    first, second = next(call), next(call)
    call.cancel()
    assert first.key
    assert not second.key
    # A decoder needs one of the two: a description, or a byte stream with parameter sets.
    assert first.description or first.data[:4] == b"\x00\x00\x00\x01"


def test_the_elements_of_the_graph_are_described(running):
    from sidecar.contract import pipeline

    request = pipeline.DescribePipelineRequest()
    (described,) = running.stub.DescribePipeline(request, timeout=DEADLINE_SECONDS).pipelines
    assert described.name == "deepstream"
    mux = [line for line in described.branches if line.startswith("nvstreammux (mux)")]
    assert [line for line in mux if " -> nvinfer (infer)" in line]
    assert [line for line in described.branches if line.endswith(" -> udpsink (loopback)")]


def test_objects_keep_their_track_ids_from_frame_to_frame(running):
    specification = running.specification(tracker=spec.Tracker(algorithm=spec.TRACKER_ALGORITHM_IOU))
    assert running.apply("tracked", specification).accepted
    frames = running.detections("one", 10, lambda frame: len(frame.detections) == 1)
    assert {frame.detections[0].HasField("track_id") for frame in frames} == {True}
    assert len({frame.detections[0].track_id for frame in frames}) == 1


def test_raw_tensors_are_decoded_as_on_engine_cpu(running):
    demo = camera("demo", "file://%s/footage/demo.mp4" % ROOT)
    specification = running.specification(
        cameras=[demo], model=spec.Model(bundle_path=NANODET), outputs=[running.output(height=360)]
    )
    assert running.apply("raw", specification).accepted
    found = running.detections("demo", 1, lambda frame: len(frame.detections) > 0)[0]
    assert found.detections[0].label == "person"
    assert (found.frame_width, found.frame_height) == (1280, 720)
    assert phase(running.state().cameras, "demo") == "live"
    assert LABELS[0] == "car"
