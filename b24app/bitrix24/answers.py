"""What comes back: the envelope around every result, and its reading.

Followed pages: settings/how-to-call-rest-api/general-principles.md, list-methods-pecularities.md,
api-reference/data-types.md (``time``), performance/limits.md (``operating``).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from b24app.bitrix24 import error_codes, errors, masking

MAX_DIGITS: Final = 15
"""Digits of a whole number. JSON readers of other languages keep no more exactly, and no id has more."""

MAX_ROWS: Final = 1000
"""Rows in the answer of a list that was asked for a page: the portal's pages have 50."""

_ENVELOPE: Final = frozenset({"total", "next", "time"})
_WHOLE: Final = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large an answer may be: bytes of its body, and values in its JSON.

    ``max_values`` counts ``{``, ``[`` and ``,`` in the raw body: a few bytes of JSON can cost hundreds
    in memory, so they are counted before anything is decoded.
    """

    max_bytes: int
    max_values: int


WAITED_FOR: Final = Bounds(4 * 1024 * 1024, 200_000)
"""Bounds for the answers a person waits for."""

IN_JOBS: Final = Bounds(32 * 1024 * 1024, 1_000_000)
"""Bounds for the answers to jobs, a few of which are read at once."""


@dataclass(frozen=True, slots=True)
class CallTime:
    """What a call cost the portal, in seconds.

    ``operating`` is the method's execution time over the last 10 minutes; ``operating_reset_at``
    (aware UTC) is when its oldest minute stops counting. Both are None where the portal keeps no
    such account. ``finish`` is the portal's clock (Unix time) when the call was done; ``utc_offset``
    is its time zone, in minutes ahead of UTC, None where the portal does not say.
    """

    duration: float
    processing: float
    operating: float | None = None
    operating_reset_at: datetime | None = None
    finish: float | None = None
    utc_offset: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A method's result as JSON gave it, and what the envelope said about it.

    ``total`` and ``next`` (the ``start`` of the following page) come with lists only.
    """

    result: object
    total: int | None = None
    next: int | None = None
    time: CallTime | None = None


def decode(
    status: int,
    content: bytes,
    *,
    secrets: Sequence[str] = (),
    max_values: int = WAITED_FOR.max_values,
) -> dict[str, object]:
    """The JSON object of an answer that is not an error.

    Raises the error the answer stands for, ``errors.IncompleteAnswer`` for one of more than
    ``max_values`` (see :class:`Bounds`). ``secrets`` are values that went out with the request; they
    are cut out of whatever text the other side sends back.
    """
    if sum(content.count(chunk) for chunk in (b"{", b"[", b",")) > max_values:
        raise errors.IncompleteAnswer(
            "TOO_LARGE", f"more than {max_values} values", http_status=status
        )
    payload = _json_object(content)
    if payload is None:
        if status < 300 or status >= 500:
            raise errors.OutcomeUnknown(f"HTTP_{status}", "not a JSON answer", http_status=status)
        kind = error_codes.unknown(status)
        raise kind(f"HTTP_{status}", "not a JSON answer", http_status=status)
    if payload.get("error") or ("error" in payload and "result" not in payload):
        raise described(payload, status=status, secrets=secrets)
    if status >= 500:
        raise errors.OutcomeUnknown(f"HTTP_{status}", "no error code", http_status=status)
    if status >= 300:
        raise error_codes.unknown(status)(f"HTTP_{status}", "no error code", http_status=status)
    return payload


def described(
    body: object, *, status: int | None = None, method: str = "", secrets: Sequence[str] = ()
) -> errors.ApiError:
    """The error in a JSON object with ``error`` and ``error_description``."""
    fields = as_mapping(body)
    text = fields.get("error_description", "")
    return error_codes.classify(
        fields.get("error"),
        masking.scrub(text, secrets) if isinstance(text, str) else "",
        http_status=status,
        method=method,
    )


def answer(payload: Mapping[str, object]) -> Answer:
    """The answer in a decoded body. Raises ``errors.IncompleteAnswer`` when no result is in it."""
    if "result" not in payload and "time" not in payload:
        raise errors.IncompleteAnswer("NO_RESULT", "neither a result nor an error", http_status=200)
    result = payload.get("result")
    if "result" not in payload:
        # sale/person-type/sale-person-type-list.md shows its rows beside the envelope's fields.
        result = {name: value for name, value in payload.items() if name not in _ENVELOPE}
    return Answer(
        result,
        total=whole(payload.get("total")),
        next=whole(payload.get("next")),
        time=call_time(payload.get("time")),
    )


def call_time(value: object) -> CallTime | None:
    """The ``time`` object, or None when there is none."""
    fields = as_mapping(value)
    if not fields:
        return None
    return CallTime(
        duration=_seconds(fields.get("duration")) or 0.0,
        processing=_seconds(fields.get("processing")) or 0.0,
        operating=_seconds(fields.get("operating")),
        operating_reset_at=moment(fields.get("operating_reset_at")),
        finish=_seconds(fields.get("finish")),
        utc_offset=_offset(fields.get("date_finish")),
    )


def as_mapping(value: object) -> Mapping[str, object]:
    """An object of the portal's: PHP writes an empty one, and one with keys 0, 1, 2…, as a list."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return {}


def checked_rows(answer: Answer, params: Mapping[str, object], method: str) -> Answer:
    """The answer, unless it holds more rows than a page may have.

    A list asked for with ``start=-1`` may come whole, as far as its bytes go. Raises
    ``errors.IncompleteAnswer``.
    """
    if whole(params.get("start")) == -1:
        return answer
    result = answer.result
    parts = result.values() if isinstance(result, dict) else [result]
    if any(isinstance(part, list | dict) and len(part) > MAX_ROWS for part in (result, *parts)):
        raise errors.IncompleteAnswer("TOO_LARGE", f"more than {MAX_ROWS} rows", method=method)
    return answer


def whole(value: object) -> int | None:
    """An integer of at most 15 digits that may have come as a string; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**MAX_DIGITS else None
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else None


def moment(value: object) -> datetime | None:
    """A Unix time in seconds as aware UTC; None for zero and for what no calendar holds."""
    seconds = whole(value)
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _offset(value: object) -> int | None:
    """Minutes ahead of UTC of an ISO time; None for a time without an offset and for no time."""
    try:
        offset = datetime.fromisoformat(value).utcoffset() if isinstance(value, str) else None
    except ValueError:
        return None
    return int(offset.total_seconds() // 60) if offset is not None else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _json_object(content: bytes) -> dict[str, object] | None:
    try:
        payload: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None
