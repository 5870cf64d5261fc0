/**
 * Every kind of problem that the linter tells, with its severity. Codes are for programs and stay as they are; the
 * table is what documentation is made from.
 */

/** As in the contract: an error keeps it from running, with a warning it runs, not quite as written. */
export type Severity = "error" | "warning";

interface CodeFacts {
  readonly severity: Severity;
  /** Completes "told when ...". */
  readonly when: string;
}

const error = (when: string): CodeFacts => ({ severity: "error", when });
const warning = (when: string): CodeFacts => ({ severity: "warning", when });

export const CODES = {
  // Files and their form.
  "file-missing": error("a file or directory is not there"),
  "file-unreadable": error("a file cannot be read, or is no plain file"),
  "file-too-large": error("a text file is far larger than one of its kind can be"),
  "not-text": error("a file is not UTF-8 text"),
  "not-json": error("a text is not JSON, nests too deeply, or repeats a key"),
  "config-syntax": error(
    "a line of an nvinfer configuration file is neither group, key nor comment",
  ),
  "launch-syntax": error("a gst-launch line cannot be read"),

  // Names and values, of specifications, configuration files and launch lines alike.
  "unknown-field": error("a specification has a field that the contract does not have"),
  "missing-field": error("a specification lacks what it cannot run without"),
  "unknown-group": error("a configuration file has a group that nvinfer does not read"),
  "unknown-key": error("a configuration file has a key that no release of nvinfer reads"),
  "key-unavailable": error("nvinfer of this release does not read the key, another release does"),
  "deprecated-key": warning("nvinfer has a newer key for the same"),
  "duplicate-key": warning("a key is given twice: the last one counts"),
  "missing-key": error("a configuration file lacks what nvinfer cannot start without"),
  "unknown-element": error("no release of DeepStream and no plugin of GStreamer has the element"),
  "unlisted-element": warning(
    "the element is not in the catalogue, so that nothing about it is checked",
  ),
  "element-unavailable": error("the element does not exist in this release or on this platform"),
  "unknown-property": error("the element has no such property in any release"),
  "property-unavailable": error(
    "the element lacks the property in this release or on this platform",
  ),
  "read-only-property": error("the property cannot be set"),
  "unknown-reference": error("a launch line refers to an element by a name that none has"),
  "wrong-type": error("a value is of another type than asked for"),
  "out-of-range": error("a number is too small or too large, or a list too short or too long"),
  "unknown-value": error("a value is not one of those that are allowed"),

  // Specifications.
  "wrong-setting": error(
    "a setting is missing or wrong, in the environment or a settings document",
  ),
  "secret-missing": warning("a secret that a camera needs is not there"),
  "output-open": warning("an RTSP output asks its viewers for no password"),
  "never-on": warning("a camera is never on within its hours"),
  "wrong-document": error("a document of Open Horizon does not say what it must"),
  "invalid-id": error("an id is not of the form [a-z0-9][a-z0-9_-]{0,62}"),
  "duplicate-id": error(
    "two cameras or two outputs have the same id, or two outputs the same path",
  ),
  "invalid-uri": error("a camera's address is of no kind that can be opened"),
  "login-in-uri": error("a camera's address carries a login, which belongs into credentials"),
  "several-ports": error("RTSP outputs ask for different ports: there is one RTSP server"),
  "unknown-class": error("the specification names a class that the model's labels lack"),
  "tracker-unavailable": error("this release has no such tracking algorithm"),
  "software-encoder": warning("the board has no hardware encoder: the CPU encodes"),
  "window-needs-display": warning("an output is a window: the node needs an X display for it"),
  "too-many-streams": warning("more pictures are encoded than the board is known to encode"),
  "too-many-cameras": warning("more cameras are decoded than the board is known to decode"),

  // Model bundles.
  "network-unreadable": error("the network file is not of its format, or cut short"),
  "caffe-gone": error("the network is a Caffe model and TensorRT has no parser for it any more"),
  "uff-gone": error("the network is a UFF model and TensorRT has no parser for it any more"),
  "etlt-gone": error("the network is an encrypted TAO model and this release cannot read it"),
  "onnx-opset": warning("the network uses a newer ONNX operator set than this TensorRT knows"),
  "onnx-operator": error("TensorRT's parser does not take an operator, or not in this form"),
  "onnx-type": error("TensorRT has no such type of numbers"),
  "int8-unsupported": warning("INT8 is asked of a board without it: nvinfer builds FP16"),
  "int8-uncalibrated": warning("INT8 is asked for without a calibration file"),
  "engine-never-matches": error(
    "nvinfer never writes an engine of that name: it builds one at every start",
  ),
  "batch-above-network": error("the batch is larger than the network takes"),
  "batch-below-cameras": warning("the network takes fewer pictures at once than there are cameras"),
  "labels-mismatch": error("there are fewer or more labels than classes"),
  "class-out-of-range": warning("a class id is not one of the network's"),
  "model-too-large": error("the network needs more memory than the board has"),

  // Launch lines.
  "mux-size-missing": error("nvstreammux has no width and height, which have no default"),
  "mux-batch-missing": error("nvstreammux has no batch-size, which has no default"),
  "mux-batch-below-sources": warning(
    "nvstreammux's batch is smaller than the number of its sources",
  ),
  "mux-batch-above-sources": warning("nvstreammux waits for more pictures than it has sources"),
  "mux-timeout-long": warning("one silent camera delays all others by more than a second"),
  "live-source-missing": warning("nvstreammux is not told that its sources are live"),
  "infer-batch-below-mux": warning("nvinfer takes smaller batches than nvstreammux makes"),
  "config-file-missing": error("nvinfer has no configuration file"),
  "bufapi-version-missing": error("the element needs bufapi-version on this platform"),
  "no-hardware-encoder": error("the board has no hardware encoder"),
  "codec-unsupported": error("the board's decoder does not know the codec"),
  "caps-mismatch": error("what an element gives the next one does not take"),
  "osd-needs-rgba": error("nvdsosd of this release takes RGBA only"),
  "memory-type-unsupported": error("the platform does not have that kind of memory"),
  "egl-transform-missing": error("nveglglessink needs nvegltransform in front of it on Jetson"),
  "tracker-library-unavailable": error("this release does not have that tracker library"),
  "key-frames-rare": warning("a new viewer waits long for a picture"),
  "parameter-sets-missing": warning("a viewer that comes late never gets the stream's parameters"),
  "bitrate-unit": warning("a bit rate looks as if it were in another unit"),
  "udp-multicast": warning("everybody on the network receives the video, and other instances too"),
  "udp-port-shared": error("two sinks send to the same address and port"),
} as const satisfies Readonly<Record<string, CodeFacts>>;

export type Code = keyof typeof CODES;
