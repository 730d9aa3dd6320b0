"""Define projects, and the key of a new one, as the API shows them.

Contract: docs/contract/projects.md#body, docs/contract/projects.md#object.
"""

from typing import Annotated, Any, TypedDict

from core.api.documents import Component, DeletedAt, Example, Keywords, Time, Uid, component, example
from core.api.values import REDACTED, wire_time
from projects.config import ConfigDocument
from projects.models import APIKey, Project


@component("datastore.ProjectStatistics")
class StatisticsDocument(TypedDict):
    """The kinds of rows that a project holds."""

    endpoints_exist: Annotated[bool, "Whether the project has endpoints."]
    events_exist: Annotated[bool, "Whether the project has events."]
    sources_exist: Annotated[bool, "Whether the project has sources."]
    subscriptions_exist: Annotated[bool, "Whether the project has subscriptions."]


@component("models.ProjectResponse")
class ProjectDocument(TypedDict):
    """A project."""

    uid: Uid
    name: Annotated[str, "The name, which no other project has.", Example("orders")]
    logo_url: Annotated[str, "A URL, or empty."]
    organisation_id: Annotated[str, "The same for all projects of an instance.", Example("01JZ8PZ0A1B2C3D4E5F6G7H8J9")]
    type: Annotated[
        str,
        "The direction in which webhooks go.",
        Keywords(enum=list(Project.Type.values)),
        Component("datastore.ProjectType"),
        Example(Project.Type.OUTGOING.value),
    ]
    config: ConfigDocument | None
    statistics: Annotated[StatisticsDocument | None, "Always null."]
    retained_events: Annotated[int, "Always 0."]
    created_at: Time
    updated_at: Time
    deleted_at: DeletedAt


@component("datastore.Role")
class RoleDocument(TypedDict):
    """The role of a key, and its project."""

    type: Annotated[
        str,
        "What the key may do.",
        Keywords(enum=list(APIKey.Role.values)),
        Component("auth.RoleType"),
        Example(APIKey.Role.PROJECT_ADMIN.value),
    ]
    project: Annotated[Uid, "The id of the project on which the key acts."]


@component("datastore.APIKeyResponse")
class CreatedKeyDocument(TypedDict):
    """The API key of a new project."""

    name: Annotated[str, "The name of the key.", Example("orders's default key")]
    role: RoleDocument
    key_type: Annotated[str, "Empty for a project's key."]
    expires_at: Annotated[str | None, "Null: it does not expire."]
    key: Annotated[str, "The API key itself. No other answer has it.", Example(f"CO.0123456789abcdef.{'x' * 64}")]
    uid: Annotated[Uid, Example("01JZ8QK3VA1C3E5G7J9M1P3R5T")]
    created_at: Time


@component("models.CreateProjectResponse")
class CreatedDocument(TypedDict):
    """A new project and its key."""

    api_key: CreatedKeyDocument | None
    project: ProjectDocument | None


def project_document(project: Project, *, reveal: bool) -> ProjectDocument:
    """Return a project as the API shows it; without `reveal` the meta events' secret is masked."""
    config = project.full_config
    if not reveal and config["meta_event"]["secret"]:
        config["meta_event"] = config["meta_event"] | {"secret": REDACTED}
    return {
        "uid": project.uid,
        "name": project.name,
        "logo_url": project.logo_url,
        "organisation_id": project.organisation_id,
        "type": project.type,
        "config": config,
        "statistics": None,
        "retained_events": 0,
        "created_at": wire_time(project.created_at),
        "updated_at": wire_time(project.updated_at),
        "deleted_at": None,
    }


def example_project(**changed: Any) -> ProjectDocument:
    """Return the project of the API document's examples, with `changed` fields."""
    return example(ProjectDocument, config=example(ConfigDocument), **changed)


def created_document(project: Project, api_key: APIKey, key: str) -> CreatedDocument:
    """Return a new project and its default key in the one answer that holds the key itself.

    Contract: docs/contract/projects.md#default-key.
    """
    return {
        "api_key": {
            "name": api_key.name,
            "role": {"type": api_key.role, "project": project.uid},
            "key_type": "",
            "expires_at": None if api_key.expires_at is None else wire_time(api_key.expires_at),
            "key": key,
            "uid": api_key.uid,
            "created_at": wire_time(api_key.created_at),
        },
        "project": project_document(project, reveal=True),
    }
