"""Reads what matters here from an ONNX file, without its weights or a library for them."""

import mmap
from typing import Iterable, Iterator, List, NamedTuple, Optional, Tuple

from sidecar.worker.engines.deepstream.onnx_graph import Function, Graph, Node, read_function, read_graph
from sidecar.worker.engines.deepstream.protobuf_file import OnnxError, ProtobufFile

# Field numbers of onnx.proto.
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTION = 7, 8, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2


class Network(NamedTuple):
    """What a file says of its network."""

    # Version of the standard operator set.
    opset: int
    graph: Graph
    functions: List[Function]
    # Pictures that it takes at once. None: any number.
    batch: Optional[int]
    # Files that hold weights, sorted, as it names them: relative to its own directory.
    external: Tuple[str, ...]


def read_network(path: str) -> Network:
    """Raises OSError, and OnnxError for a file that is no network."""
    with open(path, "rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _network(ProtobufFile(data))
        except ValueError as error:  # An empty file cannot be mapped.
            raise OnnxError("is empty") from error


def external_files(path: str) -> List[str]:
    """Files that hold weights of an ONNX network, sorted, as it names them. Empty where it cannot be read."""
    try:
        return list(read_network(path).external)
    except (OSError, OnnxError):
        return []


def _network(file: ProtobufFile) -> Network:
    opset, graph, functions = 0, None, []
    for field in file.fields():
        if field.number == _MODEL_GRAPH:
            graph = read_graph(file, field)
        elif field.number == _MODEL_FUNCTION:
            functions.append(read_function(file, field))
        elif field.number == _MODEL_OPSET:
            domain, version = file.find(field, _OPSET_DOMAIN), file.find(field, _OPSET_VERSION)
            if version is not None and (domain is None or file.text(domain) in ("", "ai.onnx")):
                opset = version.value
    if graph is None or not opset:
        raise OnnxError("has no graph or names no operator set: is it an ONNX file?")
    weights = {one.name for one in graph.initializers}
    # Old exporters list the weights among the inputs.
    batch = next((one.batch for one in graph.inputs if one.name not in weights), None)
    places = {*_locations(graph), *(place for one in functions for place in _locations_of(one.nodes))}
    return Network(opset, graph, functions, batch, tuple(sorted(places - {""})))


def _locations(graph: Graph) -> Iterator[str]:
    for one in graph.initializers:
        yield one.location
    yield from _locations_of(graph.nodes)


def _locations_of(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        for attribute in node.attributes.values():
            if attribute.tensor is not None:
                yield attribute.tensor.location
            for graph in attribute.graphs:
                yield from _locations(graph)
