"""Choose the portal links of a list, in a statement that is written out (docs/adr/0003)."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from core.api.pagination import Written
from portal_links.documents import link_columns, link_row

_LINKS = "portal_links_portallink l WHERE l.project_id = %s AND l.deleted_at IS NULL"
_OF_OWNER = " AND l.owner_id = %s"
_NAMED = " AND upper(l.name) LIKE upper(%s)"
# The links whose scope has one of the endpoints: those of its owner, and those without an owner that list it.
_OF_ENDPOINTS = """ AND (
  l.owner_id IN (
    SELECT e.owner_id FROM endpoints_endpoint e
    WHERE e.project_id = %s AND e.uid = ANY(%s) AND e.deleted_at IS NULL AND e.owner_id <> ''
  ) OR (
    l.owner_id = '' AND l.endpoints && ARRAY(
      SELECT e.uid FROM endpoints_endpoint e WHERE e.project_id = %s AND e.uid = ANY(%s) AND e.deleted_at IS NULL
    )
  )
)"""


def links_of(project_id: str, *, owner_id: str = "", name: str = "", endpoint_ids: Sequence[str] = ()) -> Written:
    """Return the links of a project that are not revoked, as LinkRows.

    `owner_id` is exact, `name` is a part of the name in upper or lower case, and `endpoint_ids` has endpoints of the
    project, one of which is in the link's scope. What is empty chooses nothing.
    """
    source, parameters = _LINKS, list[Any]([project_id])
    if owner_id:
        source += _OF_OWNER
        parameters.append(owner_id)
    if name:
        source += _NAMED
        parameters.append(f"%{connection.ops.prep_for_like_query(name)}%")
    if endpoint_ids:
        source += _OF_ENDPOINTS
        parameters += [project_id, list(endpoint_ids)] * 2
    return Written(link_columns(), source, parameters, link_row)
