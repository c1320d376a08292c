"""Names that rarely change: the portal's order statuses and its employees, cached for an hour.

The cache saves requests and is never the truth about an order. With Redis away every look-up is a
miss, and the tab asks the portal instead.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

from b24app.bitrix24 import ask, batch
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import Owner, Status
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

LIFETIME_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a list as ``parsing`` takes them, None if its first page was refused.

    ``whole``: none of its pages was refused.
    """

    listed: Mapping[str, object] | None
    whole: bool


def _rows_of(method: str, params: Mapping[str, object], name: str, pages: int) -> Ask[_Rows]:
    """The first ``pages`` pages of a list, whose rows are under ``name``."""
    commands = (Command(method, {**params, "start": page * batch.SIZE}) for page in range(pages))
    answers = ask.every(
        ask.of(command, lambda answer: answer).otherwise(None) for command in commands
    )
    return answers.map(lambda read: _joined(method, name, read))


def _joined(method: str, name: str, read: Sequence[Answer | None]) -> _Rows:
    answers = [answer for answer in read if answer is not None]
    if read[0] is None:
        return _Rows(None, whole=False)
    found = [row for answer in answers for row in parsing.rows(answer.result, name)]
    total = max(answer.total or 0 for answer in answers)
    if total > len(found):
        logger.warning("%s: read %s of %s rows", method, len(found), total)
    return _Rows({name: found}, whole=len(answers) == len(read))


def _status_rows() -> Ask[tuple[_Rows, _Rows]]:
    """Up to 100 order statuses, and up to 300 of their names.

    There is a name for each status in each language of the portal (sale/status-lang).
    """
    of_orders = {
        "select": ["id", "type", "color", "sort"],
        "filter": {"type": "O"},
        "order": {"id": "asc"},
    }
    names = {
        "select": ["statusId", "lid", "name"],
        "order": {"statusId": "asc", "lid": "asc"},
    }
    return ask.together(
        _rows_of("sale.status.list", of_orders, "statuses", 2),
        _rows_of("sale.statusLang.list", names, "statusLangs", 6),
    )


def order_statuses(portal: Portal) -> Ask[Mapping[str, Status]]:
    """Order statuses by ID, as remembered or read now; empty where they cannot be read."""
    remembered = _remembered_statuses(portal)
    if remembered is not None:
        return ask.known(remembered)

    def keep(rows: tuple[_Rows, _Rows]) -> Mapping[str, Status]:
        listed, names = rows
        if listed.whole and names.whole:
            _set(f"statuses:{portal.pk}", [listed.listed, names.listed])
        return parsing.statuses(listed.listed, names.listed)

    return _status_rows().map(keep)


def current_statuses() -> Ask[Mapping[str, Status]]:
    """Order statuses by ID, always read from the portal; empty where they cannot be read."""
    return _status_rows().map(lambda rows: parsing.statuses(rows[0].listed, rows[1].listed))


def remembered_statuses(portal: Portal) -> Mapping[str, Status]:
    """Order statuses by ID without asking the portal; empty where none are remembered."""
    return _remembered_statuses(portal) or {}


def _remembered_statuses(portal: Portal) -> Mapping[str, Status] | None:
    kept = _get(f"statuses:{portal.pk}")
    return parsing.statuses(*kept) if isinstance(kept, list) and len(kept) == 2 else None


def remembered_platforms(portal: Portal) -> Mapping[int, str]:
    """Names of what orders come from without asking the portal; empty where none are remembered."""
    return parsing.platforms(_get(f"platforms:{portal.pk}"))


def order_platforms(portal: Portal) -> Ask[Mapping[int, str]]:
    """Names of what orders come from, by ID; empty where the portal does not say."""
    kept = _get(f"platforms:{portal.pk}")
    if kept is not None:
        return ask.known(parsing.platforms(kept))

    def keep(answer: Answer) -> Mapping[int, str]:
        _set(f"platforms:{portal.pk}", answer.result)
        return parsing.platforms(answer.result)

    command = Command("sale.tradePlatform.list", {"select": ["id", "code", "name"]})
    return ask.of(command, keep).otherwise({})


def names_of(portal: Portal, user_ids: Iterable[int]) -> Ask[Mapping[int, str]]:
    """Employees' names by ID, as remembered or read now; those that cannot be read are left out."""
    wanted = {f"person:{portal.pk}:{user_id}": user_id for user_id in set(user_ids) - {0}}
    kept = _get_many(wanted).items()
    known = {wanted[key]: name for key, name in kept if isinstance(name, str)}

    def keep(read: Mapping[int, str]) -> Mapping[int, str]:
        for user_id, name in read.items():
            _set(f"person:{portal.pk}:{user_id}", name)
        return {**known, **read}

    return current_names(set(wanted.values()) - known.keys()).map(keep)


def current_names(user_ids: Iterable[int]) -> Ask[Mapping[int, str]]:
    """Employees' names by ID, always read from the portal (user/user-get.md); refused ones left out."""
    return ask.many(sorted(user_ids), _names_page).map(
        lambda pages: {user_id: name for page in pages for user_id, name in page.items()}
    )


def _names_page(user_ids: Sequence[int]) -> Ask[Mapping[int, str]]:
    command = Command("user.get", {"FILTER": {"@ID": list(user_ids)}})
    return ask.of(command, _read_names).otherwise({})


def _read_names(answer: Answer) -> Mapping[int, str]:
    found = {
        parsing.identifier(row.get("ID")): " ".join(
            parsing.text(row.get(key)) for key in ("NAME", "LAST_NAME")
        ).strip()
        for row in parsing.rows(answer.result)
    }
    return {user_id: name for user_id, name in found.items() if name}


def named(known: Mapping[str, Status], language: str) -> list[tuple[str, str]]:
    """Ids and names of statuses, in the portal's own order."""
    return [(status.id, status.name(language)) for status in _in_order(known)]


def ranks(known: Mapping[str, Status]) -> dict[str, int]:
    """The portal's own order of its statuses, by id."""
    return {status.id: rank for rank, status in enumerate(_in_order(known))}


def _in_order(known: Mapping[str, Status]) -> list[Status]:
    return sorted(known.values(), key=lambda status: (status.sort, status.id))


def expected_links(portal: Portal, owner: Owner) -> int:
    """How many orders a card had when it was last looked at; 0 when nobody has lately.

    It decides how much is asked for at once and is never shown.
    """
    return parsing.integer(_get(f"links:{portal.pk}:{owner.type_id}:{owner.id}"))


def remember_links(portal: Portal, owner: Owner, total: int) -> None:
    """Keep the number for :func:`expected_links`."""
    _set(f"links:{portal.pk}:{owner.type_id}:{owner.id}", total)


def _get(key: str) -> object:
    try:
        return cache.get(key)
    except RedisError:
        logger.warning("cache away, asking the portal")
        return None


def _get_many(keys: Iterable[str]) -> Mapping[str, object]:
    try:
        return cache.get_many(list(keys))
    except RedisError:
        logger.warning("cache away, asking the portal")
        return {}


def _set(key: str, value: object) -> None:
    try:
        cache.set(key, value, LIFETIME_SECONDS)
    except RedisError:
        logger.warning("cache away, nothing remembered")
