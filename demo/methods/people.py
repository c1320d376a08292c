"""Employees, departments and what they may (user/*.md, common/users/*.md, departments/*.md)."""

from demo.methods.registry import Caller, Found, Params, listing, method, upper
from demo.php import intval, values
from demo.state import State, User
from demo.tables import Row

# Codes that are not of one person or department.
GROUPS = {"AU": "All authorized users", "G1": "Administrators", "G2": "All visitors"}


# What user_brief gives of an employee, and nothing to reach them by (user/user-scope.md).
BRIEF = frozenset(
    {
        "ID", "XML_ID", "ACTIVE", "NAME", "LAST_NAME", "SECOND_NAME", "TITLE", "IS_ONLINE", "TIME_ZONE",
        "TIMESTAMP_X", "DATE_REGISTER", "LAST_ACTIVITY_DATE", "PERSONAL_GENDER", "PERSONAL_BIRTHDAY",
        "PERSONAL_CITY", "WORK_POSITION", "UF_EMPLOYMENT_DATE", "UF_DEPARTMENT",
    }
)  # fmt: skip


def _user_row(state: State, user: User) -> Row:
    """As much of the employee as the app's permission gives."""
    whole = {"user", "user_basic"} & set(state.app.scope)
    return {key: value for key, value in _whole(user).items() if whole or key in BRIEF}


def _whole(user: User) -> Row:
    return {
        "ID": str(user.id), "ACTIVE": user.active, "NAME": user.name, "LAST_NAME": user.last_name,
        "SECOND_NAME": "", "LAST_LOGIN": "2026-11-18T09:00:00+00:00",
        "DATE_REGISTER": "2026-01-15T00:00:00+00:00",
        "TIME_ZONE": "", "IS_ONLINE": "Y", "TIMESTAMP_X": {}, "LAST_ACTIVITY_DATE": {},
        "PERSONAL_GENDER": "", "PERSONAL_WWW": "", "PERSONAL_BIRTHDAY": "", "PERSONAL_MOBILE": "",
        "PERSONAL_CITY": "", "WORK_PHONE": "", "WORK_POSITION": "", "UF_EMPLOYMENT_DATE": "",
        "UF_DEPARTMENT": user.departments, "USER_TYPE": "employee",
        "EMAIL": f"user{user.id}@example.com",
    }  # fmt: skip


FILTERED = ("ID", "NAME", "LAST_NAME", "EMAIL", "IS_ONLINE", "USER_TYPE", "DATE_REGISTER")


@method("user.get", "user_brief")
def user_get(caller: Caller, params: Params) -> object:
    """Sorted by ``sort`` and ``order``, which is a direction here; there is no filter by rights."""
    given = upper(params)
    wanted = _flat(given)
    shown = (user for user in caller.state.users.values() if not user.hidden)
    users = [user for user in shown if _matches(user, wanted)]
    found = {
        "filter": {name: value for name, value in wanted.items() if name not in _OWN},
        "order": {str(given.get("SORT", "ID")): given.get("ORDER", "ASC")},
        "select": given.get("SELECT", []),
        "start": given.get("START", 0),
    }
    return listing((_user_row(caller.state, item) for item in users), found, None, FILTERED)


# Conditions that are no plain comparison.
_OWN = ("ACTIVE", "UF_DEPARTMENT", "NAME_SEARCH")


def _flat(given: Params) -> dict[str, object]:
    """The filter, which may also be among the parameters themselves."""
    found = given.get("FILTER")
    own = {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}
    loose = {name: given[name] for name in (*FILTERED, *_OWN) if name in given}
    return {**loose, **own}


def _matches(user: User, wanted: dict[str, object]) -> bool:
    if "ACTIVE" in wanted and user.active is not _true(wanted["ACTIVE"]):
        return False
    departments = {intval(value) for value in values(wanted.get("UF_DEPARTMENT", user.departments))}
    if not departments & set(user.departments):
        return False
    search = str(wanted.get("NAME_SEARCH", "")).casefold()
    return all(part in f"{user.name} {user.last_name}".casefold() for part in search.split())


def _true(value: object) -> bool:
    return str(value).lower() in ("true", "1", "y")


@method("user.current", "user_brief")
def user_current(caller: Caller, _: Params) -> object:
    # The page of user.get shows both moments as empty objects, this one as text.
    seen = {"TIMESTAMP_X": "18.11.2026 12:00:00", "LAST_ACTIVITY_DATE": "2026-11-18 12:00:00"}
    return {**_user_row(caller.state, caller.user), **seen}


@method("user.admin")
def user_admin(caller: Caller, _: Params) -> object:
    return caller.user.admin


def codes_of(state: State, user: User) -> set[str]:
    """Access codes the user has: themselves, their groups, departments and those above them."""
    codes = {f"U{user.id}", "AU", "G2", *(["G1"] if user.admin else [])}
    for department in user.departments:
        codes |= {f"D{department}", f"DR{department}"}
        above = state.departments.get(department, {}).get("PARENT")
        while above:
            codes.add(f"DR{above}")
            above = state.departments.get(int(above), {}).get("PARENT")
    return codes


@method("user.access")
def user_access(caller: Caller, params: Params) -> object:
    """True for one who may manage the app's settings, whatever the codes."""
    wanted = {str(value) for value in values(upper(params).get("ACCESS", []))}
    return caller.user.admin or bool(wanted & codes_of(caller.state, caller.user))


@method("access.name")
def access_name(caller: Caller, params: Params) -> object:
    """Names of the codes there are; unknown ones are left out, and none at all is ``false``."""
    wanted = [str(value) for value in values(upper(params).get("ACCESS") or [])]
    names = {code: name_of(caller.state, code) for code in wanted}
    return {code: name for code, name in names.items() if name} if wanted else False


def name_of(state: State, code: str) -> Row | None:
    """What an access code stands for, as access.name returns it."""
    kind, number = code.rstrip("0123456789"), intval(code.lstrip("DRU") or 0)
    if code in GROUPS:
        return {"provider": "", "name": GROUPS[code], "provider_id": "other"}
    if kind == "U" and number in state.users:
        user = state.users[number]
        return {"provider": "User", "name": f"{user.name} {user.last_name}", "provider_id": "user"}
    if kind in ("D", "DR") and number in state.departments:
        name = state.departments[number]["NAME"]
        whole = f"{name}: all employees" if kind == "D" else f"{name}: with subdepartments"
        return {"provider": "Department", "name": whole, "provider_id": "intranet"}
    return None


@method("department.get", "department")
def department_get(caller: Caller, params: Params) -> Found:
    """Conditions are among the parameters; ``sort`` names the field to sort by."""
    given = upper(params)
    names = ("ID", "NAME", "PARENT", "UF_HEAD")
    found = {
        "filter": {name: given[name] for name in names if name in given},
        "order": {str(given.get("SORT", "ID")).upper(): given.get("ORDER", "ASC")},
        "start": given.get("START", 0),
    }
    return listing(caller.state.departments.values(), found, None, names)
