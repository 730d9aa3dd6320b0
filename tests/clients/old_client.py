"""Do what a program on convoy-python 0.2.0 does. It runs apart: the package has the new client's name.

Arguments: the base URL of a project, and its API key. Prints the answers as JSON.
"""

import json
import sys
from typing import Any

from convoy import Convoy  # type: ignore[attr-defined]  # mypy sees the new client


def run(uri: str, key: str) -> dict[str, Any]:
    """Use every call on endpoints, and the client's own HTTP calls for portal links, which it does not know."""
    client = Convoy({"api_key": key, "uri": uri, "project_id": "in the uri"})
    answers: dict[str, Any] = {}
    made = [
        client.endpoint.create({}, {"name": name, "url": f"https://hooks.example.com/{name}", "owner_id": "acme"})
        for name in ("first", "second", "third")
    ]
    answers["create"] = made[0]
    uid = made[0][0]["data"]["uid"]
    answers["all"] = client.endpoint.all({"perPage": 2})
    cursor = answers["all"][0]["data"]["pagination"]["next_page_cursor"]
    answers["all, second page"] = client.endpoint.all({"perPage": 2, "next_page_cursor": cursor})
    if uri.endswith("/"):
        answers["find"] = client.endpoint.find(uid, {})
    answers["update"] = client.endpoint.update(uid, {}, {"name": "changed", "url": "https://hooks.example.com/new"})
    answers["create, nameless"] = client.endpoint.create({}, {"url": "https://hooks.example.com/in"})
    answers["update, unknown"] = client.endpoint.update("nope", {}, {"name": "a", "url": "https://example.com"})

    http = client.endpoint.client
    link = http.http_post("/portal-links", {}, {"name": "Acme", "owner_id": "acme"})
    answers["link"] = link
    path = f"/portal-links/{link[0]['data']['uid']}"
    answers["link, found"] = http.http_get(path, {})
    answers["link, by endpoints"] = http.http_post("/portal-links", {}, {"name": "One", "endpoints": [uid]})
    answers["links"] = http.http_get("/portal-links", {"perPage": 1})
    answers["link, revoked"] = http.http_put(f"{path}/revoke", {}, {})
    answers["link, gone"] = http.http_get(path, {})

    answers["delete"] = client.endpoint.delete(uid, {}, {})
    answers["delete, again"] = client.endpoint.delete(uid, {}, {})
    stranger = Convoy({"api_key": "CO.a.b", "uri": uri, "project_id": ""})
    answers["stranger"] = stranger.endpoint.all({})
    answers["group"] = client.group.all({})
    return answers


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:])))
