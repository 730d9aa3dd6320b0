"""A worker works off a batch. Contract: docs/contract/onboarding.md#processing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from meta_events.models import MetaEvent
from onboarding import operations
from onboarding.models import OnboardBatch
from onboarding.operations import accept, work_off
from projects.models import Project
from projects.operations import delete_project
from subscriptions.models import Subscription
from tests.concurrency import at_once
from tests.onboarding.conftest import ITEM, items
from tests.waiting import PATIENCE_SECONDS


def onboard(project: Project, sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of items that are accepted and worked off."""
    batches = accept(project, sent)
    while work_off():
        pass
    return [
        result
        for batch in OnboardBatch.objects.filter(pk__in=[batch.pk for batch in batches]).order_by("pk")
        for result in batch.results
    ]


@pytest.mark.slow  # tens of endpoints
def test_sixty_items_make_sixty_endpoints_and_subscriptions(project: Project) -> None:
    results = onboard(project, items(60))
    assert Endpoint.objects.for_project(project.uid).count() == 60
    assert Subscription.objects.for_project(project.uid).count() == 60
    assert [result["row"] for result in results] == list(range(1, 61))
    assert {result["status"] for result in results} == {"created"}
    assert not OnboardBatch.objects.filter(finished_at=None).exists()


def test_many_batches_of_one_project_do_not_stand_before_the_only_one_of_another(
    project: Project, other_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "BATCH", 1)
    accept(project, items(6))
    [waiting] = accept(other_project, items(1))
    for _ in range(2):
        assert work_off() is True
    waiting.refresh_from_db()
    assert waiting.finished_at is not None
    assert OnboardBatch.objects.filter(project=project, finished_at=None).count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_batch_whose_project_is_locked_does_not_stand_before_another_project(
    project: Project, other_project: Project
) -> None:
    accept(project, items(1))
    accept(other_project, items(1))

    def work_off_twice() -> int:
        try:
            return [work_off() for _ in range(2)].count(True)
        finally:
            connections.close_all()

    with transaction.atomic(), ThreadPoolExecutor(1) as thread:
        Project.objects.select_for_update(no_key=True).get(pk=project.uid)
        assert thread.submit(work_off_twice).result(PATIENCE_SECONDS) == 1
    assert OnboardBatch.objects.get(finished_at=None).project_id == project.uid


def test_what_one_item_makes(project: Project) -> None:
    [result] = onboard(project, [ITEM | {"event_type": "invoice.paid", "auth_username": "ada", "auth_password": "pw"}])
    endpoint = Endpoint.objects.get()
    assert (endpoint.name, endpoint.url, endpoint.status) == ("Acme", ITEM["url"], "active")
    assert (endpoint.content_type, endpoint.advanced_signatures, endpoint.owner_id) == ("application/json", True, "")
    assert (endpoint.rate_limit, endpoint.http_timeout, len(endpoint.secrets)) == (0, 0, 1)
    assert endpoint.authentication == {"type": "basic_auth", "basic_auth": {"username": "ada", "password": "pw"}}
    subscription = Subscription.objects.get()
    assert subscription.name == f"Acme-{endpoint.uid}-subscription"
    assert (subscription.endpoint_id, subscription.event_types) == (endpoint.uid, ["invoice.paid"])
    assert (subscription.delivery_mode, subscription.filter) == ("at_least_once", {})
    assert [row.event_type for row in subscription.filters.all()] == ["invoice.paid"]
    assert result == {
        "row": 1,
        "name": "Acme",
        "url": ITEM["url"],
        "status": "created",
        "endpoint_id": endpoint.uid,
        "subscription_id": subscription.uid,
        "error": "",
    }


def test_without_a_type_it_is_every_type(project: Project) -> None:
    onboard(project, [ITEM, ITEM | {"url": "https://b.example.com", "event_type": ""}])
    assert [row.event_types for row in Subscription.objects.all()] == [["*"], ["*"]]
    assert {row.authentication for row in Endpoint.objects.all()} == {None}


def test_a_second_time_nothing_is_new(project: Project) -> None:
    onboard(project, items(3))
    results = onboard(project, items(3))
    assert [result["status"] for result in results] == ["skipped"] * 3
    assert {result["error"] for result in results} == {"the endpoint has a subscription already"}
    assert (Endpoint.objects.count(), Subscription.objects.count()) == (3, 3)


def test_one_url_twice_in_one_batch(project: Project) -> None:
    assert [result["status"] for result in onboard(project, [ITEM, ITEM])] == ["created", "skipped"]
    assert Endpoint.objects.count() == 1


def test_an_endpoint_that_is_there_is_used_as_it_is(project: Project) -> None:
    there = create_endpoint(project.uid, name="Old name", url=ITEM["url"])
    [result] = onboard(project, [ITEM | {"auth_username": "ada", "auth_password": "pw"}])
    assert (result["status"], result["endpoint_id"]) == ("reused", there.uid)
    there.refresh_from_db()
    assert (there.name, there.authentication) == ("Old name", None)
    assert Subscription.objects.get().endpoint_id == there.uid


def test_several_subscriptions_where_the_project_has_them(project: Project) -> None:
    project.config["multiple_endpoint_subscriptions"] = True
    project.save()
    results = onboard(project, [ITEM | {"event_type": "a"}, ITEM | {"event_type": "b"}])
    assert [result["status"] for result in results] == ["created", "reused"]
    assert (Endpoint.objects.count(), Subscription.objects.count()) == (1, 2)


def test_another_projects_endpoint_is_none(project: Project, other_project: Project) -> None:
    theirs = create_endpoint(other_project.uid, name="x", url=ITEM["url"])
    [result] = onboard(project, [ITEM])
    assert result["status"] == "created"
    assert result["endpoint_id"] != theirs.uid


def test_an_item_that_fails_leaves_nothing_and_harms_no_other(project: Project) -> None:
    sent = items(3)
    accept(project, sent)
    project.config["ssl"]["enforce_secure_endpoints"] = True
    project.save()
    sent[1]["url"] = "http://insecure.example.com"
    OnboardBatch.objects.all().delete()
    results = onboard(project, sent)
    assert [result["status"] for result in results] == ["created", "failed", "created"]
    assert results[1]["error"] == "only https endpoints allowed"
    assert Endpoint.objects.count() == 2


def test_a_subscription_that_fails_takes_its_new_endpoint_with_it(project: Project) -> None:
    # A type that validation would never let through.
    [bad, good] = onboard(project, [ITEM | {"event_type": "x" * 300}, ITEM | {"url": "https://b.example.com"}])
    assert bad["status"] == "failed"
    assert good["status"] == "created"
    assert [row.url for row in Endpoint.objects.all()] == ["https://b.example.com"]


def test_a_defect_of_ours_is_the_items_alone(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    # An item that validation would never let through.
    results = onboard(project, [ITEM | {"auth_username": "ada"}, ITEM | {"url": "https://b.example.com"}])
    assert [result["status"] for result in results] == ["failed", "created"]
    assert results[0]["error"] == "internal error"
    assert OnboardBatch.objects.get().uid in caplog.text


def test_the_passwords_are_gone_afterwards(project: Project) -> None:
    onboard(project, [ITEM | {"auth_username": "ada", "auth_password": "pw"}])
    batch = OnboardBatch.objects.get()
    assert batch.items is None
    assert "pw" not in str(batch.results)


def test_a_deleted_project(project: Project) -> None:
    accept(project, items(2))
    delete_project(project.uid)
    assert work_off() is True
    assert work_off() is False
    assert {result["error"] for result in OnboardBatch.objects.get().results} == {"project not found"}


@pytest.mark.slow
def test_meta_events_tell_of_the_endpoints(project: Project) -> None:
    project.meta_event = project.meta_event | {"is_enabled": True, "event_type": ["endpoint.created"]}
    project.save()
    onboard(project, items(2))
    assert MetaEvent.objects.count() == 2


@pytest.mark.django_db(transaction=True)
class TestSeveralWorkers:
    def test_all_batches_are_stored_or_none(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        stored = items(120)
        stored[110]["name"] = "\ud800"  # no text that can be stored
        with pytest.raises(TypeError):
            accept(project, stored)
        assert not OnboardBatch.objects.exists()

    @pytest.mark.slow
    def test_each_batch_is_done_once_and_each_url_made_once(self, project: Project) -> None:
        for _ in range(3):
            accept(project, items(20))

        def work(_: int) -> Any:
            try:
                while work_off():
                    pass
            finally:
                connections.close_all()

        at_once(4, work)
        # A worker that looks locks batches for a moment, also where it has to leave their project to another: that one
        # may find them locked, and leave them to the next look.
        while work_off():
            pass
        assert Endpoint.objects.count() == 20
        assert Subscription.objects.count() == 20
        statuses = [result["status"] for batch in OnboardBatch.objects.all() for result in batch.results]
        assert (statuses.count("created"), statuses.count("skipped")) == (20, 40)

    def test_a_crash_leaves_the_batch_as_it_was(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        accept(project, items(3))

        def interrupted(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(operations, "_is_subscribed", interrupted)
        create_endpoint(project.uid, name="x", url=items(3)[2]["url"])
        with pytest.raises(KeyboardInterrupt):
            work_off()
        assert Endpoint.objects.count() == 1
        monkeypatch.undo()
        assert work_off() is True
        assert Endpoint.objects.count() == 3
