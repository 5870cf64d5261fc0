"""RTP leaves the process from one port, whatever becomes of the pipelines that send it."""

import socket

from sidecar.chain import Chain
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.shared_elements import add_loopback
from sidecar.worker.outputs.rtp_sender import sender_port


def test_a_pipeline_that_is_stopped_and_started_again_still_sends_from_the_port():
    Gst.init(None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outlet:
        outlet.bind(("127.0.0.1", 0))
        outlet.settimeout(10)
        pipeline = Gst.Pipeline.new(None)
        chain = Chain(pipeline)
        chain.add("videotestsrc", "source", num_buffers=3)
        chain.add("x264enc", "encoder", tune="zerolatency")
        add_loopback(chain, spec.Encoding(codec=spec.CODEC_H264), outlet.getsockname()[1])
        for _ in range(2):
            pipeline.set_state(Gst.State.PLAYING)
            try:
                _packet, sender = outlet.recvfrom(65536)
            finally:
                pipeline.set_state(Gst.State.NULL)
            assert sender == ("127.0.0.1", sender_port())
            drain(outlet)


def drain(outlet):
    outlet.setblocking(False)
    try:
        while True:
            outlet.recv(1)
    except BlockingIOError:
        outlet.settimeout(10)
