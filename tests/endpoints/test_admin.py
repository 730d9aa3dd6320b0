"""The operators' pages of endpoints."""

from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, expire_secret
from projects.models import Project
from projects.operations import create_project
from tests.conftest import API

MakeEndpoint = Callable[..., Endpoint]

ENDPOINTS = "/admin/endpoints/endpoint/"


def page(client: Client, path: str = ENDPOINTS, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return unescape(response.content.decode())


def act(client: Client, action: str, *endpoints: Endpoint) -> list[str]:
    """Run an action on endpoints; the messages that the next page shows."""
    sent = {"action": action, "_selected_action": [endpoint.uid for endpoint in endpoints]}
    response: Any = client.post(ENDPOINTS, sent, follow=True)
    return [str(message) for message in response.context["messages"]]


class TestList:
    def test_shows_live_endpoints_of_live_projects(
        self, admin_client: Client, project: Project, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(name="Here", owner_id="acme", url="https://hooks.example.com/here")
        delete_endpoint(project.uid, make_endpoint(name="Deleted").uid)
        make_endpoint(name="Of a deleted project", project_id=other_project.uid)
        Project.objects.filter(pk=other_project.pk).update(deleted_at=timezone.now())
        shown = page(admin_client)
        assert "1 endpoint\n" in shown
        for text in ("Here", "acme", "https://hooks.example.com/here", "Active", project.name):
            assert text in shown

    @pytest.mark.parametrize(
        ("term", "names"),
        [
            ("acme", {"one", "two"}),
            ("acme-1", {"one"}),
            ("https://hooks.example.com/", {"one"}),
            ("hooks.example.com/in", {"one"}),
            ("plain.example.com", {"two"}),
            ("example.com", set()),
            ("100%", {"percent"}),
            ("100_", set()),
            ("\\", set()),
        ],
    )
    def test_search_is_by_the_beginning(
        self, admin_client: Client, make_endpoint: MakeEndpoint, term: str, names: set[str]
    ) -> None:
        make_endpoint(name="one", owner_id="acme-1", url="https://hooks.example.com/in")
        make_endpoint(name="two", owner_id="acme-2", url="http://plain.example.com/in")
        make_endpoint(name="percent", owner_id="100% sure", url="https://third.example.com/in")
        shown = page(admin_client, q=term)
        assert {name for name in ("one", "two", "percent") if f">{name}</a>" in shown} == names

    @pytest.mark.slow
    def test_search_by_id_and_filter_by_status(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        one, two = make_endpoint(name="one"), make_endpoint(name="two")
        act(admin_client, "pause", two)
        assert ">one</a>" in page(admin_client, q=one.uid)
        assert ">two</a>" not in page(admin_client, q=one.uid)
        assert ">two</a>" in page(admin_client, status__exact="paused")
        assert ">one</a>" not in page(admin_client, status__exact="paused")

    @pytest.mark.parametrize("rows", [1, 20])
    def test_queries(
        self,
        admin_client: Client,
        make_endpoint: MakeEndpoint,
        django_assert_num_queries: DjangoAssertNumQueries,
        rows: int,
    ) -> None:
        for number in range(rows):
            other = create_project(name=f"Project {number}", type="outgoing")[0]
            make_endpoint(project_id=other.uid)
        # Session and user; two savepoints, the time limit, the plan mode, and their ends; the bounded count, the rows.
        with django_assert_num_queries(11):
            page(admin_client)


class TestPage:
    @pytest.mark.slow
    def test_no_page_shows_a_secret_value(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(
            name="Guarded",
            secret="first-signing-secret",
            authentication={
                "type": "basic_auth",
                "basic_auth": {"username": "operator", "password": "basic-auth-password"},
            },
            slack_webhook_url="https://hooks.slack.com/services/slack-credential",
        )
        other = make_endpoint(
            name="Keyed",
            authentication={"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "header-secret"}},
        )
        expire_secret(project.uid, endpoint.uid, secret="second-signing-secret", expiration=2)
        act(admin_client, "rotate_secret", endpoint)
        generated = [secret["value"] for one in Endpoint.objects.all() for secret in one.secrets]
        assert len(generated) == 4
        hidden = [*generated, "basic-auth-password", "header-secret", "slack-credential"]
        paths = [
            ENDPOINTS,
            *(f"{ENDPOINTS}{row.uid}/{what}/" for row in (endpoint, other) for what in ("change", "history")),
        ]
        for path in paths:
            shown = page(admin_client, path)
            for value in hidden:
                assert value not in shown
        shown = page(admin_client, f"{ENDPOINTS}{endpoint.uid}/change/")
        for secret in Endpoint.objects.get(pk=endpoint.uid).secrets:
            assert secret["uid"] in shown
            assert (secret["expires_at"] or "never") in shown
        for text in ('"username": "operator"', '"password": "[REDACTED]"', "https://hooks.slack.com/[REDACTED]"):
            assert text in shown

    def test_metadata_of_the_session_that_made_it(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(metadata={"userId": "usr_456", "<b>": "<script>"})
        response = admin_client.get(f"{ENDPOINTS}{endpoint.uid}/change/")
        assert "&quot;userId&quot;: &quot;usr_456&quot;" in response.content.decode()
        assert '<script>"' not in response.content.decode()
        assert "userId" not in page(admin_client, f"{ENDPOINTS}{make_endpoint().uid}/change/")

    def test_an_endpoint_is_neither_added_changed_nor_deleted(
        self, admin_client: Client, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint()
        assert admin_client.post(f"{ENDPOINTS}add/", {"name": "Other"}).status_code == 403
        assert admin_client.post(f"{ENDPOINTS}{endpoint.uid}/change/", {"name": "Other"}).status_code == 403
        assert admin_client.post(f"{ENDPOINTS}{endpoint.uid}/delete/", {"post": "yes"}).status_code == 403
        assert Endpoint.objects.filter(pk=endpoint.uid, name=endpoint.name).exists()


class TestActions:
    @pytest.mark.slow
    def test_pause_and_activate_tell_what_was_done_and_what_was_refused(
        self, admin_client: Client, project: Project, api: API, make_endpoint: MakeEndpoint
    ) -> None:
        one, two = make_endpoint(name="one"), make_endpoint(name="two")
        assert act(admin_client, "pause", one) == ["Paused: 1 endpoint."]
        refused = f"one ({one.uid}): current endpoint status - paused, does not support pausing"
        assert act(admin_client, "pause", one, two) == ["Paused: 1 endpoint.", refused]
        assert api.get(f"/projects/{project.uid}/endpoints/{one.uid}").data["status"] == "paused"
        assert act(admin_client, "activate", one, two) == ["Activated: 2 endpoints."]
        assert api.get(f"/projects/{project.uid}/endpoints/{two.uid}").data["status"] == "active"
        assert sorted(entry.change_message for entry in LogEntry.objects.all()) == 2 * ["Activated."] + 2 * ["Paused."]

    @pytest.mark.slow
    def test_many_refusals_are_summed_up(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        said = act(admin_client, "activate", *(make_endpoint() for _ in range(22)))
        assert len(said) == 21
        assert said[-1] == "And 2 more were refused."

    def test_rotation_leaves_the_old_secret_a_day(
        self, admin_client: Client, project: Project, api: API, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint()
        [before] = endpoint.secrets
        said = act(admin_client, "rotate_secret", endpoint)
        assert said == ["Rotated the secret, the old secret stays live for 24 hours: 1 endpoint."]
        old, new = api.get(f"/projects/{project.uid}/endpoints/{endpoint.uid}").data["secrets"]
        assert old["value"] == before["value"] != new["value"]
        assert new["expires_at"] is None
        left = datetime.fromisoformat(old["expires_at"]) - timezone.now()
        assert 23.9 < left.total_seconds() / 3600 < 24.1
