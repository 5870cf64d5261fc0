"""Reads what matters here of an ONNX file: its graphs, without their weights and without an ONNX library."""

from typing import BinaryIO, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

from sidecar.worker.inference.protobuf_file import Field, OnnxError, ProtobufFile

# Nested graphs are the bodies of If, Loop and Scan.
_DEEPEST_GRAPH = 16

# Field numbers of onnx.proto.
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTION = 7, 8, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 2, 3, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_TENSOR = 1, 5
_ATTRIBUTE_NUMBERS, _ATTRIBUTE_TEXT, _ATTRIBUTE_GRAPHS = (3, 8), 4, (6, 11)
_TENSOR_TYPE, _TENSOR_NAME, _TENSOR_EXTERNAL = 2, 8, 13
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_VALUE_NAME, _VALUE_TO_TENSOR = 1, (2, 1)
_TENSOR_ELEMENTS, _TENSOR_SHAPE = 1, 2
_SHAPE_DIMENSION, _DIMENSION_VALUE = 1, 1
_FUNCTION_NAME, _FUNCTION_NODE = 1, 7


class Tensor(NamedTuple):
    """An initializer, or the tensor of an attribute, without its values."""

    name: str
    # The data type's number in onnx.proto; 0: not given.
    type: int
    # The file that holds its values, relative to the network's directory. Empty: the network itself.
    location: str


class Value(NamedTuple):
    """An input or an output of a graph."""

    name: str
    type: int
    # With the batch. None: any number.
    shape: Tuple[Optional[int], ...]


class Attribute(NamedTuple):
    # The number, the numbers or the text; empty for tensors and graphs.
    values: Tuple[Union[int, str], ...]
    tensor: Optional[Tensor]
    graphs: Tuple["Graph", ...]


class Node(NamedTuple):
    """Its name is often empty. So is the name of an optional input that it does not use."""

    operator: str
    name: str
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    attributes: Dict[str, Attribute]


class Graph(NamedTuple):
    """Old exporters list the initializers among the inputs."""

    nodes: List[Node]
    initializers: List[Tensor]
    inputs: List[Value]
    outputs: List[Value]


class Function(NamedTuple):
    """A function that the file defines; nodes name it as their operator."""

    name: str
    nodes: List[Node]


class Network(NamedTuple):
    """What a file says about itself."""

    # Version of the standard operator set.
    opset: int
    graph: Graph
    functions: List[Function]
    # The shape of its first input, with the batch. None: any number.
    input_shape: Tuple[Optional[int], ...]
    # The files that hold weights, sorted, relative to the network's directory.
    external: Tuple[str, ...]
    # Of the weights in the file itself.
    weight_bytes: int


def read_network(path: str) -> Network:
    """Raises OSError, and OnnxError for a file that is no network."""
    with open(path, "rb") as file:
        return read_open_network(file)


def read_open_network(file: BinaryIO) -> Network:
    """Raises OSError, and OnnxError for a file that is no network."""
    return _network(ProtobufFile(file))


def external_files(path: str) -> List[str]:
    """See Network.external. Empty if the file cannot be read."""
    try:
        return list(read_network(path).external)
    except (OSError, OnnxError):
        return []


def _network(file: ProtobufFile) -> Network:
    opset, graph, functions, weight_bytes = 0, None, [], 0
    for field in file.fields():
        if field.number == _MODEL_GRAPH:
            graph = _graph(file, field, 0)
            weights = [one for one in file.fields(field) if one.number == _GRAPH_INITIALIZER]
            weight_bytes = sum(one.end - one.start for one in weights)
        elif field.number == _MODEL_FUNCTION:
            functions.append(_function(file, field))
        elif field.number == _MODEL_OPSET:
            domain, version = file.find(field, _OPSET_DOMAIN), file.find(field, _OPSET_VERSION)
            if version is not None and (domain is None or file.text(domain) in ("", "ai.onnx")):
                opset = version.value
    if graph is None or not opset:
        raise OnnxError("has no graph or names no operator set: is it an ONNX file?")
    names = {one.name for one in graph.initializers}
    shape = next((one.shape for one in graph.inputs if one.name not in names), ())
    locations = {*_locations(graph), *(one for function in functions for one in _node_locations(function.nodes))}
    return Network(opset, graph, functions, shape, tuple(sorted(locations - {""})), weight_bytes)


def _locations(graph: Graph) -> Iterator[str]:
    for one in graph.initializers:
        yield one.location
    yield from _node_locations(graph.nodes)


def _node_locations(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        for attribute in node.attributes.values():
            if attribute.tensor is not None:
                yield attribute.tensor.location
            for graph in attribute.graphs:
                yield from _locations(graph)


def _graph(file: ProtobufFile, message: Field, depth: int) -> Graph:
    if depth > _DEEPEST_GRAPH:
        raise OnnxError("has nested graphs, more than %d deep" % _DEEPEST_GRAPH)
    graph = Graph([], [], [], [])
    for field in file.fields(message):
        if field.number == _GRAPH_NODE:
            graph.nodes.append(_node(file, field, depth))
        elif field.number == _GRAPH_INITIALIZER:
            graph.initializers.append(_tensor(file, field))
        elif field.number == _GRAPH_INPUT:
            graph.inputs.append(_value(file, field))
        elif field.number == _GRAPH_OUTPUT:
            graph.outputs.append(_value(file, field))
    return graph


def _function(file: ProtobufFile, message: Field) -> Function:
    nodes = [_node(file, field, 0) for field in file.fields(message) if field.number == _FUNCTION_NODE]
    return Function(_text(file, message, _FUNCTION_NAME), nodes)


def _node(file: ProtobufFile, message: Field, depth: int) -> Node:
    file.count_node()
    operator, name = "", ""
    inputs: List[str] = []
    outputs: List[str] = []
    attributes: Dict[str, Attribute] = {}
    for field in file.fields(message):
        if field.number == _NODE_INPUT:
            inputs.append(file.text(field))
        elif field.number == _NODE_OUTPUT:
            outputs.append(file.text(field))
        elif field.number == _NODE_NAME:
            name = file.text(field)
        elif field.number == _NODE_OPERATOR:
            operator = file.text(field)
        elif field.number == _NODE_ATTRIBUTE:
            key, attribute = _attribute(file, field, depth)
            attributes[key] = attribute
    return Node(operator, name, tuple(inputs), tuple(outputs), attributes)


def _attribute(file: ProtobufFile, message: Field, depth: int) -> Tuple[str, Attribute]:
    name, tensor = "", None
    values: List[Union[int, str]] = []
    graphs: List[Graph] = []
    for field in file.fields(message):
        if field.number == _ATTRIBUTE_NAME:
            name = file.text(field)
        elif field.number in _ATTRIBUTE_NUMBERS:
            values.extend(file.numbers(field))
        elif field.number == _ATTRIBUTE_TEXT:
            values.append(file.text(field))
        elif field.number == _ATTRIBUTE_TENSOR:
            tensor = _tensor(file, field)
        elif field.number in _ATTRIBUTE_GRAPHS:
            graphs.append(_graph(file, field, depth + 1))
    return name, Attribute(tuple(values), tensor, tuple(graphs))


def _tensor(file: ProtobufFile, message: Field) -> Tensor:
    name, kind, location = "", 0, ""
    for field in file.fields(message):
        if field.number == _TENSOR_NAME:
            name = file.text(field)
        elif field.number == _TENSOR_TYPE:
            kind = field.value
        elif field.number == _TENSOR_EXTERNAL and _text(file, field, _ENTRY_KEY) == "location":
            location = _text(file, field, _ENTRY_VALUE)
    return Tensor(name, kind, location)


def _value(file: ProtobufFile, message: Field) -> Value:
    kind = file.find(message, *_VALUE_TO_TENSOR, _TENSOR_ELEMENTS)
    shape = file.find(message, *_VALUE_TO_TENSOR, _TENSOR_SHAPE)
    dimensions = () if shape is None else file.fields(shape)
    return Value(
        _text(file, message, _VALUE_NAME),
        0 if kind is None else kind.value,
        tuple(_size(file, field) for field in dimensions if field.number == _SHAPE_DIMENSION),
    )


def _size(file: ProtobufFile, dimension: Field) -> Optional[int]:
    size = file.find(dimension, _DIMENSION_VALUE)
    return size.value if size is not None and size.value > 0 else None


def _text(file: ProtobufFile, message: Field, number: int) -> str:
    """A field's text; empty if the message does not have it."""
    field = file.find(message, number)
    return "" if field is None else file.text(field)
