"""Problem: what is wrong with a specification or a model bundle, where, and what its author can do."""

from typing import List, NamedTuple

# It is refused.
ERROR = "error"
# It runs, not quite as written.
WARNING = "warning"
# It runs as written.
NOTICE = "notice"


class Problem(NamedTuple):
    """What is wrong, where, and what to do."""

    severity: str
    # Stable, in kebab case: for programs.
    code: str
    # A path in the specification, or FILE or FILE:LINE, FILE being the name inside the bundle.
    path: str
    # One line: what is wrong and what to do. Holds no secret.
    message: str

    def __str__(self) -> str:
        return "%s: %s: %s" % (self.path, self.severity, self.message)


def error(code: str, path: str, message: str) -> Problem:
    """A problem for which it is refused."""
    return Problem(ERROR, code, path, message)


def has_errors(problems: List[Problem]) -> bool:
    return any(problem.severity == ERROR for problem in problems)
