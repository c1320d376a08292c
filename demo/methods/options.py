"""What the app keeps in the portal, for itself and for each person (common/settings/*.md)."""

from collections.abc import Mapping

from demo.methods.registry import Caller, Failure, Params, method
from demo.tables import Row


def _read(options: Row, params: Params) -> object:
    """One option, null when it was never set; all of them when none is named."""
    if params.get("option"):
        return options.get(str(params["option"]))
    return dict(options) or []


def _written(options: Row, params: Params) -> bool:
    given = params.get("options")
    if not isinstance(given, Mapping) or not given:
        raise Failure(400, "ArgumentNullException", "options is empty")
    options.update(given)
    return True


@method("app.option.get")
def app_option_get(caller: Caller, params: Params) -> object:
    return _read(caller.state.app_options, params)


@method("app.option.set")
def app_option_set(caller: Caller, params: Params) -> object:
    if not caller.user.admin:
        raise Failure(400, "AccessException", "Administrator authorization required")
    return _written(caller.state.app_options, params)


@method("user.option.get")
def user_option_get(caller: Caller, params: Params) -> object:
    return _read(caller.state.user_options.get(caller.user.id, {}), params)


@method("user.option.set")
def user_option_set(caller: Caller, params: Params) -> object:
    return _written(caller.state.user_options.setdefault(caller.user.id, {}), params)
