"""Names that rarely change: the portal's order statuses and its employees, cached for an hour.

The cache saves requests and is never the truth about an order. With Redis away every look-up is a
miss, and the tab asks the portal instead.
"""

import logging
from collections.abc import Iterable, Mapping

from django.core.cache import cache
from redis.exceptions import RedisError

from b24app.bitrix24.client import Answer, Client, Command
from b24app.bitrix24.errors import BitrixError
from b24app.orders import parsing
from b24app.orders.types import Owner, Status
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

LIFETIME = 3600

PAGE = 50

Outcomes = Mapping[str, Answer | BitrixError]


def _pages(key: str, method: str, params: Mapping[str, object], pages: int) -> dict[str, Command]:
    """Commands that read the first ``pages`` pages of a list in one request, for :func:`_rows`."""
    return {
        f"{key}:{start}": Command(method, {**params, "start": start})
        for start in range(0, PAGE * pages, PAGE)
    }


def _rows(outcomes: Outcomes, key: str, name: str) -> Mapping[str, object] | None:
    """The rows of all pages of a list under their ``name``; None if its first page was not read."""
    answers = [
        outcome
        for at, outcome in outcomes.items()
        if at.startswith(f"{key}:") and isinstance(outcome, Answer)
    ]
    if not isinstance(outcomes.get(f"{key}:0"), Answer):
        return None
    found = [row for one in answers for row in parsing.rows(one.result, name)]
    total = max(one.total or 0 for one in answers)
    if total > len(found):
        logger.warning("%s: read %s of %s rows", key, len(found), total)
    return {name: found}


STATUSES: Mapping[str, Command] = {
    **_pages(
        "statuses",
        "sale.status.list",
        {
            "select": ["id", "type", "color", "sort"],
            "filter": {"type": "O"},
            "order": {"id": "asc"},
        },
        2,
    ),
    # A name for each status in each language of the portal (sale/status-lang).
    **_pages(
        "status_names",
        "sale.statusLang.list",
        {
            "select": ["statusId", "lid", "name"],
            "order": {"statusId": "asc", "lid": "asc"},
        },
        6,
    ),
}
"""Commands that read up to 100 order statuses and 300 of their names, whether they are known or not."""


def status_commands(portal: Portal) -> dict[str, Command]:
    """Commands that read the statuses; none while they are known."""
    return {} if _get(f"statuses:{portal.pk}") is not None else dict(STATUSES)


def statuses(portal: Portal, outcomes: Outcomes) -> Mapping[str, Status]:
    """Order statuses by id: as just read where they were asked for, else as remembered."""
    listed = _rows(outcomes, "statuses", "statuses")
    if listed is not None:
        plain = [listed, _rows(outcomes, "status_names", "statusLangs")]
        if not any(isinstance(outcomes.get(key), BitrixError) for key in STATUSES):
            _set(f"statuses:{portal.pk}", plain)
        return parsing.statuses(*plain)
    remembered = _get(f"statuses:{portal.pk}")
    return (
        parsing.statuses(*remembered)
        if isinstance(remembered, list) and len(remembered) == 2
        else {}
    )


def platform_commands(portal: Portal) -> dict[str, Command]:
    """The command that reads where orders may come from; none while it is known."""
    if _get(f"platforms:{portal.pk}") is not None:
        return {}
    return {"platforms": Command("sale.tradePlatform.list", {"select": ["id", "code", "name"]})}


def platforms(portal: Portal, outcomes: Outcomes) -> Mapping[int, str]:
    """Names of what orders come from, by id; a portal that does not tell them leaves them out."""
    listed = outcomes.get("platforms")
    if isinstance(listed, Answer):
        _set(f"platforms:{portal.pk}", listed.result)
        return parsing.platforms(listed.result)
    return parsing.platforms(_get(f"platforms:{portal.pk}"))


def read_statuses(portal: Portal, client: Client) -> Mapping[str, Status]:
    """Order statuses by id; one request unless they are known. Empty where they cannot be read."""
    asked = status_commands(portal)
    try:
        return statuses(portal, client.batch(asked) if asked else {})
    except BitrixError:
        return {}


def statuses_read(outcomes: Outcomes) -> Mapping[str, Status]:
    """Order statuses by id, as :data:`STATUSES` has just read them; empty where that was refused."""
    return parsing.statuses(
        _rows(outcomes, "statuses", "statuses"), _rows(outcomes, "status_names", "statusLangs")
    )


def named(known: Mapping[str, Status], language: str) -> list[tuple[str, str]]:
    """Ids and names of statuses, in the portal's own order."""
    return [(one.id, one.name(language)) for one in _in_order(known)]


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
    """Keep what :func:`expected_links` tells."""
    _set(f"links:{portal.pk}:{owner.type_id}:{owner.id}", total)


def people(portal: Portal, client: Client, user_ids: Iterable[int]) -> dict[int, str]:
    """Employees' names by id; one request for those not known yet, none when all are.

    A name that cannot be read is left out: the tab does not fail for it.
    """
    wanted = {f"person:{portal.pk}:{user_id}": user_id for user_id in set(user_ids) - {0}}
    found = _get_many(wanted).items()
    known = {wanted[key]: name for key, name in found if isinstance(name, str)}
    unknown = sorted(set(wanted.values()) - known.keys())
    if unknown:
        try:
            read = people_read(client.batch(people_commands(unknown)))
        except BitrixError:
            return known
        for user_id, name in read.items():
            _set(f"person:{portal.pk}:{user_id}", name)
        known |= read
    return known


def people_commands(user_ids: Iterable[int]) -> dict[str, Command]:
    """Commands that read employees' names, for :func:`people_read`."""
    asked = sorted(user_ids)
    return {
        f"people{at}": Command("user.get", {"FILTER": {"@ID": asked[at : at + PAGE]}})
        for at in range(0, len(asked), PAGE)
    }


def people_read(outcomes: Outcomes) -> dict[int, str]:
    """Employees' names by id; what was refused is left out."""
    found = (
        (
            parsing.identifier(row.get("ID")),
            " ".join(parsing.text(row.get(key)) for key in ("NAME", "LAST_NAME")).strip(),
        )
        for key, outcome in outcomes.items()
        if key.startswith("people") and isinstance(outcome, Answer)
        for row in parsing.rows(outcome.result)
    )
    return {user_id: name for user_id, name in found if name}


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
        cache.set(key, value, LIFETIME)
    except RedisError:
        logger.warning("cache away, nothing remembered")
