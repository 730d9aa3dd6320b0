"""Every operation of svix 2.9.1, by the official client against the running server."""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel
from svix.api import ApplicationIn, EndpointIn, EventTypeIn, Svix
from svix.exceptions import HttpError, HTTPValidationError
from svix.models import RecoverIn

from script.checks.sdk_operations import SVIX, Found, operations_of, works
from tests.conftest import Row
from tests.live.conftest import LiveProject
from tests.outbound.receivers import Receiver
from tests.svix_api.operations import APP, BAD, NO_METHOD, ROWS, TYPE, UNKNOWN, Call, World, message
from tests.waiting import eventually

FOUND = operations_of(SVIX)
#: The refusals, by an operation or a module, that are not 404.
REFUSED = {
    "endpoint.transformation_partial_update": BAD,
    "endpoint_transformation": BAD,
    # Their paths are those of a message with this eventId.
    "message.bulk_expunge_content": NO_METHOD,
    "message.expunge_all_contents": NO_METHOD,
}


@pytest.fixture
def world(project: LiveProject, connect_svix: Callable[[str], Svix]) -> Iterator[World]:
    svix = connect_svix(project.key)
    svix.application.create(ApplicationIn(name="Acme", uid=APP))
    svix.event_type.create(EventTypeIn(name=TYPE, description="An invoice is paid"))
    with Receiver() as receiver:
        endpoint = svix.endpoint.create(APP, EndpointIn(url=receiver.url("/in"))).id
        sent = svix.message.create(APP, message()).id
        [attempt] = eventually(lambda: svix.message_attempt.list_by_msg(APP, sent).data, "the attempt is listed")
        since = datetime.now(UTC) - timedelta(minutes=5)
        task = svix.endpoint.recover(APP, endpoint, RecoverIn(since=since)).id
        yield World(svix, connect_svix, endpoint, sent, attempt.id, task)


def test_every_operation_that_works_has_a_good_and_a_bad_call() -> None:
    names = [row.name for row in ROWS]
    assert len(names) > 40
    assert sorted(names) == sorted(one.name for one in FOUND if works(one))


def test_every_operation_that_works(world: World, row: Row) -> None:
    for operation in ROWS:
        with row(operation.name):
            assert refusal(operation.bad, world) == operation.refusal
            # An endpoint has one task of a kind at a time.
            eventually(lambda: tasks_have_ended(world.svix), "the tasks have ended")
            operation.good(world)


def tasks_have_ended(svix: Svix) -> bool:
    return all(task.status == "finished" for task in svix.background_task.list().data)


# The package itself has deprecated one of them.
@pytest.mark.filterwarnings("ignore:Call to deprecated method:DeprecationWarning")
def test_every_operation_that_is_refused(world: World, row: Row) -> None:
    others = [one for one in FOUND if not works(one)]
    assert len(others) > 70
    for one in others:
        with row(one.name):
            expected = REFUSED.get(one.name, REFUSED.get(one.module, UNKNOWN))
            assert refusal(partial(call, one), world) == expected


def refusal(act: Call, world: World) -> tuple[int, str]:
    """The status of an error of the package's own, and its code, or the path of the field that it names."""
    with pytest.raises((HttpError, HTTPValidationError)) as failure:
        act(world)
    error: Any = failure.value
    if isinstance(error, HTTPValidationError):
        return error.status_code, ".".join(map(str, error.detail[0].loc))
    assert error.detail
    return error.status_code, error.code


def call(one: Found, world: World) -> None:
    """Call an operation with ids that exist, where it takes them, and with an empty body."""
    name = "".join(word.capitalize() for word in one.module.split("_"))
    make: Any = getattr(import_module(f"svix.api.{one.module}"), name)
    resource = make(world.svix._client, world.svix._httpx_client)
    act = getattr(resource, one.name.partition(".")[2])
    known = {"app_id": APP, "endpoint_id": world.endpoint, "msg_id": world.message}
    arguments: list[Any] = []
    for parameter in inspect.signature(act).parameters.values():
        if inspect.isclass(parameter.annotation) and issubclass(parameter.annotation, BaseModel):
            arguments.append(parameter.annotation.model_construct())
        elif parameter.default is parameter.empty:
            arguments.append(known.get(parameter.name, "nothing"))
    act(*arguments)
