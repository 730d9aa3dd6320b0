"""Read items from a CSV file, and check items.

Contract: docs/contract/onboarding.md#csv, docs/contract/onboarding.md#validation.
"""

import csv
import io
from collections.abc import Sequence

from core.api.fields import holds_control_character
from core.exceptions import InvalidInput
from endpoints.checks import check_url
from onboarding.documents import CREDENTIALS, FailureDocument, ReportDocument
from onboarding.exceptions import (
    ColumnMissing,
    FileEmpty,
    FileNotUTF8,
    FileTooLong,
    FileWithoutHeader,
    RowUnreadable,
)
from projects.models import EVERY_TYPE, Project

MAX_ITEMS = 1000
REQUIRED = ("name", "url")
#: The members of an item, which are the columns of a file, and their greatest lengths.
LONGEST = {"name": 200, "url": 2048, "event_type": 255, "auth_username": 255, "auth_password": 255}
#: These are base64-encoded as they are: a line break at the end would become a part of the credential.
SECRETS = ("auth_username", "auth_password")

Item = dict[str, str]


def read_csv(content: bytes) -> list[Item]:
    """Return the items of a CSV file with a header row, values trimmed. Raises InvalidInput."""
    try:
        # Spreadsheets write a byte order mark; it does not belong to the first column's name.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileNotUTF8 from None
    rows = (row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row)
    try:
        header = [name.strip().lower() for name in next(rows)]
    except (StopIteration, csv.Error):
        raise FileWithoutHeader from None
    for name in REQUIRED:
        if name not in header:
            raise ColumnMissing(name=name)
    items: list[Item] = []
    while True:
        try:
            row = next(rows, None)
            if row is None:
                break
            if len(row) != len(header):
                raise csv.Error
        except csv.Error:
            raise RowUnreadable(row=len(items) + 1) from None
        if len(items) == MAX_ITEMS:
            raise FileTooLong(most=MAX_ITEMS)
        items.append({name: value.strip() for name, value in zip(header, row, strict=True) if name in LONGEST})
    if not items:
        raise FileEmpty
    return items


def validate(project: Project, items: Sequence[Item]) -> ReportDocument:
    """Return the report on `items`, with the failures of those that are invalid."""
    errors = [failure for row, item in enumerate(items, 1) for failure in _failures(project, row, item)]
    invalid = {failure["row"] for failure in errors}
    return {"total_rows": len(items), "valid_count": len(items) - len(invalid), "errors": errors}


def event_type_of(item: Item) -> str:
    """Return the one event type that an item subscribes to."""
    return item.get("event_type") or EVERY_TYPE


def _failures(project: Project, row: int, item: Item) -> list[FailureDocument]:
    found: list[FailureDocument] = []

    def fail(field: str, message: str) -> None:
        found.append({"row": row, "field": field, "message": message})

    if not item.get("name", "").strip():
        fail("name", "name is required")
    try:
        check_url(project, item.get("url", ""))
    except InvalidInput as error:
        fail("url", error.message)
    if bool(item.get("auth_username")) != bool(item.get("auth_password")):
        fail(CREDENTIALS, "both auth_username and auth_password must be provided together")
    for field, longest in LONGEST.items():
        value = item.get(field, "")
        if len(value) > longest:
            fail(field, f"{field} is longer than {longest} characters")
        elif "\0" in value:
            fail(field, f"{field} contains a NUL character")
        elif field in SECRETS and holds_control_character(value):
            fail(field, f"{field} must not hold a line break or another control character")
    return found
