"""nvvideoconvert: converts and scales every picture of a batch, between system memory and memory:NVMM."""

from typing import Any, List, Optional, Tuple

from sidecar.gst import Gst, GstBase
from standins.element import Standin
from standins.frames import Converter, Picture, Rectangle, picture_of, split

# interpolation-method: the default is the nearest pixel too, as a real one of 9.0 has shown.
_NEAREST, _DEFAULT = 0, 6


class Transform(Standin):
    """A filter whose output is another picture than its input. Where a subclass does not say otherwise, one to one."""

    gst_class = GstBase.BaseTransform

    def build(self) -> None:
        self.source: Optional[Picture] = None
        self.target: Optional[Picture] = None
        self.source_size = 0

    def do_set_caps(self, incaps: Gst.Caps, outcaps: Gst.Caps) -> bool:
        self.source, self.target = picture_of(incaps), picture_of(outcaps)
        self.source_size = self.source.info().size
        self.configured()
        return True

    def configured(self) -> None:
        """Called when both pictures are known."""

    def pictures(self) -> Tuple[Picture, Picture]:
        """What comes in and what goes out, once caps have come."""
        if self.source is None or self.target is None:
            raise ValueError("a buffer before caps")
        return self.source, self.target

    def do_get_unit_size(self, caps: Gst.Caps) -> Any:
        return True, picture_of(caps).info().size

    def do_transform_size(self, direction: Gst.PadDirection, caps: Gst.Caps, size: int, othercaps: Gst.Caps) -> Any:
        count = max(1, size // picture_of(caps).info().size)
        return True, count * picture_of(othercaps).info().size

    def do_transform(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> Gst.FlowReturn:
        try:
            self.transformed(inbuf, outbuf)
        except ValueError as error:
            self.fail(str(error), Gst.ResourceError.READ)
            return Gst.FlowReturn.ERROR
        return Gst.FlowReturn.OK

    def transformed(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> None:
        """Fills the output. A ValueError becomes the element's error."""
        raise NotImplementedError


class Convert(Transform):
    """nvvideoconvert. src-crop and flip-method are accepted and without effect."""

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
        # What needs no conversion first, then everything that the other side can be.
        result = result.merge(caps.intersect(self.template(there).get_caps()))
        for rate in rates:
            for structure in self.template(there).get_caps().to_string().split(";"):
                result = result.merge(Gst.Caps.from_string(structure.strip() + rate))
        if filter_caps is not None:
            return filter_caps.intersect_full(result, Gst.CapsIntersectMode.FIRST)
        return result

    def do_fixate_caps(self, direction: Gst.PadDirection, caps: Gst.Caps, othercaps: Gst.Caps) -> Gst.Caps:
        return fixate_like(picture_of(caps), othercaps)

    def configured(self) -> None:
        numbers = [int(part) for part in (self.values["dest-crop"] or "").split(":") if part]
        into = Rectangle(*numbers) if len(numbers) == 4 and numbers[2] and numbers[3] else None
        nearest = self.values.get("interpolation-method", _DEFAULT) in (_NEAREST, _DEFAULT)
        self._converter = Converter(*self.pictures(), into=into, nearest=nearest)

    def changed(self, name: str, value: Any) -> None:
        if name == "dest-crop" and self.source is not None:
            self.configured()

    def transformed(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> None:
        assert self._converter is not None, "caps come before buffers"
        for index, picture in enumerate(split(inbuf, self.source_size)):
            self._converter.convert(picture, outbuf, index)


def _rates(caps: Gst.Caps) -> List[str]:
    """The frame rates of caps, as text to put behind others."""
    rates = []
    for index in range(caps.get_size()):
        known, numerator, denominator = caps.get_structure(index).get_fraction("framerate")
        rate = ", framerate=%d/%d" % (numerator, denominator) if known else ""
        if rate not in rates:
            rates.append(rate)
    return rates


def fixate_like(like: Picture, caps: Gst.Caps) -> Gst.Caps:
    """One fixed picture out of caps, as close to another picture as they allow: its size before its format."""
    every = [Gst.Caps.from_string(text) for text in caps.to_string().split(";")]
    size = "video/x-raw(ANY), width=%d, height=%d" % (like.width, like.height)
    for wanted in (size + ", format=%s" % like.format, size, "video/x-raw(ANY)"):
        fitting = [each for each in every if each.can_intersect(Gst.Caps.from_string(wanted))]
        if fitting:
            return _fixed(like, fitting[0])
    return caps.fixate()


def _fixed(like: Picture, caps: Gst.Caps) -> Gst.Caps:
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
