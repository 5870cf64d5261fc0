"""The engine's pure decisions: sizes, what an error means, when to try again, what is reported."""

import pytest

from sidecar.contract import spec, state
from sidecar.gst import GLib
from sidecar.worker.engines.deepstream.sizes import is_stretched, mux_size, tile_rectangles
from sidecar.worker.outputs.plan import plan_streams
from standins import scenario


def specification(*sizes, cameras=1, layout=spec.LAYOUT_TILED):
    return spec.PipelineSpec(
        cameras=[spec.Camera(id="c%d" % number) for number in range(cameras)],
        outputs=[
            spec.Output(id="o%d" % number, layout=layout, encoding=spec.Encoding(width=width, height=height))
            for number, (width, height) in enumerate(sizes)
        ],
    )


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (specification((1280, 720)), (1280, 720)),
        (specification((640, 360)), (960, 540)),
        (specification((3840, 2160)), (1920, 1080)),
        (specification((1024, 768)), (1024, 768)),
        (specification((1280, 720), cameras=4), (960, 540)),
        # Tiles through which nobody wants to look do not shape what the network sees.
        (specification((1280, 720), cameras=2), (960, 540)),
        (specification((1280, 360), cameras=2), (960, 540)),
        (specification((1280, 720), (640, 480), cameras=2, layout=spec.LAYOUT_PER_CAMERA), (1280, 720)),
    ],
)
def test_the_muxer_s_frames_have_the_tiles_shape_if_it_is_one_of_cameras(wanted, size):
    assert mux_size(plan_streams(wanted)) == size


def test_a_tile_of_another_shape_stretches_the_frames():
    (narrow,) = plan_streams(specification((1280, 720), cameras=2))
    (fitting,) = plan_streams(specification((1280, 360), cameras=2))
    assert is_stretched(narrow, mux_size([narrow]))
    assert not is_stretched(fitting, mux_size([fitting]))


def test_tiles_are_where_the_tiler_puts_them():
    (tiled,) = plan_streams(specification((1280, 720), cameras=3))
    assert [tuple(one) for one in tile_rectangles(tiled, (960, 540))] == [
        (0, 0, 426, 720),
        (426, 0, 426, 720),
        (852, 0, 426, 720),
    ]
    alone = plan_streams(specification((640, 360), cameras=2, layout=spec.LAYOUT_PER_CAMERA))[1]
    assert [tuple(one) for one in tile_rectangles(alone, (960, 540))] == [(0, 0, 960, 540)]


def reported():
    """Runs where there is a pyds."""
    from sidecar.worker.engines.deepstream.detection_reporter import DetectionReporter, FrameObjects, to_contract
    from sidecar.worker.inference.postprocess import Object

    def seen(*objects, width=1280, height=960, wall_time=1700000000000000001):
        return FrameObjects("one", width, height, (960, 540), wall_time, 5, True, list(objects))

    def summary(frame):
        message = to_contract(frame)
        return {
            "capture": message.capture_time.ToNanoseconds(),
            "boxes": [[one.box.left, one.box.top, one.box.width, one.box.height] for one in message.detections],
            "ids": [one.track_id if one.HasField("track_id") else None for one in message.detections],
            "confidences": [round(one.confidence, 3) for one in message.detections],
        }

    inside = Object(0, "car", 0.75, 90.0, 54.0, 180.0, 108.0, 7)
    beyond = Object(1, "bus", -0.1, 700.0, 500.0, 100.0, 100.0, None)
    outside = Object(1, "bus", 0.9, 800.0, 0.0, 10.0, 10.0, None)

    published = []
    reporter = DetectionReporter(published.append, lambda: True)
    for _ in range(10):
        reporter.put(seen(inside))
    reporter.stop()
    return {"frame": summary(seen(inside, beyond, outside)), "published": len(published), "dropped": reporter.dropped}


def test_boxes_are_mapped_to_the_camera_s_pixels():
    result = scenario.run(reported, "7.1/dgpu")
    # 1280x960 lies in the left 720 of 960x540: the scale is 960 / 540.
    scale = 960 / 540
    inside, beyond = result["frame"]["boxes"]
    assert inside == pytest.approx([90 * scale, 54 * scale, 180 * scale, 108 * scale], rel=1e-5)
    assert beyond == pytest.approx([700 * scale, 500 * scale, 1280 - 700 * scale, 960 - 500 * scale], rel=1e-4)
    assert result["frame"]["ids"] == [7, None]
    assert result["frame"]["confidences"] == [0.75, 0.0]
    assert result["frame"]["capture"] == 1700000000000000001
    assert (result["published"], result["dropped"]) == (10, 0)


def overrun():
    import threading

    from sidecar.worker.engines.deepstream.detection_reporter import DetectionReporter, FrameObjects

    held = threading.Event()
    published = []

    def publish(message):
        held.wait()
        published.append(message)

    reporter = DetectionReporter(publish, lambda: True)
    frame = FrameObjects("one", 320, 180, (960, 540), 1, 1, True, [])
    for _ in range(300):
        reporter.put(frame)
    held.set()
    reporter.stop()
    return {"published": len(published), "dropped": reporter.dropped}


def test_detections_that_a_reader_is_too_slow_for_are_dropped_and_counted():
    result = scenario.run(overrun, "7.1/dgpu")
    assert result["published"] + result["dropped"] == 300
    assert result["dropped"] > 0


def meanings():
    from sidecar.worker.engines.deepstream.graph_failure import element_failure

    def reason(element, text, debug=""):
        error = GLib.Error.new_literal(GLib.quark_from_string("test"), text, 1)
        return element_failure(element, error, debug)

    return {
        "gpu": list(reason("mux", "Buffer conversion failed", "cuda error 719 in surface transform")),
        "model": list(reason("infer", "Failed to create NvDsInferContext instance")),
        "element": list(reason("nvv4l2h264enc0", "Device '/dev/v4l2-nvenc' failed during initialization")),
        "secret": list(reason("mux", "rtsp://me:word@camera/ is gone")),
    }


def test_an_element_s_error_has_a_reason():
    result = scenario.run(meanings, "7.1/dgpu")
    assert result["gpu"][0] == state.FAILURE_REASON_GPU
    assert result["model"][:2] == [state.FAILURE_REASON_MODEL, "infer: Failed to create NvDsInferContext instance"]
    assert result["element"][0] == state.FAILURE_REASON_ELEMENT
    assert "word" not in result["secret"][1]


def exited(status):
    return status << 8


def builds():
    from sidecar.worker.engines.deepstream.graph_failure import build_failure

    refused = "ERROR: failed to build network.\nprebuild: Failed to create NvDsInferContext instance"
    return {
        "built": build_failure(exited(0), "built in 60 s"),
        "refused": list(build_failure(exited(1), refused)),
        "not built": list(build_failure(exited(1), "ERROR: failed to build trt engine.")),
        "not stored": list(build_failure(exited(2), "prebuild: the TensorRT engine cannot be stored")),
        "killed": list(build_failure(9, "")),
    }


def test_a_failed_build_has_a_reason_and_is_retried_only_if_the_failure_is_transient():
    result = scenario.run(builds, "7.1/dgpu")
    assert result["built"] is None
    transient = {name: failure[2] for name, failure in result.items() if failure}
    assert transient == {"refused": False, "not built": True, "not stored": True, "killed": True}
    assert result["not stored"][0] == state.FAILURE_REASON_STORAGE
    assert {result[name][0] for name in ("refused", "not built", "killed")} == {state.FAILURE_REASON_MODEL}
    assert "killed by SIGKILL" in result["killed"][1]


def delays():
    from sidecar.contract import state
    from sidecar.worker.engines.deepstream.graph_failure import GraphFailure, retry_delay

    def of(**how):
        failure = GraphFailure(state.FAILURE_REASON_MODEL, "", **how)
        return [retry_delay(failure, failures) for failures in (0, 1, 5, 1000)]

    return [of(), of(in_build=True), of(in_build=True, is_transient=False)]


def test_a_graph_is_retried_soon_a_build_late_and_a_permanent_failure_never():
    graph, build, refused = scenario.run(delays, "7.1/dgpu")
    assert graph == [2, 4, 60, 60]
    assert build == [60, 120, 1920, 3600]
    assert refused == [None] * 4
