"""Missing keys, null, empty and odd values, which the original server matches wrongly."""

import pytest

from subscriptions.filters import matches
from tests.subscriptions.filter_calls import holds


def test_a_condition_on_a_missing_key_fails() -> None:
    assert not holds('{"a":1,"b":2}', '{"a":1}')
    assert not holds('{"b":2}', '{"a":1}')
    assert holds('{"a":1,"b":2}', '{"a":1,"b":2}')


def test_neq_and_nin_on_a_missing_key_are_true() -> None:
    assert holds('{"b":{"$neq":2}}', '{"a":1}')
    assert holds('{"b":{"$nin":[2]}}', '{"a":1}')


@pytest.mark.parametrize("operator", ["$eq", "$gt", "$gte", "$lt", "$lte"])
def test_other_operators_on_a_missing_key_are_false(operator: str) -> None:
    assert not holds(f'{{"b":{{"{operator}":2}}}}', '{"a":1}')


def test_exist_false_alone_is_true_on_a_missing_key() -> None:
    assert holds('{"b":{"$exist":false}}', '{"a":1}')


def test_exist_true_holds_for_an_object_and_an_array() -> None:
    assert holds('{"b":{"$exist":true}}', '{"b":{"c":1}}')
    assert holds('{"b":{"$exist":true}}', '{"b":[{"c":1}]}')
    assert holds('{"b":{"$exist":true}}', '{"b":{}}')


@pytest.mark.parametrize("operator", ["$gt", "$gte", "$lt", "$lte"])
@pytest.mark.parametrize("value", ['"abc"', "true", "null", "[1]", "{}", '"NaN"', '"inf"', '""'])
def test_comparing_what_is_no_number_is_false(operator: str, value: str) -> None:
    assert not holds(f'{{"a":{{"{operator}":5}}}}', f'{{"a":{value}}}')
    assert not holds(f'{{"a":{{"{operator}":{value}}}}}', '{"a":5}')


@pytest.mark.parametrize("value", ["1", "true", "null", '["x"]', '{"x":"x"}'])
def test_regex_on_what_is_no_string_is_false(value: str) -> None:
    assert not holds('{"a":{"$regex":"."}}', f'{{"a":{value}}}')


def test_in_with_objects_in_its_list_is_deep_equality() -> None:
    assert holds('{"a":{"$in":["x",{"b":[1]}]}}', '{"a":{"b":[1]}}')
    assert not holds('{"a":{"$in":["x",{"b":[1]}]}}', '{"a":{"b":[2]}}')
    assert holds('{"a":{"$in":["x",{"b":[1]}]}}', '{"a":"x"}')


def test_null_equals_null_and_nothing_else() -> None:
    assert holds('{"a":null}', '{"a":null}')
    assert not holds('{"a":null}', "{}")
    assert not holds('{"a":null}', '{"a":0}')
    assert not holds('{"a":1}', '{"a":null}')


def test_infinity_and_nan_are_texts() -> None:
    assert not holds('{"a":"inf"}', '{"a":"Infinity"}')
    assert holds('{"a":"NaN"}', '{"a":"NaN"}')
    assert holds('{"a":"inf"}', '{"a":"inf"}')


def test_an_empty_object_equals_an_empty_object() -> None:
    assert holds('{"a":{}}', '{"a":{}}')
    assert not holds('{"a":{}}', '{"a":{"b":1}}')
    assert not holds('{"a":{}}', '{"a":[]}')
    assert not holds('{"a":{}}', "{}")


def test_payload_keys_that_begin_with_a_dollar_are_data() -> None:
    payload = '{"$schema":"x","a":1,"b":{"$or":1},"c":[{"$in":2}]}'
    assert holds('{"a":1}', payload)
    assert holds('{"b":{"$eq":{"$or":1}}}', payload)
    assert not holds('{"a":2}', payload)


def test_arrays_in_arrays_and_arrays_that_begin_with_null_are_indexed() -> None:
    assert holds('{"a.0.1":2}', '{"a":[[1,2]]}')
    assert holds('{"a.1.b":2}', '{"a":[null,{"b":2}]}')
    assert holds('{"a.$.b":2}', '{"a":[null,{"b":2}]}')
    assert holds('{"a":2}', '{"a":[null,2]}')


def test_wildcards_over_keys_with_digits_look_at_real_elements_only() -> None:
    element = {f"id{number}": {"v99": number} for number in range(400)}
    payload = {"list400": [{"sub300": [element] * 5}] * 5}
    assert matches({"list400.$.sub300.$.id399.v99": 399}, payload)
    assert not matches({"list400.$.sub300.$.id399.v99": 398}, payload)
