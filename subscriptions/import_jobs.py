"""Import event types from a large OpenAPI document in the background.

Contract: docs/contract/event-types.md#import-jobs.
"""

import orjson

from jobs.models import Job
from jobs.operations import Piece, create_job
from subscriptions.event_types import store_event_types
from subscriptions.openapi_import import OF_JOB, check_beginning, event_types_of

#: The kind of the job.
IMPORT_JOB = "event_type_import"
#: The event types that one transaction stores.
IMPORT_CHUNK = 500


def create_import_job(project_id: str, spec: str, *, is_dry_run: bool = False) -> Job:
    """Store a job that imports the event types of an OpenAPI document; a dry run reads and counts them.

    Raises InvalidInput where the document is blank, too long or no object, and while another import is open.
    """
    check_beginning(spec)
    return create_job(project_id, IMPORT_JOB, {}, content=spec, verb=None, is_dry_run=is_dry_run)


def read_piece(job: Job) -> Piece:
    """Read the whole document, and keep its event types in its place. Raises InvalidInput."""
    found = event_types_of(job.content or "", OF_JOB)
    job.content = orjson.dumps(found).decode()
    return Piece(len(found), None)


def import_piece(job: Job) -> Piece:
    """Store the next IMPORT_CHUNK event types. The place is the number of those that are stored."""
    found = orjson.loads(job.content or "[]")
    start = int(job.cursor or 0)
    chunk = found[start : start + IMPORT_CHUNK]
    store_event_types(job.project_id, chunk)
    reached = start + len(chunk)
    return Piece(len(chunk), str(reached) if reached < len(found) else None)
