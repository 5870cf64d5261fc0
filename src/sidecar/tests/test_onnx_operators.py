"""What TensorRT refuses of a network, release by release; the linter is held against the same networks."""

import base64
import hashlib
import os

import pytest

from sidecar.tests.networks import NETWORKS, VERDICTS, network
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.onnx_operators import refusals
from sidecar.worker.inference.onnx_network import read_network
from sidecar.worker.inference.protobuf_file import OnnxError, ProtobufFile

RELEASES = ("8.0", "8.2", "8.4", "8.5", "8.6", "10.3", "10.9", "10.14", "10.16", "11.0")
TABLE = Catalogue("7.1", "dgpu").onnx


@pytest.fixture
def read(tmp_path):
    def read(content):
        (tmp_path / "network.onnx").write_bytes(content)
        return read_network(str(tmp_path / "network.onnx"))

    return read


def numbers(release):
    return [int(part) for part in release.split(".")]


@pytest.mark.parametrize("one", NETWORKS, ids=lambda one: one["name"])
def test_each_release_refuses_what_it_does_not_have(read, one):
    facts = read(base64.b64decode(one["onnx"]))
    expected = one["refused"]
    for release in RELEASES:
        told = ["%s %s" % (refusal.code, refusal.what) for refusal in refusals(facts, release + ".1.2", TABLE, False)]
        until = None if expected is None else expected["until"]
        refused = until == "always" or (until is not None and numbers(release) <= numbers(until))
        assert told == (expected["told"] if refused else []), release


@pytest.mark.parametrize("parser", VERDICTS, ids=lambda parser: parser["tensorrt"])
def test_what_a_real_parser_refused_is_refused(read, parser):
    for one in parser["networks"]:
        content = network(one["network"])
        assert hashlib.sha256(content).hexdigest()[:16] == one["sha256"], one
        told = refusals(read(content), parser["tensorrt"], TABLE, False)
        assert bool(told) == ((one["verdict"] != "accepted") != ("unlike" in one)), one


def test_an_attribute_is_refused_or_ignored(read):
    (one,) = refusals(read(network("ScatterElements that adds")), "8.2.1", TABLE, False)
    assert one.why == "passes over reduction add of ScatterElements up to 9.3 and gives wrong results"
    (one,) = refusals(read(network("Resize with scales that are an input")), "10.3.0", TABLE, False)
    assert one.why.startswith("takes the scales of Resize from an initializer or a node only, and here it comes from")


def test_a_refusal_names_the_node_and_where_its_input_comes_from(read):
    (one,) = refusals(read(network("a bias behind a Cast")), "8.2.1", TABLE, False)
    assert one.why == "takes the bias of Conv from an initializer only up to 8.4, and here it comes from a Cast"
    assert (one.where, one.places) == ("node first", 1)
    assert "fold_casts.py" in one.cure
    (other,) = refusals(read(network("NonZero")), "8.2.1", TABLE, False)
    assert other.where == "the node of out"


def field(number, content):
    size, rest = [], len(content)
    while rest >= 0x80:
        size.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([number * 8 + 2, *size, rest]) + content


def file(graph):
    """A file of one graph."""
    return field(7, graph) + field(8, b"\x10\x0d")


def test_numbers_may_be_packed_into_one(read):
    attribute = field(1, b"dilations") + field(8, b"\x02\xac\x02")
    assert read(file(field(1, field(5, attribute)))).graph.nodes[0].attributes["dilations"].values == (2, 300)


def nested(depth):
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))
    return graph


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (file(nested(100)), "more than 16 deep"),
        (file(field(1, b"") * 200000), "nodes"),
        (file(b"\x68\x01" * 1500000), "parts"),
        (file(field(1, field(3, b"a" * 20000))), "longer names"),
        (field(8, b"\x10\x0d"), "no graph"),
        (b"", "is empty"),
    ],
    ids=["deep", "nodes", "parts", "names", "no graph", "empty"],
)
def test_a_file_beyond_all_bounds_is_refused(read, content, says):
    with pytest.raises(OnnxError, match=says):
        read(content)


def test_any_byte_may_be_wrong_and_the_file_may_end_anywhere(read):
    for one in NETWORKS[::4]:
        content = base64.b64decode(one["onnx"])
        for index in range(len(content)):
            for damaged in (content[:index], content[:index] + b"\xff" + content[index + 1 :]):
                try:
                    read(damaged)
                except OnnxError:
                    pass  # A reason.


def test_a_file_that_is_truncated_while_it_is_read_is_refused_and_harms_nobody(tmp_path):
    path = tmp_path / "network.onnx"
    # Fields of 20,000 bytes each.
    path.write_bytes((b"\x12\xa0\x9c\x01" + bytes(20000)) * 4)
    with open(str(path), "rb") as file:
        fields = ProtobufFile(file).fields()
        next(fields)
        os.truncate(str(path), 100)
        with pytest.raises(OnnxError, match="being replaced"):
            list(fields)
