"""Which columns of the grid a person has hidden, kept by the portal for that person and this app.

Followed pages: common/settings/user-option-get.md, user-option-set.md.
"""

from collections.abc import Iterable, Mapping

from b24app.bitrix24.client import Answer, Client, Command
from b24app.bitrix24.errors import BitrixError
from b24app.tab.grid_columns import HIDEABLE

OPTION = "lo_columns"


def command() -> dict[str, Command]:
    """The command that reads the choice, for :func:`hidden`; part of the tab's first request."""
    return {"columns": Command("user.option.get", {"option": OPTION})}


def hidden(outcomes: Mapping[str, Answer | BitrixError]) -> tuple[str, ...]:
    """The hidden columns; none if the portal keeps no choice or does not return it."""
    outcome = outcomes.get("columns")
    kept = outcome.result if isinstance(outcome, Answer) else None
    return of(kept.split(",") if isinstance(kept, str) else ())


def of(names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that are columns which may be hidden, each once, in the grid's order."""
    given = set(names)
    return tuple(column.name for column in HIDEABLE if column.name in given)


def keep(client: Client, names: Iterable[str]) -> None:
    """Keep the choice; raises the portal's refusal."""
    options = {OPTION: ",".join(of(names))}
    client.call("user.option.set", {"options": options}, write=True)
