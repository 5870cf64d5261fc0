"""Engine deepstream on NVIDIA's own nvinfer, muxer, demultiplexer, tiler, nvdsosd and tracker, where all are installed.

ENGINES=DIR keeps the TensorRT engines between runs. SNAPSHOTS=DIR gets a snapshot of each output. ROUNDS is how often a
camera is lost, MINUTES how long memory is watched. STREET is a second film for the comparison of the engines. QUICK
skips the test that builds a TensorRT engine again.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any, Dict, Iterable, Iterator, List, Tuple

import real

os.environ.setdefault("TEST_DEADLINE_SECONDS", "500")
os.environ.setdefault("USE_NEW_NVSTREAMMUX", "no")

_NEEDED = ("nvinfer", "nvstreammux", "nvstreamdemux", "nvmultistreamtiler", "nvdsosd", "nvtracker", "nvv4l2decoder")
_SAME_OBJECT = 0.5
# The least share of boxes that both engines find, and their mean overlap.
_MATCHED, _OVERLAP = 0.95, 0.95


def missing() -> List[str]:
    """Elements that GStreamer does not have."""
    from sidecar.gst import Gst

    return [name for name in _NEEDED if Gst.ElementFactory.find(name) is None]


def bundle(directory: str, name: str, mode: int) -> str:
    """A copy of a shipped bundle with another precision: 0 is FP32, 2 is FP16."""
    path = os.path.join(directory, "%s-%d" % (name, mode))
    if not os.path.isdir(path):
        shutil.copytree(os.path.join(real.ROOT, "models", name), path)
        config = os.path.join(path, "config_infer.txt")
        with open(config) as file:
            lines = [line for line in file if not line.startswith("network-mode")]
        lines.insert(lines.index("[property]\n") + 1, "network-mode=%d\n" % mode)
        with open(config, "w") as file:
            file.writelines(lines)
    return path


def by_engine_cpu(film: str, directory: str, mux: Tuple[int, int]) -> Iterator[Tuple[int, List[Any]]]:
    """For each frame of a film, its PTS and the boxes that engine cpu's detector finds, in pixels of the film.

    The GPU decodes the frames and scales them to the muxer's size, with its borders, as in engine deepstream.
    """
    from sidecar.gst import Gst
    from sidecar.worker.engines.deepstream.sizes import fitted_size
    from sidecar.worker.engines.planes import planes, video_info
    from sidecar.worker.inference.bundle import load_bundle
    from sidecar.worker.inference.detector import Detector
    from sidecar.worker.inference.postprocess import DetectionFilter

    loaded, problems = load_bundle(directory)
    assert loaded is not None, problems
    detector = Detector(loaded, threads=os.cpu_count() or 1)
    size = size_of(film)
    fitted = fitted_size(size[0], size[1], mux)
    pipeline = Gst.parse_launch(
        "filesrc location=%s ! qtdemux ! h264parse ! nvv4l2decoder ! nvvideoconvert dest-crop=0:0:%d:%d"
        " ! video/x-raw(memory:NVMM), format=NV12, width=%d, height=%d ! nvvideoconvert ! video/x-raw, format=I420"
        " ! appsink name=frames sync=false" % (film, fitted[0], fitted[1], mux[0], mux[1])
    )
    scale = size[0] / fitted[0]
    pipeline.set_state(Gst.State.PLAYING)
    try:
        while True:
            sample = pipeline.get_by_name("frames").emit("pull-sample")
            if sample is None:
                return
            buffer = sample.get_buffer()
            ok, mapped = buffer.map(Gst.MapFlags.READ)
            assert ok
            try:
                frame = planes(mapped.data, buffer, video_info(sample.get_caps()))
                objects = detector.detect(frame, DetectionFilter(None, None)).objects
                yield (
                    buffer.pts,
                    [
                        Box(one.label, one.left * scale, one.top * scale, one.width * scale, one.height * scale)
                        for one in objects
                    ],
                )
            finally:
                buffer.unmap(mapped)
    finally:
        pipeline.set_state(Gst.State.NULL)


def size_of(film: str) -> Tuple[int, int]:
    """Width and height."""
    from sidecar.gst import Gst

    pipeline = Gst.parse_launch("filesrc location=%s ! qtdemux ! h264parse ! fakesink name=end sync=false" % film)
    pipeline.set_state(Gst.State.PAUSED)
    try:
        assert pipeline.get_state(20 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS, film
        structure = pipeline.get_by_name("end").get_static_pad("sink").get_current_caps().get_structure(0)
        return structure.get_int("width")[1], structure.get_int("height")[1]
    finally:
        pipeline.set_state(Gst.State.NULL)


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(0.0, across) * max(0.0, down)
    return shared / (one.width * one.height + other.width * other.height - shared)


def reference(film: str, directory: str, mux: Tuple[int, int]) -> List[Tuple[int, List[List[Any]]]]:
    """by_engine_cpu() as JSON values: for a process of its own, which leaves no GPU memory behind."""
    return [
        (pts, [[one.label, one.left, one.top, one.width, one.height] for one in objects])
        for pts, objects in by_engine_cpu(film, directory, mux)
    ]


class Box:
    def __init__(self, label: str, left: float, top: float, width: float, height: float) -> None:
        self.label, self.left, self.top, self.width, self.height = label, left, top, width, height


class RealEngine(unittest.TestCase):
    """Tests share one sidecar, so that it builds one TensorRT engine for each network and number of cameras."""

    @classmethod
    def setUpClass(cls) -> None:

        from sidecar.gst import Gst

        Gst.init(None)
        lacking = missing()
        if lacking:
            raise unittest.SkipTest(
                "GStreamer has no %s of NVIDIA's; run this in DeepStream's image" % ", ".join(lacking)
            )
        from sidecar.tests import deepstream_sidecar

        cls.rig = deepstream_sidecar
        cls.directory = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        engines = os.environ.get("ENGINES") or os.path.join(cls.directory, "data")
        cls.sidecar = deepstream_sidecar.Sidecar("nvidia", data_dir=engines)
        cls.addClassCleanup(cls.sidecar.stop)
        cls.model = bundle(cls.directory, "nanodet-coco", 0)

    def tearDown(self) -> None:
        connected = self.sidecar.stub.Connect(self.request(), timeout=30)
        assert connected.instance_id == self.sidecar.connected.instance_id, "the worker was replaced"

    def request(self) -> Any:
        from sidecar.contract import pipeline

        return pipeline.ConnectRequest()

    def specification(self, cameras: List[Any], **changes: Any) -> Any:
        from sidecar.contract import spec

        outputs = [
            self.sidecar.output(width=1280, height=360, bitrate=2000000),
            self.sidecar.output("each", spec.LAYOUT_PER_CAMERA, width=640, height=360),
        ]
        fields = {
            "cameras": cameras,
            "outputs": outputs,
            "models": [spec.Model(bundle_path=self.model)],
            "overlay": spec.Overlay(boxes=True, labels=True, counts=True, names=True),
        }
        fields.update(changes)
        return self.sidecar.specification(**fields)

    def demo(self, name: str = "demo") -> Any:
        return self.rig.camera(name, "file://%s" % real.DEMO)

    def snapshot(self, output: str, camera: str = "", name: str = "") -> bytes:
        from sidecar.contract import pipeline

        wanted = pipeline.TakeSnapshotRequest(output_id=output, camera_id=camera)
        jpeg: bytes = self.sidecar.stub.TakeSnapshot(wanted, timeout=60).jpeg
        if os.environ.get("SNAPSHOTS"):
            with open(os.path.join(os.environ["SNAPSHOTS"], "%s.jpg" % (name or output + camera)), "wb") as file:
                file.write(jpeg)
        return jpeg

    def applied(self, specification: Any) -> Any:
        response = self.sidecar.apply("g%f" % time.time(), specification)
        assert response.accepted, response
        return self.sidecar.until_serving()

    def test_1_two_cameras_play_and_every_frame_is_inferred(self) -> None:
        began = time.monotonic()
        with real.counting_camera("--width", "640", "--height", "360", "--rate", "15") as address:
            self.applied(self.specification([self.demo(), self.rig.camera("counter", address)]))
            print("serving after %.1f s" % (time.monotonic() - began))
            before = self.sidecar.state()
            after = self.sidecar.until(
                lambda state: all(
                    one.counters.frames_inferred >= two.counters.frames_inferred + 150
                    for one, two in zip(state.cameras, before.cameras)
                )
            )
            for one, two in zip(after.cameras, before.cameras):
                received = one.counters.frames_received - two.counters.frames_received
                dropped = one.counters.frames_dropped - two.counters.frames_dropped
                print(
                    "%s: received %d, dropped %d, %.1f a second" % (one.id, received, dropped, one.counters.frame_rate)
                )
                assert dropped <= received // 50
            found = self.sidecar.detections("demo", 1, lambda frame: len(frame.detections) > 0)[0]
            assert (found.frame_width, found.frame_height) == (1280, 720)
            for output, camera in (("main", ""), ("each", "demo"), ("each", "counter")):
                assert self.snapshot(output, camera).startswith(b"\xff\xd8")

    def test_2_both_engines_find_the_same_boxes(self) -> None:
        films = [real.DEMO] + ([os.environ["STREET"]] if os.environ.get("STREET") else [])
        for film in films:
            self.compare(film, self.model)

    def compare(self, film: str, model: str) -> None:
        from sidecar.contract import spec
        from sidecar.worker.engines.deepstream.sizes import mux_size
        from sidecar.worker.outputs.plan import plan_streams

        specification = self.specification(
            [self.rig.camera("film", "file://%s" % film)],
            models=[spec.Model(bundle_path=model)],
            outputs=[self.sidecar.output(width=1280, height=720)],
        )
        expected = dict(real.isolated(reference, film, model, mux_size(plan_streams(specification))))
        self.applied(specification)
        ours: Dict[int, List[Any]] = {}
        for found in self.sidecar.detections("film", len(expected)):
            boxes = [(one.label, one.box) for one in found.detections]
            ours.setdefault(found.pts, [Box(label, box.left, box.top, box.width, box.height) for label, box in boxes])
        theirs_all, ours_all, overlaps = 0, 0, []
        for pts, boxes in ours.items():
            if pts not in expected:
                continue
            theirs = [Box(*one) for one in expected[pts]]
            theirs_all, ours_all = theirs_all + len(theirs), ours_all + len(boxes)
            for one in boxes:
                near = max(theirs, key=lambda other: (other.label == one.label) * overlap(one, other), default=None)
                if near is not None and near.label == one.label and overlap(one, near) >= _SAME_OBJECT:
                    overlaps.append(overlap(one, near))
                    theirs.remove(near)
        matched = len(overlaps) / max(1, ours_all, theirs_all)
        mean = statistics.mean(overlaps)
        print("%s: %d frames" % (os.path.basename(film), len(ours)))
        print("boxes: engine cpu %d, engine deepstream %d, matched %d" % (theirs_all, ours_all, len(overlaps)))
        print("matched %.1f %%, mean overlap %.3f" % (100 * matched, mean))
        assert matched >= _MATCHED
        assert mean >= _OVERLAP

    def test_3_a_camera_that_is_lost_and_comes_back_costs_the_other_no_frames(self) -> None:
        port = self.rig.free_port()
        cameras = [self.demo(), self.rig.camera("flaps", "rtsp://127.0.0.1:%d/camera" % port)]
        assert self.sidecar.apply("flapping", self.specification(cameras)).accepted
        for _ in range(int(os.environ.get("ROUNDS", "5"))):
            program = os.path.join(real.ROOT, "test", "support", "counter_camera.py")
            options = ["--width", "640", "--height", "360", "--rate", "15", "--port", str(port)]
            process = subprocess.Popen([sys.executable, program, *options], stdout=subprocess.PIPE)
            try:
                assert json.loads(process.stdout.readline())["address"] == cameras[1].uri
                self.sidecar.until(lambda state: self.rig.phase(state.cameras, "flaps") == "live")
                self.until_more("flaps", "frames_inferred", 10)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
            self.sidecar.until(lambda state: self.rig.phase(state.cameras, "flaps") == "lost")
            self.until_more("demo", "frames_received", 15)
        counters = self.of(self.sidecar.state(), "demo")
        print("the other camera: received %d, dropped %d" % (counters.frames_received, counters.frames_dropped))
        assert counters.frames_dropped <= counters.frames_received // 20
        self.snapshot("main", name="lost")

    def until_more(self, camera: str, counter: str, more: int) -> None:
        before = getattr(self.of(self.sidecar.state(), camera), counter)
        self.sidecar.until(lambda state: getattr(self.of(state, camera), counter) >= before + more)

    def of(self, state: Any, name: str) -> Any:
        return next(one.counters for one in state.cameras if one.id == name)

    def test_4_settings_change_while_frames_flow(self) -> None:
        from sidecar.contract import spec

        cameras = [self.demo(), self.demo("again")]
        self.applied(self.specification(cameras))
        since = self.sidecar.state().pipeline.since
        model = spec.Model(bundle_path=self.model, interval=2, threshold=0.6, classes=["person"])
        response = self.sidecar.apply("changed", self.specification(cameras, models=[model]))
        assert set(self.rig.changes(response).values()) == {"EFFECT_LIVE"}
        skipped = self.sidecar.detections("again", 20)[8:]
        assert {one.label for found in skipped for one in found.detections} - {"person"} == set()
        inferred = [found.inferred for found in skipped]
        assert sum(inferred) < len(inferred)
        assert all(any(three) for three in zip(inferred, inferred[1:], inferred[2:])), inferred
        assert self.sidecar.state().pipeline.since == since

    def test_5_objects_keep_their_track_ids(self) -> None:
        from sidecar.contract import spec

        tracked = spec.Tracker(algorithm=spec.TRACKER_ALGORITHM_IOU)
        self.applied(self.specification([self.demo(), self.demo("again")], tracker=tracked))
        found = self.sidecar.detections("demo", 20, lambda frame: len(frame.detections) > 0)
        ids = [{one.track_id for one in frame.detections if one.HasField("track_id")} for frame in found]
        assert all(ids), ids
        assert any(one & two for one, two in zip(ids, ids[1:])), ids

    def test_6_masks_are_black(self) -> None:
        from sidecar.contract import spec

        masked = self.rig.camera("one", "test://white?width=640&height=360&rate=15")
        masked.masks.add().points.extend(spec.Point(x=x, y=y) for x, y in ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
        masked.masks.add().points.extend(spec.Point(x=x, y=y) for x, y in ((1, 0.5), (1, 1), (0.75, 1)))
        cameras = [masked, self.rig.camera("two", "test://white?width=480&height=480&rate=15")]
        self.applied(self.specification(cameras, overlay=spec.Overlay()))
        self.sidecar.detections("one", 20)
        luma = real.isolated(luma_of, self.write(self.snapshot("each", "one", "masked")))
        assert max(luma["left"], luma["corner"]) < 25, luma
        assert min(luma["middle"], luma["upper right"]) > 200, luma
        # The other camera is square: white at the left and black at the right.
        luma = real.isolated(luma_of, self.write(self.snapshot("each", "two", "square")))
        assert luma["upper right"] < 25, luma
        assert luma["left"] > 200, luma

    def write(self, jpeg: bytes) -> str:
        path = os.path.join(self.directory, "snapshot.jpg")
        with open(path, "wb") as file:
            file.write(jpeg)
        return path

    def test_7_another_network_takes_over(self) -> None:
        from sidecar.contract import spec

        cameras = [self.demo(), self.demo("again")]
        self.applied(self.specification(cameras))
        model = spec.Model(bundle_path=bundle(self.directory, "ssd-street", 0))
        self.applied(self.specification(cameras, models=[model]))
        self.sidecar.detections("again", 5, lambda frame: len(frame.detections) > 0)
        self.snapshot("main", name="ssd")

    def test_71_a_classifier_behind_the_detector_names_a_colour(self) -> None:
        from sidecar.contract import spec

        models = [spec.Model(bundle_path=bundle(self.directory, name, 0)) for name in ("nanodet-coco", "object-colour")]
        tracked = spec.Tracker(algorithm=spec.TRACKER_ALGORITHM_IOU)
        self.applied(self.specification([self.demo(), self.demo("again")], models=models, tracker=tracked))
        found = values(self.sidecar.detections("demo", 200))
        self.snapshot("main", name="classified")
        print(found)
        # Engine cpu calls the person of this film grey in 114 of 134 frames, else brown.
        persons = {value: count for value, count in found.items() if value.startswith("person ")}
        assert sum(persons.values()) > 20
        assert persons["person grey"] > sum(persons.values()) / 2

    def test_72_zones_are_drawn_in_every_tile_that_has_them(self) -> None:
        from sidecar.contract import pipeline, spec

        cameras = [self.rig.camera(name, "test://black?width=640&height=360&rate=15") for name in ("one", "two")]
        self.applied(self.specification(cameras, overlay=spec.Overlay(zones=True)))
        self.sidecar.detections("one", 20)
        before = real.isolated(luma_of, self.write(self.snapshot("each", "one", "no-zones")))
        square = [spec.Point(x=x, y=y) for x, y in ((0.1, 0.2), (0.35, 0.2), (0.35, 0.9), (0.1, 0.9))]
        shapes = [pipeline.Shape(points=square, text="yard 3"), pipeline.Shape(points=square[::2], text="gate 1 2")]
        zones = pipeline.ShowZonesRequest(cameras=[pipeline.CameraZones(camera_id="one", shapes=shapes)])
        self.sidecar.stub.ShowZones(zones, timeout=30)
        self.sidecar.detections("one", 20)
        after = real.isolated(luma_of, self.write(self.snapshot("each", "one", "zones")))
        other = real.isolated(luma_of, self.write(self.snapshot("each", "two", "zones-other")))
        self.snapshot("main", name="zones-tiled")
        print("luma before %s, with zones %s, the other camera %s" % (before, after, other))
        assert after["left"] > before["left"] + 1
        assert other["left"] < before["left"] + 1

    def test_73_a_camera_that_is_restarted_costs_the_other_no_frames(self) -> None:
        from sidecar.contract import pipeline

        with real.counting_camera("--width", "640", "--height", "360", "--rate", "15") as address:
            self.applied(self.specification([self.demo(), self.rig.camera("counter", address)]))
            for _ in range(int(os.environ.get("ROUNDS", "5"))):
                self.until_more("counter", "frames_inferred", 10)
                self.sidecar.stub.RestartCamera(pipeline.RestartCameraRequest(camera_id="counter"), timeout=30)
                self.until_more("counter", "frames_inferred", 10)
            counters = self.of(self.sidecar.state(), "demo")
            print("the other camera: received %d, dropped %d" % (counters.frames_received, counters.frames_dropped))
            assert counters.frames_dropped <= counters.frames_received // 20

    def test_8_a_tensorrt_engine_that_does_not_load_is_rebuilt(self) -> None:
        import glob

        engines = glob.glob(os.path.join(self.sidecar.data_dir, "engines", "*", "model.engine"))
        if not engines or os.environ.get("QUICK"):
            self.skipTest("QUICK is set, and this builds a TensorRT engine")
        cameras = [self.demo(), self.demo("again")]
        self.applied(self.specification(cameras))
        size = {path: os.stat(path).st_size for path in engines}
        for path in engines:
            os.truncate(path, size[path] // 2)
        self.applied(self.specification(cameras, outputs=[self.sidecar.output(width=1280, height=368)]))
        assert "TensorRT engine does not load, rebuilding" in self.sidecar.said()

    def test_9_memory_stays_level(self) -> None:
        minutes = float(os.environ.get("MINUTES", "1"))
        self.applied(self.specification([self.demo(), self.demo("again")]))
        worker = self.worker()
        samples = []
        deadline = time.monotonic() + 60 * minutes
        while time.monotonic() < deadline:
            self.sidecar.detections("demo", 100)
            samples.append(resident(worker))
        half = len(samples) // 2
        before, after = statistics.mean(samples[half // 2 : half]), statistics.mean(samples[-max(1, half // 2) :])
        print(
            "worker: %.0f MiB in the second quarter, %.0f MiB in the last, %d samples" % (before, after, len(samples))
        )
        assert after - before < 20

    def worker(self) -> int:
        """The process number of the worker."""
        lines = [json.loads(line) for line in self.sidecar.said().splitlines() if '"child started"' in line]
        return int([line["pid"] for line in lines if line["child"] == "worker"][-1])


def values(found: Iterable[Any]) -> Dict[str, int]:
    """How often each attribute was seen."""
    counted: Dict[str, int] = {}
    for frame in found:
        for one in frame.detections:
            for attribute in one.attributes:
                value = "%s %s" % (one.label, attribute.value)
                counted[value] = counted.get(value, 0) + 1
    return counted


def resident(pid: int) -> float:
    """MiB."""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def luma_of(path: str) -> Dict[str, float]:
    """The mean luma in parts of a JPEG."""
    from sidecar.gst import Gst
    from sidecar.worker.engines.planes import planes, video_info

    pipeline = Gst.parse_launch(
        "filesrc location=%s ! jpegdec ! videoconvert ! video/x-raw, format=I420 ! appsink name=frames sync=false"
        % path
    )
    pipeline.set_state(Gst.State.PLAYING)
    sample = pipeline.get_by_name("frames").emit("pull-sample")
    buffer = sample.get_buffer()
    ok, mapped = buffer.map(Gst.MapFlags.READ)
    assert ok
    y = planes(mapped.data, buffer, video_info(sample.get_caps())).y
    height, width = y.shape
    parts = {
        "left": y[:, : width * 2 // 5],
        "middle": y[: height * 2 // 5, width * 11 // 20 : width * 14 // 20],
        "upper right": y[: height * 2 // 5, width * 4 // 5 :],
        "corner": y[height * 19 // 20 :, width * 19 // 20 :],
    }
    luma = {name: float(part.mean()) for name, part in parts.items()}
    buffer.unmap(mapped)
    pipeline.set_state(Gst.State.NULL)
    return luma
