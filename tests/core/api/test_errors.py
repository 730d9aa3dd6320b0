"""Refusals that no view has made."""

from typing import Any

from django.test import Client

from projects.models import Project
from tests.portal.api.customers import create_link


def test_a_form_of_too_many_fields_is_told_so(project: Project) -> None:
    headers = {"Authorization": f"Bearer {create_link(project).token}"}
    fields = {"event_types": [str(number) for number in range(1_001)]}
    answer: Any = Client(raise_request_exception=False).post(
        f"/portal/{project.uid}/endpoints/new", fields, headers=headers
    )
    assert (answer.status_code, answer["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert answer.content.decode() == "The form has more than 1000 fields. Save it in smaller parts."
