"""svix 2.9.1's event types and endpoints, by the official client against the running server."""

from collections.abc import Callable
from typing import Any

import pytest
from svix.api import (
    ApplicationIn,
    AppPortalAccessIn,
    EndpointIn,
    EndpointListOptions,
    EventTypeDeleteOptions,
    EventTypeIn,
    EventTypeListOptions,
    EventTypeUpsertIn,
    Svix,
)
from svix.exceptions import HttpError, HTTPValidationError
from svix.models import (
    AppPortalCapability,
    EndpointHeadersIn,
    EndpointHeadersPatchIn,
    EndpointPatch,
    EndpointSecretRotateIn,
    EndpointTransformationPatch,
    EndpointUpsertIn,
    EventTypeImportOpenApiIn,
    EventTypePatch,
)

from subscriptions.openapi_import import EXAMPLE_SPEC
from tests.live.conftest import LiveProject

SCHEMA = {"1": {"type": "object", "required": ["id"]}}
URL = "https://hooks.example.com/in"


@pytest.fixture
def svix(project: LiveProject, connect_svix: Callable[[str], Svix]) -> Svix:
    """The client with the project's key, and an application acme."""
    client = connect_svix(project.key)
    client.application.create(ApplicationIn(name="Acme", uid="acme"))
    return client


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(HttpError) as failure:
        call()
    return failure.value.status_code, failure.value.code


def wrong(call: Callable[[], Any]) -> list[str]:
    """Where a call is refused."""
    with pytest.raises(HTTPValidationError) as failure:
        call()
    return [str(part) for part in failure.value.detail[0].loc]


def test_event_types(svix: Svix) -> None:
    types = svix.event_type
    sent = EventTypeIn(name="order.paid", description="Paid", schemas=SCHEMA, group_name="orders")
    created = types.create(sent)
    assert (created.name, created.schemas, created.group_name, created.deprecated) == (
        "order.paid",
        SCHEMA,
        "orders",
        False,
    )
    assert types.get("order.paid") == created
    assert refused(lambda: types.create(sent)) == (409, "conflict")
    assert types.upsert("order.sent", EventTypeUpsertIn(description="Sent")).description == "Sent"
    assert types.upsert("order.sent", EventTypeUpsertIn(description="Gone", deprecated=True)).deprecated
    assert types.patch("order.sent", EventTypePatch(group_name="orders")).description == "Gone"
    names = [one.name for one in types.list(EventTypeListOptions(limit=1, with_content=True)).data]
    assert names == ["order.paid"]
    types.delete("order.paid")
    assert [one.name for one in types.list().data] == ["order.sent"]
    assert "order.paid" in [one.name for one in types.list(EventTypeListOptions(include_archived=True)).data]
    assert types.create(sent).archived is False
    types.delete("order.paid", EventTypeDeleteOptions(expunge=True))
    assert refused(lambda: types.get("order.paid")) == (404, "not_found")
    assert refused(lambda: types.patch("order.paid", EventTypePatch())) == (404, "not_found")
    assert refused(lambda: types.delete("order.paid")) == (404, "not_found")
    assert wrong(lambda: types.create(EventTypeIn(name="a b", description=""))) == ["body", "name"]
    assert wrong(lambda: types.upsert("a", EventTypeUpsertIn(description="", feature_flags=["new"]))) == [
        "body",
        "featureFlags",
    ]
    assert wrong(lambda: types.list(EventTypeListOptions(limit=0))) == ["query", "limit"]


def test_import_of_event_types(svix: Svix) -> None:
    types = svix.event_type
    types.create(EventTypeIn(name="old", description=""))
    looked = types.import_openapi(EventTypeImportOpenApiIn(spec_raw=EXAMPLE_SPEC, dry_run=True)).data
    assert [one.name for one in looked.to_modify or ()] == ["order.created"]
    assert refused(lambda: types.get("order.created"))[0] == 404
    done = types.import_openapi(EventTypeImportOpenApiIn(spec_raw=EXAMPLE_SPEC, replace_all=True)).data
    assert done.modified == ["order.created"]
    assert types.get("old").archived
    assert refused(lambda: types.import_openapi(EventTypeImportOpenApiIn())) == (400, "bad_request")


def test_endpoints(project: LiveProject, svix: Svix) -> None:
    ends = svix.endpoint
    svix.event_type.create(EventTypeIn(name="order.paid", description=""))
    sent = EndpointIn(
        url=URL,
        description="Orders\nof all shops",
        uid="orders",
        event_types=["order.paid"],
        channels=["eu"],
        throttle_rate=20,
        metadata={"team": "billing"},
        headers={"X-Tenant": "acme", "Authorization": "Bearer x"},
    )
    created = ends.create("acme", sent)
    assert created.id.startswith("ep_")
    assert (created.uid, created.event_types, created.channels, created.throttle_rate) == (
        "orders",
        ["order.paid"],
        ["eu"],
        20,
    )
    assert (created.metadata, created.disabled) == ({"team": "billing"}, False)
    assert ends.get("acme", "orders") == ends.get("acme", created.id) == created
    assert [one.id for one in ends.list("acme", EndpointListOptions(limit=1)).data] == [created.id]
    convoys = project.client.get(f"{project.endpoints}/{created.id.removeprefix('ep_')}").json()["data"]
    assert (convoys["name"], convoys["owner_id"], convoys["rate_limit"]) == ("Orders", "acme", 20)
    replaced = ends.upsert("acme", "orders", EndpointUpsertIn(url=f"{URL}/2", disabled=True))
    assert (replaced.id, replaced.event_types, replaced.channels, replaced.throttle_rate) == (
        *(created.id, None, None, None),
    )
    assert (replaced.uid, replaced.disabled, replaced.metadata) == ("orders", True, {})
    assert ends.patch("acme", created.id, EndpointPatch(disabled=False)).disabled is False
    assert ends.upsert("acme", "another", EndpointUpsertIn(url=URL)).uid == "another"
    assert refused(lambda: ends.create("acme", EndpointIn(url=URL, uid="another"))) == (409, "conflict")
    assert refused(lambda: ends.create("nobody", EndpointIn(url=URL))) == (404, "not_found")
    assert refused(lambda: ends.create("acme", EndpointIn(url="ftp://x"))) == (400, "bad_request")
    assert wrong(lambda: ends.create("acme", EndpointIn(url=URL, event_types=["nope"]))) == ["body", "eventTypes"]
    assert wrong(lambda: ends.create("acme", EndpointIn(url=URL, secret="short"))) == ["body", "secret"]
    assert wrong(lambda: ends.create("acme", EndpointIn(url=URL, headers={"Host": "x"}))) == ["body", "headers"]
    ends.delete("acme", "another")
    assert refused(lambda: ends.get("acme", "another")) == (404, "not_found")
    transformation = EndpointTransformationPatch(code="x", enabled=True)
    assert refused(lambda: ends.transformation.patch("acme", created.id, transformation)) == (400, "bad_request")


def test_secrets_and_headers(svix: Svix) -> None:
    ends = svix.endpoint
    mine = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    end = ends.create("acme", EndpointIn(url=URL, secret=mine, headers={"X-Tenant": "acme", "Authorization": "x"}))
    assert ends.get_secret("acme", end.id).key == mine
    rotated = ends.rotate_secret("acme", end.id, EndpointSecretRotateIn()).key
    assert rotated != mine
    assert ends.get_secret("acme", end.id).key == rotated
    assert wrong(lambda: ends.rotate_secret("acme", end.id, EndpointSecretRotateIn(grace_period_seconds=604_801))) == [
        *("body", "gracePeriodSeconds")
    ]
    shown = ends.get_headers("acme", end.id)
    assert (shown.headers, shown.sensitive) == ({"X-Tenant": "acme"}, ["Authorization"])
    ends.patch_headers("acme", end.id, EndpointHeadersPatchIn(headers={"X-Tier": "1"}, delete_headers=["x-tenant"]))
    assert ends.get_headers("acme", end.id).headers == {"X-Tier": "1"}
    ends.set_headers("acme", end.id, EndpointHeadersIn(headers={}))
    assert ends.get_headers("acme", end.id).sensitive == []
    assert wrong(lambda: ends.set_headers("acme", end.id, EndpointHeadersIn(headers={"a": "\n"}))) == [
        "body",
        "headers",
    ]
    stats = ends.get_stats("acme", end.id)
    assert (stats.success, stats.pending, stats.sending, stats.fail, stats.canceled) == (0, 0, 0, 0, 0)
    assert ends.get_attempt_stats("acme", end.id).fail == 0
    assert refused(lambda: ends.get_stats("acme", "nope")) == (404, "not_found")


def test_a_portal_session(svix: Svix, connect_svix: Callable[[str], Svix]) -> None:
    def session(*capabilities: AppPortalCapability) -> Svix:
        sent = AppPortalAccessIn(capabilities=list(capabilities) or None)
        return connect_svix(svix.authentication.app_portal_access("acme", sent).token)

    full, looker = session(), session(AppPortalCapability.VIEW_BASE)
    end = full.endpoint.create("acme", EndpointIn(url=URL))
    assert [one.id for one in looker.endpoint.list("acme").data] == [end.id]
    assert looker.event_type.list().data == []
    assert full.endpoint.get_secret("acme", end.id).key.startswith("whsec_")
    for call in (
        lambda: looker.endpoint.create("acme", EndpointIn(url=URL)),
        lambda: looker.endpoint.get_secret("acme", end.id),
        lambda: looker.endpoint.delete("acme", end.id),
        lambda: full.endpoint.list("globex"),
        lambda: full.endpoint.create("acme", EndpointIn(url=URL, uid="mine")),
        lambda: full.event_type.create(EventTypeIn(name="mine", description="")),
    ):
        assert refused(call) == (403, "permission_denied")
    assert refused(lambda: full.application.list()) == (401, "authentication_failed")
    full.endpoint.delete("acme", end.id)
