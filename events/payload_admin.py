"""Hide payloads from operators who may change nothing, where the project wants that: on the pages of three tables."""

from typing import Any

from django.http import HttpRequest

from core.admin import TimedAdmin


class PayloadAdmin(TimedAdmin):
    """A table whose rows have a `project` and show a payload. Each row of a page knows whether it `hides_payload`."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row, which knows whether its payload is kept from this user."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.hides_payload = found.project.portal_hides_payloads and not self.has_operate_permission(request)
        return found
