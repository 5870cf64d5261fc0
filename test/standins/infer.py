"""nvinfer: adds objects from a script, the raw tensors of a real network, or what a real network says of objects."""

import time
from typing import Any, List, Optional, Set

from sidecar.gst import GObject, Gst, GstBase
from standins import batch, engine_file, inference_config, pyds
from standins.element import Standin
from standins.frames import RawVideo, Rectangle, raw_video, split
from standins.inference_config import ConfigError, Inference, Objects
from standins.network import Network, self_contained
from standins.object_history import ClassifiedAttribute, ObjectHistory, classified, should_infer
from standins.objects import ScriptedObject

_RAW_TENSORS = 100
_BORDER = 3
_UNTRACKED = 2**64 - 1


class Infer(Standin):
    """network-type 100 with output-tensor-meta runs the ONNX file, and so does a classifier of objects; other types
    detect by the script, within the frame or, with process-mode=2, within each object."""

    gst_class = GstBase.BaseTransform

    signals = {"model-updated": (GObject.SignalFlags.RUN_LAST, None, (int, str))}

    def build(self) -> None:
        self.set_in_place(True)
        self._given: Set[str] = set()
        self._config: Optional[Inference] = None
        self._network: Optional[Network] = None
        self._video = RawVideo("NV12", 0, 0)
        self._batches = 0
        # The property by which another model was set while running. The next batch switches to it.
        self._pending: Optional[str] = None
        self._objects = ObjectHistory()

    def changed(self, name: str, value: Any) -> None:
        self._given.add(name)
        if name in ("model-engine-file", "config-file-path") and self._config is not None:
            self._pending = name

    def do_start(self) -> bool:
        path = self.values["config-file-path"]
        if not path:
            return self._refused("Configuration file not provided")
        try:
            config = inference_config.load(path)
        except ConfigError as error:
            return self._refused("Configuration file parsing failed", str(error))
        self._batches = 0
        self._objects = ObjectHistory()
        return self._loaded(config)

    def do_stop(self) -> bool:
        self._config = self._network = None
        return True

    def do_set_caps(self, incaps: Gst.Caps, outcaps: Gst.Caps) -> bool:
        self._video = raw_video(incaps)
        return True

    def do_transform_ip(self, buffer: Gst.Buffer) -> Gst.FlowReturn:
        pending, self._pending = self._pending, None
        if pending is not None and self._config is not None:
            self._update(pending, self._config)
        config = self._config
        meta = batch.find(hash(buffer))
        if config is None or meta is None:
            self.fail("a buffer without batch metadata", Gst.ResourceError.READ)
            return Gst.FlowReturn.ERROR
        interval = self._setting("interval", config.interval)
        skipped = self._batches % (interval + 1)
        self._batches += 1
        if skipped:
            return Gst.FlowReturn.OK
        buffers = split(buffer, self._video.info().size)
        for frame in meta.items("frame_meta_list"):
            if config.objects is not None:
                self._infer_objects(meta, frame, buffers[frame.batch_id], config, config.objects)
                continue
            frame.bInferDone = 1
            if self._network is not None:
                self._add_tensors(meta, frame, buffers[frame.batch_id])
            elif config.network_type != _RAW_TENSORS:
                self._add_objects(meta, frame, config)
        return Gst.FlowReturn.OK

    def _setting(self, name: str, configured: int) -> int:
        """A property that was set overrides the file."""
        value: int = self.values[name] if name in self._given else configured
        return value

    def _loaded(self, config: Inference) -> bool:
        """Loads or builds the TensorRT engine, which takes time, and uses the configuration from now on."""
        options = self.options
        if config.model_until is not None and options.later_than(config.model_until):
            return self._refused("Failed to create NvDsInferContext instance", "no parser for %s" % config.model)
        size = self._setting("batch-size", config.batch_size)
        wanted = engine_file.needed(config, size, options.release, options.board)
        network = engine_file.read(self.values["model-engine-file"] or config.engine, wanted)
        raw = config.network_type == _RAW_TENSORS and (config.output_tensor_meta or self.values["output-tensor-meta"])
        runs = raw or (config.network_type == inference_config.CLASSIFIER and config.objects is not None)
        try:
            if network is None:
                network = self._parsed(config, runs)
                time.sleep(options.build_seconds)
                engine_file.write(engine_file.default_path(config, size), wanted, network)
            self._network = Network(network, config) if runs else None
        except Exception as error:  # whatever ONNX Runtime raises for a bad network
            return self._refused("Failed to create NvDsInferContext instance", str(error))
        self._config = config
        return True

    def _parsed(self, config: Inference, runs: bool) -> bytes:
        """The network's bytes, if the parser accepts them. Raises OSError, and what ONNX Runtime raises."""
        try:
            if config.model is None:
                raise OSError("there is no network to build a TensorRT engine from")
            with open(config.model, "rb") as file:
                network = file.read()
            if runs:
                # By its path, since files beside it may hold weights.
                Network(config.model, config)
                network = self_contained(config.model)
        except Exception:
            # Verbatim from nvdsinfer_model_builder.cpp: programs look for it.
            print("ERROR: failed to build network.", flush=True)
            raise
        return network

    def _update(self, name: str, config: Inference) -> None:
        """Switches to another model. The signal reports one that does not fit; then the old one stays."""
        path, is_config = self.values[name], name == "config-file-path"
        try:
            config = inference_config.load(path) if is_config else config
            size = self._setting("batch-size", config.batch_size)
            wanted = engine_file.needed(config, size, self.options.release, self.options.board)
            fits = is_config or engine_file.read(path, wanted) is not None
        except ConfigError:
            fits = False
        if fits:
            fits = self._loaded(config)
        self.emit("model-updated", 0 if fits else 1, path)

    def _refused(self, text: str, debug: str = "") -> bool:
        self.fail(text, debug="Config file path: %s, %s" % (self.values["config-file-path"], debug))
        return False

    def _add_objects(self, meta: pyds.NvDsBatchMeta, frame: pyds.NvDsFrameMeta, config: Inference) -> None:
        found: List[ScriptedObject] = self.options.detect(frame.source_id, frame.frame_num)
        for each in found:
            if inference_config.kept(config, each.class_id, each.confidence):
                self._add(meta, frame, config, each, None)

    def _infer_objects(
        self, meta: pyds.NvDsBatchMeta, frame: pyds.NvDsFrameMeta, buffer: Gst.Buffer, config: Inference, rules: Objects
    ) -> None:
        """As gst_nvinfer_process_objects() and its output loop do it."""
        for entry in list(frame.items("obj_meta_list")):
            if rules.asynchronous and entry.object_id == _UNTRACKED:
                continue
            history = self._objects.of(frame.pad_index, entry.object_id)
            is_due = should_infer(rules, config.network_type, entry, frame.frame_num, history)
            is_known = history is not None and config.network_type == inference_config.CLASSIFIER
            # In asynchronous mode a result is attached when the object is seen again.
            if history is not None and is_known and (rules.asynchronous or not is_due):
                self._attach(meta, frame, entry, config, history.attributes)
            if not is_due:
                continue
            history = self._objects.note(frame.pad_index, entry, frame.frame_num)
            place = entry.rect_params
            crop = _crop(place.left, place.top, place.width, place.height)
            if config.network_type == inference_config.CLASSIFIER:
                assert self._network is not None, "a classifier of objects runs its network"
                attributes = classified(config, self._network.outputs(buffer, self._video, crop))
                if history is not None:
                    history.attributes = attributes
                if not rules.asynchronous:
                    self._attach(meta, frame, entry, config, attributes)
            elif self._network is not None:
                tensors = pyds.nvds_acquire_user_meta_from_pool(meta)
                tensors.user_meta_data = self._network.run(buffer, self._video, crop)
                tensors.base_meta.meta_type = pyds.NvDsMetaType.NVDSINFER_TENSOR_OUTPUT_META
                pyds.nvds_add_user_meta_to_obj(entry, tensors)
            elif config.network_type != _RAW_TENSORS:
                frame.bInferDone = 1
                for each in self.options.detect(frame.source_id, frame.frame_num):
                    if inference_config.kept(config, each.class_id, each.confidence):
                        self._add(meta, frame, config, each, entry)

    @staticmethod
    def _attach(
        meta: pyds.NvDsBatchMeta,
        frame: pyds.NvDsFrameMeta,
        entry: pyds.NvDsObjectMeta,
        config: Inference,
        attributes: List[ClassifiedAttribute],
    ) -> None:
        """As attach_metadata_classifier() of gstnvinfer_meta_utils.cpp: nothing if no attribute has a label."""
        frame.bInferDone = 1
        said = "".join(each.label + " " for each in attributes if each.label is not None)
        if not said:
            return
        classifier = pyds.nvds_acquire_classifier_meta_from_pool(meta)
        classifier.unique_component_id = config.unique_id
        for each in attributes:
            info = pyds.nvds_acquire_label_info_meta_from_pool(meta)
            info.label_id, info.result_class_id, info.result_prob = each.output, each.class_id, each.confidence
            if each.label is not None:
                info.result_label = each.label
            pyds.nvds_add_label_info_meta_to_classifier(classifier, info)
        shown = pyds.get_string(entry.text_params.display_text)
        entry.text_params.display_text = "%s %s" % (shown, said)
        pyds.nvds_add_classifier_meta_to_object(entry, classifier)

    def _add(
        self,
        meta: pyds.NvDsBatchMeta,
        frame: pyds.NvDsFrameMeta,
        config: Inference,
        found: ScriptedObject,
        outer: Optional[pyds.NvDsObjectMeta],
    ) -> None:
        entry = pyds.nvds_acquire_obj_meta_from_pool(meta)
        entry.unique_component_id = config.unique_id
        entry.class_id, entry.confidence = found.class_id, found.confidence
        entry.obj_label = config.labels[found.class_id] if found.class_id < len(config.labels) else ""
        left, top, width, height = 0.0, 0.0, float(self._video.width), float(self._video.height)
        if outer is not None:
            area = outer.rect_params
            left, top, width, height = area.left, area.top, area.width, area.height
        for place in (entry.rect_params, entry.detector_bbox_info.org_bbox_coords):
            place.left, place.top = left + found.left * width, top + found.top * height
            place.width, place.height = found.width * width, found.height * height
        entry.rect_params.border_width = _BORDER
        entry.rect_params.border_color.set(1.0, 0.0, 0.0, 1.0)
        text = entry.text_params
        text.display_text = entry.obj_label
        box = entry.rect_params
        text.x_offset, text.y_offset = int(box.left), max(0, int(box.top) - 10)
        text.font_params.font_name, text.font_params.font_size = "Serif", 11
        text.font_params.font_color.set(1.0, 1.0, 1.0, 1.0)
        pyds.nvds_add_obj_meta_to_frame(frame, entry, outer)

    def _add_tensors(self, meta: pyds.NvDsBatchMeta, frame: pyds.NvDsFrameMeta, buffer: Gst.Buffer) -> None:
        assert self._network is not None, "called only with a network"
        entry = pyds.nvds_acquire_user_meta_from_pool(meta)
        entry.user_meta_data = self._network.run(buffer, self._video)
        entry.base_meta.meta_type = pyds.NvDsMetaType.NVDSINFER_TENSOR_OUTPUT_META
        pyds.nvds_add_user_meta_to_frame(frame, entry)


def _crop(left: float, top: float, width: float, height: float) -> Rectangle:
    """As get_converted_buffer(): the corner is rounded up to even pixels, and the size down."""
    return Rectangle((int(left) + 1) // 2 * 2, (int(top) + 1) // 2 * 2, int(width) // 2 * 2, int(height) // 2 * 2)
