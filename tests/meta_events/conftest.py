"""Fixtures of the tests of meta events."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from meta_events.models import MetaEvent
from projects.models import Project
from tests.meta_events.rows import make_meta_event as make_one
from tests.outbound.receivers import Receiver

SECRET = "meta-secret"


@pytest.fixture
def collection(project: Project) -> str:
    return f"/projects/{project.uid}/meta-events"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def enable(project: Project) -> Callable[..., None]:
    """Lets the project be told of the types that are named. The API would refuse a URL of this machine."""

    def enable(*event_types: str, url: str = "https://hooks.example.com/meta", **changed: Any) -> None:
        project.meta_event = project.meta_event | {
            "is_enabled": True,
            "type": "http",
            "event_type": list(event_types),
            "url": url,
            "secret": SECRET,
            **changed,
        }
        project.save(update_fields=["meta_event"])

    return enable


@pytest.fixture
def make_meta_event(project: Project) -> Callable[..., MetaEvent]:
    """Creates a meta event of the project, by default one that is due now."""

    return partial(make_one, project)
