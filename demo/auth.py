"""The authorization server: tokens and who they are for (settings/oauth/*.md)."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from flask import Flask, Response, abort, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from demo.methods import Failure
from demo.state import ACCESS_SECONDS, CLIENT_ID, CLIENT_SECRET, State, Store, Token
from demo.tables import Row

CODE_SECONDS = 30
# Seconds after which a held answer is sent even if nobody released it.
MAX_HOLD_SECONDS = 60


class AuthorizationServer:
    """Answers for every portal it is given, by member_id; counts what it was asked."""

    def __init__(self) -> None:
        self._portals: dict[str, tuple[Store, Callable[[], str]]] = {}
        self.refreshes = 0
        self.away = False
        self.before_refresh: Callable[[], None] | None = None
        self.url = ""
        # Refreshes are carried out at once; while this is not set, nobody hears of it.
        self.answering = threading.Event()
        self.answering.set()
        self.app = Flask("demo.auth")
        self.app.add_url_rule("/oauth/token/", view_func=self._token)
        self.app.add_url_rule("/rest/app.info", view_func=self._info)
        self.app.register_error_handler(
            Failure, lambda failure: (jsonify(failure.body), failure.status)
        )

    def serve(self, store: Store, portal_url: Callable[[], str]) -> None:
        """Issue tokens for one more portal, which lives at ``portal_url()``."""
        self._portals[store.state.member_id] = (store, portal_url)

    def authorize_at(self, app: Flask, store: Store, app_url: Callable[[], str]) -> None:
        """``/oauth/authorize/`` of a portal: whoever looks at it is sent to the app with a code."""

        def authorize() -> BaseResponse:
            state = store.state
            if request.args.get("client_id") != CLIENT_ID or not state.app.installed:
                # The portal shows an error of its own: nothing comes back to the app.
                abort(400)
            code = secrets.token_hex(16)
            state.codes[code] = Token(state.viewer, time.time() + CODE_SECONDS)
            query = {
                "code": code,
                "state": request.args.get("state", ""),
                "domain": request.host,
                "member_id": state.member_id,
                "scope": ",".join(state.app.scope),
                "server_domain": self.url.partition("//")[2],
            }
            return redirect(f"{app_url()}/?{urlencode(query)}")

        app.add_url_rule("/oauth/authorize/", view_func=authorize)

    def _token(self) -> Response:
        if self.away:
            return Response("<html><h1>502 Bad Gateway</h1></html>", 502, content_type="text/html")
        given = request.args
        if given.get("client_id") != CLIENT_ID or given.get("client_secret") != CLIENT_SECRET:
            raise Failure(401, "invalid_client", "The client credentials are invalid")
        if given.get("grant_type") == "refresh_token":
            self.refreshes += 1
            act, self.before_refresh = self.before_refresh, None
            if act is not None:
                act()
            answer = self._exchange(given.get("refresh_token", ""), lambda state: state.refresh)
            self.answering.wait(MAX_HOLD_SECONDS)
            return answer
        if given.get("grant_type") == "authorization_code":
            return self._exchange(given.get("code", ""), lambda state: state.codes)
        raise Failure(400, "invalid_request", "Wrong grant type")

    def _exchange(self, secret: str, shelf: Callable[[State], dict[str, Token]]) -> Response:
        for store, portal_url in self._portals.values():
            with store.lock:
                if secret not in shelf(store.state):
                    continue
                if not store.state.app.paid:
                    # Nothing is issued and nothing used up until the app is paid for.
                    raise Failure(402, "PAYMENT_REQUIRED", "Payment required")
                token = shelf(store.state).pop(secret)
                if token.expires < time.time() or not store.state.app.installed:
                    break
                access, refresh = store.state.tokens_for(token.user_id)
                store.save()
                return jsonify(
                    self._pair(store.state, portal_url(), token.user_id, access, refresh)
                )
        raise Failure(400, "invalid_grant", "The grant is invalid or has expired")

    def _pair(self, state: State, url: str, user_id: int, access: str, refresh: str) -> Row:
        return {
            "access_token": access, "refresh_token": refresh, "expires": int(time.time()) + ACCESS_SECONDS,
            "expires_in": ACCESS_SECONDS, "client_endpoint": f"{url}/rest/",
            "server_endpoint": f"{self.url}/rest/",
            "domain": self.url.partition("//")[2], "member_id": state.member_id, "user_id": user_id,
            "scope": ",".join(state.app.scope), "status": state.app.status,
        }  # fmt: skip

    def _info(self) -> Response:
        secret = request.args.get("auth", "")
        for store, portal_url in self._portals.values():
            token = store.state.access.get(secret)
            if token is None:
                continue
            if token.expires < time.time():
                raise Failure(401, "expired_token", "The access token provided has expired.")
            return jsonify(
                {"result": _about(store.state, token, portal_url()), "time": {"duration": 0.001}}
            )
        raise Failure(401, "invalid_token", "Unable to get application by token")


def _about(state: State, token: Token, url: str) -> Mapping[str, object]:
    scope = ",".join(state.app.scope)
    return {
        "client_id": token.client_id, "scope": scope, "expires": int(token.expires), "user_id": token.user_id,
        "install": {
            "installed": state.app.installed, "version": str(state.app.version), "status": state.app.status,
            "scope": scope, "domain": url.partition("//")[2], "uri": url, "client_endpoint": f"{url}/rest/",
            "member_id": state.member_id, "member_type": "CP",
        },
    }  # fmt: skip
