"""What differs between releases and boards, as far as the pipeline must know. Nothing else asks for the release."""

from typing import Any, Dict, NamedTuple, Tuple

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.platform import JETSON, SDK, Platform

# nvbuf-memory-type.
_MEMORY_DEFAULT = 0
_MEMORY_CUDA_DEVICE = 2

# process-mode of nvdsosd.
_OSD_GPU = 1
_OSD_VIC = 2


_ALGORITHMS = {
    spec.TRACKER_ALGORITHM_IOU: "IOU",
    spec.TRACKER_ALGORITHM_NVSORT: "NvSORT",
    spec.TRACKER_ALGORITHM_NVDCF: "NvDCF",
    spec.TRACKER_ALGORITHM_NVDEEPSORT: "NvDeepSORT",
}
# The low-level library of an algorithm, its configuration file, and the size of the frames that it works on.
_UNIFIED_LIBRARY = "libnvds_nvmultiobjecttracker.so"
_UNIFIED = {
    "IOU": (_UNIFIED_LIBRARY, "config_tracker_IOU.yml", 640, 384),
    "NvSORT": (_UNIFIED_LIBRARY, "config_tracker_NvSORT.yml", 640, 384),
    "NvDCF": (_UNIFIED_LIBRARY, "config_tracker_NvDCF_perf.yml", 640, 384),
    "NvDeepSORT": (_UNIFIED_LIBRARY, "config_tracker_NvDeepSORT.yml", 960, 544),
}
# Before the unified library, each algorithm had a library of its own.
_SEPARATE = {
    "IOU": ("libnvds_mot_iou.so", "iou_config.txt", 640, 384),
    "NvDCF": ("libnvds_nvdcf.so", "tracker_config.yml", 640, 384),
}


class Elements(NamedTuple):
    """NVIDIA's elements on one platform."""

    platform: Platform
    catalogue: Catalogue

    def available(self, element: str, settings: Dict[str, Any]) -> Dict[str, Any]:
        """The settings without the properties that the element does not have here."""
        return {name: value for name, value in settings.items() if self.catalogue.has(element, name)}

    @property
    def mux_scales(self) -> bool:
        """Whether nvstreammux is the legacy one, which scales all frames to one size."""
        return self.catalogue.has("nvstreammux", "width")

    @property
    def memory_type(self) -> int:
        """nvbuf-memory-type of every element that allocates frames."""
        return _MEMORY_DEFAULT if self.platform.kind == JETSON else _MEMORY_CUDA_DEVICE

    @property
    def copies_by_vic(self) -> bool:
        """Whether nvvideoconvert must copy by the VIC: cudaMemcpy fails there, which NVIDIA's own application of 7.1
        works around too."""
        return self.platform.kind == JETSON and self.catalogue.reached("7.1")

    @property
    def osd_mode(self) -> int:
        """nvdsosd draws on the GPU, except where the release's default is a Jetson's own hardware."""
        by_vic = self.platform.kind == JETSON and self.catalogue.default("nvdsosd", "process-mode") == _OSD_VIC
        return _OSD_VIC if by_vic else _OSD_GPU

    @property
    def osd_format(self) -> str:
        """The pixel format that nvdsosd draws on: NV12 saves a conversion where it is accepted."""
        return "NV12" if self.catalogue.takes("nvdsosd", "NV12") else "RGBA"

    @property
    def window_sinks(self) -> Tuple[str, ...]:
        """The sinks that show a window by the GPU. They also take system memory."""
        sink = "nv3dsink" if self.platform.kind == JETSON else "nveglglessink"
        return (sink,) if self.catalogue.has(sink) else ()

    def trackers(self) -> Tuple["spec.TrackerAlgorithm", ...]:
        """The algorithms that this release has."""
        return tuple(number for number, name in _ALGORITHMS.items() if name in self.catalogue.trackers)

    def tracker(self, algorithm: "spec.TrackerAlgorithm") -> Tuple[str, str, int, int]:
        """The paths of the low-level library and its configuration file, and the width and height of the frames that it
        works on. algorithm: one of trackers()."""
        unified = _UNIFIED_LIBRARY in self.catalogue.tracker_libraries
        library, config, width, height = (_UNIFIED if unified else _SEPARATE)[_ALGORITHMS[algorithm]]
        return "%s/lib/%s" % (SDK, library), "%s/samples/configs/deepstream-app/%s" % (SDK, config), width, height


def is_mux_new() -> bool:
    """Whether nvstreammux is the new one: USE_NEW_NVSTREAMMUX=yes selects it when GStreamer loads the plugin, and a
    release may have no other. So the element itself is asked."""
    mux = Gst.ElementFactory.make("nvstreammux", None)
    return mux is not None and mux.find_property("width") is None
