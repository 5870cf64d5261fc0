"""Engine deepstream waits for no lock that a streaming thread may hold while it is in a Python probe."""

import ast
import os

ENGINE = os.path.join(os.path.dirname(__file__), "..", "worker", "engines", "deepstream")
# Events and queries that travel through the graph take the locks of its pads, one after the other.
TRAVELS = {
    "send_event",
    "push_event",
    "seek",
    "seek_simple",
    "query",
    "peer_query",
    "query_caps",
    "peer_query_caps",
    "query_position",
    "query_duration",
    "release_request_pad",
    "gst_element_send_nvevent_new_stream_reset",
}


def calls(path):
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # seek() of a file has one argument.
            if node.func.attr != "seek" or len(node.args) > 1:
                yield node.func.attr, "%s:%d" % (os.path.basename(path), node.lineno)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # As in getattr(pyds, "name").
            yield node.value, "%s:%d" % (os.path.basename(path), node.lineno)


def test_no_event_query_or_seek_is_sent_into_the_graph():
    files = sorted(name for name in os.listdir(ENGINE) if name.endswith(".py"))
    assert "camera.py" in files
    found = [where for name in files for call, where in calls(os.path.join(ENGINE, name)) if call in TRAVELS]
    assert found == []


def test_only_a_thread_of_its_own_takes_a_camera_s_source_to_null():
    """It waits for the source's streaming threads, which may wait for the muxer."""
    found = [where for call, where in calls(os.path.join(ENGINE, "camera.py")) if call == "set_state"]
    assert found == []
