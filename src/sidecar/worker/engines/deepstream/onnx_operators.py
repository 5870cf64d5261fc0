"""What TensorRT's ONNX parser would refuse in a network: operators, their forms, and number types. Pure.

The table, catalogue/onnx-operators.json, and the codes are the linter's too.
"""

from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

from sidecar.worker.inference.onnx_network import Graph, Network, Node

OPERATOR = "onnx-operator"
TYPE = "onnx-type"

_LONGEST_NAME = 60

_TENSORS, _WEIGHTS = "tensors", "weights"


class Refusal(NamedTuple):
    """Why the parser refuses a network."""

    code: str
    # The operator, or the number type.
    what: str
    # Completes "TensorRT ...".
    why: str
    # What to do.
    cure: str
    # The first place, and the number of places.
    where: str = ""
    places: int = 1


# Where the names of a graph come from: the number type, if the parser keeps the value as weights; otherwise the
# operator that makes the tensor, empty for an input. Nothing is known about a name that is missing.
_Sources = Dict[str, Union[int, str]]
# An entry of the table.
_Entry = Dict[str, Any]


def refusals(network: Network, tensorrt: str, table: _Entry, has_library: bool) -> List[Refusal]:
    """tensorrt: such as 8.2.1. table: the catalogue's. has_library: a library of the bundle may have more operators."""
    found: Dict[Tuple[str, str], Refusal] = {}
    for one in _Parser(network, tensorrt, table, has_library).refusals():
        first = found.get((one.code, one.why))
        found[one.code, one.why] = one if first is None else first._replace(places=first.places + 1)
    return list(found.values())


class _Parser:
    """The parser of one TensorRT, as the table describes it."""

    def __init__(self, network: Network, tensorrt: str, table: _Entry, has_library: bool) -> None:
        self._network = network
        # 8.2.1 has the parser of 8.2.
        self._release = _numbers(tensorrt)[:2]
        self._operators = {one["name"]: one for one in table["operators"]}
        self._plugins = {one["name"]: one for one in table["plugins"]}
        self._types = {one["code"]: one for one in table["types"]}
        self._functions_since: str = table["functionsSince"]
        self._has_library = has_library

    def refusals(self) -> Iterator[Refusal]:
        graph = self._network.graph
        yield from self._graph(graph, {})
        for function in self._network.functions:
            # Only its callers know what a function is given.
            yield from self._nodes(function.nodes, {}, " of function %s" % function.name)
        weights = {one.name for one in graph.initializers}
        inputs = [("input %s" % one.name, one.type) for one in graph.inputs if one.name not in weights]
        for where, code in inputs + [("output %s" % one.name, one.type) for one in graph.outputs]:
            yield from _at(where, self._type(code, _TENSORS))

    def _graph(self, graph: Graph, outer: _Sources) -> Iterator[Refusal]:
        known = dict(outer)
        known.update((one.name, "") for one in graph.inputs)
        for weights in graph.initializers:
            known[weights.name] = weights.type
            yield from _at("initializer %s" % weights.name, self._type(weights.type, _WEIGHTS))
        yield from self._nodes(graph.nodes, known, "")

    def _nodes(self, nodes: Iterable[Node], known: _Sources, inside: str) -> Iterator[Refusal]:
        for node in nodes:
            constant = _constant(node, known)
            for output in node.outputs:
                known[output] = node.operator if constant is None else constant
        for node in nodes:
            yield from _at(_place(node) + inside, self._node(node, known))
            for attribute in node.attributes.values():
                for graph in attribute.graphs:
                    yield from self._graph(graph, known)

    def _node(self, node: Node, known: _Sources) -> Iterator[Refusal]:
        entry = self._operators.get(node.operator)
        if entry is None or not self._has(entry):
            yield from self._missing(node.operator, entry)
            return
        for one in entry.get("constants", ()):
            yield from self._input_source(node, one, known)
        for one in entry.get("weights", ()):
            yield from self._weights(node, one, known)
        for one in entry.get("bodyInputs", ()):
            yield from self._body_input(node, one)
        for one in entry.get("attributes", ()):
            yield from self._attribute(node, one)
        count = len([name for name in node.outputs if name])
        if count > entry.get("outputs", count):
            why = "gives %d output of %s, and here are %d" % (entry["outputs"], node.operator, count)
            yield Refusal(OPERATOR, node.operator, why, "export the network without the others")
        target = node.attributes.get("to")
        if node.operator == "Cast" and target is not None and target.values:
            yield from self._type(target.values[0], _TENSORS)
        value = node.attributes.get("value")
        if value is not None and value.tensor is not None:
            yield from self._type(value.tensor.type, _WEIGHTS)

    def _input_source(self, node: Node, one: _Entry, known: _Sources) -> Iterator[Refusal]:
        opset = self._network.opset
        if not self._has(one) or not one.get("opsetSince", 0) <= opset <= one.get("opsetUntil", opset):
            return
        name = _input(node, one["input"])
        if not name or ("unlessInput" in one and _input(node, one["unlessInput"])):
            return
        source = known.get(name)
        if not isinstance(source, str) or source in one.get("or", ()) or (source and one.get("computed")):
            return
        why = "takes the %s of %s from an initializer%s only%s, and here it comes from %s" % (
            one["name"],
            node.operator,
            " or a node" if one.get("computed") else "",
            _until(one),
            "a %s" % source if source else "an input",
        )
        cast = " (models/fold_casts.py does it for a Cast)" if source == "Cast" else ""
        yield Refusal(OPERATOR, node.operator, why, "fold it into an initializer" + cast)

    def _weights(self, node: Node, one: _Entry, known: _Sources) -> Iterator[Refusal]:
        name = self._types.get(known.get(_input(node, one["input"])), {}).get("name")
        if self._has(one) and name in one["types"]:
            why = "takes no %s constant as %s of %s%s" % (name, one["name"], node.operator, _until(one))
            yield Refusal(OPERATOR, node.operator, why, "keep FLOAT weights, with a QuantizeLinear in front of it")

    def _body_input(self, node: Node, one: _Entry) -> Iterator[Refusal]:
        body = node.attributes.get("body")
        if _input(node, one["input"]) or body is None or not body.graphs:
            return
        inputs = [value.name for value in body.graphs[0].inputs][one["input"] :]
        if inputs and any(inputs[0] in inner.inputs for inner in body.graphs[0].nodes):
            why = "has no %s in the body of a %s that is given none as input %d"
            yield Refusal(OPERATOR, node.operator, why % (one["name"], node.operator, one["input"]), "give it one")

    def _attribute(self, node: Node, one: _Entry) -> Iterator[Refusal]:
        attribute = node.attributes.get(one["name"])
        if attribute is None or not self._has(one):
            return
        allowed = one["allowed"]
        wrong = [value for value in attribute.values if value not in allowed]
        if allowed and not wrong:
            return
        said = "%s %s" % (one["name"], wrong[0]) if wrong else one["name"]
        if one.get("ignored"):
            why = "passes over %s of %s%s and gives wrong results" % (said, node.operator, _until(one))
        else:
            only = ", only %s" % ", ".join(str(each) for each in allowed) if allowed else ""
            why = "knows no %s with %s%s%s" % (node.operator, said, only, _until(one))
        yield Refusal(OPERATOR, node.operator, why, "export the network without it")

    def _missing(self, operator: str, entry: Optional[_Entry]) -> Iterator[Refusal]:
        if any(one.name == operator for one in self._network.functions):
            if self._release < _numbers(self._functions_since):
                why = "reads functions of the file from %s, and %s is one" % (self._functions_since, operator)
                yield Refusal(OPERATOR, operator, why, "inline the functions when exporting")
            return
        plugin = self._plugins.get(operator)
        if self._has_library or (plugin is not None and self._has(plugin)):
            return
        later = entry or plugin
        others = "; others have it (%s)" % _span(later) if later is not None else ""
        why = "has no operator %s and no plugin of that name%s" % (operator, others)
        cure = "export the network without it, or name the library that has it in custom-lib-path"
        yield Refusal(OPERATOR, operator, why, cure)

    def _type(self, code: Any, use: str) -> Iterator[Refusal]:
        known = self._types.get(code, {})
        since = known.get(use)
        if code == 0 or (since is not None and self._release >= _numbers(since)):
            return
        name = known.get("name", "type %s" % code)
        uses = "inputs, outputs and Cast" if use == _TENSORS else "weights"
        why = "has no %s for %s%s" % (name, uses, "; it has from %s" % since if since is not None else "")
        yield Refusal(TYPE, name, why, "export the network with another type, such as FLOAT")

    def _has(self, span: _Entry) -> bool:
        since, until = span.get("since"), span.get("until")
        if since is not None and self._release < _numbers(since):
            return False
        return until is None or self._release <= _numbers(until)


def _at(where: str, refused: Iterable[Refusal]) -> Iterator[Refusal]:
    return (one._replace(where=where) for one in refused)


def _constant(node: Node, known: _Sources) -> Optional[int]:
    """The number type, if the parser keeps the node's output as weights. Other outputs are tensors."""
    if node.operator == "Constant":
        value = node.attributes.get("value")
        return 0 if value is None or value.tensor is None else value.tensor.type
    source = known.get(_input(node, 0))
    return source if node.operator == "Transpose" and isinstance(source, int) else None


def _input(node: Node, index: int) -> str:
    return node.inputs[index] if index < len(node.inputs) else ""


def _place(node: Node) -> str:
    if node.name:
        return "node %s" % _shortened(node.name)
    return "the node of %s" % (_shortened(node.outputs[0]) if node.outputs else "no output")


def _shortened(name: str) -> str:
    """Exporters join the names of all nodes that they have merged."""
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "..."


def _until(span: _Entry) -> str:
    return "" if span.get("until") is None else " up to %s" % span["until"]


def _span(span: _Entry) -> str:
    return "from %s" % span["since"] if span.get("until") is None else "%s to %s" % (span["since"], span["until"])


def _numbers(release: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())
