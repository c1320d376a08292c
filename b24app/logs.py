"""Lines of the log: each with the id of the request or task it belongs to, as text or as JSON."""

import json
import logging
from datetime import UTC, datetime

from b24app import tracing

PLAIN = "%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s"

# What every record has anyway; whatever else is in it was given with ``extra``.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "origin"}


class Traced(logging.Filter):
    """Adds ``request_id`` and ``origin`` to a record; drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        trace = tracing.current()
        record.request_id = trace.id if trace else "-"
        record.origin = trace.origin if trace else "-"
        return True


class Foreseen(logging.Filter):
    """Drops what Django says of answers that we gave on purpose and have told of where they arose:

    a portal that fails, a part of ours that is not ready. What nobody foresaw is a 500.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", 500) not in (502, 503, 504)


def formatter(kind: str) -> logging.Formatter:
    """For ``kind`` json or plain (setting LOG_FORMAT); records have passed :class:`Traced`."""
    return JsonFormatter() if kind == "json" else logging.Formatter(PLAIN)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, request_id, origin, exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        for name in ("request_id", "origin"):
            value = getattr(record, name, "-")
            if value != "-":
                line[name] = value
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        line |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        return json.dumps(line, ensure_ascii=False, default=str)
