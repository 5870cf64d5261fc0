"""The Nano's GStreamer is 1.14: what is newer is used where it is asked for first, and by engine cpu, which says so."""

import ast
import os

SIDECAR = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
# chain.py and planes.py ask before they call; the others never run on a Nano.
ELSEWHERE = (
    "chain.py",
    os.path.join("worker", "engines", "planes.py"),
    "gen",
    "tests",
    "standins",
    os.path.join("worker", "engines", "cpu"),
)

# What came after 1.14, by the release that brought it. Source: the Since: lines of GStreamer's documentation.
NEWER = {
    "request_pad_simple": "1.20",
    "get_current_clock_time": "1.18",
    "get_current_running_time": "1.18",
    "get_single_internal_link": "1.18",
    "type_mark_as_plugin_api": "1.18",
    "new_wrapped_bytes": "1.16",
    "new_memdup": "1.20",
    "make_full": "1.20",
    "make_with_properties": "1.20",
    "create_full": "1.20",
    "create_with_properties": "1.20",
    # GstVideo.VideoInfo's, which before was new() and from_caps().
    "new_from_caps": "1.20",
    "add_custom_meta": "1.20",
    "get_custom_meta": "1.20",
    "buffer_add_custom_meta": "1.20",
    "meta_register_custom": "1.20",
    "INSTANT_RATE_CHANGE": "1.18",
}
NEWER_PROPERTIES = {
    ("appsrc", "leaky-type"): "1.20",
    ("appsrc", "max-buffers"): "1.20",
    ("decodebin", "force-sw-decoders"): "1.18",
    ("rtph264pay", "aggregate-mode"): "1.18",
    ("rtph265pay", "aggregate-mode"): "1.18",
    ("rtspsrc", "is-live"): "1.18",
    ("rtspsrc", "onvif-mode"): "1.18",
    ("valve", "drop-mode"): "1.20",
}


def shared_files():
    for folder, _, names in os.walk(SIDECAR):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), SIDECAR)
            apart = any(path == one or path.startswith(one + os.sep) for one in ELSEWHERE)
            if name.endswith(".py") and not apart:
                yield path


def newer_uses(source):
    """What a source uses that came after 1.14: names with their lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = getattr(node, "attr", None)
        if name in NEWER:
            found.append((node.lineno, name))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            for keyword in node.keywords:
                prop = (node.args[0].value, (keyword.arg or "").replace("_", "-"))
                if prop in NEWER_PROPERTIES:
                    found.append((node.lineno, ".".join(prop)))
        # Mapped memory as a context is an invention of later bindings.
        if isinstance(node, ast.withitem) and getattr(getattr(node.context_expr, "func", None), "attr", "") == "map":
            found.append((node.context_expr.lineno, "with map()"))
    return sorted(found)


def test_the_search_finds_what_is_newer():
    lines = [
        'mixer.request_pad_simple("sink_%u")',
        'chain.add("valve", None, drop_mode=1)',
        'chain.add("valve", None, drop=True)',
        "with buffer.map(Gst.MapFlags.READ) as mapped: pass",
    ]
    assert newer_uses("\n".join(lines)) == [(1, "request_pad_simple"), (2, "valve.drop-mode"), (4, "with map()")]


def test_shared_code_keeps_to_gstreamer_1_14():
    files = list(shared_files())
    assert os.path.join("worker", "engines", "deepstream", "graph.py") in files
    assert "chain.py" not in files
    found = []
    for path in files:
        with open(os.path.join(SIDECAR, path), encoding="utf-8") as file:
            found += ["%s:%d: %s" % (path, line, name) for line, name in newer_uses(file.read())]
    assert found == []
