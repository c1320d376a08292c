"""Lines of the log: each with the id of the request or task it belongs to, as text or as JSON.

A record is one line, whatever somebody outside has put into a name, a host or an error code: line
breaks, control characters and other characters that show nothing are written as escapes. In plain text a
traceback follows on lines of its own, each of which begins with :data:`INDENT`, so that none of them
can be taken for a record.
"""

import json
import logging
import re
from datetime import UTC, datetime

from b24app import tracing

PLAIN = "%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s"
INDENT = "    | "

# What every record has anyway; whatever else is in it was given with ``extra``.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "origin"}
# Where text is broken into lines: not only at line feeds.
_BREAKS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class Traced(logging.Filter):
    """Adds ``request_id`` and ``origin`` to a record; drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        trace = tracing.current()
        record.request_id = trace.id if trace else "-"
        record.origin = trace.origin if trace else "-"
        return True


class Foreseen(logging.Filter):
    """Drops Django's log lines about answers that we gave on purpose and have logged ourselves:

    a portal that fails, a part of ours that is not ready. What nobody foresaw is a 500.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", 500) not in (502, 503, 504)


def formatter(kind: str) -> logging.Formatter:
    """For ``kind`` json or plain (setting LOG_FORMAT); records should have passed :class:`Traced`."""
    return JsonFormatter() if kind == "json" else PlainFormatter()


def escaped(text: str) -> str:
    """Text on one line: characters that cannot be seen, line breaks among them, as ``\\n``, ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        item if item.isprintable() else item.encode("unicode_escape").decode() for item in text
    )


class PlainFormatter(logging.Formatter):
    """One line a record; a traceback below it, indented."""

    def __init__(self) -> None:
        super().__init__(PLAIN, defaults={"request_id": "-"})

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        return escaped(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        # The parts of a record that may have many lines are put below the first line here.
        below = _traceback(self, record)
        first = logging.makeLogRecord(vars(record) | {"exc_info": None, "exc_text": None})
        first.stack_info = None
        lines = [super().format(first), *(INDENT + escaped(part) for part in _BREAKS.split(below))]
        return "\n".join(lines if below else lines[:1])


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
        if below := _traceback(self, record):
            line["exception"] = below
        line |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        return _json_line(json.dumps(line, ensure_ascii=False, default=str))


def _traceback(own: logging.Formatter, record: logging.LogRecord) -> str:
    """Traceback and stack of a record; empty for most records."""
    if record.exc_info and not record.exc_text:
        record.exc_text = own.formatException(record.exc_info)
    stack = own.formatStack(record.stack_info) if record.stack_info else ""
    return "\n".join(filter(None, (record.exc_text, stack)))


def _json_line(text: str) -> str:
    """JSON without one invisible character: those that it would leave as they are become escapes."""
    if text.isprintable():
        return text
    return "".join(item if item.isprintable() else _json_escape(item) for item in text)


def _json_escape(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)[1:-1] if text != "\x7f" else "\\u007f"
