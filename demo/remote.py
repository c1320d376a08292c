"""``POST /demo/api/ACTION/`` with JSON arguments: the demo portal at the command of another process."""

from collections.abc import Callable, Mapping
from typing import Protocol

from flask import Flask, Response, abort, jsonify, request

from demo.lifecycle import Lifecycle, Opening
from demo.rest import Rest
from demo.state import Store


class Portal(Protocol):
    """What may be commanded from outside."""

    store: Store
    rest: Rest
    lifecycle: Lifecycle

    def open(
        self, placement: str, *, user_id: int = 1, lang: str = "en", entity_id: int = 7021
    ) -> Opening: ...
    def link_of(self, order_id: int) -> tuple[int, int] | None: ...
    def order_id(self, number: str) -> int: ...
    def misbehave(
        self,
        kind: str,
        method: str | None = None,
        times: int = 1,
        *,
        after: bool = False,
        seconds: float = 90,
    ) -> None: ...
    def calm(self) -> None: ...
    def rename(self) -> None: ...
    def expire_tokens(self) -> None: ...
    def kill_tokens(self) -> None: ...
    def reset(self) -> None: ...
    def reset_counts(self) -> None: ...


def routes(app: Flask, portal: Portal) -> None:
    """Each action takes the arguments of the portal's method of that name and answers ``{"result"}``.

    400 and the reason for arguments that do not fit, 404 for an action that there is not.
    """
    actions: Mapping[str, Callable[..., object]] = {
        "misbehave": portal.misbehave,
        "calm": portal.calm,
        "rename": portal.rename,
        "expire_tokens": portal.expire_tokens,
        "kill_tokens": portal.kill_tokens,
        "reset": portal.reset,
        "reset_counts": portal.reset_counts,
        "link_of": portal.link_of,
        "order_id": portal.order_id,
        "finish": portal.lifecycle.finish,
        "update": portal.lifecycle.update,
        "uninstall": portal.lifecycle.uninstall,
        "open": lambda **given: vars(portal.open(**given)),
        "counts": lambda: {"requests": portal.rest.requests, "refused": portal.rest.refused},
    }

    def command(action: str) -> tuple[Response, int]:
        if action not in actions:
            abort(404)
        try:
            result = actions[action](**(request.get_json(silent=True) or {}))
        except (TypeError, ValueError) as wrong:
            return jsonify({"error": str(wrong)}), 400
        portal.store.save()
        return jsonify({"result": result}), 200

    app.add_url_rule("/demo/api/<action>/", view_func=command, methods=["POST"])
