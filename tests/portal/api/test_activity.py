"""GET /portal-api/activity. Contract: docs/contract/activity.md#portal."""

from collections.abc import Sequence

import pytest

from activity.models import Activity
from activity.operations import Verb
from core.actors import CIRCUIT_BREAKER, SERVER, Actor, ActorKind
from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, update_endpoint
from portal_links.models import PortalSession
from portal_links.operations import mint_refresh_token
from projects.models import Project
from tests.activity.rows import OPERATOR, make_activity
from tests.conftest import API, Row
from tests.portal.api.customers import (
    KINDS,
    ROOT,
    Call,
    MakeEndpoint,
    RefusesStrangers,
    create_link,
    customer,
    portal,
)
from tests.statements import statements

KEY = Actor(ActorKind.API_KEY, "01M80HQEK749HVST8A6GW0K8E2", "backend")
PATH = "/activity"


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    made = make_endpoint(owner_id="acme")
    Activity.objects.all().delete()
    return made


@pytest.fixture
def call() -> Call:
    return lambda caller: caller.get(PATH)


def names(caller: API) -> list[str]:
    return [row["object_name"] for row in caller.get(PATH).data["content"]]


def silent(project: Project, kind: str, *, owner_id: str = "acme", endpoints: Sequence[str] = ()) -> API:
    """A customer whose link's creation is not in the record."""
    before = set(Activity.objects.values_list("pk", flat=True))
    made = customer(project, kind, owner_id=owner_id, endpoints=endpoints)
    Activity.objects.exclude(pk__in=before).delete()
    return made


@pytest.mark.parametrize("kind", KINDS)
class TestOfAnOwner:
    def test_what_is_theirs(self, api: API, project: Project, other_project: Project, kind: str) -> None:
        make_activity(project.uid, owner_id="acme", object_name="ours")
        for owner_id in ("globex", "ACME", ""):
            make_activity(project.uid, owner_id=owner_id, object_name="not ours")
        make_activity(other_project.uid, owner_id="acme", object_name="not ours")
        assert names(silent(project, kind)) == ["ours"]

    def test_an_endpoint_that_had_no_owner(self, api: API, project: Project, endpoint: Endpoint, kind: str) -> None:
        make_activity(project.uid, endpoint_id=endpoint.uid, object_name="before")
        make_activity(project.uid, endpoint_id=endpoint.uid, owner_id="acme", object_name="after")
        assert names(silent(project, kind)) == ["after", "before"]

    def test_an_endpoint_of_another_before(self, api: API, project: Project, endpoint: Endpoint, kind: str) -> None:
        make_activity(project.uid, endpoint_id=endpoint.uid, owner_id="globex", object_name="theirs")
        update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name="Orders", owner_id="globex")
        update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name="Mine", owner_id="acme")
        [row] = silent(project, kind).get(PATH).data["content"]
        assert (row["object_name"], row["changes"]) == ("Mine", {"name": ["Orders", "Mine"]})

    def test_what_is_deleted_stays(self, api: API, project: Project, endpoint: Endpoint, kind: str) -> None:
        delete_endpoint(project.uid, endpoint.uid)
        assert names(silent(project, kind)) == ["Orders"]


@pytest.mark.parametrize("kind", ["static token", "PRT token"])
class TestOfALinkWithoutAnOwner:
    def test_its_endpoints_deleted_ones_too(self, project: Project, make_endpoint: MakeEndpoint, kind: str) -> None:
        listed, other = make_endpoint(name="listed"), make_endpoint(name="other")
        delete_endpoint(project.uid, listed.uid)
        caller = silent(project, kind, owner_id="", endpoints=[make_endpoint(name="kept").uid])
        assert names(caller) == ["kept"]
        PortalSession.objects.all().delete()
        link = create_link(project, owner_id="", endpoints=[other.uid])
        type(link).objects.filter(pk=link.pk).update(endpoints=[listed.uid])
        assert names(portal(link.token)) == ["listed", "listed"]

    def test_what_it_has_done_itself(self, project: Project, endpoint: Endpoint, kind: str) -> None:
        caller = silent(project, kind, owner_id="", endpoints=[endpoint.uid])
        link = project.portal_links.get()
        others = create_link(project, owner_id="", endpoints=[endpoint.uid], auth_type="refresh_token", name="Other")
        mint_refresh_token(project.uid, link.uid) if kind == "PRT token" else None
        own = [Actor(ActorKind.PORTAL_LINK, link.uid, "Acme")]
        own += [Actor(ActorKind.PORTAL_SESSION, each.uid, "Acme") for each in link.sessions.all()]
        foreign = [Actor(ActorKind.PORTAL_LINK, others.uid, "Other")]
        foreign += [Actor(ActorKind.PORTAL_SESSION, each.uid, "Other") for each in others.sessions.all()]
        Activity.objects.all().delete()
        for actor in own:
            make_activity(project.uid, actor=actor, verb=Verb.EVENTS_REPLAYED, object_name="own")
        for actor in foreign:
            make_activity(project.uid, actor=actor, verb=Verb.EVENTS_REPLAYED, object_name="foreign")
        assert names(caller) == ["own"] * len(own)
        # On a shared endpoint the other link is seen, but not which it is.
        make_activity(project.uid, actor=foreign[0], endpoint_id=endpoint.uid, object_name="shared")
        shown = caller.get(PATH).data["content"]
        assert shown[0]["actor"] == {"kind": "portal_link", "uid": "", "name": ""}
        assert {row["actor"]["name"] for row in shown[1:]} == {"Acme"}


class TestActors:
    def test_as_a_customer_sees_them(self, api: API, project: Project, row: Row) -> None:
        session = Actor(ActorKind.PORTAL_SESSION, "s" * 26, "acme")
        for actor, shown in (
            (KEY, ("api_key", "", "API")),
            (OPERATOR, ("operator", "", "Support")),
            (CIRCUIT_BREAKER, ("circuit_breaker", "", "")),
            (SERVER, ("server", "", "")),
            (session, ("portal_session", "s" * 26, "acme")),
        ):
            with row(actor.kind):
                make_activity(project.uid, actor=actor, owner_id="acme")
                [found] = silent(project, "static token").get(PATH).data["content"]
                assert tuple(found["actor"].values()) == shown

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_customers_own_action(self, api: API, project: Project, endpoint: Endpoint, kind: str) -> None:
        caller = silent(project, kind)
        caller.put(f"/endpoints/{endpoint.uid}/pause")
        [row] = caller.get(PATH).data["content"]
        assert row["verb"] == "endpoint.paused"
        assert row["actor"]["name"] == ("acme" if kind == "session token" else "Acme")
        assert row["actor"]["uid"]

    def test_a_key_sees_the_whole_record(self, api: API, project: Project) -> None:
        make_activity(project.uid, actor=KEY, changes={"owner_id": ["globex", "acme"]})
        own = api.get(f"/projects/{project.uid}/activity").data
        api.root = ROOT
        assert api.get(PATH).data == own


class TestRefusals(RefusesStrangers):
    @pytest.mark.parametrize("rows", [1, 50])
    def test_the_statements(self, project: Project, rows: int) -> None:
        for number in range(rows):
            actor = Actor(ActorKind.PORTAL_SESSION, str(number), "acme")
            make_activity(project.uid, owner_id="acme", actor=actor)
        caller = silent(project, "static token")
        with statements() as found:
            assert len(caller.get(f"{PATH}?perPage=50").data["content"]) == rows
        # The credential, the ids and sizes of the page, then its rows.
        assert found == ["SELECT portal_links_portallink", *["SELECT activity_activity"] * 2]

    @pytest.mark.parametrize("rows", [1, 50])
    def test_the_statements_of_a_link_without_an_owner(
        self, project: Project, make_endpoint: MakeEndpoint, rows: int
    ) -> None:
        endpoint = make_endpoint()
        caller = silent(project, "static token", owner_id="", endpoints=[endpoint.uid])
        Activity.objects.all().delete()
        for number in range(rows):
            actor = Actor(ActorKind.PORTAL_SESSION, str(number), "another")
            make_activity(project.uid, endpoint_id=endpoint.uid, actor=actor)
        with statements() as found:
            assert len(caller.get(f"{PATH}?perPage=50").data["content"]) == rows
        # The credential, the ids and sizes of the page, its rows, and the sessions of the link among the actors.
        rows_read = ["SELECT activity_activity"] * 2
        assert found == ["SELECT portal_links_portallink", *rows_read, "SELECT portal_links_portalsession"]
