"""The kinds of camera addresses, and what is wrong with one."""

import re

SCHEMES = ("rtsp", "rtsps", "file", "/dev/video", "test")


def scheme(uri: str) -> str:
    """The kind of source that an address names, one of SCHEMES, or "" for anything else."""
    if uri.startswith("/dev/video"):
        return "/dev/video"
    name = uri.split("://", 1)[0] if "://" in uri else ""
    return name if name in SCHEMES else ""


_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?!\Z)|\Z)){4}\Z")
_LOGIN_ADVICE = "in a user name or password write @ as %40, / as %2F, ? as %3F, # as %23 and % as %25"


def address_problem(uri: str) -> str:
    """Why nothing can be sent to an rtsp:// or rtsps:// address; empty if something can. Repeats no part of it.

    GStreamer's reader takes what is not quite an address for another one, and the camera would be blamed.
    """
    if scheme(uri) not in ("rtsp", "rtsps"):
        return ""
    if re.search(r"\s", uri):
        return "it holds a blank; write %20, or end the address before it"
    if re.search(r"[\x00-\x1f\x7f\"<>\\\\]", uri):
        return 'it holds a control character or one of \\ " < >'
    server = re.split(r"[/?#]", uri.split("://", 1)[1], maxsplit=1)
    login, at, host = server[0].rpartition("@")
    behind = server[1] if len(server) > 1 else ""
    if "@" in login or _ESCAPE.search(login):
        return "its login is ambiguous: " + _LOGIN_ADVICE
    if host.startswith("["):
        match = re.match(r"\[[0-9A-Fa-f:.%]+\](?::(.*))?\Z", host)
        if match is None:
            return "its IPv6 address is not valid"
        port = match.group(1)
    elif host.count(":") > 1:
        return "an IPv6 address stands in brackets: rtsp://[fd00::2]:554/"
    else:
        name, colon, digits = host.partition(":")
        port = digits if colon else None
        if not name:
            return "it names no host"
        if re.search(r"[^\x21-\x7e]", name):
            return "its host is not ASCII; write it as its IP address, or with xn--"
        if re.match(r"[0-9.]+\Z", name) and not _IPV4.match(name):
            return "an IPv4 address has four numbers of 0 to 255"
    if port is not None and not (re.match(r"[0-9]{1,5}\Z", port) and 0 < int(port) < 65536):
        if not at and "@" in behind:
            return "its login is ambiguous: " + _LOGIN_ADVICE
        return "its port is missing or no number of 1 to 65535"
    return ""
