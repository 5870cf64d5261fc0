"""What viewers read while the graph does not play. Pure."""

from sidecar.contract import state

_LOADING = {
    state.LOADING_PHASE_ENGINE: "preparing the model for this GPU since %s, which takes minutes",
    state.LOADING_PHASE_GRAPH: "loading the model since %s",
}
_FAILED = {
    state.FAILURE_REASON_MODEL: "the model cannot be used since %s",
    state.FAILURE_REASON_GPU: "the GPU failed at %s, trying again",
}


def pipeline_text(status: state.PipelineStatus, now: str) -> str:
    """now: the time of day. Empty while the graph plays: then each camera has its own text."""
    if status.HasField("loading"):
        return _LOADING.get(status.loading.phase, "starting since %s") % now
    if status.HasField("failed"):
        return _FAILED.get(status.failed.reason, "failed at %s, trying again") % now
    return ""
