"""Links made by b24pysdk, as its README does many calls: one ``client.call_batches`` over all of them.

Run by compare.py in an environment of its own: the task as JSON on stdin, the result on stdout.
"""

import json
import sys
from typing import Any

import requests
from b24pysdk import BitrixApp, BitrixToken, Client

# Its default of ten seconds is less than a portal takes for fifty links.
TIMEOUT = (3.05, 60)


def main() -> None:
    task = json.load(sys.stdin)
    portal, oauth = task["url"], task["oauth_url"]
    _speak_plainly(portal, oauth)
    app = BitrixApp(client_id=task["client_id"], client_secret=task["client_secret"])
    token = BitrixToken(
        domain=portal.partition("//")[2],
        auth_token=task["access"],
        refresh_token=task["refresh"],
        bitrix_app=app,
    )
    client = Client(token, timeout=TIMEOUT)
    links = {
        f"order{order}": client.crm.orderentity.add(
            fields={"orderId": order, "ownerId": deal, "ownerTypeId": 2}
        )
        for order, deal in task["pairs"]
    }
    try:
        result = client.call_batches(links).result
    except Exception as problem:
        said = type(problem).__name__
    else:
        said = f"ok: {len(result.result)} done, {len(result.result_error)} refused"
    json.dump({"said": said}, sys.stdout)


def _speak_plainly(portal: str, oauth: str) -> None:
    """The library knows https and one authorization server alone; the demo's addresses are others.

    Nothing but the address is changed, and each request goes out as the library sends it.
    """
    host = portal.partition("//")[2]
    send = requests.Session.request

    def nearby(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        for ours, theirs in ((portal, f"https://{host}"), (oauth, "https://oauth.bitrix24.tech")):
            if url.startswith(f"{theirs}/"):
                url = ours + url.removeprefix(theirs)
        return send(self, method, url, **more)

    requests.Session.request = nearby  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    main()
