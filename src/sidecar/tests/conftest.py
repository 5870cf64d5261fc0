"""A process runs many tests: what each process of the sidecar does first comes before any of them."""

from sidecar.gst import Gst
from sidecar.worker.engines.rtsp_messages import register_extension

Gst.init(None)
register_extension()
