"""Every difference of release and board that the graph must know. Nothing else asks which release this is.

Settings are written down for all boards; those that the elements here do not have are left out by the catalogue.
"""

from typing import Any, Dict, NamedTuple, Tuple

from sidecar.contract import spec
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.facts import SDK
from sidecar.worker.engines.deepstream.platform import JETSON, Platform

# nvbuf-memory-type.
_MEMORY_DEFAULT = 0
_MEMORY_CUDA_DEVICE = 2

# A batch that is not full leaves so soon after the one before: no camera's frame waits for another camera that is slow
# or lost, as long as none sends more a second. Where the GPU is the slower one, batches fill by themselves.
_BATCHES_A_SECOND = 120

_OSD_GPU = 1
_OSD_VIC = 2

_ALGORITHMS = {
    spec.TRACKER_ALGORITHM_IOU: "IOU",
    spec.TRACKER_ALGORITHM_NVSORT: "NvSORT",
    spec.TRACKER_ALGORITHM_NVDCF: "NvDCF",
    spec.TRACKER_ALGORITHM_NVDEEPSORT: "NvDeepSORT",
}
_UNIFIED_TRACKER = "libnvds_nvmultiobjecttracker.so"
# The unified library's settings for an algorithm, and the size of the pictures that it works on.
_UNIFIED = {
    "IOU": ("config_tracker_IOU.yml", (640, 384)),
    "NvSORT": ("config_tracker_NvSORT.yml", (640, 384)),
    "NvDCF": ("config_tracker_NvDCF_perf.yml", (640, 384)),
    "NvDeepSORT": ("config_tracker_NvDeepSORT.yml", (960, 544)),
}
# Before that library, an algorithm was a library.
_SEPARATE = {
    "IOU": ("libnvds_mot_iou.so", "iou_config.txt", (640, 384)),
    "NvDCF": ("libnvds_nvdcf.so", "tracker_config.yml", (640, 384)),
}

ENCODERS = {"H264": "nvv4l2h264enc", "H265": "nvv4l2h265enc"}


class Elements(NamedTuple):
    """Answers for one platform."""

    platform: Platform
    catalogue: Catalogue

    @property
    def mux_scales(self) -> bool:
        """Whether nvstreammux is the legacy one, which brings all frames to one size."""
        return self.catalogue.has("nvstreammux", "width")

    def decoder(self, encoding: str) -> Dict[str, Any]:
        """nvv4l2decoder. encoding: as RTP names it, empty if it is not known."""
        return self._those_here(
            "nvv4l2decoder",
            {
                "bufapi-version": True,
                "enable-max-performance": True,
                "mjpeg": encoding == "JPEG",
                # Decoded pictures stay on the GPU: nothing here reads their pixels.
                "cudadec-memtype": 0,
            },
        )

    def mux(self, cameras: int, size: Tuple[int, int], config: str) -> Dict[str, Any]:
        """nvstreammux. config: the file with mux_config()."""
        if not self.mux_scales:
            return self._those_here(
                "nvstreammux", {"batch-size": cameras, "config-file-path": config, "drop-pipeline-eos": True}
            )
        return self._those_here(
            "nvstreammux",
            {
                "batch-size": cameras,
                "width": size[0],
                "height": size[1],
                # A camera of another shape gets black borders, not another shape.
                "enable-padding": True,
                "live-source": True,
                "batched-push-timeout": 1000000 // _BATCHES_A_SECOND,
                "nvbuf-memory-type": self.memory_type,
                # The end of a camera is not the end of the pipeline.
                "drop-pipeline-eos": True,
            },
        )

    def mux_config(self, cameras: int) -> str:
        """The text of the new muxer's configuration file.

        It goes by this file alone: when the first source comes, it puts its defaults in place of the property
        batched-push-timeout (seen in its source, 9.0), and so would send five batches a second while a camera is lost.
        """
        settings = {
            "algorithm-type": 1,
            "batch-size": cameras,
            # Would wait for all that are not at their end; a lost camera is not.
            "adaptive-batching": 0,
            "overall-min-fps-n": _BATCHES_A_SECOND,
            "overall-min-fps-d": 1,
            "overall-max-fps-n": _BATCHES_A_SECOND,
            "overall-max-fps-d": 1,
            "max-fps-control": 0,
            "max-same-source-frames": 1,
        }
        return "[property]\n" + "".join("%s=%d\n" % item for item in settings.items())

    def tracker(self, algorithm: "spec.TrackerAlgorithm") -> Dict[str, Any]:
        """nvtracker. algorithm: one of trackers()."""
        name = _ALGORITHMS[algorithm]
        if _UNIFIED_TRACKER in self.catalogue.tracker_libraries:
            library = _UNIFIED_TRACKER
            config, size = _UNIFIED[name]
        else:
            library, config, size = _SEPARATE[name]
        return self._those_here(
            "nvtracker",
            {
                "ll-lib-file": "%s/lib/%s" % (SDK, library),
                "ll-config-file": "%s/samples/configs/deepstream-app/%s" % (SDK, config),
                "tracker-width": size[0],
                "tracker-height": size[1],
                # Labels are ours.
                "display-tracking-id": False,
                "enable-batch-process": True,
            },
        )

    def trackers(self) -> Tuple["spec.TrackerAlgorithm", ...]:
        """The algorithms that this release brings."""
        return tuple(number for number, name in _ALGORITHMS.items() if name in self.catalogue.trackers)

    def converter(self, own_surface: bool = False) -> Dict[str, Any]:
        """nvvideoconvert. own_surface: its output is never the picture that came in, which others may look at."""
        settings = {"nvbuf-memory-type": self.memory_type, "disable-passthrough": own_surface}
        if self.platform.kind == JETSON and self.catalogue.reached("7.1"):
            # By the VIC: cudaMemcpy fails there, as NVIDIA's own application of 7.1 works round.
            settings["copy-hw"] = 2
        return self._those_here("nvvideoconvert", settings)

    @property
    def window_sinks(self) -> Tuple[str, ...]:
        """What shows a window by the GPU, from system memory too."""
        sink = "nv3dsink" if self.platform.kind == JETSON else "nveglglessink"
        return (sink,) if self.catalogue.has(sink) else ()

    def tiler(self) -> Dict[str, Any]:
        return {"nvbuf-memory-type": self.memory_type}

    def osd(self) -> Dict[str, Any]:
        """nvdsosd draws on the GPU; where the release means the Jetson's own hardware to do it, that stays."""
        by_vic = self.platform.kind == JETSON and self.catalogue.default("nvdsosd", "process-mode") == _OSD_VIC
        return {"process-mode": _OSD_VIC if by_vic else _OSD_GPU, "display-mask": False}

    @property
    def osd_format(self) -> str:
        """The pixel format that nvdsosd draws on: NV12 saves a conversion where it can be had."""
        return "NV12" if self.catalogue.takes("nvdsosd", "NV12") else "RGBA"

    @property
    def memory_type(self) -> int:
        """nvbuf-memory-type of everything that allocates pictures."""
        return _MEMORY_DEFAULT if self.platform.kind == JETSON else _MEMORY_CUDA_DEVICE

    def encoder(self, codec: str, bitrate: int, frames_between_keys: int) -> Dict[str, Any]:
        """The hardware encoder of a codec (H264 or H265): the least delay, a key frame every so many frames."""
        return self._those_here(
            ENCODERS[codec],
            {
                "bitrate": bitrate,
                "iframeinterval": frames_between_keys,
                # 256 by default on Jetsons: a new viewer would wait eight seconds.
                "idrinterval": frames_between_keys,
                "bufapi-version": True,
                "preset-level": 1,
                "maxperf-enable": True,
                "preset-id": 1,
                "tuning-info-id": 3,
            },
        )

    def _those_here(self, element: str, settings: Dict[str, Any]) -> Dict[str, Any]:
        return {name: value for name, value in settings.items() if self.catalogue.has(element, name)}
