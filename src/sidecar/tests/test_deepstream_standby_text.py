"""What viewers of engine deepstream read while a stream has no frames."""

import pytest

from sidecar.contract import state
from standins import scenario

LOADING, FAILED = state.PipelineStatus.Loading, state.PipelineStatus.Failed


def texts_by_path():
    """All texts by path, for two cameras, one of which never answers. Runs in a process of its own."""
    import os

    from sidecar.contract import spec
    from sidecar.tests.test_cpu_outputs import ListeningOutlet
    from sidecar.tests.test_deepstream_lifetime import World

    class RememberingOutlet(ListeningOutlet):
        def _on_message(self, message):
            super()._on_message(message)
            for path, text in self.texts.items():
                texts = said.setdefault(path, [])
                if not texts or texts[-1] != text:
                    texts.append(text)

    said = {}
    world = World(2)
    outlet = RememberingOutlet(os.path.join(world.directory, "outlet.sock"))
    world.specification.cameras[0].name = "Front door"
    world.specification.cameras[1].uri = "rtsp://127.0.0.1:1/nobody"
    each = world.specification.outputs.add()
    each.CopyFrom(world.specification.outputs[0])
    each.id, each.rtsp.path, each.layout = "each", "/each", spec.LAYOUT_PER_CAMERA
    world.apply()
    world.until(lambda: "no signal" in said.get("/each/c1", [""])[-1], "a text about the camera that does not answer")
    world.until(lambda: said["/each/c0"][-1] == "", "no text about the one that does")
    world.specification.cameras[0].off.SetInParent()
    world.apply()
    world.until(lambda: said["/each/c0"][-1] == "off", "a text about the camera that is off")
    world.until(lambda: "Front door: off" in said["/ds"][-1], "the same on the tiled stream")
    titles = dict(outlet.titles)
    world.stop()
    outlet.close()
    return {"said": said, "titles": titles}


def test_viewers_read_about_the_graph_and_then_about_each_camera():
    result = scenario.run(texts_by_path, "7.1/dgpu")
    said = result["said"]
    assert result["titles"] == {"/ds": "", "/each/c0": "Front door", "/each/c1": "c1"}
    for texts in said.values():
        assert any(text.startswith("loading the model since ") for text in texts)
    assert said["/each/c0"][-1] == "off"
    assert any(text.startswith("no signal since ") and "next try in" in text for text in said["/each/c1"])
    assert any(text.startswith("c1: no signal since ") for text in said["/ds"]), "only of cameras that have a text"
    assert said["/ds"][-1].split("\n")[0] == "Front door: off"


def text_of(**status):
    from sidecar.worker.engines.deepstream.standby_text import pipeline_text

    return pipeline_text(state.PipelineStatus(**status), "12:03:11")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            {"loading": LOADING(phase=state.LOADING_PHASE_ENGINE)},
            "preparing the model for this GPU since 12:03:11, which takes minutes",
        ),
        ({"loading": LOADING(phase=state.LOADING_PHASE_GRAPH)}, "loading the model since 12:03:11"),
        ({"failed": FAILED(reason=state.FAILURE_REASON_MODEL)}, "the model cannot be used since 12:03:11"),
        ({"failed": FAILED(reason=state.FAILURE_REASON_GPU)}, "the GPU failed at 12:03:11, trying again"),
        ({"failed": FAILED(reason=state.FAILURE_REASON_ELEMENT)}, "failed at 12:03:11, trying again"),
        ({"running": state.PipelineStatus.Running()}, ""),
    ],
)
def test_viewers_read_in_one_line_why_the_whole_graph_does_not_play(status, text):
    assert text_of(**status) == text
