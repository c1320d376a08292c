"""What a portal calls its funnels, stages and sources: for the editor and the sentences of rules.

Followed pages: crm/universal/category/crm-category-list.md, crm/status/crm-status-list.md,
sale/trade-platform/sale-trade-platform-list.md.
"""

import logging
from collections.abc import Mapping
from typing import Final

from django.core.cache import cache
from redis.exceptions import RedisError

from b24app.automation.sentences import Names
from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import parsing
from b24app.orders.types import DEAL
from b24app.portals.models import Portal, PortalUser

logger = logging.getLogger(__name__)

KEPT_SECONDS: Final = 600

Raw = dict[str, dict[str, str]]


def of_portal(portal: Portal, client: Client) -> Names:
    """The names, ten minutes old at most. Raises the portal's refusals."""
    raw = _remembered(portal) or client.answer(_asked())
    _remember(portal, raw)
    people = PortalUser.objects.of(portal).order_by("name").values_list("user_id", "name")
    return Names(
        funnels={int(pk): name for pk, name in raw["funnels"].items()},
        stages=raw["stages"],
        sources={int(pk): name for pk, name in raw["sources"].items()},
        people={pk: name or str(pk) for pk, name in people[:200]},
    )


def _asked() -> Ask[Raw]:
    categories = Command("crm.category.list", {"entityTypeId": DEAL})
    platforms = Command("sale.tradePlatform.list", {"select": ["id", "code", "name"]})
    sources: Ask[Mapping[int, str]] = ask.of(
        platforms, lambda answer: parsing.platforms(answer.result)
    )
    nothing: Mapping[int, str] = {}
    return ask.together(ask.of(categories, _funnels), sources.otherwise(nothing)).then(
        lambda found: ask.every(map(_stages, found[0])).map(
            lambda stages: {
                "funnels": {str(pk): name for pk, name in found[0].items()},
                "stages": {
                    pk: f"{found[0][funnel]}: {name}" if len(found[0]) > 1 else name
                    for funnel, names in zip(found[0], stages, strict=True)
                    for pk, name in names.items()
                },
                "sources": {str(pk): name for pk, name in found[1].items()},
            }
        )
    )


def _funnels(answer: Answer) -> dict[int, str]:
    rows = parsing.rows(answer.result, "categories")
    return {parsing.integer(row.get("id")): parsing.text(row.get("name")) for row in rows}


def _stages(funnel: int) -> Ask[dict[str, str]]:
    """Open stages of a funnel; those that end a deal have other semantics."""
    entity = f"DEAL_STAGE_{funnel}" if funnel else "DEAL_STAGE"
    params = {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}}
    return ask.of(
        Command("crm.status.list", params),
        lambda answer: {
            parsing.text(row.get("STATUS_ID")): parsing.text(row.get("NAME"))
            for row in parsing.rows(answer.result)
            if row.get("ENTITY_ID") == entity and row.get("SEMANTICS") not in ("S", "F")
        },
    )


def _key(portal: Portal) -> str:
    return f"rule-names:{portal.pk}"


def _remembered(portal: Portal) -> Raw | None:
    try:
        found = cache.get(_key(portal))
    except RedisError:
        logger.warning("cache away, reading names of stages again")
        return None
    return found if isinstance(found, dict) else None


def _remember(portal: Portal, raw: Raw) -> None:
    try:
        cache.add(_key(portal), raw, KEPT_SECONDS)
    except RedisError:
        logger.warning("cache away, no names remembered")
