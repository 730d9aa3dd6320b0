"""The filter language: conditions on an event's body, headers, query and path.

Contract: docs/filters.md. Nothing here knows a
database.
"""

from subscriptions.filters.language import MAX_SEGMENTS, SCOPES, Patterns, check, flatten
from subscriptions.filters.matching import MAX_STEPS, Budget, matches, matches_event, test_schema

__all__ = [
    "MAX_SEGMENTS",
    "MAX_STEPS",
    "SCOPES",
    "Budget",
    "Patterns",
    "check",
    "flatten",
    "matches",
    "matches_event",
    "test_schema",
]
