"""nvvideoconvert: converts and scales every frame of a batch, between system memory and memory:NVMM."""

from typing import Any, List, Optional, Tuple

from sidecar.gst import Gst, GstBase
from standins.element import Standin
from standins.frames import Converter, RawVideo, Rectangle, raw_video, split

# interpolation-method: the default is the nearest pixel too, as seen on a real one of 9.0.
_NEAREST, _DEFAULT = 0, 6


class Transform(Standin):
    """A filter whose output buffers are not its input buffers. By default, it makes one frame of each."""

    gst_class = GstBase.BaseTransform

    def build(self) -> None:
        self.source: Optional[RawVideo] = None
        self.target: Optional[RawVideo] = None
        self.source_size = 0

    def do_set_caps(self, incaps: Gst.Caps, outcaps: Gst.Caps) -> bool:
        self.source, self.target = raw_video(incaps), raw_video(outcaps)
        self.source_size = self.source.info().size
        self.configured()
        return True

    def configured(self) -> None:
        """Called when the caps of both sides are known."""

    def videos(self) -> Tuple[RawVideo, RawVideo]:
        """The caps of the input and the output. Raises ValueError before they are known."""
        if self.source is None or self.target is None:
            raise ValueError("a buffer before caps")
        return self.source, self.target

    def do_get_unit_size(self, caps: Gst.Caps) -> Any:
        return True, raw_video(caps).info().size

    def do_transform_size(self, direction: Gst.PadDirection, caps: Gst.Caps, size: int, othercaps: Gst.Caps) -> Any:
        count = max(1, size // raw_video(caps).info().size)
        return True, count * raw_video(othercaps).info().size

    def do_transform(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> Gst.FlowReturn:
        try:
            self.transformed(inbuf, outbuf)
        except ValueError as error:
            self.fail(str(error), Gst.ResourceError.READ)
            return Gst.FlowReturn.ERROR
        return Gst.FlowReturn.OK

    def transformed(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> None:
        """Fills the output. The element posts a ValueError as its error."""
        raise NotImplementedError


class Convert(Transform):
    """nvvideoconvert. src-crop and flip-method are accepted and have no effect."""

    def build(self) -> None:
        super().build()
        self.set_passthrough(False)
        self._converter: Optional[Converter] = None

    def do_transform_caps(
        self, direction: Gst.PadDirection, caps: Gst.Caps, filter_caps: Optional[Gst.Caps]
    ) -> Gst.Caps:
        there = "src" if direction == Gst.PadDirection.SINK else "sink"
        rates = _rates(caps)
        result = Gst.Caps.new_empty()
        # First what needs no conversion, then everything that the other side can be.
        result = result.merge(caps.intersect(self.template(there).get_caps()))
        for rate in rates:
            for structure in self.template(there).get_caps().to_string().split(";"):
                result = result.merge(Gst.Caps.from_string(structure.strip() + rate))
        if filter_caps is not None:
            return filter_caps.intersect_full(result, Gst.CapsIntersectMode.FIRST)
        return result

    def do_fixate_caps(self, direction: Gst.PadDirection, caps: Gst.Caps, othercaps: Gst.Caps) -> Gst.Caps:
        return fixate_like(raw_video(caps), othercaps)

    def configured(self) -> None:
        numbers = [int(part) for part in (self.values["dest-crop"] or "").split(":") if part]
        into = Rectangle(*numbers) if len(numbers) == 4 and numbers[2] and numbers[3] else None
        nearest = self.values.get("interpolation-method", _DEFAULT) in (_NEAREST, _DEFAULT)
        self._converter = Converter(*self.videos(), into=into, nearest=nearest)

    def changed(self, name: str, value: Any) -> None:
        if name == "dest-crop" and self.source is not None:
            self.configured()

    def transformed(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> None:
        assert self._converter is not None, "caps come before buffers"
        for index, frame in enumerate(split(inbuf, self.source_size)):
            self._converter.convert(frame, outbuf, index)


def _rates(caps: Gst.Caps) -> List[str]:
    """The frame rates of caps, as text to append to other caps."""
    rates = []
    for index in range(caps.get_size()):
        known, numerator, denominator = caps.get_structure(index).get_fraction("framerate")
        rate = ", framerate=%d/%d" % (numerator, denominator) if known else ""
        if rate not in rates:
            rates.append(rate)
    return rates


def fixate_like(like: RawVideo, caps: Gst.Caps) -> Gst.Caps:
    """Fixes caps as close as possible to other video: by its size before its format."""
    every = [Gst.Caps.from_string(text) for text in caps.to_string().split(";")]
    size = "video/x-raw(ANY), width=%d, height=%d" % (like.width, like.height)
    for wanted in (size + ", format=%s" % like.format, size, "video/x-raw(ANY)"):
        fitting = [each for each in every if each.can_intersect(Gst.Caps.from_string(wanted))]
        if fitting:
            return _fixed(like, fitting[0])
    return caps.fixate()


def _fixed(like: RawVideo, caps: Gst.Caps) -> Gst.Caps:
    structure = caps.get_structure(0).copy()
    structure.fixate_field_string("format", like.format)
    for field, value in (("width", like.width), ("height", like.height)):
        if structure.has_field(field):
            structure.fixate_field_nearest_int(field, value)
        else:
            structure.set_value(field, value)
    features = caps.get_features(0).to_string()
    fixed = structure.to_string().replace("video/x-raw,", "video/x-raw(%s)," % features, 1)
    return Gst.Caps.from_string(fixed).fixate()
