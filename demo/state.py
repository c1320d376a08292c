"""Everything the demo portal knows, as rows with the very keys its REST methods answer with."""

import json
import secrets
import threading
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from pathlib import Path

from demo.tables import Links, Row, Table

CLIENT_ID = "local.demo.0000000000000001"
CLIENT_SECRET = "demo-secret-not-for-real-portals"
SCOPE = ["crm", "sale", "placement", "user_brief", "im"]

SAVED_WITHIN = 1.0

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 180 * 24 * 3600


@dataclass
class User:
    """``sale`` is the right to the store, ``crm`` to deals, invoices and clients: denied, read, write.

    One who is ``hidden`` works but is shown nowhere, as a portal's system user.
    """

    id: int
    name: str
    last_name: str
    admin: bool
    sale: str
    crm: str = "write"
    own_deals_only: bool = False
    departments: list[int] = field(default_factory=lambda: [1])
    active: bool = True
    hidden: bool = False


@dataclass
class App:
    """The one app of this portal, as far as it is installed.

    ``expired`` is what app.info says of the payment, ``paid`` whether calls go on all the same.
    """

    installed: bool = False
    finished: bool = False
    version: int = 1
    status: str = "L"
    paid: bool = True
    expired: bool = False
    scope: list[str] = field(default_factory=lambda: list(SCOPE))
    application_token: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass
class Token:
    user_id: int
    expires: float
    client_id: str = CLIENT_ID


@dataclass
class State:
    """Rows by id. ``clients`` and ``sources`` are what an order has of them, ``platforms`` what there is.

    ``deal_contacts`` are a deal's contacts besides its main one.
    ``removed`` are access tokens of an installation that is gone: known, and good for nothing.
    ``store`` is False on a portal without an online store.
    """

    member_id: str = "a223c6b3710f85df22e9377d6c4f7553"
    users: dict[int, User] = field(default_factory=dict)
    departments: Table = field(default_factory=Table)
    deals: Table = field(default_factory=Table)
    invoices: Table = field(default_factory=Table)
    contacts: Table = field(default_factory=Table)
    companies: Table = field(default_factory=Table)
    deal_contacts: dict[int, list[int]] = field(default_factory=dict)
    orders: Table = field(default_factory=Table)
    payments: Table = field(default_factory=Table)
    shipments: Table = field(default_factory=Table)
    baskets: Table = field(default_factory=Table)
    properties: Table = field(default_factory=Table)
    clients: Table = field(default_factory=Table)
    sources: Table = field(default_factory=Table)
    platforms: Table = field(default_factory=Table)
    links: Links = field(default_factory=Links)
    stage_history: Table = field(default_factory=Table)
    statuses: list[Row] = field(default_factory=list)
    status_names: list[Row] = field(default_factory=list)
    placements: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    comments: list[Row] = field(default_factory=list)
    notices: list[Row] = field(default_factory=list)
    app_options: Row = field(default_factory=dict)
    user_options: dict[int, Row] = field(default_factory=dict)
    app: App = field(default_factory=App)
    access: dict[str, Token] = field(default_factory=dict)
    removed: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, Token] = field(default_factory=dict)
    viewer: int = 1
    language: str = "en"
    renamed: bool = False
    store: bool = True
    link_fields: list[str] = field(default_factory=lambda: ["orderId", "ownerId", "ownerTypeId"])

    def copy(self) -> "State":
        """The same state; this one must not change again."""
        made = State()
        for name, value in vars(self).items():
            setattr(
                made, name, value.copy() if isinstance(value, Table | Links) else deepcopy(value)
            )
        return made

    def tokens_for(self, user_id: int, client_id: str = CLIENT_ID) -> tuple[str, str]:
        """A new pair of tokens: (access, refresh)."""
        access, refresh = secrets.token_hex(16), secrets.token_hex(16)
        self.access[access] = Token(user_id, time.time() + ACCESS_SECONDS, client_id)
        self.refresh[refresh] = Token(user_id, time.time() + REFRESH_SECONDS, client_id)
        return access, refresh

    def sees(self, user: User, row: Row) -> bool:
        """Whether the user may read this deal, invoice, contact or company."""
        if user.crm == "denied":
            return False
        responsible = row["ASSIGNED_BY_ID"] if "ASSIGNED_BY_ID" in row else row["assignedById"]
        return not user.own_deals_only or int(responsible) == user.id

    def changes(self, user: User, row: Row) -> bool:
        return user.crm == "write" and self.sees(user, row)


class Store:
    """The state with its lock, and the file it is kept in."""

    def __init__(self, seed: State, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._seed = seed
        self._path = path
        self._due = threading.Event()
        self.state = _loaded(path) if path and path.exists() else seed.copy()

    def reset(self) -> None:
        with self.lock:
            self.state = self._seed.copy()
            self.save()

    def save(self) -> None:
        """Keep the state soon; :meth:`write` keeps it now."""
        if self._path is not None and not self._due.is_set():
            self._due.set()
            threading.Timer(SAVED_WITHIN, self.write).start()

    def write(self) -> None:
        """Keep the state, whole or not at all."""
        if self._path is None:
            return
        with self.lock:
            self._due.clear()
            fresh = self._path.with_suffix(".new")
            fresh.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(self.state, default=_plain, ensure_ascii=False), "utf-8")
            fresh.replace(self._path)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else vars(value)


def _loaded(path: Path) -> State:
    raw: Mapping[str, object] = json.loads(path.read_text("utf-8"))
    state = State()
    for item in fields(State):
        if item.name in raw:
            setattr(
                state, item.name, _revived(getattr(state, item.name), item.name, raw[item.name])
            )
    return state


def _revived(empty: object, name: str, value: object) -> object:
    """A field of the state from its JSON; ``empty`` is what it is in a new one."""
    if not isinstance(value, dict):
        return value
    if isinstance(empty, Table):
        return Table((int(key), row) for key, row in value.items())
    if isinstance(empty, Links):
        return Links((int(key), (pair[0], pair[1])) for key, pair in value.items())
    if isinstance(empty, App):
        return App(**value)
    if name == "users":
        return {int(key): User(**row) for key, row in value.items()}
    if name in ("user_options", "deal_contacts"):
        return {int(key): row for key, row in value.items()}
    if name in ("access", "removed", "refresh", "codes"):
        return {key: Token(**row) for key, row in value.items()}
    return value
