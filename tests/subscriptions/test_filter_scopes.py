"""Filters of an event's body, headers, query and path, and schemas against a request."""

from typing import Any

import pytest

from core.exceptions import InvalidInput
from subscriptions import filters
from tests.subscriptions.filter_calls import deep, event


def test_an_event_must_meet_all_scopes() -> None:
    scopes = {"body": {"a": 1}, "headers": {"X-Tier": "gold"}, "query": {"page": 2}, "path": {"path": "/in"}}
    values = {"headers": {"X-Tier": ["gold"]}, "query": {"page": "2"}, "path": {"path": "/in"}}
    assert event(scopes, **values)
    assert not event(scopes, **values | {"body": {"a": 2}})
    assert not event(scopes, **values | {"headers": {"X-Tier": ["silver"]}})
    assert not event(scopes, **values | {"query": {"page": "3"}})
    assert not event(scopes, **values | {"path": {"path": "/out"}})


@pytest.mark.parametrize("scopes", [{}, {"body": {}}, {"body": None, "headers": {}, "query": None, "path": {}}])
def test_an_empty_scope_matches_anything(scopes: Any) -> None:
    assert event(scopes)
    assert event(scopes, body=None)


@pytest.mark.parametrize(("key", "name"), [("x-tier", "X-Tier"), ("X-TIER", "x-tier"), ("X-Tier", "X-Tier")])
def test_header_names_are_compared_without_case(key: str, name: str) -> None:
    assert event({"headers": {key: "gold"}}, headers={name: ["gold"]})
    assert event({"headers": {"$or": [{key: {"$in": ["gold"]}}]}}, headers={name: ["gold"]})
    assert not event({"headers": {key: "Gold"}}, headers={name: ["gold"]})


def test_the_first_value_of_a_header_counts() -> None:
    assert event({"headers": {"x": "a"}}, headers={"X": ["a", "b"]})
    assert not event({"headers": {"x": "b"}}, headers={"X": ["a", "b"]})
    assert event({"headers": {"x": "a"}}, headers={"X": ["a"], "x": ["b"]})
    assert event({"headers": {"x": {"$exist": False}}}, headers={"X": [], "Y": ["a"]})


@pytest.mark.parametrize("scope", ["headers", "query", "path"])
@pytest.mark.parametrize("empty", [{}, None])
def test_conditions_on_an_empty_scope_fail(scope: str, empty: Any) -> None:
    for operand in ("x", {"$neq": "x"}, {"$exist": False}):
        assert not event({scope: {"path": operand}}, **{scope: empty})


def test_what_cannot_be_evaluated_is_no_match_and_raises_nothing() -> None:
    too_deep: Any = {"a": {"$eq": deep(5000)}}
    for conditions in ({"a": {"$regex": "("}}, {"$or": 1}, {"a": {"$foo": 1}}, ["a"], {"a.$": 1}, too_deep):
        assert not event({"body": conditions}, body={"a": deep(5000)})


@pytest.mark.parametrize(
    ("request_", "schema", "expected"),
    [
        ({"body": {"a": 1}}, {"body": {"a": 1}}, True),
        ({"body": {"a": 1}}, {"body": {"a": 2}}, False),
        ({"body": {"a": 1}}, {}, True),
        ({"body": {"a": 1}}, {"body": None, "header": None}, True),
        ({"body": None}, {"body": {}}, False),
        ({}, {"body": {}}, False),
        ({"body": {}}, {"body": {}}, True),
        ({"body": {"a": 1}}, {"body": {}}, True),
        ({"body": None}, {"body": None}, True),
        ({"body": None}, {"body": {"a": {"$neq": 1}}}, False),
        ({"body": [{"a": 1}]}, {"body": {"$.a": 1}}, True),
        ({"header": {"X-A": "b"}}, {"header": {"x-a": "b"}}, True),
        ({"header": {"X-A": ["b"]}}, {"header": {"x-a": "b"}}, True),
        ({"headers": {"X-A": "b"}}, {"headers": {"X-A": "c"}}, True),
        ({"header": {}}, {"header": {}}, True),
        ({"header": {}}, {"header": {"a": {"$neq": 1}}}, False),
        ({"header": "text"}, {"header": {"a": 1}}, False),
        ({"query": {"a": "1"}, "path": {"path": "/x"}}, {"query": {"a": 1}, "path": {"path": "/x"}}, True),
        ({"query": {"a": "1"}, "path": {"path": "/x"}}, {"query": {"a": 1}, "path": {"path": "/y"}}, False),
        ({"body": {"tags": ["vip"]}}, {"body": {"tags": {"$in": "vip"}}}, True),
    ],
)
def test_a_schema(request_: Any, schema: Any, expected: bool) -> None:
    assert filters.test_schema(request_, schema) is expected


@pytest.mark.parametrize(
    "schema",
    [
        {"body": {"a": {"$foo": 1}}},
        {"body": {"a": {"$regex": "("}}},
        {"body": {"a": {"$in": "x"}}},
        {"body": [1]},
        {"body": "a"},
        {"query": {"a.$.b": 1}},
        {"body": {"a": 2}, "path": {"$or": 1}},
    ],
)
def test_a_schema_that_cannot_be_evaluated_is_refused(schema: Any) -> None:
    with pytest.raises(InvalidInput):
        filters.test_schema({"body": {"a": "x"}, "query": {"a": "1"}, "path": {"path": "/"}}, schema)
