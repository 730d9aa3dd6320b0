"""Conditions as rows, and the reasons why an event meets them or not."""

from typing import Any

import pytest

from subscriptions.exceptions import FilterRefused
from subscriptions.filters import check, matches, matches_event
from subscriptions.filters.explain import explain
from subscriptions.filters.rows import Comparison, Row, RowRefused, Rows, text_of, to_conditions, to_rows, value_of

C = Comparison


def rows(*given: tuple[str, C] | tuple[str, C, str], is_any: bool = False) -> Rows:
    return Rows([Row(*each) for each in given], is_any)


FLAT = [
    ({}, rows()),
    ({"total": 100}, rows(("total", C.IS, "100"))),
    ({"total": "100"}, rows(("total", C.IS, '"100"'))),
    ({"kind": "big"}, rows(("kind", C.IS, "big"))),
    ({"a": {"b": True}}, rows(("a.b", C.IS, "true"))),
    ({"a": None}, rows(("a", C.IS, "null"))),
    ({"a": ""}, rows(("a", C.IS, ""))),
    ({"a": " x"}, rows(("a", C.IS, '" x"'))),
    ({"kind": {"$neq": "big"}}, rows(("kind", C.IS_NOT, "big"))),
    (
        {"total": {"$gte": 100}, "currency": {"$in": ["EUR", "CHF"]}},
        rows(("total", C.AT_LEAST, "100"), ("currency", C.ONE_OF, "EUR, CHF")),
    ),
    ({"a": {"$nin": ["x, y", "z", 1, "1"]}}, rows(("a", C.NONE_OF, '"x, y", z, 1, "1"'))),
    ({"a": {"$gt": 1, "$lte": 2.5}}, rows(("a", C.MORE_THAN, "1"), ("a", C.AT_MOST, "2.5"))),
    ({"a": {"$lt": -1}}, rows(("a", C.LESS_THAN, "-1"))),
    ({"a": {"$regex": "^x.*"}}, rows(("a", C.MATCHES, "^x.*"))),
    ({"a": {"$regex": "plain text"}}, rows(("a", C.CONTAINS, "plain text"))),
    ({"a": {"$regex": r"1\.5\$"}}, rows(("a", C.CONTAINS, "1.5$"))),
    ({"a": {"$exist": True}, "b": {"$exist": False}}, rows(("a", C.THERE), ("b", C.NOT_THERE))),
    ({"items.$.sku": "B2"}, rows(("items.$.sku", C.IS, "B2"))),
    ({"$or": [{"a": 1}, {"b": {"$gte": 2}}]}, rows(("a", C.IS, "1"), ("b", C.AT_LEAST, "2"), is_any=True)),
    ({"$and": [{"a": {"$neq": 1}}, {"a": {"$neq": 2}}]}, rows(("a", C.IS_NOT, "1"), ("a", C.IS_NOT, "2"))),
]


@pytest.mark.parametrize(("conditions", "expected"), FLAT)
def test_flat_conditions_are_rows_and_come_back(conditions: dict[str, Any], expected: Rows) -> None:
    read = to_rows(conditions)
    assert read is not None
    assert (list(read.rows), read.is_any) == (list(expected.rows), expected.is_any)
    written = to_conditions(read)
    check(written)
    assert to_rows(written) == read


@pytest.mark.parametrize(
    ("conditions", "written"),
    [
        ({"a": {"$eq": 1}}, {"a": 1}),
        ({"$and": [{"a": 1}, {"b": 2}]}, {"a": 1, "b": 2}),
        ({"a": {"b": {"$gte": 1}}}, {"a.b": {"$gte": 1}}),
    ],
)
def test_another_spelling_is_written_shorter(conditions: dict[str, Any], written: dict[str, Any]) -> None:
    read = to_rows(conditions)
    assert read is not None
    assert to_conditions(read) == written


@pytest.mark.parametrize(
    "conditions",
    [
        {"$or": [{"a": 1}], "b": 2},
        {"$or": [{"a": 1, "b": 2}, {"c": 3}]},
        {"$or": [{"a": {"$gte": 1, "$lt": 2}}, {"c": 3}]},
        {"$or": [{"$and": [{"a": 1}]}, {"c": 3}]},
        {"$or": [{"a": 1}]},
        {"$or": []},
        {"$and": [{"$or": [{"a": 1}, {"b": 2}]}]},
        # Merged, these two would be asked of one element.
        {"$and": [{"items.$.n": {"$gt": 1}}, {"items.$.n": {"$lt": 5}}]},
        {"a": [1]},
        {"a": {}},
        {"a": {"$eq": {"b": 1}}},
        {"a": {"$in": []}},
        {"a": {"$in": [[1]]}},
    ],
)
def test_what_rows_cannot_hold_is_left_to_json(conditions: dict[str, Any]) -> None:
    check(conditions)
    assert to_rows(conditions) is None


@pytest.mark.parametrize(
    ("row", "index"),
    [
        (rows(("a", C.IS, "1"), ("", C.IS, "1")), 1),
        (rows((" ", C.THERE)), 0),
        (rows(("$or", C.IS, "1")), 0),
        (rows(("a", C.AT_LEAST, "much")), 0),
        (rows(("a", C.LESS_THAN, "")), 0),
        (rows(("a", C.MORE_THAN, "true")), 0),
    ],
)
def test_a_row_that_is_no_condition(row: Rows, index: int) -> None:
    with pytest.raises(RowRefused) as raised:
        to_conditions(row)
    assert raised.value.index == index


def test_a_pattern_that_is_wrong_is_refused_as_in_json() -> None:
    with pytest.raises(FilterRefused):
        check(to_conditions(rows(("a", C.MATCHES, "("))))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1", 1), ("-1.5", -1.5), ("1e3", 1000.0), ("01", "01"), ("1.", "1."), (".5", ".5"), ("+1", "+1")),
        *(
            ("true", True),
            ("null", None),
            ("True", "True"),
            (" x ", "x"),
            ('"1"', "1"),
            ('"', '"'),
            ('"a" b"', '"a" b"'),
        ),
        ("123456789012345678901234567890.1", "123456789012345678901234567890.1"),
        ("1e999", "1e999"),
        ("9" * 300, "9" * 300),
        ("Infinity", "Infinity"),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)
    assert value_of(text_of(value)) == value


CASES: list[tuple[dict[str, Any], Any, bool, list[tuple[str, str, list[Any]]]]] = [
    ({"amount": {"$gt": 100}}, {"amount": 12}, False, [("amount", "$gt", [12])]),
    ({"total": {"$gte": 100}}, {"total": 249}, True, [("total", "$gte", [249])]),
    ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False, [("b", "$eq", [3])]),
    ({"a": 1, "b": 2}, {"a": 0, "b": 3}, False, [("a", "$eq", [0])]),
    ({"a": 1, "b": 2}, {"a": 1, "b": 2}, True, [("a", "$eq", [1]), ("b", "$eq", [2])]),
    ({"a": {"$gt": 1, "$lt": 5}}, {"a": 7}, False, [("a", "$lt", [7])]),
    ({"i.$.n": {"$gt": 1, "$lt": 5}}, {"i": [{"n": 0}, {"n": 9}]}, False, [("i.$.n", "", [0, 9])]),
    ({"a": {"$exist": True}}, {}, False, [("a", "$exist", [])]),
    ({"a": "x"}, {"b": 1}, False, [("a", "$eq", [])]),
    ({"$or": [{"a": 1}, {"b": 2}]}, {"a": 5, "b": 6}, False, [("a", "$eq", [5]), ("b", "$eq", [6])]),
    ({"$or": [{"a": 1}, {"b": 2}]}, {"a": 5, "b": 2}, True, [("b", "$eq", [2])]),
    ({"$and": [{"a": 1}, {"b": 2}]}, {"a": 1, "b": 6}, False, [("b", "$eq", [6])]),
    ({"$and": [{"a": 1}] * 9 + [{"b": 2}]}, {"a": 1, "b": 6}, False, [("b", "$eq", [6])]),
    ({"$or": []}, {"a": 1}, False, []),
    ({"tags": "vip"}, {"tags": ["new", "vip"]}, True, [("tags", "$eq", [["new", "vip"]])]),
    ({}, {"a": 1}, True, []),
]


@pytest.mark.parametrize(("conditions", "payload", "expected", "facts"), CASES)
def test_the_condition_that_decides_and_what_it_met(
    conditions: dict[str, Any], payload: Any, expected: bool, facts: list[tuple[str, str, list[Any]]]
) -> None:
    check(conditions)
    found = explain({"body": conditions}, body=payload, headers={})
    assert found.holds is expected is matches(conditions, payload)
    assert [(fact.field, fact.operator, fact.met) for fact in found.facts] == facts
    assert all(fact.holds is expected for fact in found.facts)


def test_alternatives_that_all_fail_are_said_to_be_alternatives() -> None:
    assert explain({"body": {"$or": [{"a": 1}, {"b": 2}]}}, body={}, headers={}).is_any
    assert not explain({"body": {"a": 1}}, body={}, headers={}).is_any


@pytest.mark.parametrize(
    ("headers", "expected", "met"),
    [({"X-Region": ["eu", "us"]}, True, ["eu"]), ({"x-region": ["us"]}, False, ["us"]), ({}, False, [])],
)
def test_headers_have_no_letter_case(headers: dict[str, list[str]], expected: bool, met: list[str]) -> None:
    scopes = {"headers": {"X-Region": "eu"}}
    found = explain(scopes, body={}, headers=headers)
    assert found.holds is expected is matches_event(scopes, body={}, headers=headers, query={}, path={})
    assert [(fact.scope, fact.field, fact.met) for fact in found.facts] == [("headers", "X-Region", met)]


def test_the_first_scope_that_fails_decides() -> None:
    scopes: dict[str, dict[str, Any]] = {"headers": {"X-Region": "eu"}, "body": {"a": 1}}
    found = explain(scopes, body={"a": 2}, headers={"X-Region": ["us"]})
    assert [fact.scope for fact in found.facts] == ["body"]
    found = explain({"query": {"q": 1}}, body={"a": 2}, headers={})
    assert (found.holds, [fact.scope for fact in found.facts]) == (False, ["query"])


@pytest.mark.slow
def test_work_is_bounded_as_matching_is() -> None:
    conditions = {"a.$.b.$.c.$.d": {"$neq": 1}}
    payload = {"a": [{"b": [{"c": [{"d": 1}] * 100}] * 100}] * 100}
    check(conditions)
    found = explain({"body": conditions}, body=payload, headers={})
    assert (found.holds, found.is_too_much, found.facts) == (False, True, [])
