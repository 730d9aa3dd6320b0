"""`manage.py forget_owner`: everything of one owner goes, from every table, and nothing of anybody else."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from applications.models import Application
from core.actors import Actor, ActorKind, acting_as
from endpoints.models import AlertSettings, Endpoint, EndpointHour, EndpointState, Notification
from engine.forgetting import rows, run
from events.models import BatchRetry, DeliveryAttempt, Event, EventDelivery
from onboarding.models import OnboardBatch
from portal_links.delivery_links import DeliveryNamed, create_delivery_link
from portal_links.models import CheckWindow, PortalLink, PortalSession
from portal_links.operations import create_portal_link
from projects.models import APIKey, APIRateWindow, Project
from projects.operations import create_api_key
from subscriptions.models import Filter
from switches.models import Discard, DiscardedDelivery, Pause
from tests.activity.rows import make_activity
from tests.deliveries.rows import make_attempt, make_delivery, make_event, make_subscription
from tests.jobs.rows import make_job
from tests.meta_events.rows import make_meta_event

pytestmark = pytest.mark.slow  # each test fills every table

MakeEndpoint = Callable[..., Endpoint]
OWNER, NEIGHBOUR = "acme-to-forget", "globex-to-keep"
#: The tables that hold nothing of an owner, each with its reason. A table of rows of owners does not belong here: fill
#: it in `fill`, and delete it in engine/forgetting/rows.py.
NOTHING_OF_OWNERS = {
    "projects_project": "the company's",
    "projects_eventtype": "the company's",
    "auth_group": "operators",
    "auth_permission": "operators",
    "auth_user": "operators",
    "django_session": "operators",
    "axes_accessattempt": "operators",
    "axes_accessattemptexpiration": "operators",
    "axes_accessfailurelog": "operators",
    "axes_accesslog": "operators",
    "django_content_type": "Django's own",
    "switches_worker": "operators",
}


def fill(project: Project, make_endpoint: MakeEndpoint, owner_id: str) -> tuple[Endpoint, set[str]]:
    """Make a row of an owner in each table that may have one. Returns an endpoint, and the texts that name them."""
    now = timezone.now()
    endpoint = make_endpoint(project_id=project.uid, owner_id=owner_id, url=f"https://{owner_id}.example.com/in")
    subscription = make_subscription(endpoint)
    Filter.objects.create(subscription=subscription, event_type="*")
    event = make_event(project.uid, owner_id=owner_id, endpoints=[endpoint.uid], key_scope=f"owner:{owner_id}")
    delivery = make_delivery(endpoint, "Failure", event=event)
    make_attempt(delivery, url=endpoint.url)
    Pause.objects.create(project=project, owner_id=owner_id)
    discard = Discard.objects.create(project=project, owner_id=owner_id)
    DiscardedDelivery.objects.create(delivery=delivery, discard=discard, status="Retry", due_at=now, discarded_at=now)
    EndpointHour.objects.create(endpoint=endpoint, hour=now, answer="200", delivered=1)
    EndpointState.objects.get_or_create(endpoint=endpoint)
    AlertSettings.objects.create(
        endpoint=endpoint, chosen={"on": ["failing"], "email": "a@b.example", "hook": "s3cr3t"}
    )
    Notification.objects.create(endpoint=endpoint, channel="email", subject=endpoint.url, text="t0ken")
    BatchRetry.objects.create(project=project, customer=f"owner:{owner_id}", finished_at=now)
    make_job(project, customer=f"owner:{owner_id}", finished_at=now)
    make_meta_event(project, {"uid": endpoint.uid, "owner_id": owner_id})
    told = {"uid": delivery.uid, "endpoint_id": endpoint.uid, "endpoint_metadata": {"owner_id": owner_id}}
    make_meta_event(project, told | {"metadata": {"raw": "\x00"}})
    result = {"row": 1, "name": owner_id, "url": endpoint.url, "endpoint_id": endpoint.uid}
    results = [result | {"subscription_id": subscription.uid, "status": "created", "error": ""}]
    OnboardBatch.objects.create(project=project, first_row=1, total_items=1, results=results, finished_at=now)
    link = create_portal_link(project.uid, name="theirs", owner_id=owner_id, auth_type="refresh_token").link
    listed = create_portal_link(project.uid, name="listed", endpoints=[endpoint.uid]).link
    session = PortalSession.objects.get(portal_link=link)
    CheckWindow.objects.create(opened_by=session.uid, started_at=now, checks=1)
    named = DeliveryNamed(project.uid, delivery.uid, owner_id, endpoint.uid, delivery.event_type)
    with acting_as(Actor(ActorKind.PORTAL_SESSION, session.uid, owner_id, owner_id)):
        create_delivery_link(named, shows_payload=True, customer=f"owner:{owner_id}")
    make_activity(project.uid, owner_id=owner_id, endpoint_id=endpoint.uid)
    make_activity(project.uid, actor=Actor(ActorKind.PORTAL_LINK, listed.uid, "listed"))
    application = Application.objects.create(project=project, owner_id=owner_id, name="theirs")
    key, _ = create_api_key(name="theirs", role="project_viewer", project=project, owner_id=owner_id)
    APIRateWindow.objects.create(key=key, started_at=now, requests=1)
    operator = User.objects.get_or_create(username="jane")[0]
    kind = ContentType.objects.get_for_model(Endpoint)
    LogEntry.objects.create(
        user=operator, content_type=kind, object_id=endpoint.uid, object_repr=owner_id, action_flag=CHANGE
    )
    rows = (endpoint, subscription, delivery, event, link, listed, session, key, application)
    return endpoint, {owner_id, endpoint.url, *(row.pk for row in rows)}


def tables() -> list[str]:
    """The tables of all models, of every app that is installed."""
    models: list[type[Model]] = [model for model in apps.get_models() if not model._meta.proxy]
    return sorted({model._meta.db_table for model in models})


def rows_that_name(names: set[str]) -> dict[str, int]:
    """The number of rows of each table in which one of the texts stands, in any column."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables():
            statement = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE ANY(%s)'  # noqa: S608 - our own tables
            cursor.execute(statement, [[f"%{name}%" for name in names]])
            found[table] = cursor.fetchone()[0]
    return found


def forget(project: Project, *options: str) -> dict[str, Any]:
    """Run the command for OWNER, and return its report."""
    out = StringIO()
    call_command("forget_owner", project.uid, OWNER, "--json", *options, stdout=out, stderr=StringIO())
    return dict(json.loads(out.getvalue()))


def numbers(report: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {part: report[part] for part in ("deleted", "kept")}


@pytest.fixture
def names(project: Project, make_endpoint: MakeEndpoint) -> set[str]:
    """The texts that name OWNER, who has rows in every table."""
    return fill(project, make_endpoint, OWNER)[1]


def test_nothing_of_the_owner_is_left_in_any_table(project: Project, names: set[str]) -> None:
    before = rows_that_name(names)
    # A table without a row of the owner's would be found empty afterwards in any case.
    assert {table for table, number in before.items() if not number} == NOTHING_OF_OWNERS.keys()
    forget(project, "--yes")
    assert {table: number for table, number in rows_that_name(names).items() if number} == {}
    connection.check_constraints()


def test_other_owners_keep_what_they_have(
    project: Project, other_project: Project, make_endpoint: MakeEndpoint
) -> None:
    kept = fill(project, make_endpoint, NEIGHBOUR)[1]
    same_name = fill(other_project, make_endpoint, OWNER)[1] - {OWNER, f"https://{OWNER}.example.com/in"}
    nobodys = make_endpoint(name="without owner")
    make_attempt(make_delivery(nobodys))
    before = [rows_that_name(each) for each in (kept, same_name, {nobodys.uid})]
    fill(project, make_endpoint, OWNER)
    forget(project, "--yes")
    assert [rows_that_name(each) for each in (kept, same_name, {nobodys.uid})] == before


def test_without_yes_it_counts_what_it_would_delete(project: Project, names: set[str]) -> None:
    before = rows_that_name(names)
    counted = forget(project)
    assert counted["is_dry_run"] is True
    assert rows_that_name(names) == before
    done = forget(project, "--yes")
    assert done["is_dry_run"] is False
    assert numbers(done) == numbers(counted)
    assert done["deleted"]["deliveries"] == done["deleted"]["attempts"] == 1
    assert done["deleted"]["meta events"] == 2
    assert all(done["deleted"].values())
    assert done["kept"]["onboard batches"] == 1


def test_repeated_it_finds_nothing(project: Project, names: set[str]) -> None:
    forget(project, "--yes")
    again = forget(project, "--yes")
    assert [number for part in numbers(again).values() for number in part.values() if number] == []


def test_what_went_to_another_owner_too_stays_without_this_one(project: Project, make_endpoint: MakeEndpoint) -> None:
    theirs, _ = fill(project, make_endpoint, OWNER)
    other = make_endpoint(owner_id=NEIGHBOUR, url="https://globex.example.com/in")
    both = {"endpoints": [theirs.uid, other.uid], "owner_id": OWNER, "idempotency_key": "k"}
    event = make_event(project.uid, key_scope=f"owner:{OWNER}", **both)
    make_delivery(theirs, "Success", event=event)
    delivery = make_delivery(other, "Success", event=event)
    link = create_portal_link(project.uid, name="both", endpoints=[theirs.uid, other.uid]).link
    chosen = {"first_uid": "", "beyond_uid": "Z", "endpoint_ids": [theirs.uid, other.uid]}
    retry = BatchRetry.objects.create(project=project, parameters=chosen)
    of_theirs = {"first_uid": "", "beyond_uid": "Z", "subscription_id": make_subscription(theirs).uid}
    narrow = BatchRetry.objects.create(project=project, parameters=of_theirs, customer="link:x")
    job = make_job(project)
    Endpoint.objects.filter(pk=other.pk).update(status_actor={"kind": "portal_session", "owner_id": OWNER})
    counted = forget(project)
    assert numbers(forget(project, "--yes")) == numbers(counted)
    event.refresh_from_db()
    assert (event.endpoints, event.owner_id) == ([other.uid], "")
    assert OWNER not in event.key_scope
    assert event.key_scope
    assert EventDelivery.objects.get() == delivery
    link.refresh_from_db()
    assert (link.endpoints, link.deleted_at) == ([other.uid], None)
    retry.refresh_from_db()
    assert retry.parameters == chosen | {"endpoint_ids": [other.uid]}
    narrow.refresh_from_db()
    # It must not become a retry of everything.
    assert narrow.parameters == {"first_uid": "", "beyond_uid": "Z", "endpoint_ids": []}
    job.refresh_from_db()
    other.refresh_from_db()
    assert other.status_actor is None
    assert counted["kept"]["events"] == 1


def test_pieces_are_small_and_stretches_follow_each_other(
    project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STRETCH", 2)
    monkeypatch.setattr(run, "DELETED", tuple(replace(kind, piece=2) for kind in rows.DELETED))
    sizes: list[int] = []
    delete = run._delete

    def sized(rows: Any) -> int:
        sizes.append(delete(rows))
        return sizes[-1]

    monkeypatch.setattr(run, "_delete", sized)
    theirs, other = make_endpoint(owner_id=OWNER), make_endpoint(owner_id=NEIGHBOUR)
    for number in range(5):
        make_delivery(theirs, "Success")
        make_event(project.uid, owner_id=OWNER if number % 2 else NEIGHBOUR, endpoints=[])
        make_delivery(other, "Success")
    assert forget(project, "--yes")["deleted"]["events"] == 7
    assert max(sizes) == 2
    assert Event.objects.count() == 8
    assert not Event.objects.filter(owner_id=OWNER).exists()


@pytest.mark.parametrize("pieces", [0, 1, 4, 9, 14])
def test_killed_in_the_middle_and_repeated(
    project: Project, names: set[str], monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    done: list[Any] = []
    delete = run._delete

    def killed(rows: Any) -> int:
        if len(done) == pieces:
            raise KeyboardInterrupt
        done.append(rows)
        return delete(rows)

    monkeypatch.setattr(run, "_delete", killed)
    with pytest.raises(KeyboardInterrupt):
        forget(project, "--yes")
    assert any(rows_that_name(names).values())
    # From the first moment on nothing can be made for the owner, or be seen by them.
    assert not Endpoint.objects.filter(deleted_at=None).exists()
    assert not PortalLink.objects.filter(deleted_at=None).exists()
    assert not PortalSession.objects.filter(revoked_at=None).exists()
    assert not APIKey.objects.filter(owner_id=OWNER, revoked_at=None).exists()
    monkeypatch.setattr(run, "_delete", delete)
    forget(project, "--yes")
    assert not any(rows_that_name(names).values())


def test_the_export_has_every_row_and_no_secret(project: Project, names: set[str], tmp_path: Path) -> None:
    path = tmp_path / "acme.jsonl"
    report = forget(project, "--yes", "--export", str(path))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    kinds: dict[str, int] = {}
    for line in lines:
        kinds[line["rows"]] = kinds.get(line["rows"], 0) + 1
    assert kinds == report["deleted"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [settings] = [line for line in lines if line["rows"] == "alert settings"]
    assert settings["email"] == "a@b.example"
    text = path.read_text("utf-8")
    for secret in ("s3cr3t", "t0ken", "digest", "secrets", 'lease": "'):
        assert secret not in text
    [event] = [line for line in lines if line["rows"] == "events"]
    assert event["data"] == '{"invoice":991}'


def test_the_export_of_an_event_that_others_got_does_not_name_them(
    project: Project, make_endpoint: MakeEndpoint, tmp_path: Path
) -> None:
    theirs, other = make_endpoint(owner_id=OWNER), make_endpoint(owner_id=NEIGHBOUR)
    make_event(project.uid, endpoints=[theirs.uid, other.uid])
    forget(project, "--export", str(tmp_path / "acme.jsonl"))
    [event] = [
        line
        for line in map(json.loads, (tmp_path / "acme.jsonl").read_text("utf-8").splitlines())
        if line["rows"] == "events"
    ]
    assert (event["endpoints"], event["is_shared"]) == ([theirs.uid], True)


def test_a_file_is_not_overwritten_and_then_nothing_is_deleted(
    project: Project, names: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "acme.jsonl"
    path.write_text("mine")
    before = rows_that_name(names)
    with pytest.raises(CommandError, match="File exists"):
        forget(project, "--yes", "--export", str(path))
    assert (path.read_text(), rows_that_name(names)) == ("mine", before)


@pytest.mark.parametrize("owner", ["", "  "])
def test_a_blank_owner_is_refused(project: Project, make_endpoint: MakeEndpoint, owner: str) -> None:
    endpoint = make_endpoint()
    with pytest.raises(CommandError, match="blank"):
        call_command("forget_owner", project.uid, owner, "--yes")
    endpoint.refresh_from_db()
    assert endpoint.deleted_at is None


def test_an_unknown_project_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="no project"):
        call_command("forget_owner", "01K4SZZZ3NN5V5Q6R7S8T9V0W1", OWNER, "--yes")


def test_the_report_for_people(project: Project, names: set[str]) -> None:
    out = StringIO()
    call_command("forget_owner", project.uid, OWNER, stdout=out, stderr=StringIO())
    assert "To delete: " in out.getvalue()
    assert "        1  deliveries" in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_an_event_that_was_being_taken_in_is_found_too(
    project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = make_endpoint(owner_id=OWNER)
    delivery = make_delivery(endpoint, "Success")
    given = connection.get_connection_params()
    dsn = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if given.get(name)}
    with psycopg.connect(**dsn) as intake:
        intake.execute("SELECT 1")
        looks = []

        def look(seconds: float) -> None:
            # The command waits: the transaction has begun before the end of the owner's access.
            looks.append(seconds)
            intake.execute(
                "INSERT INTO events_eventdelivery SELECT (jsonb_populate_record(d, %s::jsonb)).* "
                "FROM events_eventdelivery d WHERE uid = %s",
                [json.dumps({"uid": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}), delivery.uid],
            )
            intake.commit()

        monkeypatch.setattr("engine.forgetting.run.time.sleep", look)
        forget(project, "--yes")
    assert len(looks) == 1
    assert not EventDelivery.objects.exists()
    assert not DeliveryAttempt.objects.exists()
