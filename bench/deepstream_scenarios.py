"""What is measured of engine deepstream on stand-ins, each in a process of its own."""

from sidecar.tests.deepstream_sidecar import NANODET
from sidecar.tests.test_deepstream_lifetime import World, memory

__all__ = ["building_time", "decoding_time", "memory", "probe_time"]


def building_time():
    """Milliseconds of this thread's CPU time, which other work of the machine does not add to."""
    import time

    from sidecar.contract import spec
    from sidecar.worker.cameras.stats import CameraStats
    from sidecar.worker.engines.deepstream.pipeline import SourceCallbacks, source_bin

    world = World(16)
    model, problems = world.engine.prepare(world.specification)
    assert model is not None, problems
    spent = []
    callbacks = SourceCallbacks(lambda name: None, lambda why: None, CameraStats(), lambda width, height: None)
    for _ in range(3):
        began = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        world.engine._build(world.specification, model)
        for number in range(16):
            camera = spec.Camera(id="c%d" % number, uri="rtsp://127.0.0.1:1/%d" % number)
            elements = world.engine._elements
            source_bin("camera-%d" % number, camera, elements, (1280, 720), callbacks, lambda: 0)
        spent.append(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - began)
    world.stop()
    return min(spent) * 1000


def probe_time(frames, objects):
    """Milliseconds of CPU that the probes take for a batch whose objects nvinfer has found."""
    import time

    import pyds

    from sidecar.gst import Gst
    from sidecar.worker.cameras.stats import CameraStats
    from sidecar.worker.engines.deepstream.batch_probes import BatchProbes, LiveSettings, ModelInGraph
    from sidecar.worker.engines.deepstream.camera_slot import CameraSlot
    from sidecar.worker.engines.deepstream.detection_reporter import DetectionReporter
    from sidecar.worker.engines.deepstream.osd_text import OsdText
    from sidecar.worker.engines.overlay import OverlayOptions
    from sidecar.worker.inference.postprocess import DetectionFilter
    from sidecar.worker.outputs.layout import tiles
    from standins import batch as standin

    slots = [CameraSlot("c%d" % number, CameraStats()) for number in range(frames)]
    names = tuple(slot.camera_id for slot in slots)
    reporter = DetectionReporter(lambda message: None, lambda: True)
    settings = LiveSettings(0, DetectionFilter(None, None), OverlayOptions(True, True, True, True), names)
    model = ModelInGraph("model", 1, None, False, (), settings.filter)
    probes = BatchProbes(slots, (1280, 720), [model], True, settings, reporter)
    text = OsdText(probes, range(frames), tiles(frames, 1280, 720))

    def make():
        meta = pyds.nvds_create_batch_meta(frames)
        for number in range(frames):
            frame = pyds.nvds_acquire_frame_meta_from_pool(meta)
            frame.pad_index = frame.source_id = frame.batch_id = number
            frame.source_frame_width, frame.source_frame_height, frame.bInferDone = 1920, 1080, 1
            for index in range(objects):
                found = pyds.nvds_acquire_obj_meta_from_pool(meta)
                found.class_id, found.obj_label, found.confidence, found.object_id = index % 4, "car", 0.5, index
                place = found.rect_params
                place.left, place.top, place.width, place.height = 10.0 * index, 100.0, 50.0, 40.0
                pyds.nvds_add_obj_meta_to_frame(frame, found, None)
            pyds.nvds_add_frame_meta_to_batch(meta, frame)
        buffer = Gst.Buffer.new_allocate(None, 16, None)
        standin.attach(buffer, meta)
        return buffer

    spent = []
    for _ in range(60):
        buffer = make()
        began = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        probes.before_inference(buffer)
        probes.after_inference(buffer)
        probes.after_models(buffer)
        text.draw(buffer)
        spent.append(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - began)
    reporter.stop()
    return sorted(spent)[len(spent) // 2] * 1000


def decoding_time():
    """Milliseconds that a frame's raw tensors take, from pointers to objects in the metadata."""
    import time

    from sidecar.gst import Gst

    world = World(1, bundle=NANODET)
    spent = []
    world.apply()
    from sidecar.worker.engines.deepstream.batch_probes import BatchProbes

    right = BatchProbes._decode

    def timed(self, frame, decoder, settings):
        began = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        right(self, frame, decoder, settings)
        spent.append(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - began)

    BatchProbes._decode = timed
    world.until_inferred(30)
    world.stop()
    assert Gst.is_initialized()
    return sorted(spent)[len(spent) // 2] * 1000
