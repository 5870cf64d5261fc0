"""Problems of a specification, in the words of the contract."""

from sidecar.contract import pipeline
from sidecar.worker.inference.problem import ERROR, Problem, has_errors

__all__ = ["Problem", "error", "has_errors", "to_contract"]


def error(code: str, path: str, message: str) -> Problem:
    """A problem for which a specification is refused."""
    return Problem(ERROR, code, path, message)


def to_contract(problem: Problem) -> pipeline.Problem:
    severity = pipeline.SEVERITY_ERROR if problem.severity == ERROR else pipeline.SEVERITY_WARNING
    return pipeline.Problem(severity=severity, code=problem.code, path=problem.path, message=problem.message)
