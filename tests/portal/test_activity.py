"""The page of who did what, and an operator's preview of it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from activity.models import Activity
from activity.operations import Verb
from core.actors import CIRCUIT_BREAKER, Actor, ActorKind
from endpoints.models import Endpoint
from portal.activity_words import NO_VALUE, SENTENCES, said
from portal_links.models import PortalSession
from projects.models import Project
from tests.activity.rows import OPERATOR, make_activity
from tests.portal.api.customers import create_link
from tests.portal.customers import OWNER, Customer, MakeEndpoint
from tests.statements import statements

KEY = Actor(ActorKind.API_KEY, "01M80HQEK749HVST8A6GW0K8E2", "secret backend")
HOSTILE = "<script>alert(1)</script>\"'{endpoint}{0}%s"


@pytest.fixture
def customer(login: Callable[..., Customer], endpoint: Endpoint) -> Customer:
    """A customer with a session, of whom nothing is recorded yet."""
    made = login()
    Activity.objects.all().delete()
    return made


def text(html: str) -> str:
    """The words of the groups of a page, without tags."""
    inner = html.split('<div class="stack">')[-1].split('<div class="after">')[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inner))


def headings(html: str) -> list[str]:
    """Return the actors, group by group."""
    return re.findall(r'<span class="small muted">(.*?)</span>', html)


class TestThePage:
    def test_nothing_yet(self, customer: Customer) -> None:
        html = customer.html("activity")
        assert "Nothing was done yet" in html
        assert "<table" not in html

    def test_the_footer_leads_to_it(self, customer: Customer) -> None:
        assert f'href="{customer.home}activity"' in customer.html()

    def test_each_actor_in_words(self, project: Project, customer: Customer, endpoint: Endpoint) -> None:
        about = {"owner_id": OWNER, "endpoint_id": endpoint.uid, "object_uid": endpoint.uid, "object_name": "Orders in"}
        for actor in (KEY, OPERATOR, CIRCUIT_BREAKER):
            make_activity(project.uid, actor=actor, **about)
        customer.post(f"endpoints/{endpoint.uid}/pause")
        html = customer.html("activity")
        session = f"Session of “{OWNER}”, 127.0.0.1"
        assert headings(html) == [session, "Orders, automatically", "Orders, support", "Orders, by its API"]
        assert html.count("This session") == 1
        for hidden in (KEY.name, KEY.uid, OPERATOR.name):
            assert hidden not in html

    def test_this_session_comes_first(self, project: Project, customer: Customer, endpoint: Endpoint) -> None:
        customer.post(f"endpoints/{endpoint.uid}/pause")
        make_activity(project.uid, actor=CIRCUIT_BREAKER, owner_id=OWNER)
        assert headings(customer.html("activity"))[1:] == ["Orders, automatically"]

    def test_a_static_link(self, project: Project, endpoint: Endpoint) -> None:
        link = create_link(project, owner_id=OWNER, name="Birch dashboard")
        customer = Customer(project, link.token)
        customer.post(f"endpoints/{endpoint.uid}/pause")
        html = customer.html("activity")
        assert headings(html)[0] == "Link “Birch dashboard”"
        assert "This link" in html

    def test_days_are_apart(self, project: Project, customer: Customer) -> None:
        for days in (0, 1, 1, 2):
            row = make_activity(project.uid, actor=CIRCUIT_BREAKER, owner_id=OWNER)
            Activity.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))
        html = customer.html("activity")
        assert [table.count("<td") // 3 for table in html.split("<table")[1:]] == [1, 2, 1]

    def test_what_others_did_elsewhere_is_not_there(
        self, project: Project, other_project: Project, customer: Customer, make_endpoint: MakeEndpoint
    ) -> None:
        theirs = make_endpoint(owner_id="globex", name="Theirs")
        make_activity(other_project.uid, owner_id=OWNER, object_name="Theirs")
        html = customer.html("activity")
        assert "Theirs" not in html
        assert "Nothing was done yet" in html
        assert "No action matches" in customer.html("activity", endpoint=theirs.uid)


class TestWords:
    @pytest.mark.parametrize("verb", list(Verb))
    def test_every_verb_has_a_sentence(self, verb: Verb) -> None:
        row = Activity(verb=verb, object_name="Orders", count=3)
        assert str(verb) not in said(row, "Bills").sentence
        assert verb in SENTENCES or verb in (Verb.DELIVERIES_RETRIED, Verb.EVENTS_REPLAYED)

    @pytest.mark.parametrize(
        ("fields", "sentence", "detail"),
        [
            ({"verb": Verb.ENDPOINT_CREATED, "changes": {"url": [None, "https://a.b/c"]}}, "Added Bills", "a.b/c"),
            ({"verb": Verb.ENDPOINT_UPDATED, "changes": {"http_timeout": [0, 20]}}, "Changed Bills", "Timeout: 0 → 20"),
            (
                {"verb": Verb.ENDPOINT_UPDATED, "changes": {"authentication": [None, None]}},
                "Changed Bills",
                "Authentication",
            ),
            (
                {"verb": Verb.ENDPOINT_UPDATED, "changes": {"description": ["", "x" * 100]}},
                "Changed Bills",
                f"Description: {NO_VALUE} → {'x' * 59}…",
            ),
            (
                {"verb": Verb.ENDPOINT_UPDATED, "changes": {n: [0, 1] for n in ("url", "name", "rate_limit", "other")}},
                "Changed Bills",
                "URL, Name, Rate limit, …",
            ),
            ({"verb": Verb.ENDPOINT_UPDATED, "changes": {"owner_id": ["globex", "acme"]}}, "Changed Bills", ""),
            (
                {"verb": Verb.ENDPOINT_DISABLED, "changes": {"reason": [None, "404 Not Found"]}},
                "Disabled Bills",
                "404 Not Found",
            ),
            (
                {"verb": Verb.SECRET_ROTATED, "changes": {"expiration": [None, 24]}},
                "Rotated the secret of Bills",
                "the old one valid for 24 hours",
            ),
            (
                {"verb": Verb.SUBSCRIPTION_CREATED, "changes": {"event_types": [None, ["*"]]}},
                "Chose the events of Bills",
                "All events",
            ),
            (
                {"verb": Verb.FILTER_UPDATED, "changes": {"body": [{"n": 1}, {}]}},
                "Changed the filter for Orders of Bills",
                "Conditions: {…} → " + NO_VALUE,
            ),
            ({"verb": Verb.DELIVERIES_RETRIED, "count": 1}, "Retried 1 delivery to Bills", "Orders"),
            ({"verb": Verb.DELIVERIES_RETRIED}, "Began to retry deliveries to Bills", "Orders"),
            ({"verb": Verb.EVENTS_REPLAYED, "count": 12}, "Sent 12 events again", ""),
        ],
    )
    def test_sentence_and_detail(self, fields: dict[str, object], sentence: str, detail: str) -> None:
        words = said(Activity(object_name="Orders", **fields), "Bills")
        assert (words.sentence, words.detail) == (sentence, detail)

    @pytest.mark.slow
    def test_an_endpoint_is_a_link_while_it_can_be_opened(
        self, project: Project, customer: Customer, endpoint: Endpoint
    ) -> None:
        customer.post(f"endpoints/{endpoint.uid}/pause")
        link = f'<a href="{customer.home}endpoints/{endpoint.uid}">{endpoint.name}</a>'
        assert f"Paused {link}" in customer.html("activity")
        customer.post(f"endpoints/{endpoint.uid}/delete")
        html = customer.html("activity")
        assert link not in html
        assert f"Paused {endpoint.name}" in html

    @pytest.mark.slow
    def test_hostile_texts(self, project: Project, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id=OWNER, name=HOSTILE)
        actor = Actor(ActorKind.PORTAL_LINK, "l" * 26, HOSTILE)
        for verb in Verb:
            make_activity(
                project.uid,
                actor=actor,
                owner_id=OWNER,
                verb=verb,
                endpoint_id=endpoint.uid,
                object_name=HOSTILE,
                changes={HOSTILE: [HOSTILE, "new"], "reason": [None, HOSTILE], "url": [None, HOSTILE]},
            )
        html = customer.html("activity") + customer.html("activity", q=HOSTILE)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


class TestChoosing:
    @pytest.mark.slow
    def test_each(self, project: Project, customer: Customer, endpoint: Endpoint, make_endpoint: MakeEndpoint) -> None:
        other = make_endpoint(owner_id=OWNER, name="Bills")
        Activity.objects.all().delete()
        common = {
            "owner_id": OWNER,
            "endpoint_id": endpoint.uid,
            "object_uid": endpoint.uid,
            "object_name": "Orders in",
        }
        make_activity(project.uid, verb=Verb.SECRET_ROTATED, **common)
        make_activity(
            project.uid, verb=Verb.ENDPOINT_PAUSED, **common | {"endpoint_id": other.uid, "object_name": "Bills"}
        )
        rotated, paused = "Rotated the secret of", "Paused"
        for query, shown in (
            ({}, (rotated, paused)),
            ({"what": "secrets"}, (rotated,)),
            ({"what": "endpoints"}, (paused,)),
            ({"what": "retries"}, ()),
            ({"what": "nonsense"}, (rotated, paused)),
            ({"endpoint": endpoint.uid}, (rotated,)),
            ({"endpoint": "no\x00pe"}, ()),
            ({"q": "BILL"}, (paused,)),
            ({"q": "%"}, ()),
        ):
            words = text(customer.html("activity", **query))
            assert [sentence for sentence in (rotated, paused) if f" {sentence} " in words] == list(shown), query

    def test_older_pages(self, project: Project, customer: Customer) -> None:
        for number in range(53):
            make_activity(project.uid, owner_id=OWNER, verb=Verb.PORTAL_LINK_CREATED, object_name=f"[{number}]")
        html = customer.html("activity", what="access")
        assert "50 of 53 actions" in html
        assert html.count(">Created the link") == 50
        [older] = re.findall(r'href="[^"]*activity\?([^"]+)">Older', html)
        query = dict(pair.split("=") for pair in older.replace("&amp;", "&").split("&"))
        html = customer.html("activity", **query)
        assert re.findall(r">Created the link “(\[\d+\])”", html) == ["[2]", "[1]", "[0]"]
        assert "Newest" in html
        assert "Older" not in html


@pytest.mark.parametrize("rows", [1, 50])
def test_the_statements(
    project: Project, login: Callable[..., Customer], make_endpoint: MakeEndpoint, rows: int
) -> None:
    link = create_link(project, owner_id=OWNER, auth_type="refresh_token")
    customer = login()
    Activity.objects.all().delete()
    for number in range(rows):
        endpoint = make_endpoint(owner_id=OWNER, name=f"Orders {number}")
        session = PortalSession.objects.exclude(portal_link=None).first()
        assert session is not None
        actor = Actor(ActorKind.PORTAL_SESSION, session.uid, link.name)
        make_activity(project.uid, actor=actor, owner_id=OWNER, endpoint_id=endpoint.uid)
    Activity.objects.filter(verb="endpoint.created").delete()
    customer.html()
    with statements() as found:
        assert customer.html("activity").count("<td") == rows * 3
    assert found == [
        "SELECT portal_links_portalsession",
        "SELECT activity_activity",
        "SELECT endpoints_endpoint",
        "SELECT portal_links_portalsession",
        "SELECT projects_eventtype",
    ]


def test_a_browser_that_comes_by_itself_gets_the_shell(client: Client, project: Project) -> None:
    make_activity(project.uid, owner_id=OWNER, object_name="Ours alone")
    html = client.get(f"/portal/{project.uid}/activity").content.decode()
    assert "/static/portal/portal." in html
    assert "Ours alone" not in html
