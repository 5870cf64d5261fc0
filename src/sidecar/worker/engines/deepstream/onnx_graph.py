"""The graph of an ONNX file, with all graphs inside it, and without its weights."""

from typing import Dict, List, NamedTuple, Optional, Tuple, Union

from sidecar.worker.engines.deepstream.protobuf_file import Field, OnnxError, ProtobufFile

# Graphs inside graphs: bodies of If, Loop and Scan.
_DEEPEST = 16

# Field numbers of onnx.proto.
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
    # Of its numbers, as onnx.proto numbers them; 0: not said.
    type: int
    # The file that holds its values, as the network names it. Empty: the network's own.
    location: str


class Value(NamedTuple):
    """An input or an output of a graph."""

    name: str
    type: int
    # Its first dimension. None: any number, or none at all.
    batch: Optional[int]


class Attribute(NamedTuple):
    """An attribute of a node."""

    # The number, the numbers or the text; nothing for tensors and graphs.
    values: Tuple[Union[int, str], ...]
    tensor: Optional[Tensor]
    graphs: Tuple["Graph", ...]


class Node(NamedTuple):
    """A node; its name is often empty. An empty input is left out."""

    operator: str
    name: str
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    attributes: Dict[str, Attribute]


class Graph(NamedTuple):
    """A graph. Old exporters list the initializers among its inputs."""

    nodes: List[Node]
    initializers: List[Tensor]
    inputs: List[Value]
    outputs: List[Value]


class Function(NamedTuple):
    """A function of the file itself, which its nodes call by its name as if it were an operator."""

    name: str
    nodes: List[Node]


def read_graph(file: ProtobufFile, message: Field, depth: int = 0) -> Graph:
    if depth > _DEEPEST:
        raise OnnxError("has graphs inside graphs, more than %d deep" % _DEEPEST)
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


def read_function(file: ProtobufFile, message: Field) -> Function:
    name = file.find(message, _FUNCTION_NAME)
    nodes = [_node(file, field, 0) for field in file.fields(message) if field.number == _FUNCTION_NODE]
    return Function("" if name is None else file.text(name), nodes)


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
            graphs.append(read_graph(file, field, depth + 1))
    return name, Attribute(tuple(values), tensor, tuple(graphs))


def _tensor(file: ProtobufFile, message: Field) -> Tensor:
    name, kind, location = "", 0, ""
    for field in file.fields(message):
        if field.number == _TENSOR_NAME:
            name = file.text(field)
        elif field.number == _TENSOR_TYPE:
            kind = field.value
        elif field.number == _TENSOR_EXTERNAL:
            key, value = file.find(field, _ENTRY_KEY), file.find(field, _ENTRY_VALUE)
            if key is not None and value is not None and file.text(key) == "location":
                location = file.text(value)
    return Tensor(name, kind, location)


def _value(file: ProtobufFile, message: Field) -> Value:
    name = file.find(message, _VALUE_NAME)
    kind = file.find(message, *_VALUE_TO_TENSOR, _TENSOR_ELEMENTS)
    shape = file.find(message, *_VALUE_TO_TENSOR, _TENSOR_SHAPE)
    dimensions = () if shape is None else file.fields(shape)
    first = next((field for field in dimensions if field.number == _SHAPE_DIMENSION), None)
    size = file.find(first, _DIMENSION_VALUE)
    return Value(
        "" if name is None else file.text(name),
        0 if kind is None else kind.value,
        size.value if size is not None and size.value > 0 else None,
    )
