/** Lines that run: our own graph as it is for each board, and lines that other rules must leave alone. */

import type { LintCase } from "./lint-case.js";

const DECODE = "rtph264depay ! h264parse ! nvv4l2decoder";
const QUEUE = "queue leaky=downstream max-size-buffers=1";
const TRACKER =
  "nvtracker ll-lib-file=/opt/nvidia/deepstream/deepstream/lib/libnvds_nvmultiobjecttracker.so " +
  "ll-config-file=config_tracker_NvDCF_perf.yml tracker-width=640 tracker-height=384";
const RTP =
  "h264parse config-interval=-1 ! rtph264pay pt=96 ! udpsink host=127.0.0.1 port=5400 sync=0 async=0";

function twoCameras(decoder: string): string {
  return [0, 1]
    .map(
      (i) =>
        `rtspsrc location=rtsp://camera-${i}/ds latency=100 protocols=tcp ! ${decoder} ! ${QUEUE} ! mux.sink_${i}`,
    )
    .join(" ");
}

export const LAUNCH_RIGHT: readonly LintCase[] = [
  {
    name: "two cameras through detector, tracker and tiler to H.264 on a T4",
    launch:
      `gst-launch-1.0 -e ${twoCameras(`${DECODE} low-latency-mode=1`)} nvstreammux name=mux batch-size=2 width=1920 height=1080 ` +
      "live-source=1 batched-push-timeout=33000 drop-pipeline-eos=1 ! nvinfer config-file-path=config_infer.txt batch-size=2 ! " +
      `${TRACKER} ! nvvideoconvert ! nvmultistreamtiler rows=1 columns=2 width=1280 height=720 ! nvdsosd process-mode=MODE_GPU ! ` +
      `nvvideoconvert ! video/x-raw(memory:NVMM), format=I420 ! nvv4l2h264enc bitrate=4000000 iframeinterval=30 preset-id=1 ! ${RTP}`,
    on: { t4: [] },
  },
  {
    name: "the same on a Nano, with what JetPack 4 needs",
    launch:
      `${twoCameras(`${DECODE} bufapi-version=1 disable-dpb=1`)} nvstreammux name=mux batch-size=2 width=1280 height=720 ` +
      `live-source=1 batched-push-timeout=33000 ! nvinfer config-file-path=config_infer.txt batch-size=2 ! ${TRACKER} ! ` +
      "nvmultistreamtiler rows=1 columns=2 width=1280 height=720 ! nvvideoconvert ! " +
      "video/x-raw(memory:NVMM),format=RGBA ! nvdsosd process-mode=GPU_MODE ! nvvideoconvert ! " +
      "'video/x-raw(memory:NVMM),format=I420' ! nvv4l2h264enc bufapi-version=1 preset-level=1 insert-sps-pps=1 " +
      `idrinterval=30 bitrate=4000000 ! ${RTP}`,
    on: { nano: [] },
  },
  {
    name: "the same on an Orin Nano, encoded by the CPU",
    launch:
      `${twoCameras(`${DECODE} disable-dpb=1`)} nvstreammux name=mux batch-size=2 width=1280 height=720 ` +
      "live-source=1 batched-push-timeout=33000 ! nvinfer config-file-path=config_infer.txt batch-size=2 ! nvdsosd ! " +
      "nvvideoconvert copy-hw=2 ! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 " +
      `bitrate=4000 ! ${RTP}`,
    on: { "orin-nano": [] },
  },
  {
    name: "an output for each camera by a demuxer",
    launch:
      "nvstreammux name=m batch-size=1 width=640 height=360 ! nvinfer config-file-path=a.txt ! nvstreamdemux name=d " +
      "videotestsrc ! nvvideoconvert ! video/x-raw(memory:NVMM),format=NV12 ! m.sink_0 " +
      "d.src_0 ! queue ! nvdsosd ! fakesink",
    on: { "t4 orin-nano": [] },
  },
  {
    name: "system memory all the way",
    launch:
      "videotestsrc ! video/x-raw,format=I420,width=640,height=360 ! videoconvert ! x264enc ! fakesink",
    on: { "t4 nano orin-nano 9.2/dgpu": [] },
  },
  {
    name: "the new muxer, which has neither size nor live-source",
    launch:
      "USE_NEW_NVSTREAMMUX=yes gst-launch-1.0 uridecodebin uri=file:///a.mp4 ! m.sink_0 nvstreammux name=m batch-size=1 ! " +
      "fakesink",
    on: { t4: [] },
  },
  {
    name: "spellings of enumerations that only the real element taught us",
    launch:
      "fakesrc ! nvv4l2h264enc tuning-info-id=LowLatencyPreset profile=Constrained-Baseline ! fakesink",
    on: { "9.0/dgpu": [], t4: ["unknown-value nvv4l2h264enc#2/profile"] },
  },
  {
    name: "an element by the name that gst-launch gives it, quotes, comments in caps and continued lines",
    launch:
      'tee ! "video/x-raw, format=(string)NV12" ! queue name="a b" ! fakesink \\\n tee0. ! fakesink sync=false',
    on: { "t4 nano": [] },
  },
  {
    name: "_ for - in the names of properties",
    launch:
      "v4l2src io_mode=2 ! nvvideoconvert ! m.sink_0 nvstreammux name=m batch_size=1 width=1280 height=720 live_source=1 ! fakesink",
    on: { "t4 nano orin-nano": [] },
  },
  {
    name: "options behind the line, with a value or without, comments, and what the shell does with the rest",
    launch:
      "cat a | GST_DEBUG=2 sudo /usr/bin/gst-launch-1.0 -v fdsrc ! fakesink --gst-debug=3 -e --gst-plugin-path /a -q 2>&1 | grep a",
    on: { "t4 nano": [] },
  },
  {
    name: "a comment and a semicolon of the shell",
    launch: "gst-launch-1.0 videotestsrc ! xvimagesink; # a comment ! with signs",
    on: { "t4 nano": [] },
  },
  {
    name: "lists and ranges in caps, with blanks",
    launch:
      "videotestsrc ! videoconvert ! video/x-raw,format=(string){ NV12, I420 } ! videorate ! " +
      "video/x-raw, framerate=(fraction)[ 1/1, 30/1 ] ! fakesink",
    on: { "t4 nano": [] },
  },
  {
    name: "variables of a script",
    launch:
      "gst-launch-1.0 uridecodebin uri=$URI ! m.sink_0 nvstreammux name=m width=$W height=${H} batch-size=$N ! " +
      "nvinfer config-file-path=$CFG ! udpsink host=127.0.0.1 port=$PORT",
    on: { "t4 orin-nano": [] },
  },
  {
    name: "a bin of DeepStream that draws",
    launch: `nvv4l2decoder ! m.sink_0 nvstreammux name=m batch-size=1 width=640 height=360 ! nvosdbin ! fakesink`,
    on: { "t4 orin-nano": [] },
  },
  {
    name: "a file of a stream without a container, and a container that a bin opens",
    launch:
      "filesrc location=a.h264 ! h264parse ! fakesink filesrc location=a.mp4 ! decodebin ! fakesink",
    on: { "t4 nano": [] },
  },
  {
    name: "elements of DeepStream that are known by name alone",
    launch:
      "fakesrc ! nvdsmetainsert serialize-lib=a.so ! nvdsmetaextract deserialize-lib=a.so ! nvreplay ! fakesink",
    on: { "t4 orin-nano": [] },
  },
];
