"""One camera of engine cpu, from connection to loss and back, with real sources."""

import gc
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import weakref

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from sidecar.contract import spec, state
from sidecar.gst import Gio, Gst
from sidecar.tests.endless_answer import Describes, EndlessAnswer
from sidecar.tests.main_loop import turn_until
from sidecar.worker.cameras import state as camera_state
from sidecar.worker.cameras.controller import CameraController
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines import rtsp_connections, shared_elements, source_closer
from sidecar.worker.engines.cpu.camera_source import CpuCameraSource
from sidecar.worker.engines.cpu.frame_detector import Detections
from sidecar.worker.engines.cpu.frame_processor import FrameProcessor
from sidecar.worker.engines.cpu.inference_threads import InferenceThreads
from sidecar.worker.engines.describe import branches
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.planes import planes, video_info
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.status.events import EventLog
from sidecar.worker.status.store import StatusStore

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..")
DEMO = "file://" + os.path.abspath(os.path.join(ROOT, "footage", "demo.mp4"))
DEADLINE_SECONDS = 60


def niceness():
    """This thread's."""
    return os.getpriority(os.PRIO_PROCESS, 0)


class NothingDetected:
    """A detector without a network: these tests are about cameras."""

    still_interval = 0.0

    def reset(self):
        pass

    def is_due(self, luma, seconds):
        return True

    def infer(self, frame):
        return Detections([], True, 0.0, 0.0)

    def predict(self, width, height, seconds):
        return Detections([], False, 0.0, 0.0)

    def follow(self, found, frame, seconds):
        return found


class Watched:
    """A camera with all that it reports and delivers."""

    def __init__(self, **fields):
        Gst.init(None)
        self.store = StatusStore(EventLog())
        self.frames = []
        self.texts = []
        one = spec.Camera(id="one", **fields)
        self.threads = InferenceThreads()
        self.detector = NothingDetected()
        self.processor = FrameProcessor(
            "one",
            self.detector,
            self.threads,
            Masks(one.masks) if one.masks else None,
            None,
            self.frames.append,
            lambda _detections: None,
            lambda: False,
        )
        self.closer = SourceCloser()
        self.source = CpuCameraSource(one, self.processor, self.texts.append, self.closer)
        self.controller = CameraController(
            one, self.source, self.processor.stats, self.processor.freeze_detector, self.store
        )
        self.store.add_camera("one", self.processor.stats.fill)
        self.controller.start()

    def stop(self):
        self.close()
        self.threads.stop()
        self.closer.wait(DEADLINE_SECONDS)
        assert self.closer.hanging("one") == 0

    def close(self):
        self.controller.stop()
        self.source.close()

    def status(self):
        return self.store.snapshot().cameras[0]

    def until(self, condition):
        """Turns the main loop until the condition holds."""
        turn_until(condition, self.status, DEADLINE_SECONDS)


@pytest.fixture
def watch():
    watched = []

    def start(**fields):
        watched.append(Watched(**fields))
        return watched[-1]

    yield start
    for one in watched:
        one.stop()


@pytest.fixture
def demo_camera():
    """Starts demo cameras: real RTSP."""
    processes = []

    def start(*arguments):
        environment = dict(os.environ, PYTHONPATH=os.path.join(ROOT, "src"), SLIPSTREAM_LIFELINE="stdin")
        process = subprocess.Popen(
            [sys.executable, "-m", "dev.camera", *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        return process, json.loads(process.stdout.readline())["address"]

    yield start
    for process in processes:
        process.kill()
        process.communicate(timeout=DEADLINE_SECONDS)


def render(source, path):
    """Writes a Matroska file."""
    Gst.init(None)
    writer = Gst.parse_launch(
        "%s ! x264enc key-int-max=10 bframes=0 ! matroskamux ! filesink location=%s" % (source, path)
    )
    writer.set_state(Gst.State.PLAYING)
    assert writer.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS) is not None
    writer.set_state(Gst.State.NULL)


def is_live(one):
    return lambda: one.status().WhichOneof("state") == "live"


def is_lost(one):
    return lambda: one.status().WhichOneof("state") == "lost"


def test_a_camera_is_connecting_until_its_first_frame_and_live_from_then_on(watch):
    one = watch(uri="test://ball?width=320&height=180&rate=30")
    assert one.status().connecting.attempt == 1
    one.until(is_live(one))
    assert (one.status().live.width, one.status().live.height) == (320, 180)
    one.until(lambda: one.frames)
    assert one.frames[0].width == 320


def test_a_file_plays_in_a_loop_at_its_own_speed_with_time_running_on(watch, tmp_path):
    path = str(tmp_path / "short.mkv")
    render("videotestsrc num-buffers=15 ! video/x-raw,width=64,height=64,framerate=30/1", path)
    one = watch(uri="file://" + path)
    one.until(lambda: len(one.frames) >= 40)
    times = [frame.clock_time for frame in one.frames]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    # At 30 a second, over two seams that are not longer than a frame: a busy machine skips frames, and shifts none.
    steps = [(later - earlier) / 1e9 * 30 for earlier, later in zip(times, times[1:])]
    assert steps == [pytest.approx(round(step), abs=0.1) for step in steps]
    assert max(steps) < 30, "a round is not skipped"


def test_a_file_and_a_camera_have_the_same_name_for_a_codec(watch):
    one = watch(uri=DEMO)
    names = []
    one.until(lambda: names.append(one.status().live.encoding) or is_live(one)())
    one.until(lambda: names.append(one.status().live.encoding) or len(one.frames) > 10)
    assert set(names) - {""} == {"H264"}
    assert names[names.index("H264") :].count("") == 0


def test_rtsp_comes_in_with_its_encoding_and_a_camera_that_returns_is_live_again(watch, demo_camera):
    process, address = demo_camera()
    one = watch(uri=address)
    one.until(is_live(one))
    assert one.status().live.encoding == "H264"
    since = one.status().since

    process.kill()
    process.wait()
    one.until(is_lost(one))
    lost = one.status().lost
    assert lost.reason in (state.CAMERA_LOST_REASON_ENDED, state.CAMERA_LOST_REASON_UNREACHABLE)
    assert lost.HasField("next_attempt")
    assert "no signal since" in one.texts[-1].text

    port = address.split(":")[2].split("/")[0]
    demo_camera("--port", port)
    one.until(is_live(one))
    assert one.status().since != since
    assert one.status().counters.frames_received > 0


def test_the_pipeline_of_a_camera_is_what_its_file_says(watch, demo_camera):
    one = watch(uri=demo_camera()[1])
    one.until(is_live(one))
    (described,) = branches(one.source.pipeline)
    assert [element.split(" ")[0] for element in described.split(" -> ")] == [
        "rtspsrc",
        "rtph264depay",
        "h264parse",
        "avdec_h264",
        "videoconvert",
        "capsfilter",
        "appsink",
    ]


def test_a_camera_that_is_off_is_not_connected_to_until_it_is_on_and_no_more_when_it_is_off_again(watch):
    off = spec.CameraOff(until=Timestamp(seconds=int(time.time()) + 3600))
    one = watch(uri="test://ball?width=320&height=180&rate=30", off=off)
    assert one.status().off.until == off.until
    assert re.match(r"off until \d\d:\d\d$", one.texts[-1].text)
    assert one.texts[-1].dark
    assert one.source.pipeline is None

    one.controller.update(spec.Camera(id="one", uri="test://ball?width=320&height=180&rate=30"))
    assert one.status().WhichOneof("state") == "connecting"
    one.until(is_live(one))

    one.controller.update(spec.Camera(id="one", uri="test://ball?width=320&height=180&rate=30", off=spec.CameraOff()))
    assert one.status().HasField("off")
    assert not one.status().off.HasField("until")
    assert one.texts[-1] == TileText("off", dark=True)
    assert one.source.pipeline is None
    assert one.status().counters.frames_received > 0


def test_a_wrong_password_is_said_and_not_tried_again_soon(watch, demo_camera):
    _, address = demo_camera("--user", "admin", "--password", "s3cr@t/x")
    one = watch(uri=address, credentials=spec.Credentials(username="admin", password="wr0ng-pass"))
    one.until(is_lost(one))
    status = one.status()
    lost = status.lost
    assert lost.reason == state.CAMERA_LOST_REASON_AUTH_FAILED
    assert "wr0ng" not in lost.detail
    assert lost.next_attempt.seconds - status.since.seconds > 20


def test_the_right_password_opens_the_camera(watch, demo_camera):
    _, address = demo_camera("--user", "admin", "--password", "s3cr@t/x")
    one = watch(uri=address, credentials=spec.Credentials(username="admin", password="s3cr@t/x"))
    one.until(is_live(one))


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("file:///no/such/file.mp4", state.CAMERA_LOST_REASON_NOT_FOUND),
        ("/dev/video77", state.CAMERA_LOST_REASON_NOT_FOUND),
        ("rtsp://127.0.0.1:1/x", state.CAMERA_LOST_REASON_UNREACHABLE),
        ("test://nosuchpattern", state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC),
    ],
)
def test_each_trouble_has_its_reason_and_its_address(watch, uri, reason):
    one = watch(uri=uri)
    one.until(is_lost(one))
    assert one.status().lost.reason == reason
    assert one.status().lost.detail.startswith(uri)


def test_a_path_that_the_camera_does_not_have_is_not_found(watch, demo_camera):
    _, address = demo_camera()
    one = watch(uri=address + "-and-more")
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_NOT_FOUND


def test_a_camera_that_falls_silent_is_lost_by_timeout(watch, demo_camera):
    process, address = demo_camera()
    one = watch(uri=address)
    one.until(is_live(one))
    process.send_signal(19)  # SIGSTOP: the connection stays open, and nothing comes
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_TIMEOUT


@pytest.fixture
def certificate(tmp_path):
    """A self-made certificate and its key in one file, as cameras have."""
    path = str(tmp_path / "camera.pem")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=camera -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(" "), "-keyout", path, "-out", path + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(path, "a", encoding="ascii") as both, open(path + ".crt", encoding="ascii") as public:
        both.write(public.read())
    return path


def test_an_rtsps_camera_with_a_certificate_of_its_own_is_refused_and_says_why(watch, demo_camera, certificate):
    _, address = demo_camera("--certificate", certificate)
    one = watch(uri=address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_CERTIFICATE


def test_an_rtsps_camera_comes_in_where_any_certificate_is_accepted(watch, demo_camera, certificate):
    _, address = demo_camera("--certificate", certificate, "--user", "admin", "--password", "s3cret")
    credentials = spec.Credentials(username="admin", password="s3cret")
    one = watch(uri=address, accept_any_certificate=True, credentials=credentials)
    one.until(is_live(one))


def test_a_picture_that_stands_still_is_lost_as_frozen_and_stays_so_until_it_moves(
    watch, demo_camera, monkeypatch, tmp_path
):
    monkeypatch.setattr(camera_state, "FIRST_FRAME_SECONDS", 3.0)
    still = str(tmp_path / "still.mkv")
    render("videotestsrc pattern=red num-buffers=10 ! video/x-raw,width=64,height=64,framerate=10/1", still)
    process, address = demo_camera("--file", still)
    one = watch(uri=address, frozen_after=Duration(seconds=1))

    def is_frozen(attempts):
        lost = one.status().lost
        return lost.reason == state.CAMERA_LOST_REASON_FROZEN and lost.attempts >= attempts

    one.until(lambda: is_frozen(1))
    delivered = len(one.frames)
    # Connected again, it shows the same: lost, not live.
    one.until(lambda: is_frozen(2))
    assert len(one.frames) == delivered
    process.kill()
    process.wait()
    demo_camera("--port", address.split(":")[2].split("/")[0])
    one.until(is_live(one))


def test_a_camera_whose_host_answers_again_is_tried_at_once(watch, demo_camera, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = watch(uri="rtsp://127.0.0.1:%d/demo" % port)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_UNREACHABLE
    demo_camera("--port", str(port))
    one.until(is_live(one))


def test_the_tile_says_since_when_and_how_long_until_the_next_try(watch):
    one = watch(uri="/dev/video77")
    one.until(is_lost(one))
    assert re.match(r"no signal since \d\d:\d\d:\d\d, next try in \d+ s$", one.texts[-1].text)


def test_masked_areas_are_black_in_all_that_is_seen_and_delivered(watch):
    left_half = spec.Polygon(points=[spec.Point(x=x, y=y) for x, y in ((0, 0), (0.5, 0), (0.5, 1), (0, 1))])
    one = watch(uri="test://white?width=64&height=48", masks=[left_half])
    one.until(lambda: one.frames)
    frame = one.frames[0]
    ok, mapped = frame.buffer.map(Gst.MapFlags.READ)
    assert ok
    try:
        seen = planes(mapped.data, frame.buffer, video_info(frame.caps))
        assert (seen.y[:, :32] == 16).all()
        assert (seen.u[:, :16] == 128).all()
        assert (seen.y[:, 34:] > 200).all()
    finally:
        frame.buffer.unmap(mapped)


def test_a_mask_that_cannot_be_drawn_lets_no_frame_pass_and_the_state_says_why(watch, monkeypatch):
    def broken(_masks, _frame):
        raise ValueError("no such plane")

    monkeypatch.setattr(Masks, "apply", broken)
    corner = spec.Polygon(points=[spec.Point(x=x, y=y) for x, y in ((0, 0), (0.5, 0), (0, 0.5))])
    one = watch(uri="test://white?width=64&height=48", masks=[corner])
    one.until(lambda: one.status().WhichOneof("state") == "lost")
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_PRIVACY
    assert "no such plane" in one.status().lost.detail
    assert not one.frames


@pytest.fixture
def endless_answer():
    one = EndlessAnswer()
    yield one
    one.release()


def test_a_camera_whose_answer_has_no_end_holds_nobody_up_and_is_not_opened_for_ever(
    watch, endless_answer, monkeypatch
):
    monkeypatch.setattr(camera_state, "FIRST_FRAME_SECONDS", 0.5)
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 0.0)
    # As if its connections could not be cut.
    monkeypatch.setattr(source_closer, "_CUT_MILLISECONDS", 3600000)
    one = watch(uri=endless_answer.address)
    for count in (1, 2, 3):
        # A source whose close() waited for the end would not come back from it.
        one.until(lambda count=count: endless_answer.reading == count)
        one.until(lambda count=count: one.closer.hanging("one") >= count)
    one.until(lambda: "3 earlier connections have not ended" in one.status().lost.detail)
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_TIMEOUT
    attempts = one.status().lost.attempts
    one.until(lambda: one.status().lost.attempts >= attempts + 3)
    assert endless_answer.reading == 3

    endless_answer.release()
    one.until(lambda: one.status().lost.reason == state.CAMERA_LOST_REASON_UNREACHABLE)
    one.until(lambda: one.closer.hanging("one") == 0)


def test_a_connection_that_does_not_end_is_cut_so_that_its_camera_is_not_shut_out(watch, endless_answer, monkeypatch):
    monkeypatch.setattr(camera_state, "FIRST_FRAME_SECONDS", 0.5)
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 0.0)
    monkeypatch.setattr(source_closer, "_CUT_MILLISECONDS", 100)
    one = watch(uri=endless_answer.address)
    one.until(lambda: endless_answer.reading >= 6)
    assert "have not ended" not in one.status().lost.detail
    one.close()
    # The camera sends on.
    one.until(lambda: one.closer.hanging("one") == 0)


@pytest.mark.parametrize("uri", [DEMO, "test://ball", None])
def test_nothing_is_left_of_a_pipeline_that_was_closed(watch, demo_camera, uri):
    one = watch(uri=uri or demo_camera()[1])
    one.until(is_live(one))
    pipeline = weakref.ref(one.source.pipeline)
    # A weak reference of the bindings that were asked while another thread drops the object would end the process.
    gone = []
    underneath = one.source.pipeline.weak_ref(gone.append, True)
    one.controller.stop()
    one.source.close()
    one.frames.clear()

    def is_gone():
        gc.collect()
        return pipeline() is None and bool(gone)

    one.until(is_gone)
    del underneath


def test_frames_that_are_too_large_never_reach_the_decoder(watch, demo_camera, monkeypatch):
    monkeypatch.setattr(shared_elements, "MOST_PIXELS", 640 * 360)
    _, address = demo_camera()
    one = watch(uri=address)
    one.until(lambda: one.status().WhichOneof("state") == "lost")
    lost = one.status().lost
    assert lost.reason == state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC
    assert "its frames are 1280x720, more than 230400 pixels" in lost.detail
    assert one.status().counters.frames_received == 0


def test_a_file_whose_frames_are_too_large_is_not_decoded(watch, monkeypatch):
    monkeypatch.setattr(shared_elements, "MOST_PIXELS", 640 * 360)
    one = watch(uri=DEMO)
    one.until(lambda: one.status().WhichOneof("state") == "lost")
    assert "its frames are 1280x720" in one.status().lost.detail
    assert one.status().counters.frames_received == 0


def test_a_camera_that_says_too_much_before_it_plays_is_given_up(watch):
    camera = Describes("Content-Length: 500000000\r\n", itertools.repeat(b"x" * 65536))
    one = watch(uri=camera.address)
    one.until(lambda: one.status().WhichOneof("state") == "lost")
    lost = one.status().lost
    assert lost.reason == state.CAMERA_LOST_REASON_BROKEN_STREAM
    assert "more than 1048576 bytes before it plays" in lost.detail
    camera.close()


def test_a_connection_that_never_plays_is_closed_with_its_source(watch):
    camera = Describes("", [])
    one = watch(uri=camera.address)
    one.until(lambda: one.status().WhichOneof("state") == "lost")
    one.close()
    turn_until(lambda: camera.methods and not camera.open, lambda: camera.open, DEADLINE_SECONDS)
    turn_until(
        lambda: not [one for one in gc.get_objects() if isinstance(one, Gio.Socket)], gc.collect, DEADLINE_SECONDS
    )
    camera.close()


def test_what_a_camera_sends_once_it_plays_has_no_bound(watch, demo_camera, monkeypatch):
    # Its description is smaller, and a second of its frames is larger.
    monkeypatch.setattr(rtsp_connections, "MOST_BYTES", 4000)
    _, address = demo_camera()
    one = watch(uri=address)
    one.until(lambda: one.status().counters.frames_received > 30)
    assert one.status().WhichOneof("state") == "live"


def test_a_frame_that_cannot_be_processed_costs_the_connection_and_says_so(watch):
    def cannot_be_delivered(_frame):
        raise ValueError("no room")

    one = watch(uri="test://ball?width=320&height=180&rate=30")
    one.processor._deliver = cannot_be_delivered
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_INTERNAL
    assert "ValueError: no room" in one.status().lost.detail


def test_a_frame_that_its_models_hold_up_is_not_delivered_after_its_camera_was_closed(watch):
    one = watch(uri="test://ball?width=320&height=180&rate=15")
    one.until(lambda: one.frames)
    is_held_up, let_go, is_done = threading.Event(), threading.Event(), threading.Event()

    def follow(found, _frame, _seconds):
        is_held_up.set()
        let_go.wait(DEADLINE_SECONDS)
        is_done.set()
        return found

    one.detector.follow = follow
    one.until(is_held_up.is_set)
    one.close()
    count = len(one.frames)
    let_go.set()
    one.until(is_done.is_set)
    one.threads.stop()
    one.closer.wait(DEADLINE_SECONDS)
    assert len(one.frames) == count
    assert one.processor.recent == ()


def test_a_frame_that_was_delivered_is_not_counted_as_dropped_when_what_is_found_on_it_comes_too_late(watch):
    one = watch(uri="test://ball?width=320&height=180&rate=15")
    one.detector.still_interval = 1.0
    is_held_up, let_go = threading.Event(), threading.Event()

    def follow(found, _frame, _seconds):
        if not is_held_up.is_set():
            is_held_up.set()
            let_go.wait(DEADLINE_SECONDS)
        return found

    one.detector.follow = follow
    one.until(is_held_up.is_set)
    one.close()
    dropped = one.processor._order.dropped
    let_go.set()
    one.until(lambda: not one.processor._order._is_delivering)
    assert one.processor._order.dropped == dropped


def test_what_decodes_a_camera_gives_way_to_the_streams_and_inferences_to_both(watch):
    one = watch(uri="test://ball?width=320&height=180&rate=15")
    found = {}

    def is_due(_luma, _seconds):
        found["decodes"] = niceness()
        return True

    def infer(_frame):
        found["infers"] = niceness()
        return Detections([], True, 0.0, 0.0)

    one.detector.is_due, one.detector.infer = is_due, infer
    one.until(lambda: len(found) == 2)
    assert niceness() < found["decodes"] < found["infers"]
