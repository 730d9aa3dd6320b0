"""Adding an endpoint with its events, and its settings: every field, all errors at once, and who may change what."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from endpoints.models import Endpoint
from portal_links.capabilities import DELETE_ENDPOINT, EVERYTHING, MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS, READ_ONLY
from portal_links.models import PortalLink
from portal_links.operations import create_portal_link
from projects.models import EventType, Project
from subscriptions.choice import filters_of, set_conditions
from subscriptions.models import Subscription
from subscriptions.operations import create_subscription
from tests.conftest import API
from tests.outbound.certificates import Authority
from tests.portal.customers import OWNER, Customer, MakeEndpoint
from tests.portal.test_endpoint_forms import FORM
from tests.statements import statements

Login = Callable[..., Customer]


@pytest.fixture(autouse=True)
def types(project: Project) -> None:
    names = ("order.created", "order.paid", "invoice.paid", "ping")
    EventType.objects.bulk_create(EventType(project=project, name=name) for name in names)


def listened(endpoint: Endpoint) -> dict[str, Any]:
    return {row.event_type: row.conditions for row in filters_of(endpoint.project_id, endpoint.uid)}


def errors(html: str) -> set[str]:
    """The names of the fields with an error."""
    return set(re.findall(r'id="id_(\w+)_error"', html)) | ({"events"} if 'id="events-wrong"' in html else set())


class TestAdd:
    @pytest.mark.parametrize(
        ("sent", "expected"),
        [
            ({}, {"*"}),
            ({"which": "all", "types": ["order.paid"]}, {"*"}),
            ({"which": "some", "types": ["order.paid", "ping"]}, {"order.paid", "ping"}),
            ({"which": "some", "groups": ["order"], "types": ["order.paid"]}, {"order.created", "order.paid"}),
        ],
    )
    def test_it_is_subscribed_at_once(self, login: Login, sent: Mapping[str, Any], expected: set[str]) -> None:
        assert login().post("endpoints/new", **FORM | dict(sent)).status_code == 200
        made = Endpoint.objects.get()
        assert set(listened(made)) == expected
        assert Subscription.objects.get().name == "New"

    def test_one_event_is_delivered_once(self, login: Login, project: Project, api: API) -> None:
        html = login().post("endpoints/new", **FORM | {"which": "some", "types": ["order.paid"]}).content.decode()
        assert "The endpoint was added. It receives the events that you have chosen." in html
        for event_type in ("order.paid", "order.created"):
            sent: dict[str, object] = {"owner_id": OWNER, "event_type": event_type, "data": {}}
            api.post(f"/projects/{project.uid}/events/fanout", sent)
        [delivery] = api.get(f"/projects/{project.uid}/eventdeliveries").data["content"]
        assert delivery["endpoint_id"] == Endpoint.objects.get().uid

    def test_all_errors_come_in_one_round_and_what_was_typed_is_kept(self, login: Login) -> None:
        sent: dict[str, Any] = {
            "url": "nonsense",
            "name": "",
            "description": "Kept as it is",
            "support_email": "nobody",
            "slack_webhook_url": "http://localhost/",
            "teams_webhook_url": "http://10.0.0.1/",
            "http_timeout": "x",
            "rate_limit": "-1",
            "type": "api_key",
            "mtls": "on",
            "client_cert": "no certificate",
            "which": "some",
            "groups": ["lost"],
        }
        response = login().post("endpoints/new", **FORM | sent)
        html = response.content.decode()
        assert response.status_code == 422
        assert errors(html) == {
            *("url", "name", "support_email", "slack_webhook_url", "teams_webhook_url", "http_timeout", "rate_limit"),
            *("header_name", "header_value", "client_key", "events"),
        }
        assert "<strong>Not added.</strong> Look at: URL, Name, Header, Value," in html
        assert "Kept as it is" in html
        assert "<title>Not added" in html
        for fold in ("authentication", "delivery", "notifications"):
            assert f'id="{fold}" open' in html
        assert 'id="signature" open' not in html
        assert not Endpoint.objects.exists()

    @pytest.mark.parametrize(
        ("kind", "sent", "wrong"),
        [
            ("oauth2", {}, {"token_url", "client_id", "client_secret"}),
            ("oauth2", {"token_url": "nonsense", "client_id": "c", "client_secret": "s"}, {"token_url"}),
            ("oauth2", {"token_url": "https://x/" + "y" * 2048, "client_id": "c", "client_secret": "s"}, {"token_url"}),
            ("basic_auth", {}, {"username", "password"}),
            ("api_key", {"header_name": "Host", "header_value": "v"}, {"header_name"}),
        ],
    )
    def test_each_authentication_names_what_is_missing(
        self, login: Login, kind: str, sent: dict[str, str], wrong: set[str]
    ) -> None:
        response = login().post("endpoints/new", **FORM | sent | {"type": kind})
        assert errors(response.content.decode()) == wrong

    def test_every_option_is_stored(self, login: Login, tmp_path: Path) -> None:
        certificate, key = Authority(tmp_path).pair("client")
        sent = {
            "description": "New orders",
            "type": "oauth2",
            "token_url": "https://login.example.com/token",
            "client_id": "c",
            "client_secret": " s ",
            "audience": "hooks",
            "mtls": "on",
            "client_cert": certificate,
            "client_key": key,
            "http_timeout": "7",
            "rate_limit": "20",
            "rate_limit_duration": "60",
            "support_email": "ops@example.com",
        }
        assert login().post("endpoints/new", **FORM | sent).status_code == 200
        made = Endpoint.objects.get()
        assert made.authentication is not None
        assert made.authentication["oauth2"] == {
            "url": "https://login.example.com/token",
            "client_id": "c",
            "client_secret": " s ",
            "audience": "hooks",
            "authentication_type": "shared_secret",
            "grant_type": "client_credentials",
            "expiry_time_unit": "seconds",
        }
        assert made.mtls_client_cert is not None
        assert (made.http_timeout, made.rate_limit, made.rate_limit_duration) == (7, 20, 60)
        assert (made.description, made.support_email) == ("New orders", "ops@example.com")

    def test_a_link_without_an_owner_is_told_what_it_receives(self, project: Project) -> None:
        link = create_portal_link(project.uid, name="List", owner_id="", can_manage_endpoint=True).link
        customer = Customer(project, link.token)
        assert "It receives the events that are sent to it alone" in customer.html("endpoints/new")
        html = customer.post("endpoints/new", **FORM).content.decode()
        assert "It receives the events sent to it alone, and those sent to everyone." in html
        assert PortalLink.objects.get().endpoints == [Endpoint.objects.get().uid]

    def test_an_incoming_project_has_no_choice(self, login: Login, project: Project) -> None:
        Project.objects.filter(pk=project.pk).update(type="incoming")
        customer = login()
        html = customer.html("endpoints/new")
        assert 'name="which"' not in html
        assert "Its events come from a source" in html
        assert 'name="advanced_signatures"' not in html
        assert customer.post("endpoints/new", **FORM | {"which": "some", "types": ["ping"]}).status_code == 200
        assert not Subscription.objects.exists()

    def test_a_type_that_is_not_the_projects_is_refused(self, login: Login) -> None:
        response = login().post("endpoints/new", **FORM | {"which": "some", "types": ["order.lost"]})
        assert response.status_code == 422
        assert "Event type order.lost does not exist." in response.content.decode()
        assert not Endpoint.objects.exists()


@pytest.fixture
def listening(project: Project, endpoint: Endpoint) -> Endpoint:
    """An endpoint that listens to two types, one of them under a condition."""
    config = {"event_types": ["order.created", "ping"]}
    create_subscription(project.uid, name="mine", endpoint_id=endpoint.uid, filter_config=config)
    set_conditions(project.uid, endpoint.uid, "order.created", {"body": {"total": {"$gte": 100}}})
    return endpoint


@pytest.fixture
def path(listening: Endpoint) -> str:
    return f"endpoints/{listening.uid}/settings"


class TestSettings:
    def test_it_shows_what_there_is(self, login: Login, path: str) -> None:
        html = login().html(path)
        assert re.findall(r'name="types" value="([^"]+)"[^>]* checked', html) == ["order.created", "ping"]
        assert 'name="which" value="some" checked' in html
        assert "if <code>total</code> ≥ 100" in html
        assert f"{path}/filters/order.created" in html
        assert '<option value="ping">' in html
        assert "Delete “Orders in”?" in html

    @pytest.mark.slow
    def test_everything_is_saved_together(self, login: Login, listening: Endpoint, path: str) -> None:
        sent = FORM | {"which": "some", "types": ["order.created"], "groups": ["invoice"]}
        html = login().post(path, **sent).content.decode()
        assert "Your changes were saved." in html
        listening.refresh_from_db()
        assert listening.name == "New"
        assert listened(listening) == {"order.created": {"body": {"total": {"$gte": 100}}}, "invoice.paid": {}}

    @pytest.mark.slow
    def test_nothing_is_saved_where_something_is_wrong(self, login: Login, listening: Endpoint, path: str) -> None:
        customer = login()
        for sent, wrong in (
            ({"which": "some"}, {"events"}),
            ({"url": "", "which": "all"}, {"url"}),
            ({"which": "some", "types": ["order.lost"]}, set()),
        ):
            response = customer.post(path, **FORM | sent)
            assert response.status_code == 422
            assert "<strong>Not saved.</strong>" in response.content.decode()
            assert errors(response.content.decode()) == wrong
        listening.refresh_from_db()
        assert listening.name == "Orders in"
        assert set(listened(listening)) == {"order.created", "ping"}

    @pytest.mark.slow
    def test_an_endpoint_without_events_can_be_saved_without_any(self, login: Login, endpoint: Endpoint) -> None:
        customer = login()
        assert customer.post(f"endpoints/{endpoint.uid}/settings", **FORM | {"which": "some"}).status_code == 200
        assert customer.post(f"endpoints/{endpoint.uid}/settings", **FORM).status_code == 200
        assert not Subscription.objects.exists()
        assert customer.post(f"endpoints/{endpoint.uid}/settings", **FORM | {"which": "all"}).status_code == 200
        assert set(listened(endpoint)) == {"*"}

    @pytest.mark.slow
    def test_new_types_of_a_group_are_offered(self, login: Login, project: Project, endpoint: Endpoint) -> None:
        config = {"event_types": ["order.created", "order.paid"]}
        create_subscription(project.uid, name="mine", endpoint_id=endpoint.uid, filter_config=config)
        EventType.objects.bulk_create(
            EventType(project=project, name=name) for name in ("order.lost", "order.found", "invoice.new")
        )
        customer = login()
        html = customer.html(f"endpoints/{endpoint.uid}/settings")
        assert "Add 2 new order events" in html
        sent = FORM | {"which": "some", "types": ["order.created", "order.paid"], "groups": ["order"]}
        assert "new order event" not in customer.post(f"endpoints/{endpoint.uid}/settings", **sent).content.decode()
        assert set(listened(endpoint)) == {"order.created", "order.found", "order.lost", "order.paid"}

    @pytest.mark.slow
    def test_defaults_can_be_restored(self, login: Login, make_endpoint: MakeEndpoint, tmp_path: Path) -> None:
        certificate, key = Authority(tmp_path).pair("client")
        endpoint = make_endpoint(
            owner_id=OWNER,
            http_timeout=7,
            rate_limit=5,
            rate_limit_duration=3,
            mtls_client_cert={"client_cert": certificate, "client_key": key},
        )
        customer, there = login(), f"endpoints/{endpoint.uid}/settings"
        html = customer.html(there)
        assert "JSON, 7 s, 5 in 3 s" in html
        assert '<option value="3" selected>requests in 3 seconds' in html
        assert "BEGIN PRIVATE KEY-----\n" not in html.replace('placeholder="-----BEGIN PRIVATE KEY-----"', "")
        kept = {"http_timeout": "7", "rate_limit": "5", "rate_limit_duration": "3"}
        customer.post(there, **FORM | kept | {"mtls": "on", "client_cert": certificate, "client_key": ""})
        endpoint.refresh_from_db()
        assert endpoint.mtls_client_cert == {"client_cert": certificate, "client_key": key}
        assert customer.post(there, **FORM).status_code == 200
        endpoint.refresh_from_db()
        assert endpoint.mtls_client_cert is None
        assert (endpoint.http_timeout, endpoint.rate_limit, endpoint.rate_limit_duration) == (10, 0, 0)

    @pytest.mark.slow
    def test_who_may_only_choose_events_changes_nothing_else(
        self, login: Login, listening: Endpoint, path: str
    ) -> None:
        customer = login(READ_ONLY | {MANAGE_SUBSCRIPTIONS})
        html = customer.html(path)
        assert html.count('<fieldset class="stack plain-set" disabled>') == 2
        assert "Everything else can only be read." in html
        assert 'id="gone"' not in html
        assert customer.post(path, **FORM | {"which": "all"}).status_code == 200
        listening.refresh_from_db()
        assert listening.name == "Orders in"
        assert "*" in listened(listening)

    def test_who_may_not_choose_events_changes_everything_else(
        self, login: Login, listening: Endpoint, path: str
    ) -> None:
        customer = login(EVERYTHING - {MANAGE_SUBSCRIPTIONS})
        assert 'name="which"' not in customer.html(path)
        assert customer.post(path, **FORM | {"which": "all"}).status_code == 200
        listening.refresh_from_db()
        assert listening.name == "New"
        assert set(listened(listening)) == {"order.created", "ping"}

    def test_who_may_do_neither_is_refused(self, login: Login, path: str) -> None:
        customer = login(EVERYTHING - {MANAGE_SUBSCRIPTIONS, MANAGE_ENDPOINT})
        assert (customer.get(path).status_code, customer.post(path, **FORM).status_code) == (403, 403)

    def test_delete_is_drawn_for_who_may(self, login: Login, path: str) -> None:
        assert 'id="gone"' not in login(EVERYTHING - {DELETE_ENDPOINT}).html(path)

    @pytest.mark.slow
    def test_texts_of_strangers_stay_texts(self, login: Login, make_endpoint: MakeEndpoint, project: Project) -> None:
        hostile = "<img src=x onerror=alert(1)>'\""
        EventType.objects.create(project=project, name=hostile)
        endpoint = make_endpoint(
            owner_id=OWNER, name=hostile, description=hostile, url=f"https://example.com/{hostile[:4]}"
        )
        create_subscription(project.uid, name="n", endpoint_id=endpoint.uid, filter_config={"event_types": [hostile]})
        set_conditions(project.uid, endpoint.uid, hostile, {"body": {hostile: hostile}})
        customer = login()
        sent = dict.fromkeys(FORM, hostile) | {"types": hostile, "which": "some", "header_name": hostile}
        for html in (
            customer.html(f"endpoints/{endpoint.uid}/settings"),
            customer.post(f"endpoints/{endpoint.uid}/settings", **sent).content.decode(),
            customer.post("endpoints/new", **sent | {"type": "api_key"}).content.decode(),
        ):
            assert "<img" not in html

    @pytest.mark.slow
    @pytest.mark.parametrize("rows", [1, 50])
    def test_statements(self, login: Login, project: Project, listening: Endpoint, path: str, rows: int) -> None:
        names = [f"many.t{index}" for index in range(rows)]
        EventType.objects.bulk_create(EventType(project=project, name=name) for name in names)
        customer = login()
        customer.post(path, **FORM | {"which": "some", "types": names})
        for name in names:
            set_conditions(project.uid, listening.uid, name, {"body": {"a": 1}})
        with statements() as made:
            assert customer.html(path).count("Edit filter") == rows
        assert made.count("SELECT subscriptions_filter") == 1
        assert made.count("SELECT projects_eventtype") == 2  # those to choose from, and whether there is a catalogue
        assert made.count("SELECT endpoints_endpoint") == 1
        assert len(made) < 12
