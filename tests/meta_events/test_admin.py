"""The operators' pages of meta events, notifications and onboard batches."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint, Notification
from meta_events.models import MetaEvent
from onboarding.operations import accept, work_off
from projects.models import Project
from projects.operations import delete_project
from tests.statements import statements

Make = Callable[..., MetaEvent]
META_EVENTS = "/admin/meta_events/metaevent/"
NOTIFICATIONS = "/admin/endpoints/notification/"
BATCHES = "/admin/onboarding/onboardbatch/"


def page(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


class TestMetaEvents:
    @pytest.mark.slow
    def test_the_list_and_its_filters(
        self, admin_client: Client, project: Project, other_project: Project, make_meta_event: Make
    ) -> None:
        failed = make_meta_event(status="Failure")
        sent = make_meta_event(status="Success", event_type="endpoint.deleted")
        for query, shown in (
            ({}, {failed, sent}),
            ({"status__exact": "Failure"}, {failed}),
            ({"q": sent.uid}, {sent}),
            ({"q": project.uid}, {failed, sent}),
            ({"q": other_project.uid}, set()),
        ):
            found = page(admin_client, META_EVENTS, **query)
            assert {row for row in (failed, sent) if f"/{row.uid}/change/" in found} == shown

    def test_a_deleted_projects_are_gone(self, admin_client: Client, project: Project, make_meta_event: Make) -> None:
        row = make_meta_event()
        delete_project(project.uid)
        assert row.uid not in page(admin_client, META_EVENTS)

    def test_one_is_shown_escaped(self, admin_client: Client, make_meta_event: Make) -> None:
        row = make_meta_event({"name": "<script>alert(1)</script>"}, attempt={"response_data": "<b>no</b>"})
        shown = page(admin_client, f"{META_EVENTS}{row.uid}/change/")
        assert "<script>alert(1)" not in shown
        assert "<b>no</b>" not in shown
        assert row.body in unescape(shown)
        assert '"response_data": "<b>no</b>"' in unescape(shown)

    def test_one_that_was_never_answered(self, admin_client: Client, make_meta_event: Make) -> None:
        assert page(admin_client, f"{META_EVENTS}{make_meta_event().uid}/change/")

    def test_they_are_sent_again(self, admin_client: Client, make_meta_event: Make) -> None:
        rows = [make_meta_event(status=status, due_at=None, num_trials=3) for status in ("Success", "Failure")]
        sent = {"action": "resend", "_selected_action": [row.uid for row in rows]}
        response: Any = admin_client.post(META_EVENTS, sent, follow=True)
        said = [str(message) for message in response.context["messages"]]
        assert said == ["Queued to be sent again: 2 meta events."]
        for row in rows:
            row.refresh_from_db()
            assert (row.status, row.num_trials_before) == ("Scheduled", 3)
            assert row.due_at is not None
        assert LogEntry.objects.count() == 2

    def test_nothing_else_can_be_done(self, admin_client: Client, make_meta_event: Make) -> None:
        row = make_meta_event()
        assert admin_client.get(f"{META_EVENTS}add/").status_code == 403
        assert admin_client.post(f"{META_EVENTS}{row.uid}/delete/").status_code == 403
        assert admin_client.post(f"{META_EVENTS}{row.uid}/change/", {"status": "Success"}).status_code == 403

    @pytest.mark.slow
    def test_the_statements_do_not_grow(self, admin_client: Client, make_meta_event: Make) -> None:
        for count in (1, 19):
            for _ in range(count):
                make_meta_event()
            with statements() as found:
                admin_client.get(META_EVENTS)
            assert found == [
                "SELECT django_session",
                "SELECT auth_user",
                # The plan's mode, the number of rows, the rows.
                "SET",
                "SELECT meta_events_metaevent",
                "SELECT meta_events_metaevent",
            ]


class TestNotifications:
    @pytest.fixture
    def row(self, make_endpoint: Callable[..., Endpoint]) -> Notification:
        return Notification.objects.create(
            endpoint=make_endpoint(),
            channel="slack",
            subject="Endpoint Status Update",
            text="answer <script>alert(1)</script>",
            error="answered 500",
            due_at=timezone.now(),
        )

    @pytest.mark.slow
    def test_the_list(self, admin_client: Client, row: Notification) -> None:
        for query in ({}, {"q": row.uid}, {"q": row.endpoint_id}):
            shown = page(admin_client, NOTIFICATIONS, **query)
            for text in ("Endpoint Status Update", "answered 500", "Slack", row.endpoint_id):
                assert text in shown
        assert "answered 500" not in page(admin_client, NOTIFICATIONS, q="01JZ8QK3V7M2N4P6R8T0W2Y4A6")

    def test_one_is_shown_escaped_and_cannot_be_changed(self, admin_client: Client, row: Notification) -> None:
        shown = page(admin_client, f"{NOTIFICATIONS}{row.uid}/change/")
        assert "<script>alert(1)" not in shown
        assert row.text in unescape(shown)
        assert admin_client.post(f"{NOTIFICATIONS}{row.uid}/change/", {"text": "x"}).status_code == 403
        assert admin_client.post(f"{NOTIFICATIONS}{row.uid}/delete/").status_code == 403


@pytest.mark.slow
def test_onboard_batches_are_shown_without_passwords(admin_client: Client, project: Project) -> None:
    item = {"name": "<b>Acme</b>", "url": "https://hooks.example.com/in"}
    [batch] = accept(project, [item | {"auth_username": "ada", "auth_password": "to look for"}])
    for _ in range(2):
        for path in (BATCHES, f"{BATCHES}{batch.uid}/change/"):
            shown = page(admin_client, path)
            assert batch.uid in shown
            assert "to look for" not in shown
            assert "<b>Acme</b>" not in shown
        work_off()
    assert '"status": "created"' in unescape(page(admin_client, f"{BATCHES}{batch.uid}/change/"))
    assert batch.uid in page(admin_client, BATCHES, q=project.uid)
