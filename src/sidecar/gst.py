"""GStreamer's bindings, each with its version: the one place that loads them.

All at once: a namespace costs next to nothing until its names are used. The keeper, which needs none of them, must not
import this. The classes of GstRtspServer can be used after Gst.init() only.
"""

import gi

for _namespace in ("Gst", "GstBase", "GstRtsp", "GstRtspServer", "GstVideo"):
    gi.require_version(_namespace, "1.0")

from gi.repository import Gio, GLib, GObject, Gst, GstBase, GstRtsp, GstRtspServer, GstVideo  # noqa: E402

__all__ = ["GLib", "GObject", "Gio", "Gst", "GstBase", "GstRtsp", "GstRtspServer", "GstVideo"]
