"""Which columns of the grid a person has hidden, kept by the portal for that person and this app.

Followed pages: common/settings/user-option-get.md, user-option-set.md.
"""

from collections.abc import Iterable

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Client, Command
from b24app.tab.grid_columns import HIDEABLE

OPTION = "lo_columns"


def hidden() -> Ask[tuple[str, ...]]:
    """The columns a person has hidden; none where the portal does not say. Part of the first request."""
    return ask.of(Command("user.option.get", {"option": OPTION}), _kept).otherwise(())


def _kept(answer: Answer) -> tuple[str, ...]:
    return of(answer.result.split(",") if isinstance(answer.result, str) else ())


def of(names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that are columns which may be hidden, each once, in the grid's order."""
    given = set(names)
    return tuple(column.name for column in HIDEABLE if column.name in given)


def keep(client: Client, names: Iterable[str]) -> None:
    """Keep the choice; raises the portal's refusal."""
    options = {OPTION: ",".join(of(names))}
    client.call("user.option.set", {"options": options}, write=True)
