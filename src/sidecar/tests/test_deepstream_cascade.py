"""Engine deepstream with a model behind the first: its nvinfer, its TensorRT engine and what is drawn."""

import contextlib
import glob
import io
import os

from sidecar.tests.deepstream_sidecar import ROOT, make_bundle
from sidecar.tests.test_deepstream_lifetime import World
from standins import scenario

COLOUR = os.path.join(ROOT, "models", "object-colour")


def cascade(interval=0, tracked=True):
    """A world with a red camera, a detector, and the colour of what it finds."""
    from sidecar.contract import spec

    world = World(1)
    first = make_bundle(os.path.join(world.directory, "first"), gie_unique_id=1)
    del world.specification.models[:]
    world.specification.models.add(bundle_path=first, interval=interval)
    world.specification.models.add(bundle_path=COLOUR, threshold=0.1)
    world.specification.cameras[0].uri = "test://red?width=320&height=180&rate=15"
    if tracked:
        world.specification.tracker.algorithm = spec.TRACKER_ALGORITHM_IOU
    return world


def texts():
    """The labels that nvdsosd gets, and the elements of the graph from the muxer on."""
    import pyds

    from sidecar.worker.engines.deepstream import meta

    world = cascade()
    world.apply()
    seen = []

    def look(pad, info):
        for frame in meta.frames(info.get_buffer()):
            seen.extend(pyds.get_string(one.text_params.display_text) for one in frame._object_metas())
        return look.ok

    from sidecar.gst import Gst

    look.ok = Gst.PadProbeReturn.OK
    world.graph.pipeline.get_by_name("outputs").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, look)
    world.until(lambda: len(seen) > 20, "labels")
    elements = []
    element = world.graph.pipeline.get_by_name("mux")
    while element.get_name() != "outputs":
        elements.append(element.get_name())
        element = element.get_static_pad("src").get_peer().get_parent_element()
    world.stop()
    return [sorted(set(seen)), elements]


def test_the_label_of_an_object_says_what_engine_cpu_says_and_the_classifier_runs_behind_the_tracker():
    from sidecar.worker.engines.overlay import label_text
    from sidecar.worker.inference.postprocess import Attribute

    labels, elements = scenario.run(texts, "7.1/dgpu")
    (label,) = labels
    track_id = int(label.split("#")[1].split()[0])
    assert label == label_text(0, "car", 0.9, track_id, [Attribute("colour", "red", 1.0)])
    assert elements == ["mux", "infer", "tracker", "infer-1", "drawing"]


def skipped():
    """Whether frames are reported as inferred of which the first nvinfer skips two of three."""
    world = cascade(interval=2)
    world.store.events.wanted = lambda: True
    frames = []
    world.engine._tools.reporter.wanted = lambda: True
    world.engine._tools.reporter._publish = frames.append
    world.apply()
    world.until(lambda: len(frames) > 30, "detections")
    world.stop()
    return [[one.inferred, [a.value for d in one.detections for a in d.attributes]] for one in frames[6:30]]


def test_a_frame_that_the_first_nvinfer_skipped_is_not_inferred_though_the_second_has_worked_on_it():
    frames = scenario.run(skipped, "7.1/dgpu")
    inferred = [one for one, _ in frames]
    assert 0 < sum(inferred) <= len(inferred) // 2
    assert all(values == ["red"] for _, values in frames)


def damaged():
    """How often which TensorRT engine is built when that of the second model is damaged."""
    # nvinfer prints there, and so does the stand-in.
    with contextlib.redirect_stdout(io.StringIO()):
        return rebuilt()


def rebuilt():
    world = cascade()
    world.apply()
    world.until_inferred(2)
    second = world.engine._active.models[1].tensorrt_engine.path
    built = {path: os.stat(path).st_mtime_ns for path in glob.glob(os.path.join(world.directory, "engines/*/*.engine"))}
    with open(second, "wb") as file:
        file.write(b"cut")
    world.specification.cameras[0].uri = "test://blue?width=320&height=180&rate=15"
    world.apply()
    world.until(lambda: os.stat(second).st_size > 3, "the rebuild")
    world.until(lambda: world.store.snapshot().pipeline.WhichOneof("state") == "running", "the graph")
    again = {path: os.stat(path).st_mtime_ns for path in built}
    world.stop()
    return [len(built), [path == second for path in built if again[path] != built[path]]]


def test_a_damaged_tensorrt_engine_of_one_model_is_built_again_alone():
    assert scenario.run(damaged, "7.1/dgpu") == [2, [True]]


def changed():
    """The effects of a change of the second model's threshold, and of one of the first's."""
    from sidecar.contract import pipeline, spec

    world = cascade()
    world.apply()
    effects = []
    for number in (1, 0):
        before, world.specification = world.specification, spec.PipelineSpec()
        world.specification.CopyFrom(before)
        world.specification.models[number].threshold = 0.5
        models, _ = world.engine.prepare(world.specification)
        found = world.engine.apply(world.specification, models)
        effects.append({one.path: pipeline.Effect.Name(one.effect) for one in found if one.path.startswith("models")})
    world.stop()
    return effects


def test_a_setting_of_the_second_model_takes_another_graph_and_one_of_the_first_does_not():
    assert scenario.run(changed, "7.1/dgpu") == [
        {"models": "EFFECT_REBUILD"},
        {"models[0].threshold": "EFFECT_LIVE"},
    ]
