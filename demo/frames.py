"""What the page around the app's frame asks the portal for: tokens, the end of the installation, dialogs."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from flask import Flask, Response, abort, jsonify, request

from demo.lifecycle import Lifecycle
from demo.methods.people import GROUPS
from demo.rest import Rest
from demo.state import State, Store, User
from demo.tables import Owner, Row, Table
from demo.trade import Purchase, Trade

# Kind of a dialog's choices: prefix of their ids, key of their title (BX24.selectCRM).
CRM = {"deal": "D", "contact": "C", "company": "CO", "lead": "L", "quote": "Q"}
MAX_ROWS = 50


class Portal(Protocol):
    """What the pages need of the portal they belong to."""

    store: Store
    rest: Rest
    lifecycle: Lifecycle
    trade: Trade

    @property
    def state(self) -> State: ...
    @property
    def current_url(self) -> str: ...
    @property
    def former_name(self) -> str: ...
    def misbehave(
        self, kind: str, method: str | None = None, times: int = 1, *, after: bool = False
    ) -> None: ...
    def calm(self) -> None: ...
    def enter(self, condition: str, *, other_edition: bool = False) -> None: ...
    def close_store(self) -> None: ...
    def reopen_store(self) -> None: ...
    def rename(self) -> None: ...
    def expire_tokens(self) -> None: ...
    def reset(self) -> None: ...
    def pay(self, order_id: int) -> None: ...
    def ship(self, order_id: int) -> None: ...
    def set_status(self, order_id: int, status: str) -> None: ...
    def link(self, order_id: int, owner: Owner | None) -> None: ...
    def delete_order(self, order_id: int) -> None: ...
    def delete_deal(self, deal_id: int) -> None: ...
    def order_comes(self, purchase: Purchase) -> int: ...
    def move_deal(self, deal_id: int, stage: str) -> None: ...
    def end_subscription(self) -> None: ...
    def renew_subscription(self) -> None: ...


class Frames:
    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self, app: Flask) -> None:
        app.add_url_rule("/demo/frame/auth/", view_func=self.fresh_auth, methods=["POST"])
        app.add_url_rule("/demo/frame/finish/", view_func=self.finish, methods=["POST"])
        app.add_url_rule("/demo/frame/choices/<kind>/", view_func=self.choices)

    def fresh_auth(self) -> Response:
        """refreshAuth of the frame protocol: a new pair for the person who looks, while the app is there."""
        state = self._portal.state
        if not state.app.installed:
            abort(403)
        form = self._portal.lifecycle.opening("DEFAULT", state.viewer, state.language, 0).form
        return jsonify({key: form[key] for key in ("AUTH_ID", "REFRESH_ID", "AUTH_EXPIRES")})

    def finish(self) -> Response:
        self._portal.lifecycle.finish(self._portal.state.viewer)
        return jsonify({"result": True})

    def choices(self, kind: str) -> Response:
        """What a dialog of this kind lists for a search, as it answers with it once it is chosen."""
        state, search = self._portal.state, request.args.get("q", "").casefold()
        if kind == "user":
            found = _users(state)
        elif kind == "access":
            found = _access(state)
        elif kind in CRM:
            found = _crm(state, kind)
        else:
            abort(404)
        matching = [
            record
            for record in found
            if search in str(record.get("title", record.get("name"))).casefold()
        ]
        return jsonify(matching[:MAX_ROWS])


def _crm(state: State, kind: str) -> Iterator[Row]:
    """sdk/bx24-js-sdk/system-dialogues/bx24-select-crm.md, of what the person who looks may read."""
    tables: Mapping[str, Table] = {
        "deal": state.deals,
        "contact": state.contacts,
        "company": state.companies,
    }
    viewer = state.users[state.viewer]
    for pk, row in reversed(list(tables.get(kind, Table()).items())):
        if state.sees(viewer, row):
            title = row.get("TITLE") or f"{row.get('NAME')} {row.get('LAST_NAME')}"
            yield {
                "id": f"{CRM[kind]}_{pk}", "type": kind, "place": kind, "title": title, "desc": "",
                "url": f"/crm/{kind}/details/{pk}/", **({} if kind == "deal" else {"image": ""}),
            }  # fmt: skip


def _users(state: State) -> Iterator[Row]:
    """sdk/bx24-js-sdk/system-dialogues/bx24-select-user.md"""
    for user in _employees(state):
        yield {
            "id": str(user.id), "name": f"{user.name} {user.last_name}", "photo": "", "position": "",
            "url": f"/company/personal/user/{user.id}/", "sub": False, "sup": False,
        }  # fmt: skip


def _access(state: State) -> Iterator[Row]:
    """sdk/bx24-js-sdk/system-dialogues/bx24-select-access.md"""
    for user in _employees(state):
        yield {"id": f"U{user.id}", "name": f"{user.name} {user.last_name}"}
    for pk, row in state.departments.items():
        yield {"id": f"D{pk}", "name": f"{row['NAME']}: all employees"}
        yield {"id": f"DR{pk}", "name": f"{row['NAME']}: with subdepartments"}
    for code, name in GROUPS.items():
        yield {"id": code, "name": name}


def _employees(state: State) -> list[User]:
    return [user for user in state.users.values() if user.active]
