"""What happens to one camera does not touch the others, and settings change while frames flow."""

import json
import os
import subprocess
import sys

import pytest

from sidecar.contract import pipeline, spec
from sidecar.contract import state as contract
from sidecar.tests.deepstream_sidecar import (
    DEADLINE_SECONDS,
    PYTHONPATH,
    SUPPORT,
    RtspCamera,
    Sidecar,
    camera,
    changes,
    eventually,
    free_port,
    is_standby,
    phase,
    render,
)
from sidecar.tests.endless_answer import EndlessAnswer
from sidecar.tests.playing_camera import OneSessionCamera, PlayingCamera


@pytest.fixture(scope="module", params=["t4", "nano", "t4 with the new muxer"])
def sidecar(request):
    # The Nano's muxer has no property to drop the end of a stream.
    one = Sidecar(request.param)
    yield one
    one.stop()


def frames_of(state, camera_id):
    return next(one.counters.frames_inferred for one in state.cameras if one.id == camera_id)


# Parts of the first of two tiles: its lower left corner, and its middle, where the text is.
FAR_CORNER, FAR_MIDDLE = "20,100,100,60", "60,70,200,40"


def is_black_with_text(frame):
    corner, middle = frame["regions"]
    return corner["y"] < 25 and middle["max"] > 100


def is_dimmed_with_text(frame):
    """A camera's last frame, at a third of its light."""
    corner, middle = frame["regions"]
    return corner["y"] < 50 and middle["max"] > 100


def test_a_lost_camera_shows_why_and_stops_no_other(sidecar):
    port = free_port()
    rtsp = RtspCamera(port)
    cameras = [camera("far", rtsp.address), camera("near")]
    outputs = [sidecar.output(), sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=320)]
    assert sidecar.apply("lost", sidecar.specification(cameras=cameras, outputs=outputs)).accepted
    sidecar.until_serving()
    sidecar.until(lambda state: phase(state.cameras, "far") == "live")
    before = sidecar.state()

    rtsp.stop()
    lost = sidecar.until(lambda state: (phase(state.cameras, "far"), phase(state.cameras, "near")) == ("lost", "live"))
    far = next(one for one in lost.cameras if one.id == "far")
    assert far.lost.detail
    assert far.lost.HasField("next_attempt")
    # The other camera goes on, in the same graph.
    sidecar.until(lambda state: frames_of(state, "near") > frames_of(lost, "near") + 15)
    assert sidecar.state().pipeline.since == before.pipeline.since
    # Its tile shows the last frame dimmed, and in the middle why.
    sidecar.until_seen("/main", is_dimmed_with_text, "--region", FAR_CORNER, "--region", FAR_MIDDLE)

    # Its own stream is the standby picture, which says why.
    sidecar.until_seen("/each/far", is_standby, "--region", "10,130,100,40", "--region", "60,70,200,40")

    again = RtspCamera(port)
    try:
        back = sidecar.until(lambda state: phase(state.cameras, "far") == "live")
        assert back.pipeline.since == before.pipeline.since
        assert frames_of(back, "far") >= frames_of(before, "far")
        sidecar.until_seen("/main", lambda frame: frame["regions"][0]["y"] > 60, "--region", FAR_CORNER)
        sidecar.until_seen("/each/far", lambda frame: frame["regions"][0]["y"] > 45, "--region", "10,130,100,40")
    finally:
        again.stop()


def test_a_lost_camera_costs_another_no_frames(sidecar):
    port = free_port()
    rtsp = RtspCamera(port)
    cameras = [camera("far", rtsp.address), camera("near", "test://ball?width=320&height=180&rate=50")]
    assert sidecar.apply("fast", sidecar.specification(cameras=cameras)).accepted
    sidecar.until(lambda state: phase(state.cameras, "far") == "live")
    rtsp.stop()
    lost = sidecar.until(lambda state: phase(state.cameras, "far") == "lost").cameras[1].counters
    later = sidecar.until(lambda state: state.cameras[1].counters.frames_received >= lost.frames_received + 100)
    taken = later.cameras[1].counters.frames_dropped - lost.frames_dropped
    # A busy machine costs a few; a muxer that waits for the other camera costs most.
    assert taken <= 25, (lost, later)


def test_a_camera_may_change_its_frame_size_in_mid_stream(sidecar):
    script = os.path.join(SUPPORT, "fickle_camera.py")
    fickle = subprocess.Popen(
        [sys.executable, script, "--width", "320", "--height", "184", "--rate", "8"],
        env=dict(os.environ, PYTHONPATH=PYTHONPATH),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        cameras = [camera("fickle", json.loads(fickle.stdout.readline())["address"]), camera("near")]
        assert sidecar.apply("fickle", sidecar.specification(cameras=cameras)).accepted
        sizes = {(found.frame_width, found.frame_height) for found in sidecar.detections("fickle", 5)}
        assert sizes == {(320, 184)}
        before = sidecar.state()
        fickle.stdin.write(b"size 480 272\n")
        fickle.stdin.flush()
        found = sidecar.detections("fickle", 3, lambda found: found.frame_width == 480)[-1]
        # The car's left edge is at a quarter of the muxer's frame, which both sizes fill except for a few pixels.
        assert found.detections[0].box.left == pytest.approx(120, abs=3)
        after = sidecar.state()
        assert after.pipeline.since == before.pipeline.since
        assert phase(after.cameras, "near") == "live"
    finally:
        fickle.kill()
        fickle.wait()
        fickle.stdin.close()
        fickle.stdout.close()


def test_cameras_whose_frames_arrive_in_turn_are_inferred_alike(sidecar):
    cameras = [camera("one", "test://ball?width=320&height=180&rate=5"), camera("two")]
    specification = sidecar.specification(cameras=cameras)
    specification.models[0].interval = 1
    assert sidecar.apply("in turn", specification).accepted
    sidecar.until_serving()
    for camera_id in ("one", "two"):
        found = sidecar.detections(camera_id, 12)
        inferred = [one.inferred for one in found]
        # At least every second frame: a batch with a frame of both may be early for one of them.
        assert all(any(pair) for pair in zip(inferred, inferred[1:])), (camera_id, inferred)


def test_what_is_drawn_on_one_stream_does_not_appear_on_another(sidecar):
    """With black frames, a tile is only what is drawn on it."""
    cameras = [camera("one", "test://black?width=320&height=180&rate=15"), camera("two", "test://black?rate=15")]
    overlay = spec.Overlay(names=True, counts=True)
    right_tile = ("--region", "320,0,320,180")

    def written(state):
        seen = []
        sidecar.until_seen("/main", lambda frame: seen.append(frame["regions"][0]["y"]) or len(seen) == 20, *right_tile)
        return sorted(seen)[10]

    assert sidecar.apply("alone", sidecar.specification(cameras=cameras, overlay=overlay)).accepted
    alone = written(sidecar.until_serving())
    outputs = [sidecar.output(), sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=320)]
    both = sidecar.specification(cameras=cameras, overlay=overlay, outputs=outputs)
    assert sidecar.apply("beside others", both).accepted
    beside = written(sidecar.until_serving())
    assert beside == pytest.approx(alone, abs=0.15)


def test_the_object_with_the_highest_confidence_comes_first_whether_a_frame_was_inferred_or_not(sidecar):
    specification = sidecar.specification()
    specification.models[0].interval = 3
    assert sidecar.apply("skipping", specification).accepted
    sidecar.until_serving()
    for found in sidecar.detections("two", 10, lambda found: len(found.detections) == 2):
        assert [one.label for one in found.detections] == ["car", "person"]


def test_a_camera_that_sends_rarely_stays_live_and_viewers_keep_its_last_frame(sidecar):
    rare = PlayingCamera(public="OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
    try:
        cameras = [camera("rare", rare.address), camera("near")]
        outputs = [sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=320)]
        assert sidecar.apply("rare", sidecar.specification(cameras=cameras, outputs=outputs)).accepted
        rare.is_played.wait(DEADLINE_SECONDS)
        rare.send_frame()
        live = sidecar.until(lambda state: phase(state.cameras, "rare") == "live")
        # Six seconds, by the other camera's frames.
        later = sidecar.until(lambda state: frames_of(state, "near") > frames_of(live, "near") + 90)
        assert phase(later.cameras, "rare") == "live"
        assert later.cameras[0].since == live.cameras[0].since
        rare.send_frame(6)
        sidecar.until(lambda state: frames_of(state, "rare") == 2)
        sidecar.until_seen(
            "/each/rare", lambda frame: not is_standby(frame), "--region", "10,130,100,40", "--region", "60,70,200,40"
        )
        assert rare.connections == 1
    finally:
        rare.stop()


def test_a_camera_that_allows_one_session_is_restarted_without_a_refusal(sidecar):
    single = OneSessionCamera()
    try:
        assert sidecar.apply("single", sidecar.specification(cameras=[camera("single", single.address)])).accepted
        assert single.is_played.wait(DEADLINE_SECONDS)
        single.send_frame()
        sidecar.until(lambda state: phase(state.cameras, "single") == "live")
        sidecar.stub.RestartCamera(pipeline.RestartCameraRequest(camera_id="single"), timeout=DEADLINE_SECONDS)
        eventually(lambda: single.methods().count("PLAY") == 2, "a second session", within=DEADLINE_SECONDS)
        single.send_frame()
        sidecar.until(lambda state: frames_of(state, "single") == 2)
        assert phase(sidecar.state().cameras, "single") == "live"
        assert single.refusals == 0
    finally:
        single.stop()


def test_a_camera_whose_answer_never_ends_delays_no_other(sidecar):
    endless = EndlessAnswer()
    try:
        cameras = [camera("endless", endless.address), camera("near")]
        assert sidecar.apply("endless", sidecar.specification(cameras=cameras)).accepted
        lost = sidecar.until(lambda state: phase(state.cameras, "endless") == "lost")
        later = sidecar.until(lambda state: frames_of(state, "near") > frames_of(lost, "near") + 15)
        assert later.pipeline.since == lost.pipeline.since
        # Another graph does not wait for it either.
        assert sidecar.apply("without", sidecar.specification()).accepted
        sidecar.until_serving()
        connected = sidecar.stub.Connect(pipeline.ConnectRequest(), timeout=DEADLINE_SECONDS)
        assert connected.instance_id == sidecar.connected.instance_id
    finally:
        endless.release()


def test_a_camera_that_repeats_one_frame_is_lost_as_frozen_until_its_frames_differ(sidecar, tmp_path):
    still = RtspCamera(file=render(str(tmp_path / "still.mkv"), "red"))
    far = camera("far", still.address)
    far.frozen_after.FromSeconds(2)
    assert sidecar.apply("frozen", sidecar.specification(cameras=[far, camera("near")])).accepted

    def is_frozen(state):
        return state.cameras[0].lost.reason == contract.CAMERA_LOST_REASON_FROZEN

    frozen = sidecar.until(is_frozen)
    sidecar.until_seen("/main", is_dimmed_with_text, "--region", FAR_CORNER, "--region", FAR_MIDDLE)
    # The next connection gives the same frame: it is received, and not inferred.
    received = frozen.cameras[0].counters.frames_received
    again = sidecar.until(lambda state: state.cameras[0].counters.frames_received > received + 10)
    assert is_frozen(again)
    assert frames_of(again, "far") <= frames_of(frozen, "far") + 2
    assert frames_of(again, "near") > frames_of(frozen, "near")
    still.stop()
    moving = RtspCamera(int(still.address.split(":")[2].split("/")[0]))
    try:
        sidecar.until(lambda state: phase(state.cameras, "far") == "live")
        sidecar.until_seen("/main", lambda frame: frame["regions"][0]["y"] > 60, "--region", FAR_CORNER)
    finally:
        moving.stop()


def test_a_refused_login_is_reported_and_tried_rarely(sidecar, tmp_path):
    film = render(str(tmp_path / "film.mkv"), "smpte")
    locked = RtspCamera(file=film, options=("--user", "admin", "--password", "s3cret"))
    try:
        far = camera("far", locked.address)
        far.credentials.username, far.credentials.password = "admin", "wr0ng-pass"
        assert sidecar.apply("locked", sidecar.specification(cameras=[far, camera("near")])).accepted
        status = sidecar.until(lambda state: phase(state.cameras, "far") == "lost").cameras[0]
        lost = status.lost
        assert lost.reason == contract.CAMERA_LOST_REASON_AUTH_FAILED
        assert "wr0ng" not in lost.detail
        assert lost.next_attempt.seconds - status.since.seconds > 20
        # Another graph does not bring the next attempt forward.
        changed = sidecar.specification(cameras=[far, camera("near"), camera("more")])
        assert changes(sidecar.apply("locked, and one more", changed))["cameras[far]"] == "EFFECT_REBUILD"
        still = sidecar.until(lambda state: frames_of(state, "more") > 5).cameras[0].lost
        assert still.attempts == lost.attempts
        assert abs(still.next_attempt.ToNanoseconds() - lost.next_attempt.ToNanoseconds()) < 2e9
    finally:
        locked.stop()


def test_a_camera_that_never_answers_is_retried_while_the_others_play(sidecar):
    cameras = [camera("none", "rtsp://127.0.0.1:%d/none" % free_port()), camera("near")]
    outputs = [sidecar.output(width=1280, height=720)]
    assert sidecar.apply("never", sidecar.specification(cameras=cameras, outputs=outputs)).accepted
    sidecar.until(
        lambda state: (
            (phase(state.cameras, "none"), phase(state.cameras, "near")) == ("lost", "live")
            and frames_of(state, "near") > 5
        )
    )
    sidecar.until(lambda state: next(one.lost.attempts for one in state.cameras if one.id == "none") >= 2)

    def is_colourless_black(frame):
        corner, middle = frame["regions"]
        return (corner["y"], corner["u"], corner["v"]) == pytest.approx((16, 128, 128), abs=1) and middle["max"] > 100

    sidecar.until_seen("/main", is_colourless_black, "--region", "40,560,200,120", "--region", "120,320,400,80")


def test_a_file_is_played_in_a_loop(sidecar, tmp_path):
    clip = render(str(tmp_path / "clip.mkv"), "smpte")
    # The other camera serves as a clock, which a slow machine slows down too.
    cameras = [camera("film", "file://%s" % clip), camera("clock")]
    assert sidecar.apply("film", sidecar.specification(cameras=cameras)).accepted
    begun = sidecar.until(lambda state: {phase(state.cameras, name) for name in ("film", "clock")} == {"live"})
    # More frames than the file has in two rounds.
    state = sidecar.until(lambda state: frames_of(state, "film") > frames_of(begun, "film") + 30)
    assert phase(state.cameras, "film") == "live"
    # At its own speed, not as fast as possible.
    assert frames_of(state, "clock") > frames_of(begun, "clock") + 10


def test_settings_change_while_frames_flow(sidecar):
    specification = sidecar.specification()
    assert sidecar.apply("before", specification).accepted
    sidecar.until_serving()
    since = sidecar.state().pipeline.since

    changed = spec.PipelineSpec()
    changed.CopyFrom(specification)
    changed.models[0].interval = 2
    changed.models[0].threshold = 0.7
    changed.models[0].classes.append("car")
    changed.overlay.counts = True
    changed.cameras[0].name = "the first one"
    changed.outputs[0].encoding.bitrate = 500000
    done = changes(sidecar.apply("after", changed))
    assert set(done.values()) == {"EFFECT_LIVE"}
    assert set(done) == {
        "models[0].interval",
        "models[0].threshold",
        "models[0].classes",
        "overlay",
        "cameras[one].name",
        "outputs[main]",
    }
    # The person is no car, and its confidence of 0.6 is too low; skipped frames repeat the boxes.
    # The first frames may have been under way before the change.
    skipped = sidecar.detections("two", 8, lambda found: not found.inferred)[3:]
    assert [[one.label for one in found.detections] for found in skipped] == [["car"]] * 5
    assert sidecar.state().pipeline.since == since


def test_a_threshold_below_the_bundle_s_own_takes_another_graph(sidecar):
    assert sidecar.apply("bundle's own", sidecar.specification()).accepted
    sidecar.until_serving()
    specification = sidecar.specification()
    specification.models[0].threshold = 0.1
    assert changes(sidecar.apply("lower", specification))["models"] == "EFFECT_REBUILD"
    sidecar.until_serving()


def test_another_camera_takes_another_graph_and_the_answer_says_so(sidecar):
    assert sidecar.apply("two", sidecar.specification()).accepted
    sidecar.until_serving()
    cameras = [camera("one"), camera("two"), camera("three")]
    response = sidecar.apply("three", sidecar.specification(cameras=cameras))
    assert changes(response) == dict.fromkeys(
        ("cameras[one]", "cameras[two]", "cameras[three]", "outputs[main]"), "EFFECT_REBUILD"
    )
    state = sidecar.until_serving()
    assert [one.id for one in state.cameras] == ["one", "two", "three"]
    sidecar.detections("three", 2)


# A zone whose left edge, and a line that, cross the middle of the first of two tiles from top to bottom.
ZONE = pipeline.Shape(points=[spec.Point(x=x, y=y) for x, y in ((0.5, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.9))])
MIDDLE, ASIDE = "159,60,3,60", "120,60,30,60"


def test_zones_are_drawn_and_change_while_frames_flow_whatever_else_is_drawn(sidecar):
    cameras = [camera("one", "test://black?width=320&height=180&rate=15"), camera("two")]
    specification = sidecar.specification(cameras=cameras, overlay=spec.Overlay(zones=True))
    assert sidecar.apply("zones", specification).accepted
    sidecar.until_serving()
    since = sidecar.state().pipeline.since
    options = ("--region", MIDDLE, "--region", ASIDE)

    def shows(*shapes):
        one = pipeline.CameraZones(camera_id="one", shapes=shapes)
        sidecar.stub.ShowZones(pipeline.ShowZonesRequest(cameras=[one]), timeout=DEADLINE_SECONDS)

    def is_drawn(frame):
        return frame["regions"][0]["max"] > 120 and frame["regions"][1]["max"] < 60

    shows(ZONE)
    sidecar.until_seen("/main", is_drawn, *options)
    shows()
    sidecar.until_seen("/main", lambda frame: frame["regions"][0]["max"] < 60, *options)
    shows(ZONE)
    sidecar.until_seen("/main", is_drawn, *options)
    assert sidecar.state().pipeline.since == since


def test_boxes_are_switched_off_and_a_lost_camera_is_dimmed_all_the_same(sidecar):
    port = free_port()
    rtsp = RtspCamera(port)
    cameras = [camera("far", rtsp.address), camera("near")]
    assert sidecar.apply("no boxes", sidecar.specification(cameras=cameras, overlay=spec.Overlay())).accepted
    sidecar.until(lambda state: phase(state.cameras, "far") == "live")
    rtsp.stop()
    sidecar.until_seen("/main", is_dimmed_with_text, "--region", FAR_CORNER, "--region", FAR_MIDDLE)


def masked(address, *polygons):
    one = camera("one", address)
    for polygon in polygons:
        one.masks.add().points.extend(spec.Point(x=x, y=y) for x, y in polygon)
    return one


def test_masks_are_black_before_anything_is_detected_drawn_or_shown(sidecar):
    """The left half, and a triangle in the lower right."""
    left = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]
    triangle = [(1, 0.5), (1, 1), (0.75, 1)]
    cameras = [masked("test://white?width=320&height=180&rate=15", left, triangle), camera("two")]
    outputs = [sidecar.output(), sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=320)]
    specification = sidecar.specification(cameras=cameras, outputs=outputs, overlay=spec.Overlay())
    assert sidecar.apply("masked", specification).accepted
    regions = ("10,10,140,160", "170,10,60,60", "305,150,12,25", "250,100,20,10")
    options = [word for region in regions for word in ("--region", region)]

    def is_masked(frame):
        dark, bright, dark_too, bright_too = [region["y"] for region in frame["regions"]]
        return max(dark, dark_too) < 20 and min(bright, bright_too) > 200

    for path in ("/main", "/each/one"):
        sidecar.until_seen(path, is_masked, *options)
    seen = []
    # No frame shows what is behind the masks, not even the first.
    assert sidecar.apply("again", sidecar.specification(cameras=cameras, outputs=outputs)).accepted
    sidecar.until_seen("/each/one", lambda frame: seen.append(frame) or len(seen) == 30, *options)
    assert max(frame["regions"][0]["y"] for frame in seen) < 60, seen
