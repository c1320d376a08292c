"""The log of requests and answers that the Market requires: masked, encrypted, for three days.

Documentation: market/preparing-to-publish/common-requirements.md. It is written together with the journal
of calls, when the web request or task has ended. :mod:`b24app.journal.redaction` decides what is stored.
After 15 MB of a portal and day only the shapes of answers are stored, and after 20 MB nothing; the journal
of calls continues.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.db.models.functions import Cast
from django.utils import timezone

from b24app.bitrix24.client import CallRecord
from b24app.journal.models import RequestLog, RequestLogDay
from b24app.journal.redaction import Redactor
from b24app.portals.fields import Secret, fernet
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

KEPT = timedelta(days=3)
MAX_BYTES = 20_000_000
"""Encrypted bytes of a portal and day (UTC)."""
SHAPES_BEYOND = 15_000_000
"""From here on only shapes are stored on that day."""
MAX_READ = 8_000_000
"""Encrypted characters read for one support bundle."""


@dataclass(frozen=True, slots=True)
class Masked:
    """One masked request: ``full`` with parameters and answer, ``brief`` with the shape of the answer."""

    at: datetime
    request_id: str
    call_id: str
    full: str
    brief: str


@lru_cache(maxsize=200)
def _redactor(secret: str, member_id: str) -> Redactor:
    return Redactor(secret, member_id)


def masked(portal: Portal, record: CallRecord) -> Masked | None:
    """What may be stored of a request; None if it was never sent."""
    if record.outcome == "BUDGET" and record.http_status is None:
        return None
    mask = _redactor(settings.SECRET_KEY, portal.member_id)
    request_id, _, call_id = record.request_id.partition("-")
    keys = frozenset(record.commands)
    about: dict[str, object] = {
        "method": record.method[:128],
        "status": record.http_status,
        "bytes": record.size,
        "shape": mask.shape(record.answer, keys),
    }
    refused = _refused(record.answer)
    if refused:
        about["errors"] = mask.answer(refused, keys)
    commands = {key: {command.method: command.params} for key, command in record.commands.items()}
    methods = {command.method for command in record.commands.values()}
    more = {
        "parameters": mask.parameters(commands or record.params, keys | methods),
        "answer": mask.answer(record.answer, keys),
    }
    at = record.started
    return Masked(at, request_id, call_id, _json({**about, **more}), _json(about))


def _refused(answer: object) -> object:
    """The errors of the commands of a batch. They are at the end of the answer and might be cut off."""
    result = answer.get("result") if isinstance(answer, Mapping) else None
    return result.get("result_error") if isinstance(result, Mapping) else None


def store(rows: Sequence[tuple[Portal, Masked]]) -> None:
    """Store masked requests within the limits of the day. Raises nothing."""
    by_portal: dict[int, list[Masked]] = defaultdict(list)
    for portal, item in rows:
        if portal.pk is not None:
            by_portal[portal.pk].append(item)
    for portal_pk, found in sorted(by_portal.items()):
        try:
            with transaction.atomic():
                _write(portal_pk, found)
        except IntegrityError:
            logger.warning("%d requests of an erased portal are not in the log", len(found))
        except Exception:
            # As in the journal of calls: the response has been sent, and the work is done.
            logger.exception("%d requests are missing in the log", len(found))


def _write(portal_pk: int, found: Sequence[Masked]) -> None:
    for texts, limit in (
        ([item.full for item in found], SHAPES_BEYOND),
        ([item.brief for item in found], MAX_BYTES),
    ):
        if _room(portal_pk, sum(map(_stored_bytes, texts)), limit):
            RequestLog.objects.bulk_create(
                RequestLog(
                    portal_id=portal_pk,
                    at=item.at,
                    request_id=item.request_id,
                    call_id=item.call_id,
                    content=Secret(text),
                )
                for item, text in zip(found, texts, strict=True)
            )
            return


def _room(portal_pk: int, size: int, limit: int) -> bool:
    """Add ``size`` bytes to today's count. False, without adding, if that would exceed ``limit``."""
    today = timezone.now().astimezone(UTC).date()
    days = RequestLogDay.objects.filter(portal_id=portal_pk, day=today)
    fits = days.filter(stored__lte=limit - size)
    if fits.update(stored=F("stored") + size):
        return True
    if days.exists():
        return False
    RequestLogDay.objects.bulk_create(
        [RequestLogDay(portal_id=portal_pk, day=today)], ignore_conflicts=True
    )
    return bool(fits.update(stored=F("stored") + size))


def _stored_bytes(text: str) -> int:
    """The length of the encrypted text: Fernet's header, padding and base64."""
    sealed = 57 + 16 * (len(text.encode()) // 16 + 1)
    return 4 * -(-sealed // 3)


def read(portal: Portal) -> Iterator[Mapping[str, object]]:
    """The log of a portal, newest first, at most :data:`MAX_READ` characters. No key: ``unreadable``."""
    left = MAX_READ
    # Read without decrypting: a row that no key can decrypt must not hide the others.
    stored = RequestLog.objects.of(portal).annotate(sealed=Cast("content", models.TextField()))
    chosen = stored.order_by("-pk").values_list("at", "request_id", "call_id", "sealed")
    for at, request_id, call_id, sealed in chosen.iterator(500):
        left -= len(sealed)
        if left < 0:
            return
        yield {"at": at, "request": f"{request_id}-{call_id}", **_opened(sealed)}


def _opened(sealed: str) -> Mapping[str, object]:
    try:
        content = json.loads(fernet().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        return {"unreadable": True}
    return content if isinstance(content, dict) else {"unreadable": True}


def forget(most: int) -> int:
    """Delete at most ``most`` rows older than three days. Returns how many."""
    since = timezone.now() - KEPT
    RequestLogDay.objects.filter(day__lt=(since - timedelta(days=1)).date()).delete()
    old = RequestLog.objects.filter(at__lt=since).order_by("at").values("pk")[:most]
    gone, _ = RequestLog.objects.filter(pk__in=old).delete()
    return gone


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
