"""Find, change and delete owners by the names that other products give to them: an application, or an organisation."""

from typing import Any

from django.db import transaction

from applications import operations as applications
from applications.exceptions import ApplicationNotFound
from applications.models import Application
from applications.prefixes import APPLICATION
from core.prefixed_ids import uid_in
from endpoints.models import Endpoint
from endpoints.operations import delete_endpoints
from portal_links.exceptions import OwnerNotPossible
from portal_links.sessions import expire_sessions

MAX_LENGTH = 255


def checked_owner_id(text: str) -> str:
    """Return an `owner_id` from a URL. Raises InvalidInput where no endpoint can have it."""
    if not text.strip() or len(text) > MAX_LENGTH or "\x00" in text:
        raise OwnerNotPossible
    return text


def owner_of(project_id: str, text: str) -> str:
    """Return the owner that a text names: by the id of an application, or by the `owner_id` itself.

    An owner needs no application, so nothing tells whether there is one of this name.
    """
    if not uid_in(APPLICATION, text):
        return text
    application = Application.objects.for_project(project_id).named(text).first()
    return text if application is None else application.owner_id


def find_application(project_id: str, text: str) -> Application:
    """Return the application that an id or an `owner_id` names.

    An owner that has endpoints and no application gets one that is not stored, with the owner's name.
    Raises NotFound.
    """
    try:
        return applications.find_application(project_id, text)
    except ApplicationNotFound:
        first = Endpoint.objects.for_project(project_id).filter(owner_id=text).order_by("pk").first()
        if first is None or not text:
            raise
        return Application(
            uid="",
            project_id=project_id,
            owner_id=text,
            name=text,
            created_at=first.created_at,
            updated_at=first.created_at,
        )


def update_application(application: Application, **changes: Any) -> Application:
    """Change an application; one that is not stored is stored first. `changes` are those of the operation.

    Raises NotFound.
    """
    if not application.uid:
        application, _ = applications.get_or_create_application(
            application.project_id, owner_id=application.owner_id, name=application.name
        )
    return applications.update_application(application.project_id, application.uid, **changes)


def delete_application(project_id: str, application: Application) -> None:
    """Delete an application, stored or not, with its owner's endpoints, and end its sessions."""
    owner_id = application.owner_id
    with transaction.atomic():
        delete_endpoints(project_id, owner_id=owner_id)
        expire_sessions(project_id, owner_id)
        Application.objects.for_project(project_id).filter(owner_id=owner_id).delete()
