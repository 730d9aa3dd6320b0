"""The documents and bodies of Svix's endpoints. Contract: docs/contract/svix.md#endpoints."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from rest_framework import serializers

from applications.prefixes import ENDPOINT
from core.api.documents import Example, Time, component
from core.api.fields import Flag, Integer, Items, Secret, Shape, Text, TextsByName
from core.api.openapi import describe
from core.api.pagination import Bytes, JsonBytes
from core.api.values import wire_time
from core.prefixed_ids import prefixed, uid_in
from endpoints.models import Endpoint
from endpoints.serializers import required
from portal_links.serializers import ApplicationMetadata
from projects.models import EVERY_TYPE
from subscriptions.models import Filter
from svix_api.applications import UID_PATTERN
from svix_api.paging import EXAMPLE_UID
from svix_api.secrets import SECRET_PATTERN, stored_secret

#: Bounds of the lists of an endpoint.
MAX_TYPES = 1_000
MAX_CHANNELS = 10
#: The bytes around the name of a type in an array.
_PER_NAME = 3
CHANNEL_PATTERN = r"^[a-zA-Z0-9\-_.]{1,128}$"


@component("svix.EndpointOut")
class EndpointOut(TypedDict):
    """An endpoint in Svix's shape."""

    id: Annotated[str, "The id of the endpoint.", Example(prefixed(ENDPOINT, EXAMPLE_UID))]
    uid: Annotated[str | None, "The company's own name for it.", Example("orders")]
    url: Annotated[str, "The URL that receives messages.", Example("https://hooks.example.com/orders")]
    version: Annotated[int, "Always 1.", Example(1)]
    description: Annotated[str, "Its name in the portal.", Example("Orders")]
    filterTypes: Annotated[
        list[str] | None, "The event types that it gets, by name; null: all of them.", Example(["order.paid"])
    ]
    eventTypes: Annotated[list[str] | None, "The same as `filterTypes`.", Example(["order.paid"])]
    channels: Annotated[list[str] | None, "It gets only messages that share a channel; null: all messages."]
    disabled: Annotated[bool, "Whether its status is not `active`."]
    rateLimit: Annotated[int | None, "Messages in a second; null: no limit.", Example(50)]
    throttleRate: Annotated[int | None, "The same as `rateLimit`.", Example(50)]
    metadata: Annotated[
        dict[str, str], "Texts by name, which the server stores and does not use.", Example({"team": "billing"})
    ]
    createdAt: Annotated[Time, "When it was created.", Example("2026-11-22T09:15:42.081516Z")]
    updatedAt: Annotated[Time, "When it was last changed.", Example("2026-11-22T09:15:42.081516Z")]


def endpoint_documents(endpoints: Sequence[Endpoint]) -> list[EndpointOut]:
    """Return endpoints as Svix's API shows them. One statement."""
    taken: dict[str, list[tuple[str, Sequence[str]]]] = {row.pk: [] for row in endpoints}
    rows: QuerySet[Filter, Any] = Filter.objects.filter(
        subscription__endpoint__in=list(taken), subscription__deleted_at=None, enabled_at__isnull=False
    ).order_by("event_type")
    for endpoint_id, event_type, channels in rows.values_list(
        "subscription__endpoint_id", "event_type", "subscription__channels"
    ):
        taken[endpoint_id].append((event_type, channels))
    return [_document(row, taken[row.pk]) for row in endpoints]


def endpoint_bytes(prefix: str = "") -> Combinable:
    """Return the bytes of an endpoint in a list, as far as they vary: its texts, and twice the names of its types.

    `prefix` leads from a row of the list to its endpoint, such as `endpoint__`.
    """
    filters = Filter.objects.filter(
        subscription__endpoint=OuterRef(f"{prefix}pk"), subscription__deleted_at=None, enabled_at__isnull=False
    )
    named = filters.order_by().values("subscription__endpoint").values(together=Sum(Bytes("event_type") + _PER_NAME))
    types = Coalesce(Subquery(named), 0)
    return Bytes(f"{prefix}url") + Bytes(f"{prefix}description") + JsonBytes(f"{prefix}metadata") + types * 2


def _document(row: Endpoint, taken: list[tuple[str, Sequence[str]]]) -> EndpointOut:
    names = list(dict.fromkeys(name for name, _ in taken))
    types = None if EVERY_TYPE in names else names
    channels = sorted({name for _, several in taken for name in several}) if all(each for _, each in taken) else []
    rate = max(row.rate_limit // row.rate_limit_duration, 1) if row.rate_limit and row.rate_limit_duration else None
    return {
        "id": prefixed(ENDPOINT, row.uid),
        "uid": row.external_id or None,
        "url": row.url,
        "version": 1,
        "description": row.description,
        "filterTypes": types,
        "eventTypes": types,
        "channels": channels or None,
        "disabled": row.status != Endpoint.Status.ACTIVE,
        "rateLimit": rate,
        "throttleRate": rate,
        "metadata": row.metadata,
        "createdAt": wire_time(row.created_at),
        "updatedAt": wire_time(row.updated_at),
    }


class HeadersField(TextsByName):
    """A JSON object of HTTP headers, whose names and values outbound/headers.py checks."""

    child = Text(max_length=4096)


class EndpointPatch(Shape):
    """The body that changes an endpoint; null removes its types, channels, limit or uid."""

    document = EndpointOut
    nullable = frozenset({"filterTypes", "eventTypes", "channels", "rateLimit", "throttleRate", "uid"})
    url = Text(required=False, max_length=2048, help_text="An http or https URL.")
    description = Text(required=False, max_length=4096)
    uid = Text(required=False, allow_null=True, help_text="The company's own id for it, unique in the application.")
    filterTypes = Items(  # noqa: N815 - the wire's names
        child=Text(allow_blank=False),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=MAX_TYPES,
        help_text="Names of event types; null: all of them.",
    )
    eventTypes = Items(  # noqa: N815
        child=Text(allow_blank=False),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=MAX_TYPES,
    )
    channels = Items(
        child=Text(max_length=128),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=MAX_CHANNELS,
    )
    disabled = Flag(required=False, help_text="True pauses it, false resumes it.")
    rateLimit = Integer(required=False, allow_null=True, help_text="Messages in a second; null or 0: no limit.")  # noqa: N815
    throttleRate = Integer(required=False, allow_null=True)  # noqa: N815
    metadata = ApplicationMetadata(required=False)

    def validate_uid(self, uid: str | None) -> str | None:
        """Refuse a uid that is not written in Svix's alphabet, or that has the form of an id."""
        if uid is not None and not is_uid(uid):
            raise serializers.ValidationError(
                "a uid is 1 to 255 of a-z, A-Z, 0-9, '-', '_' and '.', and has not the form of an id"
            )
        return uid

    def validate_channels(self, channels: list[str] | None) -> list[str] | None:
        """Refuse a channel that is not written in Svix's alphabet."""
        if not all(re.fullmatch(CHANNEL_PATTERN, name) for name in channels or ()):
            raise serializers.ValidationError("a channel is 1 to 128 of a-z, A-Z, 0-9, '-', '_' and '.'")
        return channels


class EndpointUpdate(EndpointPatch):
    """The body that replaces an endpoint."""

    url = required("is required", max_length=2048, help_text="An http or https URL.")


class EndpointIn(EndpointUpdate):
    """The body that creates an endpoint."""

    secret = Secret(required=False, help_text="Base64 of 24 to 75 bytes after `whsec_`. Generated where not sent.")
    headers = HeadersField(required=False, help_text="Headers that each delivery carries beside its own.")

    def validate_secret(self, secret: str) -> str:
        """Refuse a secret that is not a key in base64."""
        return stored_secret(secret)


_LIST: dict[str, Any] = {"items": {"type": "string", "minLength": 1, "maxLength": 255}}
_SAID: dict[str, Any] = {
    "uid": {"pattern": UID_PATTERN},
    "filterTypes": _LIST,
    "eventTypes": _LIST,
    "channels": {"items": {"type": "string", "pattern": CHANNEL_PATTERN}},
    "metadata": ApplicationMetadata.described(),
}
describe(EndpointPatch, "svix.EndpointPatch", **_SAID)
describe(EndpointUpdate, "svix.EndpointUpdate")
describe(EndpointIn, "svix.EndpointIn", secret={"pattern": SECRET_PATTERN})


def is_uid(text: str) -> bool:
    """Return whether a text may be the uid of an endpoint: it cannot be taken for an id, or escape a path."""
    return bool(re.fullmatch(UID_PATTERN, text)) and not uid_in(ENDPOINT, text)


def columns(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a body has for an endpoint's own fields, by the names that the operations use."""
    found: dict[str, Any] = {name: sent[name] for name in ("url", "description", "metadata", "secret") if name in sent}
    if "uid" in sent:
        found["external_id"] = sent["uid"] or ""
    if "headers" in sent:
        found["custom_headers"] = sent["headers"]
    limits = [sent[name] or 0 for name in ("throttleRate", "rateLimit") if name in sent]
    if limits:
        found |= {"rate_limit": limits[0], "rate_limit_duration": 1 if limits[0] else 0}
    return found


def chosen_types(sent: dict[str, Any]) -> tuple[str, list[str]] | None:
    """Return the name of the member that chooses event types, and the choice; None where there is no such member."""
    for name in ("eventTypes", "filterTypes"):
        if name in sent:
            return name, sent[name] or [EVERY_TYPE]
    return None
