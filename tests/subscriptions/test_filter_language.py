"""Keys and operators of the filter language: the values that each matches."""

from typing import Any

import pytest

from subscriptions.filters import matches
from tests.subscriptions.filter_calls import Rows, holds, table


@table(
    [
        ('{"type":"invoice","amount":{"$gte":100}}', '{"type":"invoice","amount":"150"}', True),
        ('{"$or":[{"a":1},{"b":{"$in":["x","y"]}}]}', '{"b":"y"}', True),
        ('{"$and":[{"a":1},{"$or":[{"b":1},{"c":1}]}]}', '{"a":1,"c":1}', True),
        (r'{"user.email":{"$regex":"@example\\.com$"}}', '{"user":{"email":"a@example.com"}}', True),
        ('{"items.$.sku":"B2"}', '{"items":[{"sku":"A1"},{"sku":"B2"}]}', True),
        ('{"tags":"vip"}', '{"tags":["new","vip"]}', True),
        ('{"$.id":7}', '[{"id":3},{"id":7}]', True),
    ]
)
def test_the_examples_of_the_contract(conditions: str, payload: str, expected: bool) -> None:
    assert holds(conditions, payload) is expected


@table(
    [
        ("{}", "{}", True),
        ("{}", '{"a":1}', True),
        ("{}", "null", True),
        ("{}", "5", True),
        ('{"a":{"b":1}}', '{"a":{"b":1}}', True),
        ('{"a.b":1}', '{"a":{"b":1}}', True),
        ('{"a":{"b":1}}', '{"a":{"b":2}}', False),
        ('{"a":{"b.c":1}}', '{"a":{"b":{"c":1}}}', True),
        ('{"a.b":1}', '{"a.b":1}', True),
        ('{"a.b.c":1}', '{"a":{"b.c":1}}', True),
        ('{"a.b":1}', '{"a":{"b":2},"a.b":1}', True),
        ('{"a":{"$exist":true,"b":1}}', '{"a":{"b":1}}', True),
        ('{"a":{"$exist":true,"b":1}}', '{"a":{"b":2}}', False),
        ('{"":1}', '{"":1}', True),
        ('{"a":1}', "[]", False),
        ('{"a":1}', '"a"', False),
        ('{"a":1}', "null", False),
    ]
)
def test_keys(conditions: str, payload: str, expected: bool) -> None:
    assert holds(conditions, payload) is expected


EQUAL: Rows = [
    ("10", '"10"', True),
    ('"10"', "10", True),
    ('"1e3"', '"1000"', True),
    ('"1e3"', "1000", True),
    ("10", "10.0", True),
    ('"0.1"', "0.1", True),
    ('"+5"', "5", True),
    ('"-0"', "0", True),
    ('".5"', "0.5", True),
    ('"a"', '"a"', True),
    ('"a"', '"A"', False),
    ('""', '""', True),
    ('""', "0", False),
    ("true", "true", True),
    ("true", '"true"', False),
    ("true", "1", False),
    ("1", "true", False),
    ("false", "0", False),
    ("false", "null", False),
    ("9007199254740993", '"9007199254740992"', False),
    ('" 10"', "10", False),
    ('"0x10"', "16", False),
    ('"1_000"', "1000", False),
    ('"\u0661"', "1", False),
    ('"1e999999999"', '"10e999999998"', True),
    ('"1e999999999"', "5", False),
    ('"1e9999999999"', '"10e9999999998"', False),
    ('"a"', '["x","a"]', True),
    ('"a"', '["x"]', False),
    ('"a"', "[]", False),
    ("5", '["5"]', True),
    ("1", "[true]", False),
    ("null", "[null]", True),
    ('"a"', '[["a"]]', False),
    ('"a"', '{"a":"a"}', False),
]


@table(EQUAL)
def test_a_literal_and_eq(conditions: str, payload: str, expected: bool) -> None:
    assert holds(f'{{"a":{conditions}}}', f'{{"a":{payload}}}') is expected
    assert holds(f'{{"a":{{"$eq":{conditions}}}}}', f'{{"a":{payload}}}') is expected


@table(EQUAL)
def test_neq_is_the_opposite_of_eq_but_for_lists(conditions: str, payload: str, expected: bool) -> None:
    is_list = payload.startswith("[")
    assert holds(f'{{"a":{{"$neq":{conditions}}}}}', f'{{"a":{payload}}}') is (is_list or not expected)


@table(
    [
        ('{"tags":{"$neq":"x"}}', '{"tags":["x"]}', True),
        ('{"tags":{"$neq":"x"}}', '{"tags":"x"}', False),
        ('{"tags":{"$neq":["x"]}}', '{"tags":["x"]}', False),
        ('{"tags":{"$neq":["x"]}}', '{"tags":["y"]}', True),
    ]
)
def test_a_list_differs_from_a_bare_value(conditions: str, payload: str, expected: bool) -> None:
    assert holds(conditions, payload) is expected


@table(
    [
        ('{"a":{"$eq":[1,"b"]}}', '{"a":[1,"b"]}', True),
        ('{"a":{"$eq":[1,"b"]}}', '{"a":[1.0,"b"]}', True),
        ('{"a":{"$eq":[1,"b"]}}', '{"a":["b",1]}', False),
        ('{"a":{"$eq":[1]}}', '{"a":["1"]}', False),
        ('{"a":{"$eq":[1]}}', '{"a":[true]}', False),
        ('{"a":{"$eq":[1]}}', '{"a":[1,2]}', False),
        ('{"a":{"$eq":[]}}', '{"a":[]}', True),
        ('{"a":{"$eq":[1]}}', '{"a":1}', False),
        ('{"a":{"$eq":[{"x":[1]}]}}', '{"a":[{"x":[1]}]}', True),
        ('{"a":{"$eq":{"x":1,"y":2}}}', '{"a":{"y":2,"x":1}}', True),
        ('{"a":{"$eq":{"x":1}}}', '{"a":{"x":1,"y":2}}', False),
        ('{"a":{"$neq":[1]}}', '{"a":[2]}', True),
        ('{"a":{"$neq":[1]}}', '{"a":[1]}', False),
        ('{"a":[1]}', '{"a":[1]}', False),
        ('{"a":[]}', '{"a":[]}', False),
        ('{"a":[1]}', "{}", False),
    ]
)
def test_arrays_and_objects_are_compared_by_eq(conditions: str, payload: str, expected: bool) -> None:
    assert holds(conditions, payload) is expected


@pytest.mark.parametrize(
    ("payload", "operand", "less", "equal"),
    [
        ("1", "5", True, False),
        ("5", "5", False, True),
        ("9", "5", False, False),
        ('"1"', "5", True, False),
        ("1", '"5"', True, False),
        ('"5.0"', '"5"', False, True),
        ('"9"', '"10"', True, False),
        ("-1.5", "-1", True, False),
        ('"1e999999999"', "5", False, False),
        ('"1e-999999999"', "5", True, False),
    ],
)
def test_gt_gte_lt_lte(payload: str, operand: str, less: bool, equal: bool) -> None:
    expected = {"$lt": less, "$lte": less or equal, "$gte": not less, "$gt": not less and not equal}
    for operator, result in expected.items():
        assert holds(f'{{"a":{{"{operator}":{operand}}}}}', f'{{"a":{payload}}}') is result, operator


@table(
    [
        ('{"n":{"$gte":1,"$lt":5}}', '{"n":1}', True),
        ('{"n":{"$gte":1,"$lt":5}}', '{"n":4.9}', True),
        ('{"n":{"$gte":1,"$lt":5}}', '{"n":5}', False),
        ('{"n":{"$gte":1,"$lt":5}}', '{"n":0}', False),
        ('{"n":{"$gte":1,"$neq":3}}', '{"n":3}', False),
    ]
)
def test_several_operators_on_one_key_all_hold(conditions: str, payload: str, expected: bool) -> None:
    assert holds(conditions, payload) is expected


IN: Rows = [
    ('["x","y"]', '"y"', True),
    ('["x","y"]', '"z"', False),
    ("[1,2]", "2.0", True),
    ("[1,2]", '"2"', False),
    ('["2"]', "2", False),
    ("[1]", "true", False),
    ("[true]", "true", True),
    ("[null]", "null", True),
    ("[]", '"x"', False),
    ('["x"]', '["x"]', False),
    ('[["x"]]', '["x"]', False),
]


@table(IN)
def test_in(conditions: str, payload: str, expected: bool) -> None:
    assert holds(f'{{"a":{{"$in":{conditions}}}}}', f'{{"a":{payload}}}') is expected


@table(IN)
def test_nin_is_the_opposite_of_in(conditions: str, payload: str, expected: bool) -> None:
    assert holds(f'{{"a":{{"$nin":{conditions}}}}}', f'{{"a":{payload}}}') is not expected


@pytest.mark.parametrize(
    ("operand", "payload", "expected"),
    [("x", ["w", "x"], True), ("x", ["w"], False), ("x", [], False), (1, ["1"], False), (1, [1.0], True)],
)
def test_in_with_a_bare_value_asks_whether_an_array_contains_it(operand: Any, payload: Any, expected: bool) -> None:
    assert matches({"a": {"$in": operand}}, {"a": payload}) is expected
    assert matches({"a": {"$nin": operand}}, {"a": payload}) is not expected


@table(
    [
        ('"b+"', '"abbc"', True),
        ('"^b"', '"abbc"', False),
        ('"(?i)ABB"', '"abbc"', True),
        ('""', '""', True),
        (r'"^\\p{L}+$"', '"größe"', True),
        (r'"^.{2}$"', '"üß"', True),
        ('"a"', '"\\u0000a"', True),
    ]
)
def test_regex(conditions: str, payload: str, expected: bool) -> None:
    assert holds(f'{{"a":{{"$regex":{conditions}}}}}', f'{{"a":{payload}}}') is expected


@table(
    [
        ("true", '{"a":1}', True),
        ("true", '{"a":null}', True),
        ("true", '{"a":[]}', True),
        ("true", "{}", False),
        ("true", "null", False),
        ("false", '{"a":1}', False),
        ("false", '{"a":null}', False),
        ("false", '{"b":1}', True),
    ]
)
def test_exist(conditions: str, payload: str, expected: bool) -> None:
    assert holds(f'{{"a":{{"$exist":{conditions}}}}}', payload) is expected


@table(
    [
        ('{"$or":[]}', "{}", False),
        ('{"$and":[]}', "{}", True),
        ('{"$or":[{}]}', '{"a":1}', True),
        ('{"$or":[{"a":1},{"a":2}]}', '{"a":2}', True),
        ('{"$or":[{"a":1},{"a":2}]}', '{"a":3}', False),
        ('{"$and":[{"a":1},{"b":2}]}', '{"a":1,"b":2}', True),
        ('{"$and":[{"a":1},{"b":2}]}', '{"a":1,"b":3}', False),
        ('{"c":1,"$or":[{"a":1},{"b":1}]}', '{"b":1,"c":1}', True),
        ('{"c":1,"$or":[{"a":1},{"b":1}]}', '{"b":1}', False),
        ('{"$or":[{"$and":[{"a":1},{"b":1}]},{"$or":[{"c":1}]}]}', '{"c":1}', True),
        ('{"$or":[{"$and":[{"a":1},{"b":1}]},{"$or":[{"c":1}]}]}', '{"a":1}', False),
        ('{"$or":[{"a":{"b":1,"c":2}}]}', '{"a":{"b":1,"c":2}}', True),
        ('{"$or":[{"a":{"b":1,"c":2}}]}', '{"a":{"b":1,"c":3}}', False),
    ]
)
def test_or_and(conditions: str, payload: str, expected: bool) -> None:
    assert holds(conditions, payload) is expected


@table(
    [
        ('{"items.0.sku":"A1"}', '{"items":[{"sku":"A1"}]}', True),
        ('{"items.1.sku":"A1"}', '{"items":[{"sku":"A1"}]}', False),
        ('{"items.00.sku":"A1"}', '{"items":[{"sku":"A1"}]}', False),
        ('{"items.-1.sku":"A1"}', '{"items":[{"sku":"A1"}]}', False),
        ('{"items.99999999999999999999":1}', '{"items":[1]}', False),
        ('{"0":1}', "[1]", True),
        ('{"a.0":1}', '{"a":{"0":1}}', True),
        ('{"items.$.sku":"B2"}', '{"items":[{"sku":"A1"}]}', False),
        ('{"items.$.sku":"B2"}', '{"items":[]}', False),
        ('{"items.$.sku":"B2"}', "{}", False),
        ('{"items.$.sku":"B2"}', '{"items":{"0":{"sku":"B2"}}}', False),
        ('{"items":{"$":{"sku":"B2"}}}', '{"items":[{"sku":"B2"}]}', True),
        ('{"items.$":{"sku":"B2"}}', '{"items":[{"sku":"B2"}]}', True),
        ('{"items.$.sku":{"$neq":"B2"}}', "{}", False),
        ('{"items.$.sku":{"$neq":"B2"}}', '{"items":[{"sku":"B2"},{"sku":"A1"}]}', True),
        ('{"items.$.sku":{"$neq":"B2"}}', '{"items":[{"sku":"B2"}]}', False),
        ('{"items.$.sku":{"$exist":false}}', '{"items":[{"sku":1},{}]}', True),
        ('{"items.$.n":{"$gte":2,"$lt":5}}', '{"items":[{"n":1},{"n":9}]}', False),
        ('{"items.$.n":{"$gte":2,"$lt":5}}', '{"items":[{"n":1},{"n":3}]}', True),
        ('{"a.$.b.$.c":1}', '{"a":[{"b":[]},{"b":[{"c":0},{"c":1}]}]}', True),
        ('{"a.$.b.$.c.$.d":1}', '{"a":[{"b":[{"c":[{"d":1}]}]}]}', True),
        ('{"a.$.b.$.c.$.d":1}', '{"a":[{"b":[{"c":[{"d":2}]}]}]}', False),
        ('{"a.$.$.b":1}', '{"a":[[{"b":1}]]}', True),
        ('{"a.$.0":1}', '{"a":[[1],[2]]}', True),
        ('{"$.id":7}', "[]", False),
        ('{"$.id":7}', '{"id":7}', False),
        ('{"$":{"id":7}}', '[{"id":7}]', True),
    ]
)
def test_indices_and_wildcards(conditions: str, payload: str, expected: bool) -> None:
    assert holds(conditions, payload) is expected
