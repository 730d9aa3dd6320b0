"""The roles of the admin, each with each page and action."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management.sql import emit_post_migrate_signal
from django.test import Client, RequestFactory
from django.utils import timezone

from activity.models import Activity
from endpoints.models import Endpoint
from events.models import EventDelivery
from operators.roles import APPS, AUDITOR, OPERATOR, ROLES, SUPPORT, make_roles
from portal_links.operations import create_portal_link
from portal_links.sessions import preview_portal
from projects.models import Project
from switches.models import Discard, Pause, Worker
from tests.deliveries.rows import make_attempt, make_delivery

pytestmark = pytest.mark.django_db
MakeEndpoint = Callable[..., Endpoint]
EVERYBODY = {OPERATOR, SUPPORT, AUDITOR}
#: The actions of the lists, and the roles that may run each.
ACTIONS = {
    "endpoints_endpoint": {"pause": {OPERATOR}, "activate": {OPERATOR}, "rotate_secret": {OPERATOR}},
    "events_eventdelivery": {"resend": {OPERATOR, SUPPORT}, "share": {OPERATOR}},
    "jobs_job": {"pause": {OPERATOR}, "resume": {OPERATOR}, "cancel": {OPERATOR}},
    "meta_events_metaevent": {"resend": {OPERATOR}},
    "portal_links_portallink": {"revoke": {OPERATOR}},
    "portal_links_portalsession": {"end": {OPERATOR}},
    "portal_links_deliverylink": {"revoke": {OPERATOR}},
    "projects_apikey": {"revoke": {OPERATOR}},
    "projects_project": {"delete_selected": {OPERATOR}},
}
#: The pages on which a row is made.
ADDED = {"projects_project", "projects_apikey"}
#: The roles that see a table; all do where it is not named.
SEEN = {"admin_logentry": {OPERATOR, AUDITOR}}


def name_of(model: Any) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


def ours() -> dict[str, Any]:
    """The pages of our tables and of Django's log; users and groups are the superuser's."""
    return {name_of(model): page for model, page in admin.site._registry.items() if model._meta.app_label != "auth"}


def rights() -> dict[str, set[str]]:
    """The permissions of each role."""
    rows = Group.objects.values_list("name", "permissions__codename")
    return {name: {codename for role, codename in rows if role == name} for name, _ in rows}


@pytest.fixture(autouse=True)
def roles(db: None) -> None:
    """The groups, which the tests of other files may have emptied."""
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")


@pytest.fixture
def users() -> dict[str, User]:
    """A user of each role, and one of none."""
    made = {role: User.objects.create_user(role, is_staff=True) for role in (*sorted(EVERYBODY), "nobody")}
    for role in EVERYBODY:
        made[role].groups.add(Group.objects.get(name=role))
    return made


@pytest.fixture
def clients(users: dict[str, User]) -> dict[str, Client]:
    found = {role: Client() for role in users}
    for role, client in found.items():
        client.force_login(users[role])
    return found


class World:
    """A row of each kind that a button of the admin changes."""

    def __init__(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        self.project = project
        self.endpoint = make_endpoint(owner_id="acme")
        self.delivery = make_delivery(self.endpoint, "Failure")
        make_attempt(self.delivery, status=False)
        self.link = create_portal_link(project.uid, name="acme", owner_id="acme").link
        self.session = preview_portal(project.uid, operator="jane", owner_id="acme").session
        now = timezone.now()
        self.worker = Worker.objects.create(name="w:1", started_at=now, seen_at=now)
        Pause.objects.create(project=project, owner_id="other")
        self.discard = Discard.objects.create(project=project, state="discarded")


@pytest.fixture
def world(project: Project, make_endpoint: MakeEndpoint) -> World:
    return World(project, make_endpoint)


def allowed(clients: dict[str, Client], url: str, sent: dict[str, str] | None = None) -> set[str]:
    """The roles to which a page, or a form that is sent, is not refused."""
    found = {
        role: (client.get(url) if sent is None else client.post(url, sent)).status_code
        for role, client in clients.items()
    }
    assert set(found.values()) <= {200, 302, 403}, found
    return {role for role, status in found.items() if status != 403}


@pytest.mark.slow  # it opens every page with every role
def test_every_list_and_page(clients: dict[str, Client], world: World, row: Any) -> None:
    assert set(ours()) >= set(ACTIONS) | ADDED | set(SEEN)
    for name, page in ours().items():
        url = f"/admin/{name.replace('_' + page.opts.model_name, '')}/{page.opts.model_name}/"
        with row(f"list of {name}"):
            assert allowed(clients, url) == SEEN.get(name, EVERYBODY)
        with row(f"add {name}"):
            wanted = {OPERATOR} if name in ADDED else set()
            assert allowed(clients, f"{url}add/") == wanted
        first = page.model._default_manager.order_by("-pk").first()
        if first is not None:
            with row(f"page of {name}"):
                found = allowed(clients, f"{url}{first.pk}/change/")
                assert found == SEEN.get(name, EVERYBODY)


def test_every_action(users: dict[str, User], row: Any) -> None:
    found: dict[str, dict[str, set[str]]] = {}
    for name, page in ours().items():
        for role, user in users.items():
            request = RequestFactory().get("/")
            request.user = user
            for action in page.get_actions(request):
                found.setdefault(name, {}).setdefault(action, set()).add(role)
    assert found == ACTIONS


class TestButtons:
    """The pages and buttons beside the lists."""

    @pytest.mark.slow  # it opens every page with every role
    def test_who_may_press_which(self, clients: dict[str, Client], world: World, row: Any) -> None:
        customer = f"/admin/customers/{world.project.pk}/acme/"
        links, sessions = "/admin/portal_links/portallink/", "/admin/portal_links/portalsession/"
        with row("looking"):
            for url in (customer, f"{links}{world.link.pk}/scope", f"{sessions}{world.session.pk}/scope"):
                assert allowed(clients, url) == EVERYBODY, url
            for url in ("/admin/switches/", "/admin/search?q=acme"):
                assert allowed(clients, url) - {"nobody"} == EVERYBODY, url
        asked: dict[str, tuple[str, dict[str, str], set[str]]] = {
            "retry": (customer, {"act": "retry"}, {OPERATOR, SUPPORT}),
            "pause an endpoint": (customer, {"act": "pause", "row": world.endpoint.pk}, {OPERATOR}),
            "activate an endpoint": (customer, {"act": "activate", "row": world.endpoint.pk}, {OPERATOR}),
            "revoke a link": (customer, {"act": "revoke", "row": world.link.pk}, {OPERATOR}),
            "end a session": (customer, {"act": "end", "row": world.session.pk}, {OPERATOR}),
            "end access": (customer, {"act": "end_access"}, {OPERATOR}),
            "preview a customer": (customer, {"act": "preview"}, {OPERATOR}),
            "open a link": (f"{links}{world.link.pk}/open", {}, {OPERATOR}),
            "copy a link": (f"{links}{world.link.pk}/url", {}, {OPERATOR}),
            "preview a link": (f"{links}{world.link.pk}/preview", {}, {OPERATOR}),
            "preview a session": (f"{sessions}{world.session.pk}/preview", {}, {OPERATOR}),
            "resend": (f"/admin/events/eventdelivery/{world.delivery.pk}/resend", {}, {OPERATOR, SUPPORT}),
            "pause": ("/admin/switches/", {"act": "pause", "project": world.project.pk}, {OPERATOR}),
            "resume": (
                "/admin/switches/",
                {"act": "resume", "project": world.project.pk, "owner": "other"},
                {OPERATOR},
            ),
            "drain": ("/admin/switches/", {"act": "drain", "row": world.worker.pk}, {OPERATOR}),
            "refill": ("/admin/switches/", {"act": "refill", "row": world.worker.pk}, {OPERATOR}),
            "discard": ("/admin/switches/", {"act": "discard", "project": world.project.pk}, {OPERATOR}),
            "undo": ("/admin/switches/", {"act": "undo", "row": world.discard.pk}, {OPERATOR}),
        }
        for name, (url, given, wanted) in asked.items():
            with row(name):
                assert allowed(clients, url, given) == wanted

    @pytest.mark.slow
    def test_an_action_that_is_not_offered_does_nothing(self, clients: dict[str, Client], world: World) -> None:
        sent = {"action": "pause", "_selected_action": world.endpoint.pk, "confirmed": "yes"}
        for role in (SUPPORT, AUDITOR, "nobody"):
            clients[role].post("/admin/endpoints/endpoint/", sent)
            world.endpoint.refresh_from_db()
            assert world.endpoint.status == "active"
        clients[OPERATOR].post("/admin/endpoints/endpoint/", sent)
        world.endpoint.refresh_from_db()
        assert world.endpoint.status == "paused"

    @pytest.mark.slow
    def test_support_resends_and_it_is_recorded(self, clients: dict[str, Client], world: World) -> None:
        clients[SUPPORT].post(f"/admin/events/eventdelivery/{world.delivery.pk}/resend")
        assert EventDelivery.objects.get().status == "Scheduled"
        done = Activity.objects.get(verb="delivery.retried")
        assert (done.actor_kind, done.actor_name) == ("operator", SUPPORT)
        assert LogEntry.objects.get().user.username == SUPPORT
        assert "Scheduled again" in clients[AUDITOR].get("/admin/admin/logentry/").content.decode()

    @pytest.mark.slow
    def test_support_does_not_see_a_payload_that_the_project_hides(
        self, clients: dict[str, Client], world: World
    ) -> None:
        Project.objects.filter(pk=world.project.pk).update(portal_hides_payloads=True)
        page = f"/admin/events/eventdelivery/{world.delivery.pk}/change/"
        hidden = "which this project hides from those who may change nothing"
        assert {role: hidden in clients[role].get(page).content.decode() for role in EVERYBODY} == {
            OPERATOR: False,
            SUPPORT: True,
            AUDITOR: True,
        }


class TestGroups:
    @pytest.mark.slow
    def test_migrate_gives_them_back_what_they_had(self) -> None:
        before = rights()
        assert set(before) == set(ROLES)
        Group.objects.get(name=SUPPORT).permissions.add(Permission.objects.get(codename="change_project"))
        Group.objects.get(name=AUDITOR).delete()
        make_roles()
        after = rights()
        assert after == before
        assert not [name for name in after[AUDITOR] if not name.startswith("view_")]
        assert {name for name in after[SUPPORT] if not name.startswith("view_")} == {"resend_eventdelivery"}

    def test_every_app_of_ours_is_in_them(self) -> None:
        models = [model for model in apps.get_models() if not model.__module__.startswith(("django.", "axes."))]
        assert {model._meta.app_label for model in models} == set(APPS)
