"""Find rows by the names and ids that a customer can tell on the telephone, in all projects, by indexes alone.

Ids are found whole; owners, URLs and names by their beginning, in their own letter case. Each kind shows MOST rows.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model, Q
from django.urls import reverse
from django.utils.text import capfirst

from core.admin_display import customer_url
from endpoints.models import Endpoint
from events.models import DeliveryAttempt, Event, EventDelivery
from portal_links.models import PortalLink, PortalSession
from projects.models import Project

#: The rows of each kind on the page.
MOST = 10
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def _walk(table: str, where: str) -> str:
    """Return SQL for the owners that begin with a text: each is one step in an index, however many rows it has."""
    return f"""
WITH RECURSIVE walk AS (
  (SELECT owner_id, 1 AS step FROM {table} WHERE {where} AND owner_id >= %(text)s ORDER BY owner_id LIMIT 1)
  UNION ALL
  SELECT (SELECT owner_id FROM {table} WHERE {where} AND owner_id > w.owner_id ORDER BY owner_id LIMIT 1), step + 1
  FROM walk w WHERE starts_with(w.owner_id, %(text)s) AND step < %(most)s
)
SELECT owner_id FROM walk WHERE starts_with(owner_id, %(text)s)"""  # noqa: S608 - only this module's own text


# Links have no index of owners over all projects, which would slow down each creation. The projects of each owner are
# one look into an index of each project.
_CUSTOMERS = f"""
WITH owners AS (
  ({_walk("endpoints_endpoint", "deleted_at IS NULL")})
  UNION ({_walk("portal_links_portalsession", "true")})
  UNION (
    SELECT l.owner_id FROM projects_project q CROSS JOIN LATERAL (
      {_walk("portal_links_portallink", "project_id = q.uid AND deleted_at IS NULL")}
    ) l WHERE q.deleted_at IS NULL
  )
)
SELECT p.uid, p.name, o.owner_id
FROM (SELECT owner_id FROM owners ORDER BY owner_id LIMIT %(most)s) o JOIN projects_project p ON p.deleted_at IS NULL
WHERE EXISTS (SELECT FROM endpoints_endpoint e
              WHERE e.project_id = p.uid AND e.owner_id = o.owner_id AND e.deleted_at IS NULL)
  OR EXISTS (SELECT FROM portal_links_portallink l
             WHERE l.project_id = p.uid AND l.owner_id = o.owner_id AND l.deleted_at IS NULL)
  OR EXISTS (SELECT FROM portal_links_portalsession s WHERE s.project_id = p.uid AND s.owner_id = o.owner_id)
ORDER BY o.owner_id, p.name LIMIT %(most)s
"""  # noqa: S608 - only this module's own text


@dataclass(frozen=True, slots=True)
class Found:
    """One row that a text has found."""

    title: str
    #: Its project, and whatever tells two rows of one name apart.
    note: str
    url: str
    #: Whether the whole text is its name, address or id.
    is_exact: bool
    #: The page of its customer; blank where it has none.
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one kind."""

    title: str
    rows: list[Found]


Seen = Callable[[type[Model]], bool]


def find(text: str, may_see: Seen) -> list[Group]:
    """Return what a text finds among the tables that the user may see, in groups that are not empty."""
    if not text:
        return []
    wanted: list[tuple[str, Iterable[Found]]] = []
    if _ULID.fullmatch(text.upper()):
        wanted.append(("By id", _by_id(text.upper(), may_see)))
    if may_see(Endpoint):
        wanted.append(("Customers", _customers(text)))
        wanted.append(("Endpoints", _endpoints(text)))
    if may_see(PortalLink):
        wanted.append(("Portal links", _links(text)))
    if may_see(Project):
        wanted.append(("Projects", _projects(text)))
    groups = [Group(title, list(rows)) for title, rows in wanted]
    return [group for group in groups if group.rows]


def straight_to(groups: Iterable[Group]) -> str:
    """Return the address of the one row that is meant, "" where several are.

    It is the only exact one, or the customer to whom all exact ones belong, or else the only row.
    """
    rows = [row for group in groups for row in group.rows]
    exact = [row for row in rows if row.is_exact]
    if not exact:
        return rows[0].url if len(rows) == 1 else ""
    if len({row.url for row in exact}) == 1:
        return exact[0].url
    customers = {row.customer for row in exact}
    return exact[0].customer if len(customers) == 1 else ""


def _customers(text: str) -> Iterator[Found]:
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMERS, {"text": text, "most": MOST})
        for project_id, project, owner_id in cursor.fetchall():
            url = customer_url(project_id, owner_id)
            yield Found(owner_id, project, url, owner_id == text, url)


def _endpoints(text: str) -> Iterator[Found]:
    starts = [Q(name__startswith=text), Q(url__startswith=text)]
    if "://" not in text:
        starts += [Q(url__startswith=f"{scheme}://{text}") for scheme in ("https", "http")]
    live = Endpoint.objects.filter(deleted_at=None, project__deleted_at=None).order_by()
    # Each by its own index: as one condition with OR, PostgreSQL would read the whole table for a common beginning.
    ids: set[str] = set()
    for start in starts:
        ids.update(live.filter(start).values_list("pk", flat=True)[:MOST])
    columns = ("uid", "name", "url", "owner_id", "project_id", "project__name")
    for row in live.filter(pk__in=ids).order_by("name", "pk").values_list(*columns, named=True)[:MOST]:
        whole = {row.name, row.url, row.url.partition("://")[2]}
        customer = customer_url(row.project_id, row.owner_id) if row.owner_id else ""
        note = " · ".join(filter(None, (row.url, row.owner_id, row.project__name)))
        yield Found(row.name, note, _page(Endpoint, row.uid), text in whole, customer)


def _links(text: str) -> Iterator[Found]:
    live = PortalLink.objects.filter(deleted_at=None, project__deleted_at=None, name__startswith=text)
    columns = ("uid", "name", "owner_id", "project_id", "project__name")
    for row in live.order_by().values_list(*columns, named=True)[:MOST]:
        customer = customer_url(row.project_id, row.owner_id) if row.owner_id else ""
        note = " · ".join(filter(None, (row.owner_id, row.project__name)))
        yield Found(row.name, note, _page(PortalLink, row.uid), row.name == text, customer)


def _projects(text: str) -> Iterator[Found]:
    for project in Project.objects.live().filter(name__startswith=text).only("name").order_by("name")[:MOST]:
        yield Found(project.name, project.pk, _page(Project, project.pk), project.name == text)


def _by_id(uid: str, may_see: Seen) -> Iterator[Found]:
    """Return the row with an id, of the tables that a customer or a log names."""
    tables: tuple[type[Model], ...] = (
        *(Event, EventDelivery, DeliveryAttempt, Endpoint, PortalLink, PortalSession, Project),
    )
    for model in tables:
        if not may_see(model):
            continue
        rows: Any = model._default_manager.filter(pk=uid)
        if model in (Endpoint, PortalLink, Project):
            rows = rows.filter(deleted_at=None)
        if rows.exists():
            yield Found(f"{capfirst(model._meta.verbose_name)} {uid}", "", _page(model, uid), is_exact=True)


def _page(model: type[Model], uid: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[uid])
