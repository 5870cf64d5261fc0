/** Lines with mistakes, among them those of the sample that this project descends from. */

import type { LintCase } from "./lint-case.js";

const MUX = "nvstreammux name=m batch-size=1 width=640 height=360";

export const LAUNCH_WRONG: readonly LintCase[] = [
  {
    name: "the ancestor's pipeline for Jetson with two cameras, moved to each board as it was",
    launch:
      "uridecodebin uri=rtsp://a/1 ! Stream-muxer.sink_0 uridecodebin uri=rtsp://b/1 ! Stream-muxer.sink_1 " +
      "nvstreammux name=Stream-muxer width=1920 height=1080 batch-size=1 batched-push-timeout=4000000 ! " +
      "nvinfer config-file-path=deepstream-rtsp.cfg ! nvvideoconvert ! nvmultistreamtiler rows=1 columns=2 width=1200 height=600 ! " +
      "nvdsosd ! nvvideoconvert ! video/x-raw(memory:NVMM),format=I420 ! nvv4l2h264enc bitrate=4000000 preset-level=1 " +
      "insert-sps-pps=1 bufapi-version=1 ! rtph264pay ! udpsink host=224.224.255.255 port=5400 async=false sync=0",
    on: {
      t4: [
        "mux-batch-below-sources nvstreammux#3/batch-size",
        "mux-timeout-long nvstreammux#3/batched-push-timeout",
        "live-source-missing nvstreammux#3/live-source",
        "property-unavailable nvv4l2h264enc#10/preset-level",
        "property-unavailable nvv4l2h264enc#10/insert-sps-pps",
        "property-unavailable nvv4l2h264enc#10/bufapi-version",
        "udp-multicast udpsink#12/host",
      ],
      nano: [
        "mux-batch-below-sources nvstreammux#3/batch-size",
        "mux-timeout-long nvstreammux#3/batched-push-timeout",
        "live-source-missing nvstreammux#3/live-source",
        "key-frames-rare nvv4l2h264enc#10/idrinterval",
        "udp-multicast udpsink#12/host",
      ],
      "orin-nano": [
        "mux-batch-below-sources nvstreammux#3/batch-size",
        "mux-timeout-long nvstreammux#3/batched-push-timeout",
        "live-source-missing nvstreammux#3/live-source",
        "no-hardware-encoder nvv4l2h264enc#10",
        "property-unavailable nvv4l2h264enc#10/bufapi-version",
        "key-frames-rare nvv4l2h264enc#10/idrinterval",
        "udp-multicast udpsink#12/host",
      ],
    },
    says: /use preset-id/,
  },
  {
    name: "a muxer without size and batch",
    launch: "nvv4l2decoder bufapi-version=1 ! m.sink_0 nvstreammux name=m ! fakesink",
    on: { nano: ["mux-size-missing nvstreammux#2", "mux-batch-missing nvstreammux#2/batch-size"] },
    says: /width and height/,
  },
  {
    name: "a muxer that waits for pictures which never come",
    launch:
      "nvv4l2decoder ! m.sink_0 nvstreammux name=m batch-size=8 width=640 height=360 ! nvinfer config-file-path=a batch-size=4 ! fakesink",
    on: {
      t4: [
        "mux-batch-above-sources nvstreammux#2/batch-size",
        "infer-batch-below-mux nvinfer#3/batch-size",
      ],
    },
  },
  {
    name: "a detector without its configuration",
    launch: `nvv4l2decoder ! m.sink_0 ${MUX} ! nvinfer ! fakesink`,
    on: { t4: ["config-file-missing nvinfer#3"] },
  },
  {
    name: "JetPack 4 without bufapi-version",
    launch: "filesrc location=a.h264 ! h264parse ! nvv4l2decoder ! nvv4l2h265enc ! fakesink",
    on: {
      nano: [
        "bufapi-version-missing nvv4l2decoder#3/bufapi-version",
        "bufapi-version-missing nvv4l2h265enc#4/bufapi-version",
      ],
      "6.1/jetson t4": [],
    },
  },
  {
    name: "the overlay on pictures in NV12",
    launch: `nvv4l2decoder ! m.sink_0 ${MUX} ! nvinfer config-file-path=a ! nvdsosd ! fakesink`,
    on: { "6.1.1/dgpu": ["osd-needs-rgba nvdsosd#4"], "6.2/dgpu": [] },
    says: /format=RGBA in front of it/,
  },
  {
    name: "an encoder for system memory behind a decoder for GPU memory",
    launch: "nvv4l2decoder ! queue ! x264enc ! fakesink",
    on: { t4: ["caps-mismatch x264enc#3"] },
    says: /put nvvideoconvert between/,
  },
  {
    name: "videoconvert does not reach GPU memory",
    launch: `nvv4l2decoder ! videoconvert ! video/x-raw,format=I420 ! x264enc ! fakesink videotestsrc ! m.sink_0 ${MUX} ! fakesink`,
    on: { t4: ["caps-mismatch capsfilter#3", "caps-mismatch nvstreammux#7"] },
  },
  {
    name: "a payloader for the other codec",
    launch: "videotestsrc ! x264enc key-int-max=30 ! rtph265pay config-interval=-1 ! fakesink",
    on: { t4: ["caps-mismatch rtph265pay#3"] },
    says: /another element must stand between/,
  },
  {
    name: "a codec that the decoder does not know",
    launch: "av1parse ! nvv4l2decoder ! fakesink",
    on: {
      t4: ["codec-unsupported nvv4l2decoder#2"],
      "orin-nano": [],
      nano: [
        "element-unavailable av1parse#1",
        "bufapi-version-missing nvv4l2decoder#2/bufapi-version",
      ],
    },
  },
  {
    name: "misspelt elements and properties",
    launch: "fakesrc ! nvvideoconvrt ! nvmultistreamtiler row=1 ! x264encc ! fakesink synk=0",
    on: {
      t4: [
        "unknown-element nvvideoconvrt#2",
        "unknown-property nvmultistreamtiler#3/row",
        "unknown-element x264encc#4",
        "unknown-property fakesink#5/synk",
      ],
    },
    says: /did you mean nvvideoconvert\?/,
  },
  {
    name: "variables of a script where elements belong, whose content nobody can check",
    launch: "$SOURCE ! ${DECODER} max=1 ! nvinfer config-file-path=a.txt ! fakesink $MORE",
    on: {
      t4: [
        "unlisted-element $SOURCE#1",
        "unlisted-element ${DECODER}#2",
        "unlisted-element $MORE#5",
      ],
    },
    says: /is a variable of the shell/,
  },
  {
    name: "an element of a plugin that nobody told us of",
    launch: "fakesrc ! acmewaterpainter ! fakesink",
    on: { t4: ["unlisted-element acmewaterpainter#2"] },
  },
  {
    name: "elements of other releases and platforms",
    launch: "nvurisrcbin uri=rtsp://a/b ! nvegltransform ! nv3dsink",
    on: {
      t4: ["element-unavailable nvegltransform#2", "element-unavailable nv3dsink#3"],
      nano: ["element-unavailable nvurisrcbin#1", "caps-mismatch nv3dsink#3"],
    },
    says: /it exists on dGPU \(from 6\.1\)/,
  },
  {
    name: "properties that came and went",
    launch:
      "appsrc ! nvtracker enable-batch-process=1 ! nvinfer config-file-path=a strongly-typed=1 ! fakesink",
    on: {
      "6.0.1/jetson": ["property-unavailable nvinfer#3/strongly-typed"],
      t4: [
        "property-unavailable nvtracker#2/enable-batch-process",
        "property-unavailable nvinfer#3/strongly-typed",
      ],
      "9.1/dgpu": ["property-unavailable nvtracker#2/enable-batch-process"],
    },
    says: /nvtracker of DeepStream 7\.1 on dGPU has no enable-batch-process; it exists on dGPU \(up to 6\.2\)/,
  },
  {
    name: "values of the wrong type, out of range, or not among the choices",
    launch:
      "fakesrc ! nvv4l2decoder drop-frame-interval=31 num-extra-surfaces=30 skip-frames=decode_keys low-latency-mode=maybe ! " +
      "nvmultistreamtiler rows=two columns=-2 width=8 ! fakesink",
    on: {
      t4: [
        "out-of-range nvv4l2decoder#2/drop-frame-interval",
        "unknown-value nvv4l2decoder#2/skip-frames",
        "wrong-type nvv4l2decoder#2/low-latency-mode",
        "wrong-type nvmultistreamtiler#3/rows",
        "out-of-range nvmultistreamtiler#3/columns",
        "out-of-range nvmultistreamtiler#3/width",
      ],
      "6.0.1/dgpu": [
        "out-of-range nvv4l2decoder#2/drop-frame-interval",
        "out-of-range nvv4l2decoder#2/num-extra-surfaces",
        "unknown-value nvv4l2decoder#2/skip-frames",
        "property-unavailable nvv4l2decoder#2/low-latency-mode",
        "wrong-type nvmultistreamtiler#3/rows",
        "out-of-range nvmultistreamtiler#3/columns",
        "out-of-range nvmultistreamtiler#3/width",
      ],
    },
    says: /did you mean decode_key\?/,
  },
  {
    name: "a property that can only be read, and an enumeration that was numbered anew",
    launch: "nvurisrcbin uri=file:///a.mp4 smart-rec-status=1 select-rtp-protocol=7 ! fakesink",
    on: {
      t4: [
        "read-only-property nvurisrcbin#1/smart-rec-status",
        "unknown-value nvurisrcbin#1/select-rtp-protocol",
      ],
      "8.0/dgpu": ["read-only-property nvurisrcbin#1/smart-rec-status"],
    },
  },
  {
    name: "kinds of memory that the platform does not have",
    launch:
      "fakesrc ! nvvideoconvert nvbuf-memory-type=3 ! nvvideoconvert nvbuf-memory-type=4 ! fakesink",
    on: {
      t4: ["memory-type-unsupported nvvideoconvert#3/nvbuf-memory-type"],
      "orin-nano": ["memory-type-unsupported nvvideoconvert#2/nvbuf-memory-type"],
    },
  },
  {
    name: "a window on Jetson",
    launch: "nvv4l2decoder ! nveglglessink",
    on: { "orin-nano": ["egl-transform-missing nveglglessink#2"], t4: [] },
  },
  {
    name: "tracker libraries and algorithms of other releases",
    launch:
      "fakesrc ! nvtracker ll-lib-file=/x/lib/libnvds_mot_klt.so ! nvtracker ll-config-file=config_tracker_NvSORT.yml ! " +
      "nvtracker ll-lib-file=/x/libnvds_nvmultiobjectracker.so ! fakesink",
    on: {
      t4: [
        "tracker-library-unavailable nvtracker#2/ll-lib-file",
        "tracker-library-unavailable nvtracker#4/ll-lib-file",
      ],
      nano: [
        "tracker-library-unavailable nvtracker#2/ll-lib-file",
        "tracker-unavailable nvtracker#3/ll-config-file",
        "tracker-library-unavailable nvtracker#4/ll-lib-file",
      ],
    },
    says: /did you mean libnvds_nvmultiobjecttracker\.so\?/,
  },
  {
    name: "a stream that a viewer cannot join",
    launch: "videotestsrc ! x264enc bitrate=4000000 ! rtph264pay ! udpsink host=10.0.0.1",
    on: {
      t4: [
        "out-of-range x264enc#2/bitrate",
        "bitrate-unit x264enc#2/bitrate",
        "key-frames-rare x264enc#2/key-int-max",
        "parameter-sets-missing x264enc#2",
      ],
    },
    says: /did you mean 4000\?/,
  },
  {
    name: "two streams to one port",
    launch: "fakesrc ! udpsink host=127.0.0.1 port=5400 fakesrc ! udpsink host=127.0.0.1 port=5400",
    on: { t4: ["udp-port-shared udpsink#4/port"] },
  },
  {
    name: "a name that nothing has",
    launch: `fakesrc ! max.sink_0 nvstreammux name=mux batch-size=1 width=64 height=64 ! fakesink`,
    on: { t4: ["unknown-reference max."] },
    says: /did you mean mux\?/,
  },
  {
    name: "elements without end",
    launch: "fakesrc ! ".repeat(3000),
    on: { t4: ["launch-syntax launch"] },
  },
  {
    name: "a name without end",
    launch: "n".repeat(60_000),
    on: { t4: [`unlisted-element ${"n".repeat(600)}...`] },
  },
  { name: "nothing at all", launch: "  ", on: { t4: ["launch-syntax launch"] } },
  { name: "a link into nothing", launch: "fakesrc !", on: { t4: ["launch-syntax launch"] } },
  {
    name: "two links in a row",
    launch: "fakesrc ! ! fakesink",
    on: { t4: ["launch-syntax launch"] },
  },
  {
    name: "an open quote",
    launch: "fakesrc name='a ! fakesink",
    on: { t4: ["launch-syntax launch"] },
  },
  {
    name: "a setting of nothing",
    launch: "width=3 ! fakesink",
    on: { t4: ["launch-syntax launch"] },
  },
  {
    name: "signs that mean nothing",
    launch: "fakesrc ! $%& ! fakesink",
    on: { t4: ["launch-syntax launch"] },
  },
  {
    name: "a detector without a muxer",
    launch:
      "filesrc location=a.h264 ! h264parse ! nvv4l2decoder ! nvvideoconvert ! nvinfer config-file-path=c.txt ! fakesink",
    on: { "t4 orin-nano": ["infer-without-mux nvinfer#5"] },
    says: /m\.sink_0 nvstreammux name=m/,
  },
  {
    name: "a link to a muxer that names no pad",
    launch: "nvv4l2decoder ! nvstreammux batch-size=1 width=1280 height=720 ! fakesink",
    on: { t4: ["mux-pad-missing nvstreammux#2"] },
    says: /! m\.sink_0/,
  },
  {
    name: "files in containers without a demuxer",
    launch:
      "filesrc location=a.mp4 ! h264parse ! fakesink filesrc location=b.MKV ! queue ! avdec_h264 ! fakesink",
    on: { "t4 nano": ["demuxer-missing h264parse#2", "demuxer-missing avdec_h264#6"] },
    says: /such as matroskademux/,
  },
  {
    name: "elements of the other platform and of later releases",
    launch:
      "nvarguscamerasrc sensor-id=0 ! nvv4l2vp9enc ! fakesink appsrc ! nvvideoencfilesinkbin appsrc ! nvoverlaysink",
    on: {
      t4: [
        "element-unavailable nvarguscamerasrc#1",
        "element-unavailable nvv4l2vp9enc#2",
        "element-unavailable nvoverlaysink#7",
      ],
      nano: ["no-hardware-encoder nvv4l2vp9enc#2"],
      "5.1/jetson": ["element-unavailable nvvideoencfilesinkbin#5"],
    },
    says: /it exists on Jetson \(up to 6\.0\.1\)/,
  },
  {
    name: "AV1 encoders on boards that have none",
    launch: "videotestsrc ! nvvideoconvert ! video/x-raw(memory:NVMM) ! nvv4l2av1enc ! fakesink",
    on: { "t4 orin-nano": ["no-hardware-encoder nvv4l2av1enc#4"] },
  },
];
