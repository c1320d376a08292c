"""Links made by fast_bitrix24, as its README changes many things: one ``call`` with a list of them.

Run by compare.py in an environment of its own: the task as JSON on stdin, the result on stdout.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

import requests
from fast_bitrix24 import BitrixAsync


def main() -> None:
    asyncio.run(_links(json.load(sys.stdin)))


async def _links(task: Mapping[str, Any]) -> None:
    refresh = task["refresh"]

    async def token() -> str:
        """As in the README, but the refresh token is used once and the new one kept."""
        nonlocal refresh
        given = {
            "grant_type": "refresh_token",
            "client_id": task["client_id"],
            "client_secret": task["client_secret"],
            "refresh_token": refresh,
        }
        answer = requests.get(f"{task['oauth_url']}/oauth/token/", timeout=10, params=given).json()
        refresh = answer["refresh_token"]
        return str(answer["access_token"])

    client = BitrixAsync(f"{task['url']}/rest/", token_func=token, verbose=False)
    links = [
        {"fields": {"orderId": order, "ownerId": deal, "ownerTypeId": 2}}
        for order, deal in task["pairs"]
    ]
    try:
        answers = await client.call("crm.orderentity.add", links)
    except Exception as problem:
        said = type(problem).__name__
    else:
        said = f"ok: {len(answers)} done"
    json.dump({"said": said}, sys.stdout)


if __name__ == "__main__":
    main()
