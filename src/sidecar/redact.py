"""Hides secrets in text that leaves the process: logs, problems, states. src/common/secrets/redact.ts does the same.

Known secrets are recognised by their value in any encoding; all others by their form, with the table that the agent
reads too. test/redaction.json holds cases that both must agree on.
"""

import base64
import re
import threading
from typing import Any, Iterable, List, NamedTuple, Optional, Pattern, Tuple

from sidecar.hide_addresses import HIDDEN, TABLE, hide_addresses
from sidecar.plain_text import plain_text

_NAMED_LIKE_A_SECRET = "|".join(re.escape(name) for name in TABLE["secretNames"])
# A field, a setting or a property with such a name, and its value.
_NAMED = re.compile(
    r"""((?:%s)\\*["']?\s*(?:=\s*(?:\(string\))?|:\s*(?=\\*["'])))"""
    r"""(?:(\\+["'])[^"']*["']?|"(?:[^"\\]|\\.)*\\?"?|'(?:[^'\\]|\\.)*\\?'?|[^\s,;&"']+)""" % _NAMED_LIKE_A_SECRET,
    re.IGNORECASE | re.DOTALL,
)
_SECRET_FIELD = re.compile(r"(?:%s)\Z" % _NAMED_LIKE_A_SECRET, re.IGNORECASE)
# The header of HTTP and RTSP.
_AUTHORIZATION = re.compile(r"""(\bauthorization\\*["']?\s*[:=]\s*\\*["']?\w+\s+)[^\n]*""", re.IGNORECASE)

# Shorter secrets are hidden in addresses only: anywhere else they would take ordinary words and numbers with them.
_MIN_LENGTH = 4
# Enough for all current secrets. A longer pattern would slow down every line of the log.
_MOST_SECRETS = 256


class _Known(NamedTuple):
    # The newest first.
    secrets: Tuple[str, ...] = ()
    pattern: Optional[Pattern[str]] = None


_known = _Known()
_adding = threading.Lock()


def add_secrets(secrets: Iterable[str]) -> None:
    """From now on these are hidden in all text of this process. Any thread."""
    global _known
    with _adding:
        new = [one for one in dict.fromkeys(secrets) if len(one) >= _MIN_LENGTH and one not in _known.secrets]
        if new:
            kept = (*new, *_known.secrets)[:_MOST_SECRETS]
            # The longest first: of two secrets that begin at the same place, only one is matched.
            _known = _Known(kept, re.compile("|".join(_encodings(one) for one in sorted(kept, key=len, reverse=True))))


def login_secrets(username: str, password: str) -> List[str]:
    """What of a login may not be read: the password, and the login as HTTP Basic authentication sends it."""
    if not password:
        return []
    login = "%s:%s" % (username, password)
    return [password, base64.b64encode(login.encode("utf-8", "surrogatepass")).decode()]


def redact(text: str) -> str:
    """The text on one line, without secrets and without characters that a terminal obeys."""
    hidden = _hide(text)
    plain = plain_text(hidden)
    # Secrets that a command divides are whole only now.
    return plain if plain == hidden else _hide(plain)


def redact_lines(text: str) -> str:
    """Like redact, of a text of several lines."""
    return "\n".join(redact(line) for line in _hide(text).split("\n"))


def redact_deep(value: Any) -> Any:
    """A copy of a value, made of what JSON has, in which every string and key is redacted."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {redact(str(name)): _redact_field(str(name), one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_deep(one) for one in value]
    return redact(str(value))


def _redact_field(name: str, value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return redact_deep(value)
    if _SECRET_FIELD.search(name):
        return HIDDEN
    return redact_lines(value) if name == "stack" else redact(value)


def _hide(text: str) -> str:
    pattern = _known.pattern
    if pattern is not None:
        text = _hide_matches(text, pattern)
    text = hide_addresses(text)
    # Most lines hold no such name, which takes far less time to find out.
    small = text.casefold()
    if any(name in small for name in TABLE["secretNames"]):
        text = _NAMED.sub(_without_value, text)
    return _AUTHORIZATION.sub(r"\1***", text) if "authorization" in small else text


def _without_value(match: "re.Match[str]") -> str:
    name, escaped = match.groups()
    first = match.group()[len(name) : len(name) + 1]
    quote = escaped or (first if first in ("'", '"') else "")
    return name + quote + HIDDEN + quote


def _hide_matches(text: str, pattern: Pattern[str]) -> str:
    """Overlapping matches are hidden as one."""
    shown, hidden_to = "", 0
    match = pattern.search(text)
    while match is not None:
        if match.start() >= hidden_to:
            shown += text[hidden_to : match.start()] + HIDDEN
        hidden_to = max(hidden_to, match.end())
        match = pattern.search(text, match.start() + 1)
    return shown + text[hidden_to:]


def _encodings(secret: str) -> str:
    """The source of a regular expression that matches a secret in every encoding. Matching takes linear time."""
    data = secret.encode("utf-8", "surrogatepass")
    in_hex = "".join(_hex("%02x" % byte) for byte in data)
    in_base64 = base64.b64encode(data).decode().rstrip("=").replace("+", "[+-]").replace("/", "[/_]") + "={0,2}"
    return "|".join((in_hex, in_base64, _quoted_or_percent_encoded(secret)))


def _quoted_or_percent_encoded(secret: str) -> str:
    """As it is, percent-encoded, and quoted in JSON or a programming language."""
    return "".join(_encodings_of_part(part) for part in re.findall(r"\\+|[^\\]", secret))


# Each level of quoting doubles a backslash; JSON within JSON has two.
_QUOTED_TWICE = 4
_JSON_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def _encodings_of_part(part: str) -> str:
    """part: one character, or a run of backslashes."""
    if part.startswith("\\"):
        return r"(?:\\|%%5[Cc]){%d,%d}" % (len(part), len(part) * _QUOTED_TWICE)
    percent = "".join("%" + _hex("%02x" % byte) for byte in part.encode("utf-8", "surrogatepass"))
    encodings = [re.escape(part), percent]
    if not re.match(r"[A-Za-z0-9]\Z", part):
        encodings.append(r"\\{1,3}(?:%s)" % _unicode_escape(part))
    if part in _JSON_ESCAPES:
        encodings.append(r"\\{1,3}" + _JSON_ESCAPES[part])
    if part in "\"'/":
        encodings.append(r"\\{1,3}" + re.escape(part))
    if part == " ":
        encodings.append(r"\+")
    return "(?:%s)" % "|".join(encodings)


def _unicode_escape(part: str) -> str:
    r"""\u20ac, in Python also \xe9."""
    units = part.encode("utf-16-be", "surrogatepass").hex()
    long = r"\\{1,3}u".join(_hex(units[at : at + 4]) for at in range(0, len(units), 4))
    return "u%s|x%s" % (long, _hex("%02x" % ord(part))) if ord(part) < 0x100 else "u" + long


def _hex(digits: str) -> str:
    """In upper and lower case."""
    return re.sub("[a-f]", lambda match: "[%s%s]" % (match.group().upper(), match.group()), digits)
