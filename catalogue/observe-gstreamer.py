"""Writes gstreamer-elements.json from the GStreamer that is installed, to standard output.

GStreamer's own elements change little between 1.14 and 1.24; what came later than 1.14 and is used in camera pipelines
is named in SINCE, from the documentation of GStreamer (the line "Since : 1.x" of each element and property).
"""

import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

# Checked in full: properties, ranges, pads. Everything else that is installed is listed by name only.
ELEMENTS = """
aacparse appsink appsrc av1parse avdec_h264 avdec_h265 capsfilter compositor concat decodebin decodebin3 fakesink
fakesrc filesink filesrc flvmux funnel h264parse h265parse identity input-selector jpegdec jpegenc jpegparse
matroskademux matroskamux mp4mux mpeg4videoparse mpegtsmux multifilesrc multiqueue openh264enc output-selector
pngenc qtdemux qtmux queue queue2 rtpbin rtph264depay rtph264pay rtph265depay rtph265pay rtpjitterbuffer
rtpjpegdepay rtpjpegpay rtspclientsink rtspsrc splitmuxsink tee tsdemux udpsink udpsrc uridecodebin urisourcebin
v4l2src valve videobox videoconvert videocrop videoflip videorate videoscale videotestsrc vp8dec vp8enc vp9dec
vp9enc x264enc x265enc autovideosink fpsdisplaysink multipartdemux souphttpsrc
""".split()

# Elements of plugins that need not be installed here, and NVIDIA's own that the DeepStream catalogue does not describe.
NAMES = """
alsasink alsasrc autoaudiosink autoaudiosrc cairooverlay clockoverlay gdkpixbufdec gdkpixbufoverlay gdkpixbufsink
glimagesink gldownload glupload gtksink kmssink opusdec opusenc pulsesink pulsesrc rsvgoverlay textoverlay
textrender theoradec theoraenc timeoverlay unixfdsink unixfdsrc vaapih264dec vaapih264enc waylandsink ximagesink
ximagesrc xvimagesink dsexample nvarguscamerasrc nvblender nvcompositor nvcudah264enc nvcudah265enc nvdrmvideosink
nvds3dbridge nvds3dfilter nvds3dmixer nvdsasr nvdsaudiotemplate nvdsudpsink nvdsudpsrc nvdstexttospeech
nvds_text_to_speech nvdsvideotemplate nvdsxfer nveglstreamsrc nvh264dec nvh264enc nvh265dec nvh265enc nvinferaudio
nvivafilter nvmultistreamtiler_audio nvof nvofvisual nvoverlaysink nvsegvisual nvstreammux_ucx nvunixfdsink
nvunixfdsrc nvv4l2av1enc nvv4l2camerasrc nvv4l2vp8enc nvv4l2vp9enc nvdsucxclientsink nvdsucxclientsrc
nvdsucxserversink nvdsucxserversrc
""".split()

# GStreamer release in which an element ("element") or a property ("element/property", "*/property") appeared.
SINCE = {
    "av1parse": "1.20",
    "*/add-reference-timestamp-meta": "1.22",
    "*/automatic-request-sync-point-flags": "1.20",
    "*/automatic-request-sync-points": "1.20",
    "*/discard-corrupted-frames": "1.20",
    "*/max-errors": "1.18",
    "*/min-force-key-unit-interval": "1.18",
    "*/processing-deadline": "1.16",
    "*/min-upstream-latency": "1.16",
    "*/start-time-selection": "1.18",
    "*/auto-header-extension": "1.20",
    "*/max-bitrate": "1.2",
    "appsink/max-time": "1.24",
    "appsrc/leaky-type": "1.20",
    "appsrc/max-buffers": "1.20",
    "appsrc/max-time": "1.20",
    "decodebin3/instant-uri": "1.24",
    "h264parse/update-timecode": "1.18",
    "rtph264pay/aggregate-mode": "1.18",
    "rtph265pay/aggregate-mode": "1.18",
    "rtspsrc/backchannel": "1.14",
    "rtspsrc/is-live": "1.18",
    "rtspsrc/onvif-mode": "1.18",
    "rtspsrc/onvif-rate-control": "1.18",
    "rtspsrc/ignore-x-server-reply": "1.20",
    "rtspsrc/tcp-timestamp": "1.22",
    "udpsrc/mtu": "1.20",
}

UNITS = {
    GObject.TYPE_BOOLEAN: "boolean",
    GObject.TYPE_INT: "int",
    GObject.TYPE_UINT: "uint",
    GObject.TYPE_INT64: "int64",
    GObject.TYPE_UINT64: "uint64",
    GObject.TYPE_LONG: "int64",
    GObject.TYPE_ULONG: "uint64",
    GObject.TYPE_FLOAT: "float",
    GObject.TYPE_DOUBLE: "float",
    GObject.TYPE_STRING: "string",
}


def type_name(spec):
    if spec.value_type in UNITS:
        return UNITS[spec.value_type]
    if GObject.type_is_a(spec.value_type, GObject.TYPE_ENUM):
        return "enum"
    if GObject.type_is_a(spec.value_type, GObject.TYPE_FLAGS):
        return "flags"
    if spec.value_type.name == "GstCaps":
        return "caps"
    return "boxed"


def property_facts(element, spec):
    kind = type_name(spec)
    access = ("r" if spec.flags & GObject.ParamFlags.READABLE else "") + (
        "w" if spec.flags & GObject.ParamFlags.WRITABLE else ""
    )
    facts = {"name": spec.name, "type": kind}
    if access != "rw":
        facts["access"] = access
    if kind in ("int", "uint", "int64", "uint64", "float") and hasattr(spec, "minimum"):
        widest = {"int": (-(2**31), 2**31 - 1), "uint": (0, 2**32 - 1), "uint64": (0, 2**64 - 1)}.get(kind)
        bounded = abs(spec.maximum) < 1e30 if kind == "float" else (spec.minimum, spec.maximum) != widest
        if bounded:
            facts["min"], facts["max"] = spec.minimum, spec.maximum
    if kind == "enum":
        facts["enum"] = [
            {"value": int(value), "nick": entry.value_nick} for value, entry in spec.enum_class.__enum_values__.items()
        ]
    since = SINCE.get("%s/%s" % (element, spec.name), SINCE.get("*/" + spec.name))
    if since is not None:
        facts["since"] = since
    return facts


def caps_facts(template):
    caps = template.get_caps()
    if caps.is_any():
        return [{"media": "ANY"}]
    facts = []
    for i in range(caps.get_size()):
        structure, features = caps.get_structure(i), caps.get_features(i)
        if features is not None and features.is_any():
            names = ["ANY"]
        elif features is None:
            names = []
        else:
            names = [f for f in (features.get_nth(n) for n in range(features.get_size())) if f != "memory:SystemMemory"]
        entry = {"media": structure.get_name(), "features": names}
        if structure.has_field("format") and structure.get_name() == "video/x-raw":
            value = structure.get_value("format")
            entry["formats"] = [value] if isinstance(value, str) else list(value)
        facts.append(entry)
    return facts


def element_facts(name):
    factory = Gst.ElementFactory.find(name)
    element = factory.create(None)
    facts = {"name": name}
    if name in SINCE:
        facts["since"] = SINCE[name]
    facts["pads"] = [
        {
            "name": template.name_template,
            "direction": template.direction.value_nick,
            "presence": template.presence.value_nick,
            "caps": caps_facts(template),
        }
        for template in factory.get_static_pad_templates()
        for template in [template.get()]
    ]
    facts["properties"] = [
        property_facts(name, spec) for spec in sorted(element.list_properties(), key=lambda s: s.name)
    ]
    return facts


def main():
    Gst.init(None)
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit("not installed here: %s" % " ".join(missing))
    known = {f.get_name() for f in Gst.Registry.get().get_feature_list(Gst.ElementFactory)}
    out = sys.stdout
    out.write('{\n "about": %s,\n' % json.dumps(ABOUT % Gst.version_string()))
    out.write(' "elements": [\n')
    elements = [element_facts(name) for name in sorted(ELEMENTS)]
    for i, facts in enumerate(elements):
        head = {k: v for k, v in facts.items() if k != "properties"}
        out.write('  %s, "properties": [\n' % json.dumps(head)[:-1])
        out.write(",\n".join("   " + json.dumps(p) for p in facts["properties"]))
        out.write("]}%s\n" % ("" if i == len(elements) - 1 else ","))
    out.write(" ],\n")
    out.write(' "names": %s\n}\n' % json.dumps(" ".join(sorted((known | set(NAMES)) - set(ELEMENTS)))))


ABOUT = (
    "GStreamer's own elements for checking gst-launch lines: pads, properties, ranges, enumerations as %s (Debian 12)"
    " has them; since = GStreamer release, absent: 1.14 or earlier. names: elements of its base, good, bad, ugly and"
    " libav plugins and of others, NVIDIA's too, that are known by name only."
)

if __name__ == "__main__":
    main()
