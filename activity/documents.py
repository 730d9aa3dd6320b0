"""Define the record of activity as the API shows it. Contract: docs/contract/activity.md#object."""

from typing import Annotated, Any, TypedDict

from activity.models import Activity
from core.actors import ActorKind
from core.api.documents import Example, Keywords, Time, Uid, component
from core.api.values import wire_time

_ENDPOINT = "01JZ8QM5X9C1D3F5G7H9J1K3M5"


@component("models.ActivityActor")
class ActorDocument(TypedDict):
    """The one who acted."""

    kind: Annotated[
        str,
        "The kind of caller that made the change.",
        Keywords(enum=[kind.value for kind in ActorKind]),
        Example(ActorKind.API_KEY.value),
    ]
    uid: Annotated[
        str,
        "The id of the API key, portal link, portal session or operator; empty: there is none, or it is not shown.",
        Example("01M80HQEK749HVST8A6GW0K8E2"),
    ]
    name: Annotated[str, "The name at that time.", Example("backend")]


@component("models.Activity")
class ActivityDocument(TypedDict):
    """One act."""

    uid: Annotated[Uid, Example("01M80JTN5V7C9E1G3J5M7P9R1T")]
    project_id: Uid
    actor: ActorDocument
    verb: Annotated[
        str, "The change.", Keywords(enum=list(Activity.Verb.values)), Example(Activity.Verb.ENDPOINT_UPDATED.value)
    ]
    owner_id: Annotated[str, "The customer whom it concerns; empty: no particular one.", Example("acme")]
    endpoint_id: Annotated[str, "The endpoint that it concerns; empty: no particular one.", Example(_ENDPOINT)]
    object_uid: Annotated[str, "The id of the object of the verb.", Example(_ENDPOINT)]
    object_name: Annotated[str, "The name of the object at that time.", Example("Orders")]
    count: Annotated[int | None, "The number of objects, where there are many; null before that is known."]
    changes: Annotated[
        dict[str, list[Any]],
        "The fields that have changed, each with its value before and after. Both are null where they are secret.",
        Example({"http_timeout": [0, 20]}),
    ]
    created_at: Annotated[Time, Example("2026-11-22T09:00:00.123456Z")]


def activity_document(row: Activity) -> ActivityDocument:
    """Return a row of the record as the company sees it."""
    return {
        "uid": row.uid,
        "project_id": row.project_id,
        "actor": {"kind": row.actor_kind, "uid": row.actor_uid, "name": row.actor_name},
        "verb": row.verb,
        "owner_id": row.owner_id,
        "endpoint_id": row.endpoint_id,
        "object_uid": row.object_uid,
        "object_name": row.object_name,
        "count": row.count,
        "changes": row.changes,
        "created_at": wire_time(row.created_at),
    }
