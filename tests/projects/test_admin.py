"""The operators' pages of projects and API keys."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core.admin import BoundedPaginator
from core.api.envelope import JSON
from endpoints.models import Endpoint
from projects.models import APIKey, Project
from projects.operations import create_api_key, create_project, update_project
from tests.conftest import API, Role
from tests.deliveries.rows import make_delivery

MakeEndpoint = Callable[..., Endpoint]

PROJECTS = "/admin/projects/project/"
KEYS = "/admin/projects/apikey/"
KEY = re.compile(r"CO\.[A-Za-z0-9]{16}\.[A-Za-z0-9]{64}")


def page(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return unescape(response.content.decode())


def post(client: Client, path: str, **sent: Any) -> Any:
    return client.post(path, sent, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


class TestProjects:
    @pytest.mark.slow
    def test_list_shows_live_projects_and_finds_by_the_beginning_of_the_name_and_by_id(
        self, admin_client: Client, project: Project, other_project: Project
    ) -> None:
        create_project(name="Gone", type="outgoing")
        Project.objects.filter(name="Gone").update(deleted_at=timezone.now())
        everything = page(admin_client, PROJECTS)
        assert project.name in everything
        assert other_project.name in everything
        assert "Gone" not in everything
        for term in ("Somebody el", other_project.uid):
            found = page(admin_client, PROJECTS, q=term)
            assert "1 result" in found
            assert other_project.name in found
        assert "0 results" in page(admin_client, PROJECTS, q="body")

    @pytest.mark.slow
    def test_creation_shows_the_key_of_the_project_once(self, admin_client: Client) -> None:
        response = post(admin_client, f"{PROJECTS}add/", name="New", type="incoming", logo_url="")
        made = Project.objects.get(name="New")
        assert (made.type, made.config["max_payload_read_size"]) == ("incoming", 51200)
        [key] = set(KEY.findall(response.content.decode()))
        assert API(key).get(f"/projects/{made.uid}").data["name"] == "New"
        assert key not in page(admin_client, f"{PROJECTS}{made.uid}/change/") + page(admin_client, KEYS)

    def test_creation_refuses_what_the_api_refuses(self, admin_client: Client, project: Project) -> None:
        response = post(admin_client, f"{PROJECTS}add/", name=project.name, type="outgoing", logo_url="javascript:1")
        assert "a project with this name already exists" in response.content.decode()
        assert "please provide a valid logo url" in response.content.decode()
        assert Project.objects.count() == 1

    def test_change_renames_and_leaves_type_and_configuration(self, admin_client: Client, project: Project) -> None:
        sent = {"name": "Renamed", "logo_url": "https://example.com/l.png", "type": "incoming", "config": "{}"}
        sent |= self.CHOICES
        assert post(admin_client, f"{PROJECTS}{project.uid}/change/", **sent).status_code == 200
        changed = Project.objects.get()
        assert (changed.name, changed.logo_url) == ("Renamed", "https://example.com/l.png")
        assert (changed.type, changed.config) == (project.type, project.config)
        assert changed.updated_at > project.updated_at

    def test_a_name_that_is_taken_while_the_form_is_read_is_a_message(
        self, admin_client: Client, project: Project, other_project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("projects.forms.ProjectForm.clean_name", lambda form: form.cleaned_data["name"])
        sent = {"name": other_project.name, "logo_url": ""} | self.CHOICES
        response = post(admin_client, f"{PROJECTS}{project.uid}/change/", **sent)
        assert said(response) == ["a project with this name already exists"]
        assert not LogEntry.objects.exists()

    def test_configuration_is_shown_without_the_meta_event_secret(self, admin_client: Client, project: Project) -> None:
        meta_event = {"is_enabled": True, "url": "https://hooks.example.com/meta", "secret": "meta-secret-value"}
        update_project(project.uid, name=project.name, config={"meta_event": meta_event})
        shown = page(admin_client, f"{PROJECTS}{project.uid}/change/")
        assert '"secret": "[REDACTED]"' in shown
        assert '"url": "https://hooks.example.com/meta"' in shown
        assert "meta-secret-value" not in shown

    @pytest.mark.slow
    def test_the_page_leads_to_what_the_project_holds(
        self, admin_client: Client, project: Project, other_api: API, api: API, make_endpoint: MakeEndpoint
    ) -> None:
        delivery = make_delivery(make_endpoint(name="Of this project"))
        shown = page(admin_client, f"{PROJECTS}{project.uid}/change/")
        links = re.findall(r'href="(/admin/[^"]+\?project=[^"]+)"', shown)
        assert len(links) == 8
        keys, endpoints, portal_links, portal_sessions, events, deliveries, jobs, activity = (
            page(admin_client, link) for link in links
        )
        assert "admin" in keys
        assert "other admin" not in keys
        assert delivery.event_id in events
        assert delivery.uid in deliveries
        assert "Of this project" in endpoints
        assert "0 portal links" in portal_links
        assert "0 portal sessions" in portal_sessions
        assert "0 jobs" in jobs
        assert "endpoint.created" in activity

    CHOICES = {"portal_appearance": "dark", "portal_font": "serif"}
    PORTAL = {
        "portal_name": "Orders Inc.",
        "portal_primary_color": "#0B6bcb",
        "portal_dark_color": "#6bb7ff",
        "portal_dark_logo_url": "https://cdn.example.com/dark.png",
        "portal_language": "de",
        "portal_return_url": "https://app.example.com/settings",
        "portal_allowed_origins": "https://app.example.com, http://localhost:3000",
    }

    @pytest.mark.slow
    def test_the_portals_looks_and_where_it_may_be_shown(self, admin_client: Client, project: Project) -> None:
        path, sent = f"{PROJECTS}{project.uid}/change/", {"name": project.name, "logo_url": ""}
        assert post(admin_client, path, **sent, **self.CHOICES, **self.PORTAL).redirect_chain
        changed = Project.objects.get()
        assert (changed.portal_name, changed.portal_primary_color) == ("Orders Inc.", "#0B6bcb")
        assert (changed.portal_dark_color, changed.portal_appearance, changed.portal_font) == (
            "#6bb7ff",
            "dark",
            "serif",
        )
        assert (changed.portal_dark_logo_url, changed.portal_language) == ("https://cdn.example.com/dark.png", "de")
        assert not changed.portal_hides_payloads
        assert changed.portal_return_url == "https://app.example.com/settings"
        assert changed.portal_allowed_origins == ["https://app.example.com", "http://localhost:3000"]
        assert post(admin_client, path, **sent, **self.CHOICES, **dict.fromkeys(self.PORTAL, "")).redirect_chain
        emptied = Project.objects.get()
        assert [getattr(emptied, name) for name in self.PORTAL] == ["", "", "", "", "", "", []]

    @pytest.mark.slow
    def test_the_quotas_of_an_owner(self, admin_client: Client, project: Project) -> None:
        path, sent = f"{PROJECTS}{project.uid}/change/", {"name": project.name, "logo_url": "", **self.CHOICES}
        quotas = {"owner_endpoints": 5, "owner_subscriptions": 6, "owner_filter_bytes": 0}
        for given in (quotas, {}):
            # One that is left out, or blank, stays as it is.
            assert post(admin_client, path, **sent, **given).redirect_chain
            changed = Project.objects.get()
            assert {name: getattr(changed, name) for name in quotas} == quotas
        post(admin_client, path, **sent, owner_endpoints=-1)
        assert Project.objects.get().owner_endpoints == 5

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["ends_gone_endpoints", "sends_svix_headers"])
    def test_a_switch(self, admin_client: Client, project: Project, name: str) -> None:
        path, sent = f"{PROJECTS}{project.uid}/change/", {"name": project.name, "logo_url": "", **self.CHOICES}
        assert getattr(Project.objects.get(), name) is False
        for given, expected in (({name: "on"}, True), ({}, False)):
            assert post(admin_client, path, **sent, **given).redirect_chain
            assert getattr(Project.objects.get(), name) is expected

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("portal_primary_color", wrong) for wrong in ("red", "#fff", "0b6bcb", "#0b6bcb;x", "#0b6bcg")),
            *(("portal_return_url", wrong) for wrong in ("javascript:alert(1)", "//evil.example", "/back", "https://")),
            *(
                ("portal_allowed_origins", wrong)
                for wrong in (
                    "*",
                    "https://*.example.com",
                    "https://a.example/",
                    "https://a.example 'self'",
                    "a.example",
                )
            ),
            ("portal_allowed_origins", "https://a.example, https://b.example; script-src *"),
            ("portal_name", "n" * 101),
            ("portal_dark_color", "blue"),
            ("portal_dark_logo_url", "javascript:alert(1)"),
            ("portal_appearance", "sepia"),
            ("portal_font", "Comic Sans"),
            ("portal_language", "xx"),
        ],
    )
    def test_what_the_portal_cannot_use_is_refused(
        self, admin_client: Client, project: Project, field: str, value: str
    ) -> None:
        sent = {"name": project.name, "logo_url": ""} | self.CHOICES | self.PORTAL | {field: value}
        response = post(admin_client, f"{PROJECTS}{project.uid}/change/", **sent)
        assert list(response.context["adminform"].form.errors) == [field]
        assert Project.objects.get().portal_name == ""

    @pytest.mark.parametrize("way", ["page", "action"])
    def test_deletion_is_asked_for_and_soft(
        self, admin_client: Client, project: Project, api: API, make_endpoint: MakeEndpoint, way: str
    ) -> None:
        make_endpoint()
        path, sent = f"{PROJECTS}{project.uid}/delete/", {"post": "yes"}
        if way == "action":
            path, sent = PROJECTS, {"action": "delete_selected", "_selected_action": project.uid, "post": "yes"}
        else:
            assert "stop working at once" in page(admin_client, path)
        assert "deleted" in said(post(admin_client, path, **sent))[0]
        assert Project.objects.get().deleted_at is not None
        assert project.endpoints.count() == 1
        assert api.get(f"/projects/{project.uid}").status == 401


class TestKeys:
    @pytest.mark.slow
    def test_creation_shows_the_key_once_and_not_in_session_messages_or_history(
        self, admin_client: Client, project: Project
    ) -> None:
        sent = {"name": "Backend", "role": "project_viewer", "project": project.uid, "owner_id": "acme"}
        tomorrow = timezone.now() + timedelta(days=1)
        expiry = {"expires_at_0": f"{tomorrow:%Y-%m-%d}", "expires_at_1": "10:00:00"}
        response = post(admin_client, f"{KEYS}add/", **sent, scopes="webhooks:manage, webhooks:read", **expiry)
        assert response.redirect_chain == []
        assert "no-store" in response.headers["Cache-Control"]
        [key] = set(KEY.findall(response.content.decode()))
        row = APIKey.objects.get(name="Backend")
        assert (row.name, row.role, row.project_id, row.owner_id) == ("Backend", "project_viewer", project.uid, "acme")
        assert row.scopes == ["webhooks:manage", "webhooks:read"]
        assert row.expires_at is not None
        assert row.expires_at.date() == tomorrow.date()
        assert API(key).get(f"/projects/{project.uid}").error[0] == 403  # it speaks for acme only
        secret = key.rsplit(".", 1)[1]
        assert secret not in "".join(cookie.OutputString() for cookie in admin_client.cookies.values())
        assert secret not in str(dict(admin_client.session))
        paths = [KEYS, f"{KEYS}{row.uid}/change/", f"{KEYS}{row.uid}/history/", "/admin/"]
        for shown in [page(admin_client, path) for path in paths]:
            assert secret not in shown
            assert bytes(row.digest).hex() not in shown

    def test_a_key_that_sends_for_nahooks_clients(self, admin_client: Client, project: Project) -> None:
        sent = {"name": "Nahook", "role": "project_admin", "project": project.uid, "scopes": "", "nahook_sending": "on"}
        shown = post(admin_client, f"{KEYS}add/", **sent).content.decode()
        [key] = set(re.findall(r"nhk_[A-Za-z0-9]{80}", shown))
        body: dict[str, Any] = {"payload": {}}
        headers = {"Authorization": f"Bearer {key}"}
        answer = Client().post("/api/ingest/event/order.paid", body, content_type=JSON, headers=headers)
        assert answer.status_code == 202

    def test_a_token_for_nahooks_clients(self, admin_client: Client, project: Project) -> None:
        sent = {"name": "Nahook", "role": "project_admin", "project": project.uid, "scopes": "", "nahook": "on"}
        shown = post(admin_client, f"{KEYS}add/", **sent).content.decode()
        [key] = set(re.findall(r"nhm_[A-Za-z0-9]{80}", shown))
        path = f"/management/v1/workspaces/{project.uid}/applications/acme/portal"
        assert Client().post(path, headers={"Authorization": f"Bearer {key}"}, content_type=JSON).status_code == 201

    @pytest.mark.parametrize(
        ("sent", "error"),
        [
            ({"role": "project_admin"}, "a key belongs to one project, an instance_admin key to none"),
            ({"role": "instance_admin", "project": "its own"}, "a key belongs to one project, an instance_admin key"),
            ({"role": "project_admin", "project": "unknown"}, "There is no project with this id."),
            ({"role": "owner"}, "Select a valid choice."),
            ({"nahook": "on", "nahook_sending": "on"}, "A key is of one kind: it manages, or it only sends."),
            ({"name": ""}, "This field is required."),
            (
                {"role": "instance_admin", "expires_at_0": "2020-01-01", "expires_at_1": "00:00"},
                "This time is in the past.",
            ),
        ],
    )
    def test_creation_says_what_is_wrong(
        self, admin_client: Client, project: Project, sent: dict[str, str], error: str
    ) -> None:
        APIKey.objects.all().delete()
        if sent.get("project") == "its own":
            sent = sent | {"project": project.uid}
        response = post(admin_client, f"{KEYS}add/", **{"name": "Backend", "scopes": ""} | sent)
        assert error in response.content.decode()
        assert not APIKey.objects.exists()

    def test_a_deleted_project_gets_no_key(self, admin_client: Client, project: Project) -> None:
        Project.objects.update(deleted_at=timezone.now())
        response = post(admin_client, f"{KEYS}add/", name="Late", role="project_admin", project=project.uid, scopes="")
        assert "There is no project with this id." in response.content.decode()

    def test_list_tells_which_keys_work(self, admin_client: Client, project: Project, other_project: Project) -> None:
        APIKey.objects.all().delete()
        now = timezone.now()
        changes: dict[str, dict[str, Any]] = {
            "works": {},
            "ended": {"expires_at": now},
            "taken back": {"revoked_at": now},
            "orphan": {"project": other_project},
        }
        for name, fields in changes.items():
            row, _ = create_api_key(name=name, role=Role.PROJECT_ADMIN, project=project)
            APIKey.objects.filter(pk=row.pk).update(**fields)
        Project.objects.filter(pk=other_project.pk).update(deleted_at=now)
        rows = re.findall(r"field-name.*?>([^<>]+)</a>.*?field-state\">([^<]+)<", page(admin_client, KEYS), re.DOTALL)
        assert rows == [
            ("orphan", "project deleted"),
            ("taken back", "revoked"),
            ("ended", "expired"),
            ("works", "live"),
        ]

    @pytest.mark.slow
    def test_search(self, admin_client: Client, project: Project) -> None:
        row, _ = create_api_key(name="The Backend", role=Role.PROJECT_ADMIN, project=project, owner_id="acme-7")
        for term in (row.uid, row.mask, "The Back", "acme-"):
            found = page(admin_client, KEYS, q=term)
            assert "1 result" in found, term
            assert "The Backend" in found

    @pytest.mark.slow
    def test_revocation_is_asked_for_and_ends_the_key(self, admin_client: Client, project: Project, api: API) -> None:
        row = APIKey.objects.get(name="admin")
        sent = {"action": "revoke", "_selected_action": row.uid}
        asked = post(admin_client, KEYS, **sent)
        assert "Revoke these API keys for good?" in asked.content.decode()
        assert api.get(f"/projects/{project.uid}").status == 200
        assert said(post(admin_client, KEYS, **sent, confirmed="yes")) == ["Revoked: 1 API key."]
        assert api.get(f"/projects/{project.uid}").error == (401, "authorization failed")
        assert LogEntry.objects.get().change_message == "Revoked."

    def test_a_key_is_neither_changed_nor_deleted(self, admin_client: Client, api: API) -> None:
        row = APIKey.objects.get(name="admin")
        assert admin_client.post(f"{KEYS}{row.uid}/change/", {"name": "Other"}).status_code == 403
        assert admin_client.post(f"{KEYS}{row.uid}/delete/", {"post": "yes"}).status_code == 403
        assert 'type="submit" value="Save"' not in page(admin_client, f"{KEYS}{row.uid}/change/")


class TestPermissions:
    def test_nobody_and_those_without_rights_see_nothing(self, db: None, client: Client, project: Project) -> None:
        for path in (PROJECTS, KEYS, f"{KEYS}add/"):
            assert client.get(path).status_code == 302
        client.force_login(User.objects.create_user("staff", is_staff=True))
        for path in (PROJECTS, KEYS, f"{KEYS}add/"):
            assert client.get(path).status_code == 403

    @pytest.mark.slow
    def test_who_may_only_view_has_no_actions(self, client: Client, api: API) -> None:
        viewer = User.objects.create_user("viewer", is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_apikey"))
        client.force_login(viewer)
        assert "Revoke" not in page(client, KEYS)
        row = APIKey.objects.get(name="admin")
        post(client, KEYS, action="revoke", _selected_action=row.uid, confirmed="yes")
        assert not APIKey.objects.exclude(revoked_at=None).exists()


class TestLongLists:
    def test_pages_end_at_a_bound_and_say_so(
        self, admin_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        APIKey.objects.all().delete()
        monkeypatch.setattr(BoundedPaginator, "most_rows", 3)
        for number in range(3):
            create_api_key(name=f"key {number}", role=Role.PROJECT_ADMIN, project=project)
        assert "3 API keys" in page(admin_client, KEYS)
        create_api_key(name="key 3", role=Role.PROJECT_ADMIN, project=project)
        assert "Only the newest 3 are listed." in page(admin_client, KEYS)

    def test_an_action_refuses_more_rows_than_a_list_leads_to(
        self, admin_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("core.admin.MOST_ROWS", 3)
        for number in range(4):
            create_api_key(name=f"key {number}", role=Role.PROJECT_ADMIN, project=project)
        sent = {"action": "revoke", "select_across": "1", "_selected_action": "any", "confirmed": "yes"}
        assert said(post(admin_client, KEYS, **sent)) == ["Select at most 3 at once. Nothing was changed."]
        assert not APIKey.objects.exclude(revoked_at=None).exists()

    @pytest.mark.parametrize("rows", [1, 20])
    def test_queries(
        self,
        admin_client: Client,
        project: Project,
        django_assert_num_queries: DjangoAssertNumQueries,
        rows: int,
    ) -> None:
        APIKey.objects.all().delete()
        for number in range(rows):
            other = create_project(name=f"Project {number}", type="outgoing")[0]
            create_api_key(name=f"key {number}", role=Role.PROJECT_ADMIN, project=other)
        for path in (PROJECTS, KEYS):
            # The session, the user, a savepoint, the plan mode, the bounded count, the rows, the savepoint's end.
            with django_assert_num_queries(7):
                page(admin_client, path)
