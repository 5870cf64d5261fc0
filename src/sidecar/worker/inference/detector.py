"""Detects objects by the network of a model bundle."""

from typing import List, NamedTuple

from sidecar.worker.inference.bundle import Bundle
from sidecar.worker.inference.decoders import REGISTRY, DecoderError
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter, Object, Postprocessor
from sidecar.worker.inference.session import ModelError, Session


class Inference(NamedTuple):
    """The objects on one frame, and the time that the network alone took."""

    objects: List[Object]
    # Wall-clock time, and processor time.
    seconds: float
    cpu_seconds: float


class Detector:
    """May be used by any number of threads."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Loads the network and runs it once. Raises ModelError.

        threads: for one inference; 1 runs in the calling thread alone.
        """
        config = bundle.config
        self._decoder_name = config.decoder
        self._session = session = Session(config, threads)
        try:
            size = session.size
            decoder = REGISTRY[config.decoder](bundle.directory, len(bundle.labels), size.width, size.height)
        except DecoderError as error:
            raise ModelError(str(error)) from error
        # The first run allocates memory and shows the real shapes. And a network that loads may still fail to run.
        first = session.run(session.empty(), session.outputs)
        try:
            bound = decoder.bind(first.tensors)
        except DecoderError as why:
            message = "does not fit %s: %s; is num-detected-classes right?"
            raise session.error(message, config.decoder, why) from why
        self._outputs = list(bound.outputs)
        session.check_finite(first._replace(tensors={name: first.tensors[name] for name in self._outputs}))
        self._postprocess = Postprocessor(bundle, bound)

    def detect(self, frame: I420Frame, detection_filter: DetectionFilter) -> Inference:
        """Detects the objects on a frame, strongest first. Blocks for the time of an inference. Raises ModelError."""
        tensor, geometry = self._session.prepare(frame)
        outputs = self._session.run(tensor, self._outputs)
        self._session.check_finite(outputs)
        try:
            objects = self._postprocess(outputs.tensors, geometry, detection_filter)
        except DecoderError as why:
            raise self._session.error("does not fit %s: %s", self._decoder_name, why) from why
        return Inference(objects, outputs.seconds, outputs.cpu_seconds)

    def end_overdue(self, rounds: int) -> float:
        """See Session.end_overdue()."""
        return self._session.end_overdue(rounds)
