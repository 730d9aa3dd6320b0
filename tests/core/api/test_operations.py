"""Declarations of operations: what they leave out is filled in."""

from types import NoneType
from typing import Any

import pytest

from core.api.documents import CountDocument, PageOf
from core.api.openapi import Outcome, Tag, query
from core.exceptions import InvalidInput
from tests.core.api.openapi_document import DOCUMENT

COUNTED: CountDocument = {"num": 12}


class Refused(InvalidInput):
    """Refused."""

    message = "no"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (CountDocument, COUNTED),
        (list[CountDocument], [COUNTED]),
        (PageOf[CountDocument], {"content": [COUNTED]}),
        (NoneType, None),
    ],
    ids=["a document", "a list", "a page", "nothing"],
)
def test_a_title_stands_for_the_example_of_the_type(data: Any, shown: Any) -> None:
    example: Any = Outcome("Done", data, "One").shown["One"]
    if isinstance(example, dict):
        example.pop("pagination", None)
    assert example == shown


class TestTwin:
    FIRST = Tag("Firsts").operation(
        "First",
        "Count",
        description="Counts.",
        parameters=[query("ownerId", "An owner."), query("q", "A text.")],
        success=Outcome("Counted", CountDocument, "Counted"),
        refused=[Refused],
    )

    def test_it_keeps_what_is_not_changed(self) -> None:
        twin = self.FIRST.twin("Second", "Count again")
        assert twin.success == self.FIRST.success
        assert twin.description == "Counts."

    def test_it_leaves_out_what_is_named(self) -> None:
        twin = self.FIRST.twin(
            "Second", "Count again", tag=Tag("Seconds", envelope=False), without=["ownerId", Refused]
        )
        declared = twin._declared
        assert [parameter.name for parameter in declared["parameters"]] == ["q"]
        assert declared["refused"] == []
        assert twin.answer(COUNTED).content == b'{"num":12}'
        assert self.FIRST.answer(COUNTED).content == b'{"status":true,"message":"Counted","data":{"num":12}}'


def test_an_operation_on_a_project_says_that_there_may_be_none() -> None:
    found = [
        response["content"]["application/json"]["examples"]
        for path, operations in DOCUMENT["paths"].items()
        if path.startswith("/v1/projects/{projectID}")
        for operation in operations.values()
        if "$ref" not in (response := operation["responses"]["404"])
    ]
    assert len(found) > 20
    assert all("NoSuchProject" in examples for examples in found)
