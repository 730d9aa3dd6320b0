"""POST …/event-types/import/jobs. Contract: docs/contract/event-types.md#import-jobs."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from jobs.models import Job
from jobs.operations import work_off
from projects.models import EventType, Project
from subscriptions import import_jobs
from subscriptions.openapi_import import Bounds
from tests.conftest import API, Answer
from tests.jobs.rows import work_off_all
from tests.refusals import RefusesOtherProjects, RefusesStrangers, RefusesViewers

Import = Callable[..., Answer]


def spec(names: list[str], **members: object) -> str:
    return orjson.dumps({"webhooks": {name: {"post": {"description": name}} for name in names}, **members}).decode()


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/event-types/import"


@pytest.fixture
def call(path: str) -> Callable[[API], Answer]:
    return lambda api: api.post(f"{path}/jobs", {"spec": spec(["a"])})


class TestRefusals(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


def names() -> set[str]:
    return set(EventType.objects.exclude(name="*").values_list("name", flat=True))


class TestWorks:
    @pytest.mark.slow  # a large document
    def test_what_is_too_large_for_a_request_is_imported_in_pieces(
        self, api: API, path: str, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_jobs, "IMPORT_CHUNK", 500)
        wanted = [f"order.{number}" for number in range(1_001)]
        refused = api.post(path, {"spec": spec(wanted)})
        assert refused.error == (
            400,
            "error loading OpenAPI spec: it has more than 1000 webhooks: POST …/event-types/import/jobs takes more",
        )
        answer = api.post(f"{path}/jobs", {"spec": spec(wanted)})
        assert (answer.status, answer.message) == (202, "Import job accepted")
        assert (answer.data["kind"], answer.data["status"], answer.data["total"]) == (
            "event_type_import",
            "pending",
            None,
        )
        shown: list[tuple[str, Any, int]] = []
        for _ in range(4):
            work_off()
            at = api.get(f"/projects/{project.uid}/jobs/{answer.data['uid']}").data
            shown.append((at["status"], at["total"], at["done"]))
        assert shown == [
            ("running", 1_001, 0),
            ("running", 1_001, 500),
            ("running", 1_001, 1_000),
            ("finished", 1_001, 1_001),
        ]
        assert names() == set(wanted)
        assert EventType.objects.get(name="order.7").description == "order.7"
        assert Job.objects.get().content is None

    @pytest.mark.slow
    def test_yaml_of_more_values(self, api: API, path: str) -> None:
        large = "webhooks: {a: {post: {}}}\nx: [" + "1," * 60_000 + "]"
        assert "in YAML; write it as JSON: POST …/event-types/import/jobs" in api.post(path, {"spec": large}).message
        assert api.post(f"{path}/jobs", {"spec": large}).status == 202
        work_off_all()
        assert (Job.objects.get().status, names()) == ("finished", {"a"})

    def test_what_is_there_is_updated(self, api: API, path: str, project: Project) -> None:
        EventType.objects.create(project=project, name="a", description="old", category="kept")
        api.post(f"{path}/jobs", {"spec": spec(["a"])})
        work_off_all()
        row = EventType.objects.get(name="a")
        assert (row.description, row.category) == ("a", "kept")

    def test_a_dry_run_counts(self, api: API, path: str) -> None:
        assert api.post(f"{path}/jobs?dry_run=true", {"spec": spec(["a", "b"])}).data["dry_run"] is True
        work_off_all()
        job = Job.objects.get()
        assert (job.status, job.total, job.done, job.content, names()) == ("finished", 2, 0, None, set())

    def test_a_canceled_one_keeps_no_document(self, api: API, path: str, project: Project) -> None:
        uid = api.post(f"{path}/jobs", {"spec": spec(["a"])}).data["uid"]
        assert api.put(f"/projects/{project.uid}/jobs/{uid}/cancel").status == 200
        work_off_all()
        assert (Job.objects.get().content, names()) == (None, set())


class TestValidation:
    def test_what_a_job_refuses_is_its_reason(
        self, api: API, path: str, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_jobs, "OF_JOB", Bounds(100, 100, 2, 100))
        reasons = {
            spec(["a", "b", "c"]): "error loading OpenAPI spec: it has more than 2 webhooks",
            "{}": "no webhooks found in OpenAPI spec",
            spec(["a"], x=[1] * 300): "error loading OpenAPI spec: it has more than 100 values",
        }
        for document, reason in reasons.items():
            uid = api.post(f"{path}/jobs", {"spec": document}).data["uid"]
            work_off_all()
            job = api.get(f"/projects/{project.uid}/jobs/{uid}").data
            assert (job["status"], job["reason"], job["finished_at"] is None) == ("failed", reason, False)
        assert names() == set()
        assert not Job.objects.exclude(content=None).exists()

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "no webhooks found in OpenAPI spec"),
            ({"spec": " "}, "no webhooks found in OpenAPI spec"),
            ({"spec": 5}, 'body contains incorrect JSON type for field "spec"'),
            ({"spec": "[{}]"}, "error loading OpenAPI spec: it is not an object"),
            ({"spec": "webhooks"}, "error loading OpenAPI spec: it is not an object"),
            ({"spec": "x" * 1_000_001}, "error loading OpenAPI spec: it has more than 1000000 characters"),
        ],
    )
    def test_bodies(self, api: API, path: str, body: Any, message: str) -> None:
        assert api.post(f"{path}/jobs", body).error == (400, message)
        assert not Job.objects.exists()

    def test_one_at_a_time(self, api: API, path: str) -> None:
        assert api.post(f"{path}/jobs", {"spec": spec(["a"])}).status == 202
        refused = api.post(f"{path}/jobs", {"spec": spec(["b"])})
        assert refused.error == (400, "another job of this kind is under way")
