"""Text from outside, which may hold what a terminal would obey, or what shows a line in another order."""

import re

# Line ends in any script, and tabs.
_BLANKS = re.compile("[\t\n\v\f\r\u0085\u2028\u2029]")
# C0, DEL and C1; marks and overrides of direction; halves of surrogate pairs.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain_text(text: str) -> str:
    """The text on one line, with blanks for line ends and ? for characters that are commands."""
    return _COMMANDS.sub("?", _BLANKS.sub(" ", text))
