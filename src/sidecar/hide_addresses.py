"""Hides what may be a secret in the addresses of a text, by its form, as src/common/secrets/hide-addresses.ts does.

Each pattern takes time in proportion to the text, whatever a camera makes it hold.
"""

import json
import os
import re
from typing import Any, Dict, List
from urllib.parse import unquote

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_PATH = os.path.join(_FOLDER, os.pardir, os.pardir, "catalogue", "address-parameters.json")


def _read_table() -> Dict[str, Any]:
    with open(os.path.normpath(_PATH), encoding="utf-8") as file:
        table: Dict[str, Any] = json.load(file)
    return table


# The file says what its fields mean.
TABLE = _read_table()
HIDDEN = "***"

# Of JSON that is quoted again, or of PHP, whose slashes are escaped too.
_SCHEME_END = r":(?:\\*/){2}"
# user:password@ where the password holds blanks and no slash.
_LOGIN_WITH_BLANKS = re.compile(r"(%s)[^\s/:@\[]+:[^/@\n]*@" % _SCHEME_END)
# A double quote ends an address only where it ends a word: broken addresses hold some.
_WORD_END = r"""(?:\s|\Z|[,;:.)\]}\\]{1,8}(?:[\s"]|\Z))"""
_ADDRESS = re.compile(
    r"""('[A-Za-z][A-Za-z0-9+.-]{0,31})?(%s)((?:[^\s"\\]|\\(?!\\{0,7}"%s)|"(?!%s))+)"""
    % (_SCHEME_END, _WORD_END, _WORD_END)
)
# An address that is a parameter of another one.
_ENCODED_ADDRESS = re.compile(r"""(%(?:25)*3a(?:%(?:25)*2f){2})[^\s"'<>&]+""", re.IGNORECASE)
# user:password@host without a scheme.
_BARE_LOGIN = re.compile(
    r"""(^|[\s"'=(,<>/\\])([^\s"'=(),<>/:@{}\[\]\\]{1,64}):([^\s"',<>@{}/\\][^\s"'<>{}]{0,200})@(?=[A-Za-z0-9_\[])"""
)
# The same, percent-encoded.
_ENCODED_LOGIN = re.compile(r"""(%(?:25)*3a)[^\s"'<>&]{1,200}?(?=%(?:25)*40)""", re.IGNORECASE)
# A query without the address before it, as in the first line of a request.
_BARE_QUERY = re.compile(r"""([?&])([^\s?&;#"'<>=]{1,64}(?:=|%3d)[^\s?&;#"'<>]*)""", re.IGNORECASE)

_PUNCTUATION = ".,:;)]}"
_SYNTAX = "[user:password@]host"

_PARAMETER_START = re.compile(r"=|%(?:25)*(?:3[bdf]|2[36])|\\+u00(?:3[bdf]|2[36])", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}\Z")
_NUMBER_OR_SIZE = re.compile(r"(?:[0-9]{1,4}|[0-9]{1,5}[xX][0-9]{1,5})\Z")
_NUMBER_AT_END = re.compile(r"[-_]?[0-9]{1,3}\Z")
_HOST = re.compile(r"(?:[^:]*|\[[^\]]*\]):?[0-9]{0,5}\Z")
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\Z")
# In a path: /password/hunter2.
_NAMED_SEGMENT = re.compile(
    "(/(?:%s)/)([^/;&?#]+)" % "|".join(re.escape(name) for name in TABLE["secretNames"]), re.IGNORECASE
)
_NAMES = frozenset(TABLE["harmlessNames"])
_WORDS = frozenset(TABLE["harmlessWords"])


def hide_addresses(text: str) -> str:
    """Hides the logins of every address in a text, and values of its parameters that are not known to be harmless."""
    # Most lines hold none of these, which takes far less time to find out.
    if re.search(_SCHEME_END, text):
        text = _LOGIN_WITH_BLANKS.sub(r"\1***@", text)
        text = _ADDRESS.sub(_shown_match, text)
    if "%" in text:
        text = _ENCODED_ADDRESS.sub(r"\1***", text)
        text = _ENCODED_LOGIN.sub(r"\1***", text)
    if "@" in text:
        text = _BARE_LOGIN.sub(r"\1\2:***@", text)
    return _BARE_QUERY.sub(lambda match: match.group(1) + _shown_bare(match.group(2)), text)


def _shown_match(match: "re.Match[str]") -> str:
    quoted, scheme, rest = match.groups()
    # Between single quotes an address ends at the last one: it may hold others.
    end = -1 if quoted is None else rest.rfind("'")
    address = rest if end < 0 else rest[:end]
    return (quoted or "") + scheme + _shown_rest(address) + rest[len(address) :]


def _shown_rest(rest: str) -> str:
    """rest: what follows the scheme, with the punctuation of the sentence around it."""
    address = rest.rstrip(_PUNCTUATION)
    if address.startswith(_SYNTAX):
        return rest
    return _shown_address(address) + rest[len(address) :]


def _shown_bare(item: str) -> str:
    parameter = item.rstrip(_PUNCTUATION + "\\")
    return _shown_parameter(parameter) + item[len(parameter) :]


def _shown_address(address: str) -> str:
    login = _login_end(address)
    shown = "***@" if login else ""
    host, path, query = re.match(r"([^/?#;&]*)([^?#]*)(.*)\Z", address[login:], re.DOTALL).groups()  # type: ignore[union-attr]
    # What stands where the port would be is a password whose host is missing.
    if not _is_host(host):
        return shown + host[: host.index(":") + 1] + HIDDEN
    path = re.sub(r"([/;&])([^/;&]*)", lambda match: match.group(1) + _shown_part(*match.groups()), path)
    path = _NAMED_SEGMENT.sub(r"\1***", path)
    query = re.sub(r"([?&;#])([^?&;#]*)", lambda match: match.group(1) + _shown_parameter(match.group(2)), query)
    return shown + host + path + query


def _login_end(address: str) -> int:
    """Index behind the @ of the login; 0: there is none.

    A password may hold @ and /, so that the login reaches to the last @, unless a host without a port comes first.
    """
    head = re.split(r"[/?#;&]", address, maxsplit=1)[0]
    return address.rfind("@") + 1 if "@" in head or ":" in head else 0


def _is_host(host: str) -> bool:
    return ":" not in host or bool(_HOST.match(host) or _BARE_IPV6.match(host))


def _shown_part(mark: str, item: str) -> str:
    """Of a path; most segments are no parameters."""
    return item if mark == "/" and not _PARAMETER_START.search(item) else _shown_parameter(item)


def _shown_parameter(item: str) -> str:
    start = _PARAMETER_START.search(item)
    if start is None:
        return item if not item or _is_harmless(item) else HIDDEN
    name, value = item[: start.start()], item[start.end() :]
    if not value or (name.lower() in _NAMES and _is_harmless(value)):
        return item
    return (name if _NAME.match(name) else HIDDEN) + start.group() + HIDDEN


def _is_harmless(value: str) -> bool:
    small = value.lower()
    return bool(_NUMBER_OR_SIZE.match(value)) or small in _WORDS or _NUMBER_AT_END.sub("", small) in _WORDS


def secrets_in_address(address: str) -> List[str]:
    """Texts that the parameters of an address hold and that nobody may read: as they stand, and decoded."""
    found = [one for _, value in _NAMED_SEGMENT.findall(address) for one in (value, unquote(value))]
    for item in re.split(r"[/?&;#]", re.sub(r"^[^:]*:/+", "", address)):
        start = _PARAMETER_START.search(item)
        if start is not None and _shown_parameter(item) != item:
            value = item[start.end() :]
            found += [value, unquote(value)]
    return found
