/**
 * Every kind of problem, with its severity and when it is reported. Codes are for programs and stay the same; documentation
 * is made from the tables.
 */

/**
 * As in the contract: with an error it does not run, with a warning it runs, though not quite as written, and
 * with a notice it runs as written, and a part of it has no effect.
 */
export type Severity = "error" | "warning" | "notice";

const ERRORS = {
  // Files and their form.
  "file-missing": "a file or directory is not there",
  "file-unreadable": "a file cannot be read, or is no plain file",
  "file-too-large": "a file is far larger than one of its kind can be",
  "file-outside": "a file of a bundle lies outside the bundle's directory",
  "file-empty": "a file that a decoder reads is empty",
  "not-text": "a file is not UTF-8 text",
  "not-json": "a text is not JSON, nests too deeply, or repeats a key",
  "config-syntax": "a line of an nvinfer file is neither group, key nor comment",
  "launch-syntax": "a gst-launch line cannot be read",
  // Names and values, of specifications, configuration files and launch lines alike.
  "unknown-field": "a specification has a field that the contract lacks",
  "missing-field": "a specification lacks a required field",
  "class-group-unknown": "a class group is for a class that the network does not have",
  "missing-key": "a configuration file lacks a key that nvinfer requires",
  "unknown-element": "neither DeepStream nor GStreamer has the element in any release",
  "element-unavailable": "the element does not exist in this release or on this platform",
  "unknown-property": "the element has no such property in any release",
  "property-unavailable": "the element lacks the property in this release or on this platform",
  "read-only-property": "the property cannot be set",
  "unknown-reference": "a launch line refers to an element that has no such name",
  "wrong-type": "a value has the wrong type",
  "out-of-range": "a number is too small or too large, or a list too short or too long",
  "unknown-value": "a value is not one of those allowed",
  // Specifications.
  "wrong-setting": "a setting is missing or wrong, in the environment or a document",
  "wrong-document": "a document of Open Horizon is wrong",
  "hiding-unsupported": "the engine cannot hide objects of a class",
  "invalid-id": "an id is not of the form [a-z0-9][a-z0-9_-]{0,62}",
  "duplicate-id": "two cameras, outputs or sinks share an id, or two outputs a path",
  "invalid-uri": "a camera's address cannot be opened",
  "login-in-uri": "a camera's address has a login, which belongs in credentials",
  "several-ports": "RTSP outputs ask for different ports: there is one RTSP server",
  "unknown-class": "a specification, a zone or a line names a class that the model's labels lack",
  "class-filtered-out": "objects of a class are hidden that the model's bundle drops",
  "model-order": "the first model works on objects, or one behind it on whole frames",
  "duplicate-gie-id": "two models have the same gie-unique-id",
  "unknown-gie-id": "a model works on objects of a model that is not before it",
  "unknown-class-id": "a model works on classes that no model before it finds",
  "tracker-unavailable": "this release has no such tracking algorithm",
  // Model bundles.
  "unknown-decoder": "neither the sidecar nor a library has the decoder that is named",
  "config-not-supported":
    "a key asks for something that engine cpu, or a decoder of raw tensors, cannot do",
  "channels-mismatch": "a list does not have a number for each channel of the network's input",
  "network-unreadable": "the network file is not of its format, or is truncated",
  "not-a-detector": "the outputs of a detector are those of a classifier",
  "not-a-classifier":
    "the outputs of a classifier have another form than one probability for each class",
  "caffe-gone": "the network is a Caffe model, and TensorRT has dropped the parser for it",
  "uff-gone": "the network is a UFF model, and TensorRT has dropped the parser for it",
  "etlt-gone": "the network is an encrypted TAO model, which this release cannot read",
  "onnx-operator": "TensorRT does not parse an operator, or not in this form",
  "onnx-type": "TensorRT has no such number type",
  "model-too-large": "the network needs more memory than the board has",
  // Launch lines.
  "mux-size-missing": "nvstreammux has no width and height, which have no default",
  "mux-batch-missing": "nvstreammux has no batch-size, which has no default",
  "mux-pad-missing": "a link to nvstreammux names none of its pads",
  "infer-without-mux": "nvinfer has no nvstreammux in front of it",
  "demuxer-missing": "a file in a container goes to an element for the stream inside",
  "config-file-missing": "nvinfer has no configuration file",
  "no-hardware-encoder": "the board has no hardware encoder",
  "codec-unsupported": "the board's decoder does not know the codec",
  "caps-mismatch": "an element does not accept the caps of the one before it",
  "osd-needs-rgba": "nvdsosd of this release accepts RGBA only",
  "memory-type-unsupported": "the platform does not have that kind of memory",
  "egl-transform-missing": "nveglglessink needs nvegltransform in front of it on Jetson",
  "tracker-library-unavailable": "this release does not have that tracker library",
  "udp-port-shared": "two sinks send to the same address and port",
};

const WARNINGS = {
  // Names and values, of specifications, configuration files and launch lines alike.
  "deprecated-key": "nvinfer has a newer key for the same purpose",
  "duplicate-key": "a key is given twice: the last one counts",
  "unlisted-element": "the element is not in the catalogue and is not checked",
  // Specifications.
  "secret-missing": "the secret of a camera or of a sink of events is missing",
  "output-open": "an RTSP output requires no password",
  "tracker-missing":
    "zones and lines are set, or a model infers tracked objects alone, and no tracker follows objects",
  "never-on": "the hours of a camera are never active",
  "software-encoder": "the board has no hardware encoder: the CPU encodes",
  "window-needs-display": "an output is a window, for which the node needs an X display",
  "too-many-streams": "more streams are encoded than the board is known to encode",
  "too-many-cameras": "more cameras are decoded than the board is known to decode",
  // Model bundles.
  "empty-value": "a key has no value",
  "config-default": "nvinfer and engine cpu have different defaults for a key that is missing",
  "labels-mismatch": "the number of labels differs from the number of classes",
  "labels-missing": "no file names the classes",
  "no-boxes": "the network is no detector, or has no classes: no box is ever shown",
  "onnx-opset": "the ONNX operator set is newer than this TensorRT",
  "int8-unsupported": "the board has no INT8: nvinfer builds FP16",
  "int8-uncalibrated": "INT8 has no calibration file",
  "batch-above-network": "batch-size is larger than the network accepts",
  "batch-below-cameras": "the network accepts fewer frames at once than there are cameras",
  "class-out-of-range": "a class id is not one of the network's",
  // Launch lines.
  "bufapi-version-missing": "the element should have bufapi-version on this platform",
  "mux-batch-below-sources": "nvstreammux has a smaller batch than it has sources",
  "mux-batch-above-sources": "nvstreammux waits for more frames than it has sources",
  "mux-timeout-long": "one silent camera delays all others by more than a second",
  "live-source-missing": "nvstreammux is not set to live sources",
  "infer-batch-below-mux": "nvinfer has a smaller batch than nvstreammux",
  "key-frames-rare": "a new viewer waits long for the first frame",
  "parameter-sets-missing": "a viewer who joins late never receives the parameter sets",
  "bitrate-unit": "a bit rate seems to be in another unit",
  "udp-multicast": "everybody on the network receives the video, other instances included",
};

const NOTICES = {
  // Specifications.
  "still-interval-ignored": "engine deepstream infers whether anything moves or not",
  // Model bundles.
  "unknown-group": "a configuration file has a group that nvinfer ignores",
  "unknown-key": "a configuration file has a key that no release of nvinfer reads",
  "key-unavailable": "another release of nvinfer reads the key, this one ignores it",
  "decoder-choice": "who decodes the network's outputs on each engine",
  "config-no-meaning": "keys have no meaning on engine cpu, which ignores them",
  "engine-never-matches": "nvinfer writes its engine under another name than model-engine-file",
};

export type Code = keyof typeof ERRORS | keyof typeof WARNINGS | keyof typeof NOTICES;

export const CODES: Readonly<Record<Code, string>> = { ...ERRORS, ...WARNINGS, ...NOTICES };

export function severityOf(code: Code): Severity {
  if (code in ERRORS) return "error";
  return code in WARNINGS ? "warning" : "notice";
}
