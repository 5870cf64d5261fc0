"""JSON logs on stderr, with the agent's field names. Every line passes the redactor: no secret leaves this way."""

import json
import logging
import sys
import time
import traceback
from typing import Any, Dict, Optional

from sidecar.redact import redact_deep

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_NAMES = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warn", logging.ERROR: "error"}


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: Dict[str, Any] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + ".%03dZ" % int(record.msecs),
            "level": _NAMES.get(record.levelno, "error"),
            "component": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["err"] = {
                "name": type(error).__name__,
                "message": str(error),
                "stack": "".join(traceback.format_exception(*record.exc_info)),
            }
        # Before it is JSON: the quotes of a text are not those around it.
        return json.dumps(redact_deep(line))


class Log:
    """A logger whose message is constant and whose facts are fields: log.warning("camera lost", camera="front")."""

    def __init__(self, component: str) -> None:
        self._logger = logging.getLogger(component)

    def debug(self, message: str, **fields: Any) -> None:
        self._logger.debug(message, extra={"fields": fields})

    def info(self, message: str, **fields: Any) -> None:
        self._logger.info(message, extra={"fields": fields})

    def warning(self, message: str, **fields: Any) -> None:
        self._logger.warning(message, extra={"fields": fields})

    def error(self, message: str, **fields: Any) -> None:
        self._logger.error(message, extra={"fields": fields})

    def exception(self, message: str, **fields: Any) -> None:
        """Logs the exception being handled with its stack. Only inside an except block."""
        self._logger.error(message, extra={"fields": fields}, exc_info=True)


def configure(level: str, stream: Optional[Any] = None) -> None:
    """Sends every log of this process to a text stream, stderr unless told. level: debug, info, warn or error."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS.get(level, logging.INFO))
