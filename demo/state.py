"""Everything the demo portal knows, as rows with the very keys its REST methods answer with."""

import copy
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

CLIENT_ID = "local.demo.0000000000000001"
CLIENT_SECRET = "demo-secret-not-for-real-portals"
SCOPE = ["crm", "sale", "placement", "user_brief"]

SAVED_WITHIN = 1.0

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 180 * 24 * 3600

Row = dict[str, Any]  # whatever JSON the method of that row answers with


@dataclass
class User:
    id: int
    name: str
    last_name: str
    admin: bool
    sale: str  # denied, read, write
    own_deals_only: bool = False


@dataclass
class App:
    """The one app of this portal, as far as it is installed."""

    installed: bool = False
    finished: bool = False
    version: int = 1
    status: str = "L"
    paid: bool = True
    scope: list[str] = field(default_factory=lambda: list(SCOPE))
    application_token: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass
class Token:
    user_id: int
    expires: float
    client_id: str = CLIENT_ID


@dataclass
class State:
    """Rows by id. ``links`` is order id -> (owner type, owner id): an order has at most one."""

    member_id: str = "a223c6b3710f85df22e9377d6c4f7553"
    users: dict[int, User] = field(default_factory=dict)
    deals: dict[int, Row] = field(default_factory=dict)
    invoices: dict[int, Row] = field(default_factory=dict)
    contacts: dict[int, Row] = field(default_factory=dict)
    companies: dict[int, Row] = field(default_factory=dict)
    orders: dict[int, Row] = field(default_factory=dict)
    payments: dict[int, Row] = field(default_factory=dict)
    shipments: dict[int, Row] = field(default_factory=dict)
    baskets: dict[int, Row] = field(default_factory=dict)
    properties: dict[int, Row] = field(default_factory=dict)
    links: dict[int, tuple[int, int]] = field(default_factory=dict)
    statuses: list[Row] = field(default_factory=list)
    status_names: list[Row] = field(default_factory=list)
    placements: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    comments: list[Row] = field(default_factory=list)
    app: App = field(default_factory=App)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, Token] = field(default_factory=dict)
    viewer: int = 1
    language: str = "en"
    renamed: bool = False

    def tokens_for(self, user_id: int, client_id: str = CLIENT_ID) -> tuple[str, str]:
        """A new pair of tokens: (access, refresh)."""
        access, refresh = secrets.token_hex(16), secrets.token_hex(16)
        self.access[access] = Token(user_id, time.time() + ACCESS_SECONDS, client_id)
        self.refresh[refresh] = Token(user_id, time.time() + REFRESH_SECONDS, client_id)
        return access, refresh

    def sees_deal(self, user: User, deal: Row) -> bool:
        return not user.own_deals_only or deal["ASSIGNED_BY_ID"] == str(user.id)


class Store:
    """The state with its lock, and the file it is kept in."""

    def __init__(self, seed: State, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._seed = seed
        self._path = path
        self._due = threading.Event()
        self.state = _loaded(path) if path and path.exists() else copy.deepcopy(seed)

    def reset(self) -> None:
        with self.lock:
            self.state = copy.deepcopy(self._seed)
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
            fresh.write_text(json.dumps(self.state, default=vars, ensure_ascii=False), "utf-8")
            fresh.replace(self._path)


def _loaded(path: Path) -> State:
    raw: Mapping[str, object] = json.loads(path.read_text("utf-8"))
    state = State()
    for one in fields(State):
        if one.name not in raw:
            continue
        value = raw[one.name]
        if one.name == "users" and isinstance(value, dict):
            value = {int(key): User(**row) for key, row in value.items()}
        elif one.name in ("access", "refresh", "codes") and isinstance(value, dict):
            value = {key: Token(**row) for key, row in value.items()}
        elif one.name == "links" and isinstance(value, dict):
            value = {int(key): (pair[0], pair[1]) for key, pair in value.items()}
        elif one.name == "app" and isinstance(value, dict):
            value = App(**value)
        elif isinstance(value, dict):
            value = {int(key): row for key, row in value.items()}
        setattr(state, one.name, value)
    return state
