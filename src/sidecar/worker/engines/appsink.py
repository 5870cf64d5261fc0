"""The end of a stream that does not go to the outlet: an appsink gives its frames to a receiver."""

from sidecar.chain import Chain, make
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.outputs.plan import codec_name
from sidecar.worker.outputs.receiver import Take

# As Matroska has them: whole frames, parameter sets in the caps.
_ENCODED = {
    "H264": "video/x-h264, stream-format=avc, alignment=au",
    "H265": "video/x-h265, stream-format=hvc1, alignment=au",
}


def add_recording(chain: Chain, encoding: spec.Encoding, take: Take) -> None:
    """From parsed frames to the recorder. Raises ChainError."""
    chain.caps(_ENCODED[codec_name(encoding)])
    _add_sink(chain, take)


def add_showing(chain: Chain, encoding: spec.Encoding, take: Take) -> Gst.Element:
    """From I420 in system memory to the window. Returns the last element. Raises ChainError."""
    chain.caps("video/x-raw, format=I420, width=%d, height=%d" % (encoding.width, encoding.height))
    return _add_sink(chain, take)


def _add_sink(chain: Chain, take: Take) -> Gst.Element:
    # The callback must hold no element: else a pipeline would keep itself alive for ever.
    def on_sample(sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            take(sample)
        return Gst.FlowReturn.OK

    sink = make("appsink", None, sync=False, emit_signals=True, max_buffers=1, **{"async": False})
    chain.append(sink, "appsink").connect("new-sample", on_sample)
    return sink
