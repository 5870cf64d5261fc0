"""Problem: one thing that is wrong with a model bundle, told so that its author can put it right."""

from typing import List, NamedTuple

ERROR = "error"
WARNING = "warning"


class Problem(NamedTuple):
    """An error keeps the bundle from being used; a warning does not."""

    severity: str
    # Stable, in kebab case: for programs.
    code: str
    # FILE or FILE:LINE, FILE being the name inside the bundle.
    path: str
    # One line: what is wrong and what to do.
    message: str

    def __str__(self) -> str:
        return "%s: %s: %s" % (self.path, self.severity, self.message)


def has_errors(problems: List[Problem]) -> bool:
    return any(problem.severity == ERROR for problem in problems)
