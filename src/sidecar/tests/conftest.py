"""One process runs all tests: what each of its processes does first comes before any of them."""

from sidecar.gst import Gst
from sidecar.worker.engines.rtsp_answers import register_extension

Gst.init(None)
register_extension()
