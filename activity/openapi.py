"""Declare the operation on the record of activity. Contract: docs/contract/activity.md."""

from activity.documents import ActivityDocument
from core.actors import ActorKind
from core.api.documents import PageOf, example
from core.api.openapi import DATE_OR_EMPTY_PATTERN, TEXTS, Outcome, Tag, page_parameters, query, text
from core.api.windows import BAD_DATES

TAG = Tag("Activity")

EXAMPLE = example(ActivityDocument)
_DATE = text(pattern=DATE_OR_EMPTY_PATTERN)

list_activity = TAG.operation(
    "GetActivity",
    "List the activity",
    description="Returns a page of who did what in the project, newest first. It is kept for 90 days.",
    parameters=[
        *page_parameters(without=["q", "sort"]),
        query("endpointId", "Only rows about one of these endpoints. Repeat it for several.", TEXTS),
        query(
            "actorKind",
            "Only acts of actors of this kind.",
            {"type": "string", "enum": [kind.value for kind in ActorKind]},
        ),
        query("startDate", "From this second on, such as `2026-02-03T09:15:02`, in UTC.", _DATE),
        query("endDate", "To the end of this second, such as `2026-02-03T23:59:59`, in UTC.", _DATE),
    ],
    success=Outcome("Activity fetched successfully", PageOf[ActivityDocument], "One change"),
    refused=BAD_DATES,
)
