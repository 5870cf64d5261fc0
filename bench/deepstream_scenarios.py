"""What is measured of engine deepstream on stand-ins; each runs in a process of its own."""

from sidecar.tests.deepstream_sidecar import NANODET
from sidecar.tests.test_deepstream_life import World, memory

__all__ = ["building_time", "decoding_time", "memory", "probe_time"]


def building_time():
    """Milliseconds of this thread's CPU time: what else the machine does takes none of it."""
    import time

    from sidecar.contract import spec
    from sidecar.worker.engines.deepstream import source

    world = World(16)
    model, problems = world.engine.prepare(world.specification)
    assert model is not None, problems
    spent = []
    events = source.SourceEvents(lambda name: None, lambda why: None, lambda: None, lambda width, height: None)
    for _ in range(3):
        began = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        world.engine._assemble(world.specification, model)
        for number in range(16):
            camera = spec.Camera(id="c%d" % number, uri="rtsp://127.0.0.1:1/%d" % number)
            elements = world.engine._tools.elements
            source.build("camera-%d" % number, camera, elements, (1280, 720), events, lambda: 0)
        spent.append(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - began)
    world.stop()
    return min(spent) * 1000


def probe_time(frames, objects):
    """Milliseconds of CPU that the probes take for a batch whose objects nvinfer has found."""
    import time

    import pyds

    from sidecar.gst import Gst
    from sidecar.worker.cameras.stats import CameraStats
    from sidecar.worker.engines.deepstream.lettering import Lettering
    from sidecar.worker.engines.deepstream.reporter import Reporter
    from sidecar.worker.engines.deepstream.vision import Look, Seat, Settings, Vision
    from sidecar.worker.inference.postprocess import DetectionFilter
    from sidecar.worker.outputs.layout import tiles
    from standins import batch as standin

    seats = [Seat("c%d" % number, CameraStats()) for number in range(frames)]
    names = tuple(seat.camera_id for seat in seats)
    reporter = Reporter(lambda message: None, lambda: True)
    settings = Settings(0, DetectionFilter(None, None), Look(True, True, True, True), names)
    vision = Vision(seats, (1280, 720), None, True, settings, reporter)
    lettering = Lettering(vision, range(frames), tiles(frames, 1280, 720))

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
        vision.on_entering(buffer)
        vision.on_inferred(buffer)
        vision.on_seen(buffer)
        lettering.on_frames(buffer)
        spent.append(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - began)
    reporter.stop()
    return sorted(spent)[len(spent) // 2] * 1000


def decoding_time():
    """Milliseconds that a frame's raw tensors take, from pointers to objects in the metadata."""
    import time

    from sidecar.gst import Gst

    world = World(1, bundle=NANODET)
    vision_seconds = []
    world.apply()
    from sidecar.worker.engines.deepstream.vision import Vision

    right = Vision._decode

    def timed(self, frame, decoder, settings):
        began = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        right(self, frame, decoder, settings)
        vision_seconds.append(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - began)

    Vision._decode = timed
    world.until_inferred(30)
    world.stop()
    assert Gst.is_initialized()
    return sorted(vision_seconds)[len(vision_seconds) // 2] * 1000
