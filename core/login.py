"""Count failed logins (django-axes) by user names that the database can hold."""

from typing import Any

from django.http import HttpRequest

#: The length of the column.
MAX_NAME = 255


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the user name of a login as it is counted: no user has a name that is longer than MAX_NAME."""
    found = credentials if credentials is not None else request.POST
    return str(found.get("username") or "")[:MAX_NAME].replace("\0", "")
