"""Events as the API shows them, read in one statement. Contract: events section 3."""

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from django.db import connection

from core.api.values import ZERO_TIME, wire_time_from_sql
from outbound.headers import mask_headers

_READ = """
SELECT uid, event_type, endpoints, headers::text, idempotency_key, is_duplicate_event, data, status, failure_reason,
  created_at::text, updated_at::text
FROM events_event WHERE project_id = %s AND uid = ANY(%s)
"""

Document = dict[str, Any]

#: Convoy's source object where there is none.
NO_SOURCE: Document = {
    "uid": "",
    "project_id": "",
    "mask_id": "",
    "name": "",
    "url": "",
    "type": "",
    "provider": "",
    "is_disabled": False,
    "verifier": None,
    "custom_response": {"body": "", "content_type": ""},
    "provider_config": None,
    "forward_headers": None,
    "pub_sub": None,
    "idempotency_keys": None,
    "event_type_location": "",
    "body_function": None,
    "header_function": None,
    "created_at": ZERO_TIME,
    "updated_at": ZERO_TIME,
    "deleted_at": None,
}

_NO_SOURCE = orjson.Fragment(orjson.dumps(NO_SOURCE))


def event_documents(
    project_id: str, ids: Sequence[str], *, within: Collection[str] | None = None, mask: bool = False
) -> list[Document]:
    """The events of a project with these ids, in their order.

    `within` are the endpoints that the caller may know of, the others are left out; `mask` hides the
    values of headers as deliveries do. One statement, or none.
    """
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_READ, [project_id, list(ids)])
        found = {row[0]: _document(project_id, row, within, mask) for row in cursor.fetchall()}
    return [found[uid] for uid in ids if uid in found]


def _document(project_id: str, row: tuple[Any, ...], within: Collection[str] | None, mask: bool) -> Document:
    uid, event_type, endpoints, headers, key, is_duplicate, data, status, reason, created_at, updated_at = row
    created_at = wire_time_from_sql(created_at)
    return {
        "uid": uid,
        "event_type": event_type,
        "project_id": project_id,
        "endpoints": endpoints if within is None else [uid for uid in endpoints if uid in within],
        "headers": mask_headers(orjson.loads(headers)) if mask else orjson.Fragment(headers),
        "source_metadata": _NO_SOURCE,
        "url_query_params": "",
        "url_path": "",
        "idempotency_key": key,
        "is_duplicate_event": is_duplicate,
        "data": orjson.Fragment(data),
        "status": status,
        **({"failure_reason": reason} if reason else {}),
        "acknowledged_at": created_at,
        "created_at": created_at,
        "updated_at": wire_time_from_sql(updated_at),
        "deleted_at": None,
    }
