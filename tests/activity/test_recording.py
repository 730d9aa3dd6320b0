"""Each operation that changes something of a tenant says who did what. Contract: docs/contract/activity.md#recorded."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from activity.models import Activity
from activity.operations import LONGEST_VALUE, TOGETHER, Done, Verb, differences, record_all
from core.actors import SERVER, current_actor
from deliveries.batch_retry import work_off
from endpoints.models import Endpoint
from endpoints.operations import reactivate_endpoints, update_endpoint
from onboarding import operations as onboarding
from portal_links.models import PortalLink, PortalSession
from projects.models import APIKey, Project
from projects.operations import update_project
from subscriptions.models import Filter
from subscriptions.operations import create_subscription
from tests.activity.rows import recorded
from tests.conftest import API
from tests.deliveries.rows import make_delivery, make_event
from tests.portal.api.customers import create_link, create_session, customer
from tests.portal.customers import Customer

URL = "https://hooks.example.com/in"
MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    made = make_endpoint(owner_id="acme", secret="the signing secret")
    Activity.objects.all().delete()
    return made


@pytest.fixture
def key(api: API) -> dict[str, str]:
    """The actor that the project's admin is."""
    return {"actor_kind": "api_key", "actor_uid": APIKey.objects.get(name="admin").uid, "actor_name": "admin"}


def about(endpoint: Endpoint) -> dict[str, Any]:
    """Return the fields of each row about an endpoint."""
    return {
        "owner_id": endpoint.owner_id,
        "endpoint_id": endpoint.uid,
        "object_uid": endpoint.uid,
        "object_name": endpoint.name,
    }


class TestEndpoints:
    def test_it_is_created(self, project: Project, api: API, key: dict[str, str]) -> None:
        made = api.post(f"/projects/{project.uid}/endpoints", {"url": URL, "name": "Orders", "owner_id": "acme"}).data
        assert recorded() == [
            key
            | {"verb": "endpoint.created", "owner_id": "acme", "endpoint_id": made["uid"], "object_uid": made["uid"]}
            | {"object_name": "Orders", "changes": {"url": [None, URL]}}
        ]

    def test_an_update_has_what_was_before_and_after(
        self, project: Project, api: API, key: dict[str, str], endpoint: Endpoint
    ) -> None:
        sent = {"url": URL, "name": "Bills", "http_timeout": 20, "description": "New"}
        api.put(f"/projects/{project.uid}/endpoints/{endpoint.uid}", sent)
        changes = {"name": ["Orders", "Bills"], "http_timeout": [0, 20], "description": ["", "New"]}
        assert recorded() == [
            key | about(endpoint) | {"verb": "endpoint.updated", "object_name": "Bills", "changes": changes}
        ]

    def test_an_update_that_changes_nothing_is_not_recorded(
        self, project: Project, api: API, endpoint: Endpoint
    ) -> None:
        api.put(f"/projects/{project.uid}/endpoints/{endpoint.uid}", {"url": URL, "name": "Orders"})
        assert recorded() == []

    def test_of_secrets_only_the_names(self, project: Project, api: API, endpoint: Endpoint) -> None:
        secrets = {
            "slack_webhook_url": "https://hooks.slack.com/services/hidden",
            "teams_webhook_url": "https://acme.webhook.office.com/hidden",
            "authentication": {"type": "api_key", "api_key": {"header_name": "X", "header_value": "hidden"}},
        }
        path = f"/projects/{project.uid}/endpoints/{endpoint.uid}"
        assert api.put(path, {"url": URL, "name": "Orders"} | secrets).status == 202
        api.put(f"{path}/expire_secret", {"secret": "hidden", "expiration": 24})
        updated, rotated = recorded()
        assert updated["changes"] == {name: [None, None] for name in secrets}
        assert (rotated["verb"], rotated["changes"]) == ("secret.rotated", {"expiration": [None, 24]})
        assert not any("hidden" in str(row) for row in Activity.objects.values())

    def test_it_is_paused_resumed_enabled_and_deleted(
        self, project: Project, api: API, key: dict[str, str], endpoint: Endpoint
    ) -> None:
        path = f"/projects/{project.uid}/endpoints/{endpoint.uid}"
        api.put(f"{path}/pause")
        api.put(f"{path}/pause")
        Endpoint.objects.update(status="inactive")
        api.post(f"{path}/activate")
        api.delete(path)
        verbs = ["endpoint.paused", "endpoint.resumed", "endpoint.enabled", "endpoint.deleted"]
        assert recorded() == [key | about(endpoint) | {"verb": verb} for verb in verbs]

    def test_switching_disabling_off_enables_all(self, project: Project, endpoint: Endpoint) -> None:
        update_project(project.uid, name=project.name, config={"disable_endpoint": True})
        Endpoint.objects.update(status="inactive")
        config = {"disable_endpoint": False}
        update_project(project.uid, name=project.name, config=config, reactivate_endpoints=reactivate_endpoints)
        assert recorded() == [{"actor_kind": "server", "verb": "endpoint.enabled"} | about(endpoint)]

    def test_what_is_refused_is_not_recorded(self, project: Project, api: API, endpoint: Endpoint) -> None:
        api.put(f"/projects/{project.uid}/endpoints/{endpoint.uid}", {"url": "nonsense", "name": "Bills"})
        api.post(f"/projects/{project.uid}/endpoints/{endpoint.uid}/activate")
        assert recorded() == []


class TestSubscriptions:
    def test_it_is_created_updated_and_deleted(
        self, project: Project, api: API, key: dict[str, str], endpoint: Endpoint
    ) -> None:
        path = f"/projects/{project.uid}/subscriptions"
        config = {"event_types": ["a"], "filter": {"body": {"n": 1}, "headers": {"X-Token": "hidden"}}}
        made = api.post(path, {"name": "All", "endpoint_id": endpoint.uid, "filter_config": {"event_types": ["a"]}})
        api.put(f"{path}/{made.data['uid']}", {"name": "Some", "filter_config": config})
        api.delete(f"{path}/{made.data['uid']}")
        common = key | {"owner_id": "acme", "endpoint_id": endpoint.uid, "object_uid": made.data["uid"]}
        changes = {"name": ["All", "Some"], "body": [None, {"n": 1}], "headers": [None, None]}
        assert recorded() == [
            common | {"verb": "subscription.created", "object_name": "All", "changes": {"event_types": [None, ["a"]]}},
            common | {"verb": "subscription.updated", "object_name": "Some", "changes": changes},
            common | {"verb": "subscription.deleted", "object_name": "Some"},
        ]

    def test_its_filters(self, project: Project, api: API, endpoint: Endpoint) -> None:
        config = {"event_types": ["a"]}
        subscription = create_subscription(
            project.uid, name="All", endpoint_id=endpoint.uid, filter_config={"event_types": ["a", "b", "c"]}
        )
        Filter.objects.filter(event_type__in=["b", "c"]).delete()
        type(subscription).objects.update(event_types=config["event_types"])
        Activity.objects.all().delete()
        path = f"/projects/{project.uid}/subscriptions/{subscription.uid}/filters"
        made = api.post(f"{path}/bulk", [{"event_type": "b"}, {"event_type": "c", "headers": {"X": "hidden"}}]).data
        api.put(f"{path}/{made[0]['uid']}", {"body": {"n": 1}})
        api.post(f"{path}/bulk_update", [{"uid": made[1]["uid"], "enabled_at": None}, {"uid": made[0]["uid"]}])
        api.delete(f"{path}/{made[1]['uid']}")
        found = [(row["verb"], row["object_name"], row.get("changes", {})) for row in recorded()]
        created = {"event_type": [None, "b"], "is_enabled": [None, True]}
        assert found == [
            ("filter.created", "b", created),
            ("filter.created", "c", created | {"event_type": [None, "c"], "headers": [None, None]}),
            ("filter.updated", "b", {"body": [None, {"n": 1}]}),
            ("filter.updated", "c", {"is_enabled": [True, False]}),
            ("filter.deleted", "c", {}),
        ]
        assert {(row["owner_id"], row["endpoint_id"]) for row in recorded()} == {("acme", endpoint.uid)}


class TestDeliveries:
    def test_one_is_retried(self, project: Project, api: API, key: dict[str, str], endpoint: Endpoint) -> None:
        delivery = make_delivery(endpoint, "Failure")
        api.put(f"/projects/{project.uid}/eventdeliveries/{delivery.uid}/resend")
        assert recorded() == [
            key
            | {"verb": "delivery.retried", "owner_id": "acme", "endpoint_id": endpoint.uid}
            | {"object_uid": delivery.uid, "object_name": delivery.event_type}
        ]

    def test_several_by_their_ids(
        self, project: Project, api: API, key: dict[str, str], endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        ids = [make_delivery(endpoint, "Success").uid for _ in range(2)]
        api.post(f"/projects/{project.uid}/eventdeliveries/forceresend", {"ids": ids})
        other = make_endpoint(owner_id="globex")
        Activity.objects.filter(verb="endpoint.created").delete()
        ids = [make_delivery(each, "Success").uid for each in (endpoint, other)]
        api.post(f"/projects/{project.uid}/eventdeliveries/forceresend", {"ids": ids})
        common = key | {"verb": "deliveries.retried", "count": 2}
        assert recorded() == [common | {"owner_id": "acme", "endpoint_id": endpoint.uid}, common]

    def test_a_batch_has_its_number_when_it_ends(
        self, project: Project, api: API, key: dict[str, str], endpoint: Endpoint
    ) -> None:
        for _ in range(3):
            make_delivery(endpoint, "Failure")
        query = f"endpointId={endpoint.uid}&status=Failure"
        api.post(f"/projects/{project.uid}/eventdeliveries/batchretry?{query}")
        [begun] = recorded()
        assert "count" not in begun
        while work_off():
            pass
        [ended] = recorded()
        assert ended == begun | {"count": 3}
        assert ended == key | {
            "verb": "deliveries.retried",
            "endpoint_id": endpoint.uid,
            "object_uid": begun["object_uid"],
            "changes": {"status": [None, ["Failure"]]},
            "count": 3,
        }

    def test_events_are_replayed(self, project: Project, api: API, key: dict[str, str], endpoint: Endpoint) -> None:
        event = make_event(project.uid, endpoints=[endpoint.uid])
        api.put(f"/projects/{project.uid}/events/{event.uid}/replay")
        api.post(f"/projects/{project.uid}/events/batchreplay")
        one = key | {"verb": "event.replayed", "object_uid": event.uid, "object_name": event.event_type}
        assert recorded() == [one, key | {"verb": "events.replayed", "count": 1}]

    def test_a_new_event_is_not_recorded(self, project: Project, api: API, endpoint: Endpoint) -> None:
        create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
        Activity.objects.all().delete()
        sent = {"endpoint_id": endpoint.uid, "event_type": "a", "data": {}}
        assert api.post(f"/projects/{project.uid}/events", sent).status == 201
        assert recorded() == []


class TestPortalLinks:
    @pytest.mark.parametrize("auth_type", ["static_token", "refresh_token"])
    def test_it_is_created_updated_and_revoked(
        self, project: Project, api: API, key: dict[str, str], auth_type: str
    ) -> None:
        path = f"/projects/{project.uid}/portal-links"
        uid = api.post(path, {"name": "Acme", "owner_id": "acme", "auth_type": auth_type}).data["uid"]
        api.put(f"{path}/{uid}", {"name": "Acme", "owner_id": "acme", "can_manage_endpoint": True})
        api.put(f"{path}/{uid}", {"name": "Acme", "owner_id": "acme", "can_manage_endpoint": True})
        api.put(f"{path}/{uid}/revoke")
        common = key | {"owner_id": "acme", "object_uid": uid, "object_name": "Acme"}
        assert recorded() == [
            common | {"verb": "portal_link.created"},
            common | {"verb": "portal_link.updated", "changes": {"can_manage_endpoint": [False, True]}},
            common | {"verb": "portal_link.revoked"},
        ]

    def test_a_link_with_a_list_of_endpoints(self, project: Project, api: API, endpoint: Endpoint) -> None:
        api.post(f"/projects/{project.uid}/portal-links", {"name": "List", "endpoints": [endpoint.uid]})
        assert [(row["verb"], row["object_name"]) for row in recorded()] == [("portal_link.created", "List")]

    def test_its_token_is_nowhere(self, project: Project, api: API) -> None:
        for auth_type in ("static_token", "refresh_token"):
            api.post(f"/projects/{project.uid}/portal-links", {"name": "A", "owner_id": "acme", "auth_type": auth_type})
        tokens = [link.token for link in PortalLink.objects.all()]
        assert not [token for token in tokens if token in str(list(Activity.objects.values()))]

    def test_a_session_is_revoked(self, project: Project, api: API, key: dict[str, str]) -> None:
        session = create_session(project).session
        api.put(f"/projects/{project.uid}/portal-sessions/{session.uid}/revoke")
        common = {"owner_id": "acme", "object_uid": session.uid, "object_name": "acme"}
        assert recorded() == [key | common | {"verb": "portal_session.revoked"}]

    def test_a_session_opens_and_ends_itself(self, project: Project, api: API) -> None:
        session, code = create_session(project, single_use=True)
        opened = Client().post(f"/portal/{project.uid}/open", {"code": code})
        token = opened.json()["token"]
        logout = Client().post(
            "/api/v1/auth/logout", headers={"Authorization": f"Bearer {token}"}, content_type="application/json"
        )
        assert logout.status_code == 204
        common = {"actor_kind": "portal_session", "actor_uid": session.uid, "actor_name": "acme"}
        common |= {"owner_id": "acme", "object_uid": session.uid, "object_name": "acme"}
        assert recorded() == [
            common | {"verb": "portal_session.opened"},
            common | {"verb": "portal_session.revoked"},
        ]

    def test_all_sessions_of_an_owner_end(self, project: Project, api: API) -> None:
        sessions = [create_session(project).session.uid for _ in range(2)]
        headers = {"Authorization": api.headers["Authorization"]}
        assert (
            Client()
            .post("/api/v1/auth/app/acme/expire-all", headers=headers, content_type="application/json")
            .status_code
            == 204
        )
        assert [row["object_uid"] for row in recorded()] == sessions
        assert {(row["verb"], row["actor_name"]) for row in recorded()} == {("portal_session.revoked", "admin")}


class TestActors:
    """The same change by everybody who can make it."""

    @pytest.mark.parametrize("kind", ["static token", "PRT token", "session token"])
    def test_a_customer_of_the_portal_api(self, project: Project, api: API, endpoint: Endpoint, kind: str) -> None:
        caller = customer(project, kind)
        Activity.objects.all().delete()
        assert caller.put(f"/endpoints/{endpoint.uid}/pause").status < 300
        # A refresh link is created with a session, and the token is another one's.
        link, session = PortalLink.objects.first(), PortalSession.objects.order_by("pk").last()
        actor = ("portal_link", link and link.uid, "Acme")
        if session:
            actor = ("portal_session", session.uid, "Acme" if link else "acme")
        [row] = recorded()
        assert (row["actor_kind"], row["actor_uid"], row["actor_name"]) == actor

    def test_a_customer_of_the_pages(self, project: Project, endpoint: Endpoint) -> None:
        link = create_link(project)
        Activity.objects.all().delete()
        assert Customer(project, link.token).post(f"endpoints/{endpoint.uid}/secret").status_code == 200
        assert recorded() == [
            {"actor_kind": "portal_link", "actor_uid": link.uid, "actor_name": "Acme", "verb": "secret.revealed"}
            | about(endpoint)
        ]

    def test_what_a_customer_does_to_no_endpoint_is_the_customers(
        self, project: Project, api: API, endpoint: Endpoint
    ) -> None:
        event = make_event(project.uid, endpoints=[endpoint.uid])
        caller = customer(project, "static token")
        Activity.objects.all().delete()
        assert caller.put(f"/events/{event.uid}/replay").status < 300
        assert [row["owner_id"] for row in recorded()] == ["acme"]

    def test_an_operator(self, admin_client: Client, endpoint: Endpoint) -> None:
        sent = {"action": "pause", "_selected_action": [endpoint.uid]}
        admin_client.post("/admin/endpoints/endpoint/", sent)
        [row] = recorded()
        assert (row["actor_kind"], row["actor_name"], row["verb"]) == ("operator", "admin", "endpoint.paused")

    def test_a_worker(self, project: Project) -> None:
        onboarding.accept(project, [{"name": "A", "url": URL, "event_type": "a"}])
        while onboarding.work_off():
            pass
        assert [(row["actor_kind"], row["verb"]) for row in recorded()] == [
            ("server", "endpoint.created"),
            ("server", "subscription.created"),
        ]

    def test_nobody_inherits_the_actor_before(self, project: Project, api: API) -> None:
        api.post(f"/projects/{project.uid}/endpoints", {"url": URL, "name": "Orders"})
        assert current_actor() == SERVER


class TestValues:
    def test_a_long_value_is_cut(self, project: Project, endpoint: Endpoint) -> None:
        update_endpoint(project.uid, endpoint.uid, url=URL, name="Orders", description="x" * (LONGEST_VALUE + 1))
        [row] = recorded()
        assert row["changes"] == {"description": ["", "x" * LONGEST_VALUE + "…"]}

    def test_a_hostile_name_stays_as_it_is(self, project: Project, endpoint: Endpoint) -> None:
        name = "<script>alert(1)</script> {0} %s \u202e\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")
        update_endpoint(project.uid, endpoint.uid, url=URL, name=name)
        assert recorded()[0]["changes"] == {"name": ["Orders", name]}

    @pytest.mark.slow
    def test_more_than_one_statement_holds(self, project: Project) -> None:
        record_all(project.uid, (Done(Verb.ENDPOINT_ENABLED, object_name=str(n)) for n in range(TOGETHER + 1)))
        assert Activity.objects.count() == TOGETHER + 1

    def test_differences(self) -> None:
        before = {"a": 1, "b": [1], "c": "secret", "d": "kept"}
        after = {"a": 2, "b": [1], "c": "other", "d": "kept", "e": None}
        assert differences(before, after, secret=["c", "d"]) == {"a": [1, 2], "c": [None, None]}


@pytest.mark.django_db(transaction=True)
class TestTransactions:
    def test_neither_is_stored_without_the_other(
        self, project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endpoint = make_endpoint()
        Activity.objects.all().delete()
        # A row that the database refuses, after the change.
        monkeypatch.setattr("activity.operations.new_ulid", lambda: "x" * 27)
        with pytest.raises(Exception, match="too long"):
            update_endpoint(project.uid, endpoint.uid, url=URL, name="Bills")
        endpoint.refresh_from_db()
        assert (endpoint.name, recorded()) == ("Orders", [])
