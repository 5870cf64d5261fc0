"""What TensorRT's ONNX parser would refuse of a network: operators, their forms, and types of numbers. Pure.

The facts are the linter's, in catalogue/onnx-operators.json, and so are the codes.
"""

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from sidecar.worker.engines.deepstream.onnx_file import Network
from sidecar.worker.engines.deepstream.onnx_graph import Graph, Node

OPERATOR = "onnx-operator"
TYPE = "onnx-type"

_LONGEST_NAME = 60

_TENSORS, _WEIGHTS = "tensors", "weights"


class Refusal(NamedTuple):
    """One thing that is refused."""

    code: str
    # The operator, or the type.
    what: str
    # Completes "TensorRT ...".
    why: str
    # What to do.
    cure: str
    # The first place, and how many there are in all.
    where: str
    places: int


# Names of a graph: the type of what the parser keeps as weights, otherwise the operator that makes the tensor, empty
# for an input. A name that is missing here is not known.
_Sources = Dict[str, Union[int, str]]


def refusals(network: Network, tensorrt: str, table: Dict[str, Any], has_library: bool) -> List[Refusal]:
    """tensorrt: such as 8.2.1. table: the catalogue's. has_library: the bundle's may bring operators of its own."""
    check = _Check(network, tensorrt, table, has_library)
    check.run()
    return list(check.found.values())


class _Check:
    def __init__(self, network: Network, tensorrt: str, table: Dict[str, Any], has_library: bool) -> None:
        self.found: Dict[Tuple[str, str], Refusal] = {}
        self._network = network
        # 8.2.1 has the parser of 8.2.
        self._release = _numbers(tensorrt)[:2]
        self._operators = {one["name"]: one for one in table["operators"]}
        self._plugins = {one["name"]: one for one in table["plugins"]}
        self._types = {one["code"]: one for one in table["types"]}
        self._functions = {one.name for one in network.functions}
        self._functions_since: str = table["functionsSince"]
        self._has_library = has_library

    def run(self) -> None:
        graph = self._network.graph
        self._graph(graph, {})
        for function in self._network.functions:
            # What a function is given, only its callers know.
            self._nodes(function.nodes, {}, " of function %s" % function.name)
        weights = {one.name for one in graph.initializers}
        for one in graph.inputs:
            if one.name not in weights:
                self._type(one.type, _TENSORS, "input %s" % one.name)
        for one in graph.outputs:
            self._type(one.type, _TENSORS, "output %s" % one.name)

    def _graph(self, graph: Graph, outer: _Sources) -> None:
        known = dict(outer)
        for one in graph.inputs:
            known[one.name] = ""
        for weights in graph.initializers:
            known[weights.name] = weights.type
            self._type(weights.type, _WEIGHTS, "initializer %s" % weights.name)
        self._nodes(graph.nodes, known, "")

    def _nodes(self, nodes: Iterable[Node], known: _Sources, inside: str) -> None:
        for node in nodes:
            constant = _constant(node, known)
            for output in node.outputs:
                known[output] = node.operator if constant is None else constant
        for node in nodes:
            self._node(node, known, _place(node) + inside)
            for attribute in node.attributes.values():
                for graph in attribute.graphs:
                    self._graph(graph, known)

    def _node(self, node: Node, known: _Sources, where: str) -> None:
        entry = self._operators.get(node.operator)
        if entry is None or not self._has(entry):
            self._missing(node.operator, entry, where)
            return
        for one in entry.get("constants", ()):
            self._constant(node, one, known, where)
        for one in entry.get("weights", ()):
            self._weights(node, one, known, where)
        for one in entry.get("bodyInputs", ()):
            self._body_input(node, one, where)
        for one in entry.get("attributes", ()):
            self._attribute(node, one, where)
        count = len([name for name in node.outputs if name])
        if count > entry.get("outputs", count):
            why = "gives %d output of %s, and here are %d" % (entry["outputs"], node.operator, count)
            self._refuse(OPERATOR, node.operator, why, "export the network without the others", where)
        target = node.attributes.get("to")
        if node.operator == "Cast" and target is not None and target.values:
            self._type(target.values[0], _TENSORS, where)
        value = node.attributes.get("value")
        if value is not None and value.tensor is not None:
            self._type(value.tensor.type, _WEIGHTS, where)

    def _constant(self, node: Node, one: Dict[str, Any], known: _Sources, where: str) -> None:
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
        self._refuse(OPERATOR, node.operator, why, "fold it into an initializer" + cast, where)

    def _weights(self, node: Node, one: Dict[str, Any], known: _Sources, where: str) -> None:
        source = known.get(_input(node, one["input"]))
        name = self._types.get(source, {}).get("name")
        if self._has(one) and name in one["types"]:
            why = "takes no %s constant as %s of %s%s" % (name, one["name"], node.operator, _until(one))
            self._refuse(
                OPERATOR, node.operator, why, "keep FLOAT weights, with a QuantizeLinear in front of it", where
            )

    def _body_input(self, node: Node, one: Dict[str, Any], where: str) -> None:
        body = node.attributes.get("body")
        if _input(node, one["input"]) or body is None or not body.graphs:
            return
        inputs = [value.name for value in body.graphs[0].inputs][one["input"] :]
        if inputs and any(inputs[0] in inner.inputs for inner in body.graphs[0].nodes):
            why = "has no %s in the body of a %s that is given none as input %d" % (
                one["name"],
                node.operator,
                one["input"],
            )
            self._refuse(OPERATOR, node.operator, why, "give it one", where)

    def _attribute(self, node: Node, one: Dict[str, Any], where: str) -> None:
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
        self._refuse(OPERATOR, node.operator, why, "export the network without it", where)

    def _missing(self, operator: str, entry: Optional[Dict[str, Any]], where: str) -> None:
        if operator in self._functions:
            if self._release < _numbers(self._functions_since):
                why = "reads functions of the file from %s, and %s is one" % (self._functions_since, operator)
                self._refuse(OPERATOR, operator, why, "inline the functions when exporting", where)
            return
        plugin = self._plugins.get(operator)
        if self._has_library or (plugin is not None and self._has(plugin)):
            return
        later = entry or plugin
        why = "has no operator %s and no plugin of that name%s" % (
            operator,
            "; others have it (%s)" % _span(later) if later is not None else "",
        )
        cure = "export the network without it, or name the library that has it in custom-lib-path"
        self._refuse(OPERATOR, operator, why, cure, where)

    def _type(self, code: Any, use: str, where: str) -> None:
        known = self._types.get(code, {})
        since = known.get(use)
        if code == 0 or (since is not None and self._release >= _numbers(since)):
            return
        name = known.get("name", "type %s" % code)
        why = "has no %s for %s%s" % (
            name,
            "inputs, outputs and Cast" if use == _TENSORS else "weights",
            "; it has from %s" % since if since is not None else "",
        )
        self._refuse(TYPE, name, why, "export the network with another type, such as FLOAT", where)

    def _has(self, span: Dict[str, Any]) -> bool:
        since, until = span.get("since"), span.get("until")
        if since is not None and self._release < _numbers(since):
            return False
        return until is None or self._release <= _numbers(until)

    def _refuse(self, code: str, what: str, why: str, cure: str, where: str) -> None:
        first = self.found.get((code, why))
        if first is None:
            self.found[code, why] = Refusal(code, what, why, cure, where, 1)
        else:
            self.found[code, why] = first._replace(places=first.places + 1)


def _constant(node: Node, known: _Sources) -> Optional[int]:
    """The type of what the parser keeps as weights; of everything else that a node gives it makes a tensor."""
    if node.operator == "Constant":
        value = node.attributes.get("value")
        return 0 if value is None or value.tensor is None else value.tensor.type
    source = known.get(_input(node, 0))
    return source if node.operator == "Transpose" and isinstance(source, int) else None


def _input(node: Node, index: int) -> str:
    return node.inputs[index] if index < len(node.inputs) else ""


def _place(node: Node) -> str:
    if node.name:
        return "node %s" % _shown(node.name)
    return "the node of %s" % (_shown(node.outputs[0]) if node.outputs else "no output")


def _shown(name: str) -> str:
    """Exporters join the names of all that they merged."""
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "..."


def _until(span: Dict[str, Any]) -> str:
    return "" if span.get("until") is None else " up to %s" % span["until"]


def _span(span: Dict[str, Any]) -> str:
    return "from %s" % span["since"] if span.get("until") is None else "%s to %s" % (span["since"], span["until"])


def _numbers(release: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())
