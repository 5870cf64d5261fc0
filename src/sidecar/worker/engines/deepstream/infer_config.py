"""nvinfer's configuration files: the bundle's, with absolute paths, the batch, and the network or its TensorRT engine.

nvinfer builds a TensorRT engine in prebuild.py alone, which gives it the network. In the graph it gets only the
TensorRT engine: one that does not load is an error at once. Beside the network, nvinfer would build another, for
minutes, in the middle of a state change.
"""

import hashlib
import os
from typing import Dict, List

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.bundle import NvinferBundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.overlay import class_colour
from sidecar.worker.inference.nvinfer_file import Value
from sidecar.worker.inference.nvinfer_keys import escape_text


def build_config(bundle: NvinferBundle, network_path: str, batch: int) -> str:
    """The file from which nvinfer builds a TensorRT engine. network_path: the network, or a copy of it. Pure."""
    groups = _own(bundle, batch)
    groups["property"][bundle.network_key] = escape_text(network_path)
    groups["property"].pop("model-engine-file", None)
    return _text(groups)


def infer_config(bundle: NvinferBundle, engine_path: str, batch: int, model: spec.Model, catalogue: Catalogue) -> str:
    """The file with which nvinfer runs a TensorRT engine. model: of the specification, whose settings override the
    bundle's. Pure."""
    groups = _own(bundle, batch)
    own = groups["property"]
    for form in catalogue.formats:
        for key in form.keys:
            own.pop(key, None)
    own.pop("custom-network-config", None)
    own["model-engine-file"] = escape_text(engine_path)
    if bundle.rules is not None and model.HasField("interval"):
        own["secondary-reinfer-interval"] = str(model.interval)
    if bundle.is_classifier:
        if model.HasField("threshold"):
            own["classifier-threshold"] = "%g" % model.threshold
    elif bundle.decoded_here is None:
        for class_id in range(len(bundle.labels)):
            group = groups.setdefault("class-attrs-%d" % class_id, {})
            group.setdefault(
                "border-color", "%.3f;%.3f;%.3f;1" % tuple(part / 255.0 for part in class_colour(class_id))
            )
        if model.HasField("threshold"):
            _set_threshold(groups, model.threshold)
    return _text(groups)


def write_config(directory: str, text: str) -> str:
    """Writes a text to a file, and removes all others in its directory. Returns the file's path. Raises OSError.

    Elements read it when they start. Its name follows from its text, so that a file never changes.
    """
    os.makedirs(directory, exist_ok=True)
    name = "config-%s.txt" % hashlib.sha256(text.encode()).hexdigest()[:16]
    for other in os.listdir(directory):
        if other != name:
            os.remove(os.path.join(directory, other))
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def _own(bundle: NvinferBundle, batch: int) -> Dict[str, Dict[str, str]]:
    groups = {name: {key: _value(entry) for key, entry in entries.items()} for name, entries in bundle.groups.items()}
    own = groups["property"]
    # It would write a file for every batch.
    own.pop("raw-output-file-write", None)
    own["batch-size"] = str(batch)
    own["gie-unique-id"] = str(bundle.unique_id)
    if bundle.rules is None:
        # See BatchProbes.before_inference().
        own["interval"] = "0"
    if bundle.decoded_here is not None:
        own["network-type"] = "100"
        own["output-tensor-meta"] = "1"
        # It names a decoder of this engine, which nvinfer does not have.
        own.pop("parse-bbox-func-name", None)
        if "custom-lib-path" not in own:
            own.pop("engine-create-func-name", None)
    return groups


def _value(entry: Value) -> str:
    """As written, but a path is absolute, and a text has no blank at its end."""
    return escape_text(entry.value) if entry.key.type in ("path", "string") else entry.raw


def _set_threshold(groups: Dict[str, Dict[str, str]], threshold: float) -> None:
    for name, group in groups.items():
        if name.startswith("class-attrs-"):
            group.pop("threshold", None)
            group.pop("pre-cluster-threshold", None)
    groups.setdefault("class-attrs-all", {})["pre-cluster-threshold"] = "%g" % threshold


def _text(groups: Dict[str, Dict[str, str]]) -> str:
    lines: List[str] = []
    # class-attrs-all comes before the classes: each of them starts from its values.
    for name in sorted(groups, key=lambda one: (one != "property", one != "class-attrs-all", one)):
        lines.append("[%s]" % name)
        lines += ["%s=%s" % item for item in groups[name].items()]
        lines.append("")
    return "\n".join(lines) + "\n"
