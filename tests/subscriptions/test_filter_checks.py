"""Filters that may not be saved, their bounds, and the form in which they are saved."""

import json
from typing import Any

import orjson
import pytest

from core.exceptions import InvalidInput
from subscriptions import filters
from subscriptions.filters import check, check_can_match, flatten, matches, matches_event
from tests.subscriptions.filter_calls import deep

NOT_A_NUMBER: list[Any] = ["2026-11-28", "", "NaN", True, None, [1], {}]
REFUSED = [
    ('{"a":{"$foo":1}}', "unknown operator $foo"),
    ('{"$foo":1}', "unknown operator $foo"),
    ('{"a.$foo":1}', "unknown operator $foo"),
    ('{"a":{"$GT":1}}', "unknown operator $GT"),
    ('{"$eq":1}', "the operator $eq is misplaced"),
    ('{"a.$gt":1}', "the operator $gt is misplaced"),
    ('{"$or":{"a":1}}', "the value of $or and $and must be an array"),
    ('{"$or":{}}', "the value of $or and $and must be an array"),
    ('{"$and":1}', "the value of $or and $and must be an array"),
    ('{"$and":null}', "the value of $or and $and must be an array"),
    ('{"$or":[{"$and":"a"}]}', "the value of $or and $and must be an array"),
    ('{"$or":[1]}', "a filter must be an object"),
    ("[]", "a filter must be an object"),
    ('"a"', "a filter must be an object"),
    ('{"a.$.b.$.c.$.d.$.e":1}', "too many segments, expected at most 3 but got 4"),
    ('{"a.$":1}', "invalid filter syntax, found trailing $"),
    ('{"a.$":{"$eq":1}}', "invalid filter syntax, found trailing $"),
    ('{"$":1}', "invalid filter syntax, found trailing $"),
    ('{"a":{"b.$":1}}', "invalid filter syntax, found trailing $"),
    ('{"a":{"$regex":"("}}', "the pattern of $regex is not valid: missing ): ("),
    ('{"a":{"$regex":1}}', "the value of $regex must be a string"),
    ('{"a":{"b":1},"a.b":2}', "the key a.b is there twice, as a dotted key and as nested objects"),
    ('{"$or":[{"a":{"$foo":1}}]}', "unknown operator $foo"),
    ('{"a\\u0000":1}', "a filter must not contain the character NUL"),
    ('{"a":"\\u0000"}', "a filter must not contain the character NUL"),
    ('{"a":{"$in":[{"\\u0000":1}]}}', "a filter must not contain the character NUL"),
]


@pytest.mark.parametrize(("conditions", "text"), REFUSED)
def test_what_may_not_be_saved(conditions: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check(orjson.loads(conditions))
    assert refusal.value.message == text
    with pytest.raises(InvalidInput):
        matches(orjson.loads(conditions), {"a": 1})


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ({"repositories": ["x"]}, "the bare array of repositories never matches: "),
        ({"a": {"b": []}}, "the bare array of a.b never matches: "),
        ({"a": 1, "$or": []}, "an empty $or never matches"),
        ({"$or": [{"a": 1}, {"$and": [{"b": ["x"]}]}]}, "the bare array of b never matches: "),
        ({"a": {"$in": []}}, "an $in with an empty array"),
        ({"a": {"$in": [["x"], []]}}, "an $in with an empty array"),
        *(
            ({"a": {"$exist": True, name: value}}, f"the value of {name} must be a number or a text of one")
            for name in ("$gt", "$gte", "$lt", "$lte")
            for value in NOT_A_NUMBER
        ),
    ],
)
def test_what_can_never_match_is_refused_at_save_time(conditions: dict[str, Any], text: str) -> None:
    check(conditions)
    with pytest.raises(InvalidInput) as refusal:
        check_can_match(conditions)
    assert refusal.value.message.startswith(text)
    assert not matches(conditions, {"repositories": ["x"], "a": ["x"], "b": ["x"]})


@pytest.mark.parametrize(
    ("conditions", "payload"),
    [
        ({"repositories": "x"}, {"repositories": ["x"]}),
        ({"a": {"$eq": ["x"]}}, {"a": ["x"]}),
        ({"a": {"$neq": ["x"]}}, {"a": ["y"]}),
        ({"a": {"$in": [["x"], "y"]}}, {"a": "y"}),
        ({"a": {"$in": [None]}}, {"a": None}),
        ({"a": {"$nin": []}}, {"a": 1}),
        ({"a": {"$gt": "1e3"}}, {"a": 1001}),
        ({"a": {}}, {"a": {}}),
        ({"$and": []}, {}),
        ({}, {}),
    ],
)
def test_what_can_match_may_be_saved(conditions: dict[str, Any], payload: Any) -> None:
    check(conditions)
    check_can_match(conditions)
    assert matches(conditions, payload)


@pytest.mark.parametrize("operand", ["1", "0", '"true"', "null", "[]", "{}"])
def test_an_exist_operand_that_is_not_boolean_is_refused(operand: str) -> None:
    with pytest.raises(InvalidInput, match=r"the value of \$exist must be true or false"):
        check(orjson.loads(f'{{"a":{{"$exist":{operand}}}}}'))


@pytest.mark.parametrize("operator", ["$in", "$nin"])
@pytest.mark.parametrize("operand", ["1", '"x"', "null", "true", '{"x":1}'])
def test_in_with_a_bare_value_is_refused_at_save_time(operator: str, operand: str) -> None:
    with pytest.raises(InvalidInput, match=r"must be an array"):
        check(orjson.loads(f'{{"a":{{"{operator}":{operand}}}}}'))


def test_in_with_a_bare_value_against_a_bare_value_cannot_be_evaluated() -> None:
    with pytest.raises(InvalidInput, match=r"must be an array"):
        matches({"a": {"$in": "x"}}, {"a": "x"})
    assert not matches_event({"body": {"a": {"$in": "x"}}}, body={"a": "x"}, headers={}, query={}, path={})


@pytest.mark.parametrize("operator", ["$or", "$and"])
def test_or_under_a_field_is_refused(operator: str) -> None:
    with pytest.raises(InvalidInput, match="not under a field"):
        check({"a": {operator: [{"$eq": 1}]}})
    with pytest.raises(InvalidInput, match="misplaced"):
        check({f"a.{operator}": [{"b": 1}]})


@pytest.mark.parametrize("pattern", [r"a(?=b)", r"(a)\1", r"a(?<!b)c", "[", "a{1001}", r"((a{100}){100}){100}", "\\"])
def test_a_bad_pattern_is_refused_at_save_time(pattern: str) -> None:
    with pytest.raises(InvalidInput, match=r"the pattern of \$regex is not valid"):
        check({"a": {"$regex": pattern}})


def test_a_pattern_that_takes_much_memory_is_refused() -> None:
    with pytest.raises(InvalidInput, match="too large"):
        check({"a": {"$regex": r"\pL{900}"}})


@pytest.mark.parametrize("key", ["$.a", "a.$.b"])
def test_wildcards_are_refused_where_they_never_match(key: str) -> None:
    check({key: 1})
    for conditions in ({key: 1}, {"$or": [{key: 1}]}):
        with pytest.raises(InvalidInput, match="the wildcard"):
            check(conditions, wildcards=False)


def deep_or(levels: int) -> Any:
    value: Any = {"a": 1}
    for _ in range(levels):
        value = {"$or": [value]}
    return value


@pytest.mark.parametrize(
    ("fits", "refused"),
    [
        (deep(filters.MAX_SEGMENTS), deep(filters.MAX_SEGMENTS + 1)),
        (deep_or(10), deep_or(500)),
        ({"a": {"$eq": deep(20)}}, {"a": {"$eq": deep(1000)}}),
        ({str(n): n for n in range(500)}, {str(n): n for n in range(501)}),
        ({"$or": [{"a": n} for n in range(499)]}, {"$or": [{"a": n} for n in range(500)]}),
        ({"a": {"$in": list(range(9_000))}}, {"a": {"$in": list(range(10_000))}}),
        ({"a" * 512: 1}, {"a" * 513: 1}),
        ({".".join("a" * 32): 1}, {".".join("a" * 33): 1}),
        ({"a": "x" * 10_000}, {"a": "x" * 10_001}),
        ({"a": {"$regex": "x" * 1_000}}, {"a": {"$regex": "x" * 1_001}}),
    ],
)
def test_the_size_of_a_filter_is_bounded(fits: Any, refused: Any) -> None:
    check(fits)
    with pytest.raises(InvalidInput):
        check(refused)
    with pytest.raises(InvalidInput):
        matches(refused, {})


def test_what_is_saved_is_not_long() -> None:
    check({"a": {"$in": ["x" * 9_000] * 7}})
    with pytest.raises(InvalidInput, match="at most 65536 bytes"):
        check({"a": {"$in": ["x" * 9_000] * 8}})


@pytest.mark.parametrize(
    ("conditions", "flat"),
    [
        ({}, {}),
        ({"a": {"b": 1}}, {"a.b": 1}),
        ({"a.b": 1}, {"a.b": 1}),
        ({"a": {"b": {"c": {"$gt": 1}}}}, {"a.b.c": {"$gt": 1}}),
        ({"a": {"$exist": True, "b": 1}}, {"a": {"$exist": True}, "a.b": 1}),
        ({"a": {}}, {"a": {}}),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}),
        ({"a": {"$eq": {"b": 1}}}, {"a": {"$eq": {"b": 1}}}),
        ({"a": {"$": {"b": 1}}, "c": {"$.d": 2}}, {"a.$.b": 1, "c.$.d": 2}),
        (
            {"$or": [{"a": {"b": 1}}, {"$and": [{"c": {"d": 2}}]}]},
            {"$or": [{"a.b": 1}, {"$and": [{"c.d": 2}]}]},
        ),
    ],
)
def test_flatten(conditions: Any, flat: Any) -> None:
    assert flatten(conditions) == flat
    assert flatten(flat) == flat
    check(flat)


def test_half_a_surrogate_pair_is_refused() -> None:
    for conditions in ({"\ud800": 1}, {"a": "x\udfff"}, {"a": {"$regex": "\ud800"}}):
        with pytest.raises(InvalidInput, match="surrogate"):
            check(conditions)
    check({"a": "\U0001f600"})


def test_a_filter_survives_its_way_through_json() -> None:
    conditions = {"a": {"$in": [1, "x"]}, "$or": [{"b.c": {"$exist": False}}]}
    assert flatten(json.loads(json.dumps(conditions))) == flatten(conditions)
