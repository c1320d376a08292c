"""Who is who, what they may, and what the app keeps for them."""

import pytest

from demo.server import DemoPortal
from tests.demo.calls import ANNA, ILYA, MARIA, PETRA, TOM, caller


@pytest.mark.parametrize(
    ("user_id", "codes", "allowed"),
    [
        (MARIA, ["U5"], True),
        (MARIA, ["U7", "D2"], True),
        (MARIA, ["D1"], False),
        (MARIA, ["DR1"], True),
        (TOM, ["DR2"], True),
        (TOM, ["D2"], False),
        (PETRA, ["U5", "D2", "SG4"], False),
        (PETRA, ["AU"], True),
        (PETRA, [], False),
        (ANNA, ["U5"], True),  # an administrator always may
    ],
)
def test_access_codes_are_resolved(
    portal: DemoPortal, user_id: int, codes: list[str], allowed: bool
) -> None:
    assert caller(portal, user_id)("user.access", {"ACCESS": codes}).result is allowed


def test_access_codes_have_names(portal: DemoPortal) -> None:
    ask = caller(portal, PETRA)
    found = ask("access.name", {"ACCESS": ["U5", "D2", "U99", "nonsense"]}).result
    assert isinstance(found, dict)
    assert {code: row["name"] for code, row in found.items()} == {
        "U5": "Maria Lopez",
        "D2": "Sales: all employees",
    }
    assert ask("access.name").result is False


def test_only_administrators_set_app_options(portal: DemoPortal) -> None:
    ask, maria = caller(portal), caller(portal, MARIA)
    assert ask("app.option.get").result == []
    refused = maria("app.option.set", {"options": {"a": "1"}})
    assert (refused.status, refused.error) == (400, "AccessException")
    assert ask("app.option.set", {"options": {"a": "1"}}).result is True
    assert maria("app.option.get", {"option": "a"}).result == "1"
    assert maria("app.option.get", {"option": "b"}).result is None
    assert ask("app.option.set", {"options": {}}).error == "ArgumentNullException"


def test_user_options_are_private(portal: DemoPortal) -> None:
    maria, ilya = caller(portal, MARIA), caller(portal, ILYA)
    maria("user.option.set", {"options": {"columns": "a,b"}})
    maria("user.option.set", {"options": {"size": "20"}})
    assert maria("user.option.get").result == {"columns": "a,b", "size": "20"}
    assert ilya("user.option.get", {"option": "columns"}).result is None


def test_employees_are_filtered(portal: DemoPortal) -> None:
    ask = caller(portal)
    portal.state.users[ILYA].active = False

    def ids(**params: object) -> list[object]:
        return [row["ID"] for row in ask("user.get", params).rows()]

    assert ids(FILTER={"@ID": [5, 7]}) == ["5", "7"]
    assert ids(FILTER={"ID": [5, 7], "ACTIVE": True}) == ["5"]
    assert ids(ID=5) == ["5"]
    assert ids(filter={"NAME_SEARCH": "lop"}) == ["5"]
    assert ids(FILTER={"UF_DEPARTMENT": 2}) == ["5", "7"]
    assert ids(FILTER={"ACTIVE": False}) == ["7"]
    assert ids(FILTER={"ADMIN": True}, sort="ID", order="DESC")[0] == "15"


def test_contact_data_needs_full_user_permission(portal: DemoPortal) -> None:
    ask = caller(portal)
    assert {"NAME", "UF_DEPARTMENT"} <= set(ask("user.get").rows()[0])
    assert not {"EMAIL", "WORK_PHONE"} & set(ask("user.get").rows()[0])
    portal.state.app.scope.append("user_basic")
    assert "EMAIL" in ask("user.get").rows()[0]


def test_binding_events_for_others_requires_administrator(portal: DemoPortal) -> None:
    given = {"event": "OnAppUpdate", "handler": "https://app.example.com/x/", "auth_type": ANNA}
    assert caller(portal, MARIA)("event.bind", given).error == "ACCESS_DENIED"
    assert caller(portal, MARIA)("event.bind", {**given, "auth_type": MARIA}).result is True
    assert caller(portal, ANNA)("event.bind", {**given, "auth_type": MARIA}).result is True


def test_departments_need_their_permission(portal: DemoPortal) -> None:
    ask = caller(portal)
    assert ask("department.get").error == "insufficient_scope"
    portal.state.app.scope.append("department")
    rows = ask("department.get", {"PARENT": 1, "sort": "NAME", "order": "DESC"}).rows()
    assert [row["NAME"] for row in rows] == ["Warehouse", "Sales"]


def test_notifications_need_their_permission(portal: DemoPortal) -> None:
    ask = caller(portal, MARIA)
    note = {"USER_ID": ILYA, "MESSAGE": " Done ", "TAG": "job 1"}
    portal.state.app.scope.remove("im")
    assert ask("im.notify.personal.add", note).error == "insufficient_scope"
    portal.state.app.scope.append("im")
    assert ask("im.notify.personal.add", note).result == 1
    ask("im.notify.system.add", {**note, "MESSAGE": "Done again"})
    (notice,) = portal.state.notices
    assert (notice["from"], notice["to"], notice["text"]) == (MARIA, ILYA, "Done again")
    errors = [
        ask("im.notify.system.add", {**note, **wrong}).error
        for wrong in ({"USER_ID": 0}, {"MESSAGE": " "})
    ]
    assert errors == ["USER_ID_EMPTY", "MESSAGE_EMPTY"]
    assert ask("im.notify.system.add", {**note, "USER_ID": 99}).result is False
