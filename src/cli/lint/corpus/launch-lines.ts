/** gst-launch lines after situations that users report, and whether they run. */

/** [whether it runs, targets separated by blanks, line] */
export type LaunchVerdict = readonly ["runs" | "fails", string, string];

export const LAUNCH_LINES: readonly LaunchVerdict[] = [
  [
    "runs",
    "t4 nano orin-nano",
    "filesrc location=a.mp4 ! qtdemux ! h264parse ! nvv4l2decoder ! m.sink_0 nvstreammux name=m batch_size=1 width=1280 height=720 ! nvinfer config-file-path=c.txt ! fakesink",
  ],
  [
    "runs",
    "t4 nano orin-nano",
    "gst-launch-1.0 videotestsrc num-buffers=1 ! fakesink --gst-debug=3",
  ],
  [
    "runs",
    "t4 orin-nano",
    "filesrc location=a.mp4 ! qtdemux ! h264parse ! nvv4l2decoder ! m.sink_0 nvstreammux name=m batch-size=1 width=1280 height=720 ! nvinfer config-file-path=c.txt ! nvosdbin ! fakesink",
  ],
  ["fails", "t4", "nvarguscamerasrc sensor-id=0 ! fakesink"],
  [
    "fails",
    "t4 nano orin-nano",
    "filesrc location=a.mp4 ! qtdemux ! h264parse ! nvv4l2decoder ! nvstreammux batch-size=1 width=1280 height=720 ! fakesink",
  ],
  [
    "runs",
    "t4",
    "USE_NEW_NVSTREAMMUX=yes gst-launch-1.0 filesrc location=a.mp4 ! qtdemux ! h264parse ! nvv4l2decoder ! m.sink_0 nvstreammux name=m batch-size=1 ! nvinfer config-file-path=c.txt ! fakesink",
  ],
  [
    "fails",
    "t4 nano orin-nano",
    "filesrc location=a.mp4 ! qtdemux ! h264parse ! nvv4l2decoder ! nvvideoconvert ! nvinfer config-file-path=c.txt ! nvdsosd ! fakesink",
  ],
  [
    "runs",
    "t4 nano orin-nano",
    "-e rtspsrc location=rtsp://192.0.2.1/s name=src src. ! application/x-rtp,media=video ! rtph264depay ! h264parse ! matroskamux ! filesink location=a.mkv",
  ],
  [
    "runs",
    "t4 nano orin-nano",
    "uridecodebin uri=rtsp://192.0.2.1/s source::latency=200 ! fakesink",
  ],
  [
    "runs",
    "t4 nano orin-nano",
    "videotestsrc ! video/x-raw,width=640 ! x264enc tune=zerolatency speed-preset=ultrafast ! tee name=t ! queue ! fakesink t. ! queue ! fakesink",
  ],
  ["fails", "t4 nano orin-nano", "filesrc location=a.mp4 ! h264parse ! nvv4l2decoder ! fakesink"],
  [
    "fails",
    "orin-nano",
    'videotestsrc ! nvvideoconvert ! "video/x-raw(memory:NVMM)" ! nvv4l2av1enc ! fakesink',
  ],
  [
    "runs",
    "t4 nano orin-nano",
    'filesrc location="/data/my videos/a b.mp4" ! qtdemux ! h264parse ! avdec_h264 ! fakesink',
  ],
  ["runs", "t4 nano orin-nano", "videotestsrc pattern=snow is_live=true ! fakesink"],
  ["runs", "t4 nano orin-nano", "videotestsrc ! fakesink # a comment"],
  ["runs", "t4 nano orin-nano", "( videotestsrc ! x264enc ! rtph264pay name=pay0 pt=96 )"],
  [
    "runs",
    "t4 nano orin-nano",
    "videotestsrc ! videoconvert ! video/x-raw,format=(string){ NV12, I420 } ! fakesink",
  ],
  [
    "runs",
    "t4 nano orin-nano",
    "filesrc location=a.ts ! tsdemux name=d d.video_0_0100 ! queue ! h264parse ! fakesink",
  ],
  ["runs", "t4 nano orin-nano", "v4l2src io_mode=2 ! videoconvert ! ximagesink"],
  [
    "runs",
    "t4",
    "filesrc location=a.mp4 ! qtdemux ! h264parse ! nvv4l2decoder ! nvvideoconvert ! videoconvert ! video/x-raw,format=RGB ! fakesink",
  ],
  [
    "fails",
    "t4 orin-nano",
    "filesrc location=a.mp4 ! qtdemux ! h264parse ! nvv4l2decoder ! m.sink_0 nvstreammux name=m batch-size=1 width=1280 height=720 ! nvinfer config-file-path=c.txt ! nvtracker ll-lib-file=/opt/nvidia/deepstream/deepstream/lib/libnvds_nvmultiobjecttracker.so enable-batch-process=1 ! fakesink",
  ],
  ["runs", "t4 nano orin-nano", "videotestsrc ! autovideosink sync=FALSE"],
  ["runs", "t4 nano orin-nano", "videotestsrc num-buffers=0x10 ! fakesink"],
  [
    "runs",
    "t4 nano orin-nano",
    "videotestsrc ! queue leaky=downstream max-size-buffers=2 ! fakesink",
  ],
  ["runs", "t4 nano orin-nano", "audiotestsrc ! fakesink videotestsrc ! fakesink"],
  ["runs", "t4 nano orin-nano", "videotestsrc ! identity drop-probability=1e-1 ! fakesink"],
  ["fails", "t4 nano orin-nano", "videotestsrc ! fakesink sync=maybe"],
  [
    "runs",
    "t4 nano orin-nano",
    "rtspsrc location=rtsp://192.0.2.1/s protocols=tcp+udp-mcast ! fakesink",
  ],
  ["runs", "t4 nano orin-nano", 'videotestsrc ! clockoverlay font-desc="Sans, 12" ! fakesink'],
];
