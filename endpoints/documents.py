"""Endpoints as the API shows them, read in one statement and without model instances.

An answer can hold thousands of endpoints (portal links do), so this path is kept short: rows come
as tuples, times as PostgreSQL's own text, and the secrets, which are stored as rendered JSON, go
into the answer without being parsed. Figures: docs/performance.md. Contract: endpoints section 3.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connection

from convoyclone.api.values import wire_time_from_sql
from convoyclone.encryption import decrypt
from endpoints import authentication, certificates
from endpoints.authentication import REDACTED

#: The columns of `e` that `document` takes, in its order.
COLUMNS = """
e.uid, e.project_id, e.owner_id, e.url, e.name, e.description, e.status, e.advanced_signatures,
e.http_timeout, e.rate_limit, e.rate_limit_duration, e.content_type, e.support_email,
e.slack_webhook_url, e.teams_webhook_url, e.secrets, e.authentication, e.mtls_client_cert,
e.created_at::text, e.updated_at::text
"""
COLUMN_COUNT = COLUMNS.count("e.")

_SELECT = f"SELECT {COLUMNS} FROM endpoints_endpoint e WHERE e.project_id = %s AND e.deleted_at IS NULL"
_BY_IDS = f"{_SELECT} AND e.uid = ANY(%s) ORDER BY e.uid DESC"
_BY_OWNERS = f"{_SELECT} AND e.owner_id = ANY(%s) ORDER BY e.uid DESC"
_BY_IDS_OR_OWNERS = f"{_SELECT} AND (e.uid = ANY(%s) OR e.owner_id = ANY(%s)) ORDER BY e.uid DESC"

Document = dict[str, Any]


def endpoint_documents(
    project_id: str, *, ids: Sequence[str] = (), owners: Sequence[str] = (), reveal: bool
) -> list[Document]:
    """The live endpoints of a project that are listed in `ids` or belong to one of `owners`, newest first.

    `reveal` shows the values of secrets; without it they are masked. One statement, or none where
    both lists are empty.
    """
    parameters: list[Any] = [project_id, *(list(given) for given in (ids, owners) if given)]
    if len(parameters) == 1:
        return []
    statement = _BY_IDS_OR_OWNERS if ids and owners else _BY_IDS if ids else _BY_OWNERS
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [document(row, reveal) for row in cursor.fetchall()]


def document(row: Sequence[Any], reveal: bool) -> Document:
    """The endpoint object for one row of COLUMNS. Everything that is not measured yet is 0 or null."""
    return {
        "uid": row[0],
        "project_id": row[1],
        "owner_id": row[2],
        "url": row[3],
        "name": row[4],
        "secrets": _secrets(row[15], reveal),
        "advanced_signatures": row[7],
        "description": row[5],
        "status": row[6],
        "http_timeout": row[8],
        "authentication": None if row[16] is None else _authentication(row[16], reveal),
        "rate_limit": row[9],
        "rate_limit_duration": row[10],
        "content_type": row[11],
        "support_email": row[12],
        "slack_webhook_url": row[13],
        "teams_webhook_url": row[14],
        "mtls_client_cert": None if row[17] is None else _certificate(row[17]),
        "events": 0,
        "failure_rate": 0,
        "cb_state": None,
        "period_failure_rate": None,
        "success_count": None,
        "failure_count": None,
        "retry_count": None,
        "created_at": wire_time_from_sql(row[18]),
        "updated_at": wire_time_from_sql(row[19]),
        "deleted_at": None,
    }


def _secrets(stored: bytes, reveal: bool) -> Any:
    plain = decrypt(stored, "endpoints_endpoint.secrets")
    if reveal:
        return orjson.Fragment(plain)
    return [secret | {"value": REDACTED} for secret in orjson.loads(plain)]


def _authentication(stored: bytes, reveal: bool) -> Any:
    return authentication.shown(orjson.loads(decrypt(stored, "endpoints_endpoint.authentication")), reveal=reveal)


def _certificate(stored: bytes) -> Any:
    return certificates.shown(orjson.loads(decrypt(stored, "endpoints_endpoint.mtls_client_cert")))
