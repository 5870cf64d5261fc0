"""The kinds of camera addresses."""

SCHEMES = ("rtsp", "rtsps", "file", "/dev/video", "test")


def scheme(uri: str) -> str:
    """The kind of source that an address names, one of SCHEMES, or "" for anything else."""
    if uri.startswith("/dev/video"):
        return "/dev/video"
    name = uri.split("://", 1)[0] if "://" in uri else ""
    return name if name in SCHEMES else ""
