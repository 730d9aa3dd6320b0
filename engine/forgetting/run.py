"""Count or delete the rows of an owner, in transactions of at most PIECE rows."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from core.stretches import next_stretch
from endpoints.models import Endpoint
from engine.forgetting.owner import Owner
from engine.forgetting.rows import DELETED, KEPT, LEADING, PIECE, Deleted, Kept
from subscriptions.models import Subscription

#: The rows of a project that one statement reads, where no index leads to the owner's.
STRETCH = 5000
#: The longest wait for requests that began before the owner's access ended.
MOST_WAIT_SECONDS = 30.0
_OPEN_TRANSACTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start < %s
"""
#: The rows by noun that are deleted, and those that stay without what names the owner.
Report = dict[str, dict[str, int]]


def count_rows(owner: Owner) -> Report:
    """Return the numbers of rows that `forget` would delete and change."""
    deleted: Counter[str] = Counter()
    for kind in (*DELETED, *LEADING):
        rows = kind.rows(owner)
        for stretch in _stretches(owner, rows.model, is_searched=kind.is_searched):
            deleted[kind.noun] += rows.filter(stretch).count()
        for part in kind.parts:
            deleted[part.noun] += _of_rows(part.model, part.column, rows.values("pk")).count()
    kept = {kind.noun: sum(1 for _ in stripped(owner, kind)) for kind in KEPT}
    return {"deleted": dict(deleted), "kept": kept}


def forget(owner: Owner) -> Report:
    """End the owner's access, then delete their rows. Safe to repeat, and to stop at any moment."""
    end_access(owner)
    deleted: Counter[str] = Counter()
    # Until nothing is left: a request or a worker may have written while the first pass went on.
    while before := _delete_all(owner, DELETED):
        deleted += before
    kept = {kind.noun: _strip_all(owner, kind) for kind in KEPT}
    deleted += _delete_all(owner, LEADING)
    nouns = [noun for kind in (*DELETED, *LEADING) for noun in (kind.noun, *(part.noun for part in kind.parts))]
    return {"deleted": {noun: deleted[noun] for noun in nouns}, "kept": kept}


def end_access(owner: Owner) -> None:
    """Stop new rows of the owner: no event is matched, and no request of the owner's is accepted."""
    now = timezone.now()
    with transaction.atomic():
        owner.sessions.filter(revoked_at=None).update(revoked_at=now)
        owner.keys.filter(revoked_at=None).update(revoked_at=now)
        owner.links.filter(deleted_at=None).update(deleted_at=now)
        ids = owner.endpoints
        Endpoint.objects.filter(pk__in=ids, deleted_at=None).update(deleted_at=now, updated_at=now)
        Subscription.objects.filter(endpoint__in=ids, deleted_at=None).update(deleted_at=now, updated_at=now)
    _await_open_transactions()


def stripped(owner: Owner, kind: Kept) -> Iterator[Any]:
    """Yield the rows of a kind that name the owner among others, changed so that they do not. Nothing is saved."""
    own = next((other for other in (*DELETED, *LEADING) if other.noun == kind.noun), None)
    rows = kind.rows(owner)
    for stretch in _stretches(owner, rows.model, is_searched=True):
        found = rows.filter(stretch)
        if own is not None:
            found = found.exclude(pk__in=own.rows(owner).filter(stretch).values("pk"))
        for row in found.order_by("pk").iterator(PIECE):
            if kind.strip(owner, row):
                yield row


def _delete_all(owner: Owner, kinds: tuple[Deleted, ...]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for kind in kinds:
        rows = kind.rows(owner)
        for stretch in _stretches(owner, rows.model, is_searched=kind.is_searched):
            while found := _delete_piece(kind, rows.filter(stretch)):
                counts += found
    return counts


def _delete_piece(kind: Deleted, rows: "QuerySet[Any]") -> Counter[str]:
    counts: Counter[str] = Counter()
    with transaction.atomic():
        ids = list(rows.values_list("pk", flat=True)[: kind.piece])
        for part in kind.parts:
            counts[part.noun] += _delete(_of_rows(part.model, part.column, ids))
        # The condition again: an event may have been replayed to somebody else since it was read.
        counts[kind.noun] += _delete(rows.filter(pk__in=ids))
    return +counts


def _delete(rows: "QuerySet[Any]") -> int:
    """Delete rows in one statement; the kinds and their parts name what points to them."""
    return rows._raw_delete(rows.db) or 0


def _strip_all(owner: Owner, kind: Kept) -> int:
    """Save the rows of a kind without the owner, each read again first. Returns their number."""
    count = 0
    for found in stripped(owner, kind):
        with transaction.atomic():
            row = type(found)._base_manager.select_for_update().filter(pk=found.pk).first()
            if row is not None and kind.strip(owner, row):
                row.save(update_fields=kind.fields)
                count += 1
    return count


def _of_rows(model: type[Model], column: str, ids: Any) -> "QuerySet[Any]":
    return model._base_manager.filter(**{f"{column}__in": ids})


def _stretches(owner: Owner, model: type[Model], *, is_searched: bool) -> Iterator[Q]:
    """Yield conditions on ids that cover a model's rows, a stretch of the project's each, so that none takes long."""
    if not is_searched:
        yield Q()
        return
    every = model._base_manager.filter(project_id=owner.project_id)
    after: str | None = ""
    while after is not None:
        stretch, after = next_stretch(every, after=after, length=STRETCH)
        yield stretch


def _await_open_transactions() -> None:
    """Wait for the transactions that may have read the owner's endpoints and links before these ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [(now,)] = cursor.fetchall()
        until = time.monotonic() + MOST_WAIT_SECONDS
        while time.monotonic() < until:
            cursor.execute(_OPEN_TRANSACTIONS, [now])
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.05)
