"""The cost of matching hostile filters and payloads, and its bound."""

import time
from typing import Any

import pytest

from core.exceptions import InvalidInput
from subscriptions import filters
from subscriptions.filters import check, matches, matches_event
from subscriptions.filters.rows import values_of
from tests.interpreter import cpu_seconds
from tests.subscriptions.filter_calls import deep, event


def nested(width: int) -> Any:
    return {"a": [{"b": [{"c": [{"d": 0}] * width}] * width}] * width}


HOSTILE = [
    ({"a.$.b.$.c.$.d": 1}, nested(200)),
    ({"$or": [{"a": n} for n in range(1, 499)]}, {"a": ["x"] * 200_000}),
    ({"$or": [{"a": n} for n in range(1, 499)]}, {"a": ["1e999999999"] * 80_000}),
    ({"$and": [{"a": {"$nin": list(range(n, n + 90))}} for n in range(100)]}, {"a": "x" * 1_000_000}),
    ({"a": {"$regex": "(?:[ab]*a[ab]{30}c|.{500}z)"}}, {"a": "ab" * 500_000}),
    ({"a": {"$regex": "a.{200}a.{200}b.{100}Q"}}, {"a": "abab" * 250_000}),
    ({"$or": [{"a": {"$regex": f"[xy]{n}$"}} for n in range(400)]}, {"a": "é" * 500_000}),
    ({"$or": [{"a": {"$eq": ["x", n]}} for n in range(200)]}, {"a": ["x"] * 300_000}),
    ({"a.$.x": {"$in": [[n] for n in range(4_000)]}}, {"a": [{"x": [0]}] * 100_000}),
    ({"a.$.x": {"$in": [{"y": n} for n in range(2_000)]}}, {"a": [{"x": {"y": -1}}] * 60_000}),
    ({".".join("a" * 32): 2}, {".".join("a" * n): deep(31) for n in range(1, 32)}),
    ({"a": {"$eq": "1" * 400}}, {"a": ["1" * 399 + "2"] * 2_500}),
    ({"a": "1" * 10_000}, {"a": ["1" * 9_999 + "2"] * 100}),
    ({"a": {"$gt": 1}}, {"a": deep(1_000)}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("conditions", "payload"), HOSTILE)
def test_a_hostile_filter_on_a_hostile_payload_is_bounded(conditions: Any, payload: Any) -> None:
    check(conditions)
    before = time.process_time()
    assert event({"body": conditions}, body=payload) is matches(conditions, payload)
    # Without a bound the first takes more than ten seconds, and the patterns several each.
    assert time.process_time() - before < 2


@pytest.mark.slow
def test_more_work_than_the_bound_is_no_match() -> None:
    few, many = [{"b": 0}] * 10_000 + [{"b": 1}], [{"b": 0}] * 100_000 + [{"b": 1}]
    assert event({"body": {"a.$.b": 1}}, body={"a": few})
    assert not event({"body": {"a.$.b": 1}}, body={"a": many})
    assert not event({"body": {"a.$.b": {"$neq": 0}}}, body={"a": many})
    assert not filters.test_schema({"body": {"a": many}}, {"body": {"a.$.b": 1}})


def test_a_simple_pattern_reads_a_whole_payload_of_1_mb() -> None:
    text = "é" * 300_000 + "needle"
    assert event({"body": {"a": {"$regex": "needle$"}}}, body={"a": text})


ODD: list[Any] = [
    *(None, True, False, 0, -1, 2**63, 2**64 - 1, 1.5, 1e308, float("inf"), float("nan"), "", "1", "NaN", "\0", "x"),
    *([], [[]], [None], [{}], {}, {"": {}}, {"$or": []}, {"a": None}, {"a": {"a": {"$": 1}}}, [1, "1", True, {"a": 1}]),
    "\ud800",
]


@pytest.mark.slow
def test_nothing_that_may_be_saved_raises_on_any_value() -> None:
    operands: list[Any] = [*ODD, *({"$eq": odd} for odd in ODD), *({"$neq": odd} for odd in ODD)]
    operands += [
        {name: odd} for name in ("$gt", "$gte", "$lt", "$lte", "$regex", "$exist", "$in", "$nin") for odd in ODD
    ]
    saved = 0
    for operand in operands:
        for key in ("a", "a.a", "a.$.a", "$.a", "0", ""):
            conditions = {key: operand}
            try:
                check(conditions)
            except InvalidInput:
                continue
            saved += 1
            for value in ODD:
                assert matches(conditions, value) in (True, False)
                assert matches(conditions, {"a": value}) in (True, False)
    assert saved > 300


@pytest.mark.slow
def test_what_is_slow_costs_more_steps() -> None:
    """Compiling a large pattern takes 10 ms, and reading a text of 400 digits five looks at a value."""

    def steps(conditions: Any, payload: Any) -> int:
        check(conditions)
        budget = filters.Budget(1_000_000)
        matches_event({"body": conditions}, body=payload, headers={}, query={}, path={}, budget=budget)
        return 1_000_000 - budget.steps

    patterns = [{"a": {"$regex": f"(?i)\\pL{{20}}{number}"}} for number in range(20)]
    assert steps({"$or": patterns}, {"a": "x"}) == steps({"$or": patterns}, {"a": "x"}) > 100_000
    assert steps({"a": {"$regex": "^invoice[.][a-z]+$"}}, {"a": "invoice.paid"}) < 50
    assert steps({"a": {"$gt": 1}}, {"a": "1" * 400}) > steps({"a": {"$gt": 1}}, {"a": "1"}) + 5
    assert steps({"a": "x"}, {"a": ["1" * 400] * 100}) < steps({"a": "1"}, {"a": ["1" * 400] * 100}) - 500


@pytest.mark.slow
def test_patterns_that_are_large_together_are_refused_before_they_are_compiled() -> None:
    patterns = [{"a": {"$regex": f"{number}\\pL{{20}}"}} for number in range(200)]
    before = time.thread_time()
    with pytest.raises(InvalidInput, match=r"^the patterns of \$regex are too large together$"):
        check({"$or": patterns})
    with pytest.raises(InvalidInput, match=r"^the patterns of \$regex are too large together$"):
        filters.test_schema({"body": {"a": "x"}}, {"body": {"$or": patterns}})
    # All of them take more than a second.
    assert time.thread_time() - before < 0.8
    check({"$or": patterns[:20]})


def test_filters_of_one_request_share_the_cost_of_patterns() -> None:
    shared = filters.Patterns(cost=1_000)
    check({"a": {"$regex": "^[a-z]+$"}}, patterns=shared)
    with pytest.raises(InvalidInput, match="too large together"):
        check({"a": {"$regex": "x" * 1_000}}, patterns=shared)


@pytest.mark.parametrize("name", ["\\pL", "\\PL", "[^\\pL]"])
def test_a_pattern_of_many_large_classes_is_refused(name: str) -> None:
    check({"a": {"$regex": "|".join([name] * 64)}})
    with pytest.raises(InvalidInput, match="at most 64 classes"):
        check({"a": {"$regex": "|".join([name] * 65)}})


def test_matching_many_small_programs_of_large_classes_is_bounded() -> None:
    """Stored before the bound: each takes 15 ms to read, though its program is small."""
    alternatives = ["|".join(["\\pL"] * 190) + str(number) for number in range(400)]
    schema = {"body": {"$or": [{"a": {"$regex": pattern}} for pattern in alternatives]}}
    assert cpu_seconds(lambda: event(schema, body={"a": 1})) < 0.5


def test_a_budget_is_shared_by_what_it_is_given_to() -> None:
    budget = filters.Budget(10)
    assert event({"body": {"a": 1}}, budget=budget)
    assert 0 < budget.steps < 10
    assert not all(event({"body": {"a": 1}}, budget=budget) for _ in range(10))
    assert budget.steps < 0
    assert not event({"body": {"a": 1}}, budget=budget)


@pytest.mark.parametrize("text", ["a" + " " * 10_000 + "b", " " * 10_000 + "a b", '"' + " " * 10_000 + "x"])
def test_a_list_of_values_is_read_in_linear_time(text: str) -> None:
    assert len(list(values_of(text))) == 1
    assert cpu_seconds(lambda: list(values_of(text))) < 0.2
