"""Structured logs: one JSON object a line about a call, never its payload."""

from __future__ import annotations

import json
import logging
import sys
import time

LOGGER = logging.getLogger("pedbench.shard")


def log(event: str, level: int = logging.INFO, **fields: str | int | float | list[int]) -> None:
    """Write one event. Only plain fields fit in, so that no array can slip through."""
    LOGGER.log(level, event, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """``{"time": …, "level": …, "event": …, …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; the text of an exception is left out, it may quote data."""
        entry = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            entry["error"] = record.exc_info[0].__name__
        return json.dumps(entry | getattr(record, "fields", {}))


class _StandardError(logging.Handler):
    """Writes to what the standard error stream is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def log_to_stderr(level: str = "info") -> None:
    """Send this server's events, and gRPC's own warnings, to the standard error stream."""
    handler = _StandardError()
    handler.setFormatter(JsonLines())
    for logger in (LOGGER, logging.getLogger("grpc")):
        logger.handlers = [handler]
        logger.propagate = False
    LOGGER.setLevel(level.upper())
