"""Refuse members of Svix's bodies that would change how messages are sent, and change nothing here."""

from typing import Any

from rest_framework import serializers

#: The schema of such a member, in the place of its own.
NULL: dict[str, Any] = {"nullable": True, "enum": [None]}


class NotOffered(serializers.JSONField):
    """A member that is refused wherever it is sent and not null."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(required=False, help_text=f"Refused: {reason}.")

    def to_internal_value(self, data: Any) -> Any:
        """Raise ValidationError."""
        raise serializers.ValidationError(self.reason)
