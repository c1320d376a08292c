"""The app and the portal themselves (api-reference/common/system/*.md)."""

import time

from demo.methods.registry import METHODS, Caller, Params, method
from demo.php import values


@method("profile")
def profile(caller: Caller, _: Params) -> object:
    user = caller.user
    return {
        "ID": str(user.id), "ADMIN": user.admin, "NAME": user.name, "LAST_NAME": user.last_name,
        "PERSONAL_GENDER": "", "TIME_ZONE": "",
    }  # fmt: skip


@method("app.info")
def app_info(caller: Caller, _: Params) -> object:
    app = caller.state.app
    return {
        "ID": 5 if caller.client_id.endswith("1") else 6, "CODE": caller.client_id, "VERSION": app.version,
        "STATUS": app.status, "INSTALLED": app.finished,
        "PAYMENT_EXPIRED": "Y" if app.expired else "N", "DAYS": None, "LANGUAGE_ID": "en",
        "LICENSE": "en_pro100", "LICENSE_TYPE": "pro100", "LICENSE_FAMILY": "pro",
    }  # fmt: skip


@method("scope")
def scope(caller: Caller, _: Params) -> object:
    return list(caller.state.app.scope)


@method("server.time")
def server_time(_: Caller, __: Params) -> object:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


@method("methods")
def methods(caller: Caller, _: Params) -> object:
    return sorted(set(METHODS) - caller.missing)


@method("method.get")
def method_get(caller: Caller, params: Params) -> object:
    name = str(values(params.get("name", ""))[0]).lower()
    exists = name in METHODS and name not in caller.missing
    return {"isExisting": exists, "isAvailable": exists}
