"""What the header WWW-Authenticate of an RTSP answer offers."""

import re
from typing import Dict, Iterable, List, NamedTuple

# What is between commas that are not quoted.
_ITEM = re.compile(r"""(?:[^,"]|"(?:[^"\\]|\\.)*"?)+""")
# The scheme that an item begins with, unless it goes on with the one before: nonce = "1".
_SCHEME = re.compile(r"\s*([A-Za-z][\w.-]*)(?=\s*\Z|\s+[^\s=])")
_PARAMETER = re.compile(r"""([A-Za-z][\w-]*)\s*=\s*("(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"|[^\s",\x00-\x1f\x7f]+)""")


class Challenge(NamedTuple):
    """One way to log in."""

    # In small letters: basic, digest.
    scheme: str
    # By their names in small letters, with their quotes.
    parameters: Dict[str, str]

    def header(self) -> str:
        """As the value of a header. It has a parameter in any case: rtspsrc crashes at a digest without one (GStreamer
        1.22)."""
        parameters = self.parameters or {"realm": '""'}
        return "%s %s" % (self.scheme.capitalize(), ", ".join("%s=%s" % one for one in parameters.items()))


def challenges(headers: Iterable[str]) -> List[Challenge]:
    """The ways that headers offer, with their well-formed parameters."""
    found: List[Challenge] = []
    for item in (one for header in headers for one in _ITEM.findall(header)):
        scheme = _SCHEME.match(item)
        if scheme is not None:
            found.append(Challenge(scheme.group(1).lower(), {}))
        if found:
            for name, value in _PARAMETER.findall(item, 0 if scheme is None else scheme.end()):
                found[-1].parameters.setdefault(name.lower(), value)
    return found


def best_digest(offered: Iterable[Challenge]) -> List[Challenge]:
    """The digest login that rtspsrc can do, MD5, or else another, in a list; an empty one if there is none."""
    digests = [one for one in offered if one.scheme == "digest" and {"realm", "nonce"} <= set(one.parameters)]
    return sorted(digests, key=lambda one: one.parameters.get("algorithm", "MD5").strip('"').upper() != "MD5")[:1]
