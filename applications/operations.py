"""Create and change applications. Each function owns its transaction.

Contract: docs/contract/svix.md#applications. An application with its endpoints and sessions is deleted by
portal_links/owners.py, as these lie above.
"""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from applications.exceptions import ApplicationExists, ApplicationNotFound, OwnerIsAnId
from applications.models import OF_OWNER, Application
from applications.prefixes import APPLICATION
from core.constraints import broken_constraint
from core.prefixed_ids import prefixed, uid_in
from core.ulid import new_ulid


def create_application(project_id: str, *, owner_id: str = "", name: str, **sent: Any) -> Application:
    """Create an application; without an `owner_id`, its own id is that of its owner.

    `sent` holds `metadata` and `rate_limit` where they are not the defaults. Raises InvalidInput, Conflict.
    """
    uid, now = new_ulid(), timezone.now()
    application = Application(
        uid=uid,
        project_id=project_id,
        owner_id=_checked(owner_id) or prefixed(APPLICATION, uid),
        name=name,
        created_at=now,
        updated_at=now,
        **sent,
    )
    try:
        with transaction.atomic():
            application.save(force_insert=True)
    except IntegrityError as error:
        if broken_constraint(error) != OF_OWNER:
            raise
        raise ApplicationExists from None
    return application


def get_or_create_application(
    project_id: str, *, owner_id: str = "", name: str, **sent: Any
) -> tuple[Application, bool]:
    """Return the application of an owner, which is created where there is none, and whether it was created.

    An existing one stays as it is. Raises InvalidInput.
    """
    if owner_id:
        found = Application.objects.for_project(project_id).filter(owner_id=owner_id)
        if stored := found.first():
            return stored, False
    try:
        return create_application(project_id, owner_id=owner_id, name=name, **sent), True
    except ApplicationExists:
        # Another call has created it in the meantime.
        return find_application(project_id, owner_id), False


def update_application(project_id: str, application_id: str, **changes: Any) -> Application:
    """Change the fields `name`, `metadata` and `rate_limit` that are given. Raises NotFound."""
    with transaction.atomic():
        rows = Application.objects.for_project(project_id).select_for_update()
        application = rows.filter(pk=application_id).first()
        if application is None:
            raise ApplicationNotFound
        for field in ("name", "metadata", "rate_limit"):
            if field in changes:
                setattr(application, field, changes[field])
        application.updated_at = timezone.now()
        application.save(update_fields=["name", "metadata", "rate_limit", "updated_at"])
    return application


def find_application(project_id: str, text: str) -> Application:
    """Return the application that an id or an `owner_id` names. Raises NotFound."""
    application = Application.objects.for_project(project_id).named(text).first()
    if application is None:
        raise ApplicationNotFound
    return application


def _checked(owner_id: str) -> str:
    """Return an `owner_id` that cannot be taken for the id of an application. Raises InvalidInput."""
    if uid_in(APPLICATION, owner_id):
        raise OwnerIsAnId
    return owner_id
