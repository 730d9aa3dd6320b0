"""Items out of a CSV file, and what is wrong with an item. Contract: meta-events-and-onboard sections 3.1 and 3.2."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from core.exceptions import InvalidInput
from endpoints.operations import check_url
from projects.models import EVERY_TYPE, Project

MAX_ITEMS = 1000
REQUIRED = ("name", "url")
#: The columns of a file, which are the members of an item, and how long each may be.
LONGEST = {"name": 200, "url": 2048, "event_type": 255, "auth_username": 255, "auth_password": 255}
CREDENTIALS = "auth_username/auth_password"

Item = dict[str, str]
Failure = dict[str, Any]


def read_csv(content: bytes) -> list[Item]:
    """The items of a CSV file with a header row, values trimmed. Raises InvalidInput."""
    try:
        # A byte order mark is what spreadsheets write, not a part of the first column's name.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("the CSV file is not in UTF-8") from None
    rows = (row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row)
    try:
        header = [name.strip().lower() for name in next(rows)]
    except (StopIteration, csv.Error):
        raise InvalidInput("failed to read CSV header") from None
    for name in REQUIRED:
        if name not in header:
            raise InvalidInput(f"CSV missing required column: {name}")
    items: list[Item] = []
    while True:
        try:
            row = next(rows, None)
            if row is None:
                break
            if len(row) != len(header):
                raise csv.Error
        except csv.Error:
            raise InvalidInput(f"CSV (data row {len(items) + 1}): failed to parse row") from None
        if len(items) == MAX_ITEMS:
            raise InvalidInput(f"CSV file exceeds maximum of {MAX_ITEMS} items")
        items.append({name: value.strip() for name, value in zip(header, row, strict=True) if name in LONGEST})
    if not items:
        raise InvalidInput("CSV file is empty or contains only a header row")
    return items


def validate(project: Project, items: Sequence[Item]) -> dict[str, Any]:
    """The report on `items`: how many, how many of them are valid, and what is wrong with the others.

    `row` is the item's number, from 1.
    """
    errors = [failure for row, item in enumerate(items, 1) for failure in _failures(project, row, item)]
    invalid = {failure["row"] for failure in errors}
    return {"total_rows": len(items), "valid_count": len(items) - len(invalid), "errors": errors}


def event_type_of(item: Item) -> str:
    """The one event type that an item subscribes to."""
    return item.get("event_type") or EVERY_TYPE


def _failures(project: Project, row: int, item: Item) -> list[Failure]:
    found = []

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
    return found
