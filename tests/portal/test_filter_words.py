"""Filters and the reasons for their outcome, in words."""

import re
from typing import Any

import pytest
from django.utils.html import strip_tags

from portal.filter_words import explanation_words, filter_words
from subscriptions.filters.explain import explain


@pytest.mark.parametrize(
    ("conditions", "short", "long"),
    [
        ({}, "", ""),
        (
            {"total": {"$gte": 100}, "currency": {"$in": ["EUR", "CHF"]}},
            "total ≥ 100 and currency is EUR or CHF",
            "total is at least 100 and currency is EUR or CHF",
        ),
        ({"$or": [{"a": 1}, {"b": {"$neq": "x"}}]}, "a is 1 or b is not x", "a is 1 or b is not x"),
        ({"a": {"$exist": False}, "b": ""}, 'a is not there and b is ""', 'a is not there and b is ""'),
        ({"a": {"$regex": "^x"}}, "a matches ^x", "a matches the pattern ^x"),
        ({"a": {"$regex": "x"}}, "a contains x", "a contains x"),
        (
            {"$or": [{"a": 1, "b": 2}, {"c": 3}]},
            "it meets a filter of 3 conditions",
            "it meets a filter of 3 conditions",
        ),
    ],
)
def test_a_filter(conditions: dict[str, Any], short: str, long: str) -> None:
    said = filter_words({"body": conditions}), filter_words({"body": conditions}, is_long=True)
    assert [strip_tags(text).replace("&quot;", '"') for text in said] == [short, long]


def test_headers_are_named() -> None:
    said = filter_words({"body": {"a": 1}, "headers": {"X-Region": "eu"}})
    assert said == "<code>a</code> is 1 and header <code>X-Region</code> is eu"


def test_conditions_that_no_event_can_meet_are_counted() -> None:
    assert filter_words({"query": {"q": 1}}) == "it meets a filter of 1 condition"


@pytest.mark.parametrize(
    ("conditions", "payload", "said"),
    [
        ({"amount": {"$gt": 100}}, {"amount": 12}, "amount is 12, not more than 100"),
        ({"total": {"$gte": 100}}, {"total": 38.5}, "total is 38.5, not at least 100"),
        ({"a": {"$lt": 1}}, {"a": 2}, "a is 2, not less than 1"),
        ({"a": {"$lte": 1}}, {"a": 2}, "a is 2, not at most 1"),
        ({"currency": {"$in": ["EUR", "CHF"]}}, {"currency": "USD"}, "currency is USD, not one of EUR, CHF"),
        ({"currency": {"$nin": ["USD"]}}, {"currency": "USD"}, "currency is USD, which it must not be"),
        ({"a": {"$neq": 1}}, {"a": 1}, "a is 1, which it must not be"),
        ({"a": "x"}, {"a": ["y", "z"]}, 'a is ["y","z"], not x'),
        ({"a": "x"}, {}, "a is not there"),
        ({"a": {"$exist": True}}, {}, "a is not there"),
        ({"a": {"$exist": False}}, {"a": None}, "a is null, but must not be there"),
        ({"a": {"$regex": "^x"}}, {"a": "y"}, "a is y, which does not match ^x"),
        ({"i.$.n": {"$gt": 1, "$lt": 5}}, {"i": [{"n": 0}, {"n": 9}]}, "i.$.n is 0, 9: no single value meets all"),
        ({"$or": [{"a": 1}, {"b": 2}]}, {"a": 64, "b": "USD"}, "a is 64 and b is USD"),
        ({"total": {"$gte": 100}, "c": "EUR"}, {"total": 249, "c": "EUR"}, "total is 249, c is EUR"),
        ({}, {}, "All conditions hold."),
    ],
)
def test_a_reason(conditions: dict[str, Any], payload: Any, said: str) -> None:
    words = explanation_words(explain({"body": conditions}, body=payload, headers={}))
    assert strip_tags(words).replace("&quot;", '"').startswith(said)


def test_texts_of_strangers_stay_texts_and_are_cut() -> None:
    hostile = "<img src=x onerror=alert(1)>{field}{0}%s" + "x" * 500
    conditions = {hostile[:100]: {"$in": [hostile, hostile]}}
    for words in (
        filter_words({"body": conditions, "headers": {"a": hostile}}),
        explanation_words(explain({"body": conditions}, body={hostile[:100]: hostile}, headers={})),
    ):
        assert re.findall(r"<[^>]*>", words) == ["<code>", "</code>"] * (len(re.findall("<code>", words)))
        assert len(words) < 1_000
