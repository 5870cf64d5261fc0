"""Chain: errors name the element, the property and the reason."""

import pytest

from sidecar.chain import Chain, ChainError, make, request_pad
from sidecar.gst import Gst


@pytest.fixture
def pipeline():
    Gst.init(None)
    pipeline = Gst.Pipeline.new(None)
    yield pipeline
    pipeline.set_state(Gst.State.NULL)


def test_a_chain_runs_as_it_reads(pipeline):
    chain = Chain(pipeline)
    chain.add("videotestsrc", num_buffers=3)
    chain.caps("video/x-raw, width=64, height=48")
    sink = chain.add("fakesink", "end", sync=False)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(5 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    assert message.type == Gst.MessageType.EOS
    assert sink.get_static_pad("sink").get_current_caps().get_structure(0).get_int("width") == (True, 64)


def test_a_missing_element_is_named(pipeline):
    with pytest.raises(ChainError, match=r"nosuchthing \(left\): there is no such element"):
        Chain(pipeline).add("nosuchthing", "left")


def test_an_unknown_property_is_named_with_its_element():
    with pytest.raises(ChainError, match=r"fakesink, property bufapi-version: it has no such property"):
        make("fakesink", bufapi_version=True)


@pytest.mark.parametrize("value", ["fast", 5.5, None])
def test_a_value_of_the_wrong_kind_is_refused_with_the_value(value):
    with pytest.raises(ChainError, match=r"queue, property max-size-buffers: value .* is refused"):
        make("queue", max_size_buffers=value)


def test_a_value_out_of_range_is_refused():
    with pytest.raises(ChainError, match="x264enc, property bitrate: value 0 is refused"):
        make("x264enc", bitrate=0)


def test_an_unknown_nick_is_refused():
    with pytest.raises(ChainError, match="leaky"):
        make("queue", leaky="sideways")


def test_elements_that_cannot_be_linked_are_both_named(pipeline):
    chain = Chain(pipeline)
    chain.add("videotestsrc", "eye")
    with pytest.raises(ChainError, match=r"wavenc \(ear\): cannot be linked after videotestsrc \(eye\)"):
        chain.add("wavenc", "ear")


def test_a_name_is_used_once(pipeline):
    chain = Chain(pipeline)
    chain.add("videotestsrc", "one")
    with pytest.raises(ChainError, match="the name one is taken already"):
        chain.add("identity", "one")


def test_a_chain_ends_in_a_requested_pad(pipeline):
    mixer = make("compositor", "mixer")
    pipeline.add(mixer)
    chain = Chain(pipeline)
    chain.add("videotestsrc")
    chain.into(request_pad(mixer, "sink_%u"), "mixer")
    other = Chain(pipeline)
    other.add("audiotestsrc")
    with pytest.raises(ChainError, match="mixer: cannot be linked after audiotestsrc"):
        other.into(request_pad(mixer, "sink_%u"), "mixer")
