"""manage.py create_api_key"""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from projects.models import APIKey, Project
from tests.conftest import API

pytestmark = pytest.mark.django_db


class TestWorks:
    def test_standard_output_is_the_key_alone(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        APIKey.objects.all().delete()
        call_command("create_api_key", name="Backend", project=project.uid)
        out, err = capsys.readouterr()
        key = out.removesuffix("\n")
        assert API(key).get(f"/projects/{project.uid}").data["uid"] == project.uid
        row = APIKey.objects.get()
        assert (row.name, row.role, row.owner_id, row.scopes, row.expires_at) == (
            "Backend",
            "project_admin",
            "",
            [],
            None,
        )
        assert err == f"API key {row.uid} (project_admin of project {project.uid}). It is not shown again:\n"

    def test_every_option(self, project: Project) -> None:
        APIKey.objects.all().delete()
        arguments = ["--name=Acme's", "--role=project_viewer", f"--project={project.uid}", "--owner-id=acme"]
        arguments += ["--scope=webhooks:manage", "--scope=webhooks:read", "--expires-in-days=30"]
        call_command("create_api_key", *arguments)
        row = APIKey.objects.get()
        assert (row.name, row.role, row.project_id, row.owner_id) == ("Acme's", "project_viewer", project.uid, "acme")
        assert row.scopes == ["webhooks:manage", "webhooks:read"]
        assert row.expires_at is not None
        assert abs(row.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)

    def test_a_management_token_of_nahooks_clients(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("create_api_key", name="Nahook", project=project.uid, nahook=True)
        token = capsys.readouterr().out.removesuffix("\n")
        assert token.startswith("nhm_")
        path = f"/management/v1/workspaces/{project.uid}/applications/acme/portal"
        answer = Client().post(path, content_type="application/json", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201

    def test_a_key_of_nahooks_clients_that_only_sends(
        self, project: Project, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("create_api_key", name="Nahook", project=project.uid, nahook_sending=True)
        key = capsys.readouterr().out.removesuffix("\n")
        assert key.startswith("nhk_")
        headers = {"Authorization": f"Bearer {key}"}
        sent: Any = {"data": {"payload": {}}, "content_type": "application/json", "headers": headers}
        assert Client().post("/api/ingest/event/order.paid", **sent).status_code == 202
        path = f"/management/v1/workspaces/{project.uid}"
        assert Client().get(f"{path}/endpoints", headers=headers).status_code == 401
        assert Client().post(f"{path}/applications/acme/portal", **sent).status_code == 401
        assert API(key).get(f"/projects/{project.uid}").status == 401

    def test_an_instance_key_has_no_project(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("create_api_key", name="Deploy", role="instance_admin")
        out, err = capsys.readouterr()
        assert API(out.strip()).post("/projects", {"name": "Made by it", "type": "outgoing"}).status == 201
        assert "(instance_admin of the instance)" in err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "a key belongs to one project, an instance_admin key to none"),
        (
            {"role": "instance_admin", "project": "its own"},
            "a key belongs to one project, an instance_admin key to none",
        ),
        ({"project": "unknown"}, "project: There is no project with this id."),
        ({"role": "owner"}, "Error: argument --role: invalid choice: 'owner'"),
        ({"name": " ", "role": "instance_admin"}, "name: This field is required."),
        ({"name": "n" * 301, "role": "instance_admin"}, "name: Ensure this value has at most 300 characters"),
        ({"role": "instance_admin", "owner_id": "o" * 256}, "owner_id: Ensure this value has at most 255 characters"),
        ({"role": "instance_admin", "scope": ["s" * 65]}, "scopes: Item 1 in the array did not validate"),
        ({"role": "instance_admin", "scope": [""] * 2}, "scopes: Item 1 in the array did not validate"),
        ({"project": "its own", "nahook": True, "nahook_sending": True}, "nahook_sending: A key is of one kind"),
        ({"role": "instance_admin", "expires_in_days": 0}, "--expires-in-days must be between 1 and 36500"),
        ({"role": "instance_admin", "expires_in_days": 10**9}, "--expires-in-days must be between 1 and 36500"),
    ],
)
def test_bad_input_is_told_in_one_line(project: Project, options: dict[str, Any], error: str) -> None:
    APIKey.objects.all().delete()
    if options.get("project") == "its own":
        options = options | {"project": project.uid}
    arguments = [f"--role={options['role']}"] if "role" in options else []
    rest = {name: value for name, value in options.items() if name != "role"}
    with pytest.raises(CommandError) as failure:
        call_command("create_api_key", *arguments, **{"name": "Backend"} | rest)
    assert str(failure.value).startswith(error)
    assert "\n" not in str(failure.value)
    assert not APIKey.objects.exists()


def test_a_deleted_project_gets_no_key(project: Project) -> None:
    Project.objects.update(deleted_at=timezone.now())
    with pytest.raises(CommandError, match="There is no project with this id"):
        call_command("create_api_key", name="Late", project=project.uid)
