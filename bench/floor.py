"""Serve the portal-link contract with the least work, without a framework: the floor of `script/bench portal_links`.

Bare WSGI and psycopg look up the key by its mask, compare its digest, write the same durable row with its token
encrypted, and answer the same, endpoints included. Statements are prepared and pipelined, nothing is validated, and
only links with an owner exist. Nothing is taken from the server's own apps, so columns and encryption contexts are
written out. There are two floors, and the benchmark takes the faster:

`in_python` builds the endpoints' JSON from rows as the server does, with their secrets decrypted.
`in_sql` has PostgreSQL build it. Secrets cannot be decrypted there and are sent as they are stored, so this floor does
less than the contract asks.
"""

import hashlib
import hmac
import json
import os
import secrets
import string
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.encryption import parse_keys
from core.ulid import new_ulid

Start = Callable[[str, list[tuple[str, str]]], Any]
Rows = list[tuple[Any, ...]]

AUTHENTICATE = """
SELECT k.digest FROM projects_apikey k JOIN projects_project p ON p.uid = k.project_id AND p.deleted_at IS NULL
WHERE k.project_id = %s AND k.mask = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
"""
INSERT = """
INSERT INTO portal_links_portallink
  (uid, project_id, name, owner_id, endpoints, can_manage_endpoint, auth_type, token, token_digest,
   created_at, updated_at)
VALUES (%s, %s, %s, %s, '{}', %s, 'static_token', %s, %s, %s, %s)
RETURNING created_at::text
"""
LINK = """
SELECT l.uid, l.name, l.owner_id, l.can_manage_endpoint, l.token, l.created_at::text, l.updated_at::text
FROM portal_links_portallink l
"""
LINK_BY_ID = f"{LINK} WHERE l.project_id = %s AND l.uid = %s AND l.deleted_at IS NULL"
LINKS_OF_OWNER = (
    f"{LINK} WHERE l.project_id = %s AND l.owner_id = %s AND l.deleted_at IS NULL ORDER BY l.uid DESC LIMIT %s"
)
OF_OWNER = "FROM endpoints_endpoint e WHERE e.project_id = %s AND e.owner_id = %s AND e.deleted_at IS NULL"
OF_LINK = """
FROM portal_links_portallink l JOIN endpoints_endpoint e ON e.project_id = l.project_id AND e.owner_id = l.owner_id
WHERE l.project_id = %s AND l.uid = %s AND e.deleted_at IS NULL
"""
ROWS = """
SELECT e.uid, e.project_id, e.owner_id, e.url, e.name, e.secrets, e.advanced_signatures, e.description, e.status,
  e.http_timeout, e.authentication, e.rate_limit, e.rate_limit_duration, e.content_type, e.support_email,
  e.slack_webhook_url, e.teams_webhook_url, e.created_at::text, e.updated_at::text, e.metadata::text
"""
NEWEST_FIRST = "ORDER BY e.uid DESC"
ARRAY = """
SELECT count(*), coalesce(json_agg(json_build_object(
  'uid', e.uid, 'project_id', e.project_id, 'owner_id', e.owner_id, 'url', e.url, 'name', e.name,
  'secrets', encode(e.secrets, 'base64'), 'advanced_signatures', e.advanced_signatures,
  'description', e.description, 'status', e.status, 'http_timeout', e.http_timeout,
  'authentication', encode(e.authentication, 'base64'), 'rate_limit', e.rate_limit,
  'rate_limit_duration', e.rate_limit_duration, 'content_type', e.content_type,
  'support_email', e.support_email, 'slack_webhook_url', e.slack_webhook_url,
  'teams_webhook_url', e.teams_webhook_url, 'mtls_client_cert', null, 'metadata', e.metadata,
  'events', 0, 'failure_rate', 0, 'cb_state', null, 'period_failure_rate', null,
  'success_count', null, 'failure_count', null, 'retry_count', null,
  'created_at', e.created_at, 'updated_at', e.updated_at, 'deleted_at', null
) ORDER BY e.uid DESC), '[]')::text
"""


class Endpoints(NamedTuple):
    """The number of endpoints, and their JSON."""

    number: int
    array: orjson.Fragment


class Floor:
    """A WSGI application that reads endpoints by `select … order` and turns them into JSON by `render`."""

    def __init__(self, select: str, order: str, render: Callable[[Rows], Endpoints]) -> None:
        self.of_owner = f"{select} {OF_OWNER} {order}"
        self.of_link = f"{select} {OF_LINK} {order}"
        self.render = render

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Answer a create, a get or a list by owner of portal links."""
        path = environ["PATH_INFO"].split("/")
        if path[1] == "healthz":
            start_response("200 OK", [])
            return [b""]
        project_id, key = path[4], environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        authenticate = (AUTHENTICATE, (project_id, key.split(".")[1]))
        if environ["REQUEST_METHOD"] == "POST":
            status, data = "201 Created", self.create(project_id, key, authenticate, environ["wsgi.input"].read())
        elif len(path) > 6:
            found, links, rows = run(
                authenticate, (LINK_BY_ID, (project_id, path[6])), (self.of_link, (project_id, path[6]))
            )
            check(key, found)
            status, data = "200 OK", document(project_id, links[0], self.render(rows))
        else:
            size, owner_id = environ["QUERY_STRING"].removeprefix("perPage=").split("&ownerId=")
            per_page = int(size)
            found, links, rows = run(
                authenticate,
                (LINKS_OF_OWNER, (project_id, owner_id, per_page + 1)),
                (self.of_owner, (project_id, owner_id)),
            )
            check(key, found)
            endpoints = self.render(rows)
            pagination = {
                "per_page": per_page,
                "has_next_page": len(links) > per_page,
                "has_prev_page": False,
                "prev_page_cursor": links[0][0],
                "next_page_cursor": links[-1][0],
            }
            content = [document(project_id, link, endpoints) for link in links[:per_page]]
            status, data = "200 OK", {"content": content, "pagination": pagination}
        answer = orjson.dumps({"status": True, "message": "done", "data": data})
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    def create(self, project_id: str, key: str, authenticate: tuple[str, Sequence[Any]], body: bytes) -> dict[str, Any]:
        """Store a link and return its document."""
        (found,) = run(authenticate)
        check(key, found)
        sent = orjson.loads(body)
        token = "".join(secrets.choice(_alphabet) for _ in range(24))
        nonce, now, uid = os.urandom(12), datetime.now(UTC), new_ulid()
        place = b"portal_links_portallink.token\0" + uid.encode()
        stored = _key_id + nonce + _cipher.encrypt(nonce, orjson.dumps(token), place)
        fields = (sent["name"], sent["owner_id"], sent["can_manage_endpoint"], stored)
        written, rows = run(
            (INSERT, (uid, project_id, *fields, digest(token), now, now)),
            (self.of_owner, (project_id, sent["owner_id"])),
        )
        moment = written[0][0]
        return document(project_id, (uid, *fields, moment, moment), self.render(rows))


def run(*statements: tuple[str, Sequence[Any]]) -> list[Rows]:
    """Execute statements in one transaction, all sent at once. Returns the rows of each."""
    try:
        connection = _idle.pop()
    except IndexError:
        connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
        connection.execute("SET TimeZone TO 'UTC'")
    if len(statements) == 1:
        rows = [connection.execute(*statements[0], binary=True).fetchall()]
    else:
        with connection.pipeline():
            cursors = [connection.execute(statement, parameters, binary=True) for statement, parameters in statements]
        rows = [cursor.fetchall() for cursor in cursors]
    _idle.append(connection)
    return rows


def check(key: str, found: Rows) -> None:
    """Raise PermissionError where a key does not have the digest that was found."""
    if not found or not hmac.compare_digest(digest(key), found[0][0]):
        raise PermissionError


def digest(credential: str) -> bytes:
    """Return the digest that is stored of a credential."""
    return hmac.digest(_pepper, credential.encode(), "sha256")


def document(project_id: str, link: Sequence[Any], endpoints: Endpoints) -> dict[str, Any]:
    """Return the portal link object for one row of LINK."""
    uid, name, owner_id, can_manage_endpoint, stored, created_at, updated_at = link
    token = orjson.loads(plain(stored, b"portal_links_portallink.token", uid))
    return {
        "uid": uid,
        "name": name,
        "project_id": project_id,
        "owner_id": owner_id,
        "endpoints": [],
        "endpoint_count": endpoints.number,
        "can_manage_endpoint": can_manage_endpoint,
        "token": token,
        "endpoints_metadata": endpoints.array,
        "url": f"{_base_url}/portal?token={token}",
        "auth_type": "static_token",
        "auth_key": "",
        "created_at": moment(created_at),
        "updated_at": moment(updated_at),
        "deleted_at": None,
    }


def moment(text: str) -> str:
    """Return a time of PostgreSQL as the API writes it."""
    return f"{text[:10]}T{text[11:-3]}Z"


def plain(stored: bytes, context: bytes, uid: str) -> bytes:
    """Decrypt a stored secret of a row."""
    return _cipher.decrypt(stored[4:16], stored[16:], context + b"\0" + uid.encode())


def render_rows(rows: Rows) -> Endpoints:
    """Return the JSON of rows of ROWS."""
    documents = []
    for row in rows:
        authentication = row[10]
        documents.append(
            {
                "uid": row[0],
                "project_id": row[1],
                "owner_id": row[2],
                "url": row[3],
                "name": row[4],
                "secrets": orjson.Fragment(plain(row[5], b"endpoints_endpoint.secrets", row[0])),
                "advanced_signatures": row[6],
                "description": row[7],
                "status": row[8],
                "http_timeout": row[9],
                "authentication": authentication
                and orjson.Fragment(plain(authentication, b"endpoints_endpoint.authentication", row[0])),
                "rate_limit": row[11],
                "rate_limit_duration": row[12],
                "content_type": row[13],
                "support_email": row[14],
                "slack_webhook_url": row[15],
                "teams_webhook_url": row[16],
                "mtls_client_cert": None,
                "metadata": orjson.Fragment(row[19]),
                "events": 0,
                "failure_rate": 0,
                "cb_state": None,
                "period_failure_rate": None,
                "success_count": None,
                "failure_count": None,
                "retry_count": None,
                "created_at": moment(row[17]),
                "updated_at": moment(row[18]),
                "deleted_at": None,
            }
        )
    return Endpoints(len(documents), orjson.Fragment(orjson.dumps(documents)))


def _rendered(rows: Rows) -> Endpoints:
    number, array = rows[0]
    return Endpoints(number, orjson.Fragment(array))


_made = json.loads((Path(os.environ["DATA_DIR"]) / "secrets.json").read_text())
_pepper = _made["API_KEY_PEPPER"].encode()
(_key,) = parse_keys(_made["ENCRYPTION_KEYS"])
_cipher, _key_id = AESGCM(_key), hashlib.sha256(b"row" + _key).digest()[:4]
_base_url = os.environ["BASE_URL"]
_alphabet = string.ascii_letters + string.digits
#: Connections that no thread uses: one for each request at once, not for each of the many threads of a server.
_idle: list[psycopg.Connection[tuple[Any, ...]]] = []

in_python = Floor(ROWS, NEWEST_FIRST, render_rows)
in_sql = Floor(ARRAY, "", _rendered)
