"""Find differences between two answers, and their explanations, without a server."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.client import Answer
from tests.conformance.compare import Difference, Recording, differences
from tests.conformance.reasons import Reason, documented_rows, explained, parse_reasons, written
from tests.conformance.report import as_page, as_text
from tests.conformance.run import held_beside
from tests.conformance.tables import Request, Wait, read_table

JSON = {"content-type": "application/json"}
ROW = "Endpoints: `metadata`"
FIELD = Difference("C01", "body.data.metadata", "absent", "{}")


def found(recorded: Any, here: Any) -> set[tuple[str, str, str]]:
    answers = (Answer(200, JSON, body) for body in (recorded, here))
    return {(one.field, one.recorded, one.here) for one in differences("C01", *answers)}


@pytest.mark.parametrize(
    ("recorded", "here", "expected"),
    [
        ({"a": 1}, {"a": 1}, set()),
        ({"a": 0}, {"a": 0.0}, set()),
        ({"a": 1}, {"a": "1"}, {("body.a", "1", '"1"')}),
        ({"a": 0}, {"a": False}, {("body.a", "0", "false")}),
        ({"a": None}, {}, {("body.a", "null", "absent")}),
        ({}, {"a": {"b": 1, "c": {}}}, {("body.a.b", "absent", "1"), ("body.a.c", "absent", "{}")}),
        ({"a": {"b": 1}}, {"a": None}, {("body.a", '{"b": 1}', "null")}),
        ({"a": [1, 2]}, {"a": [1]}, {("body.a[#]", "2", "1")}),
        ({"a": ["x"]}, {"a": ["y"]}, {("body.a[x]", '"there"', "absent"), ("body.a[y]", "absent", '"there"')}),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, {("body.a[order]", '["x", "y"]', '["y", "x"]')}),
        ([{"name": "x", "n": 1}], [{"name": "x", "n": 2}], {("body[].n", "1", "2")}),
        ([{"name": "x"}], [{"name": "x"}, {"name": "x"}], {("body[x (again)]", "absent", '"there"')}),
        ({"message": "a:b, c:d"}, {"message": "c:d, a:b"}, set()),
        ({"message": "a, b"}, {"message": "b, a"}, {("body.message", '"a, b"', '"b, a"')}),
        ("text", {"a": 1}, {("body", '"text"', '{"a": 1}')}),
    ],
)
def test_bodies(recorded: Any, here: Any, expected: set[tuple[str, str, str]]) -> None:
    assert found(recorded, here) == expected


def test_statuses_and_headers() -> None:
    recorded = Answer(200, JSON, {"message": "done", "data": {"a": 1}})
    here = Answer(400, JSON | {"allow": "GET"}, {"message": "refused"})
    assert differences("C01", recorded, here) == {
        Difference("C01", "status", "200", "400"),
        Difference("C01", "body.message", '"done"', '"refused"'),
        Difference("C01", "header.allow", "absent", '"GET"'),
    }


class TestReasons:
    @pytest.fixture
    def recordings(self) -> dict[str, Recording]:
        return {"C01": Recording("v26", Answer(200, JSON, {"data": {}}))}

    @pytest.mark.parametrize(
        ("reason", "metadata"),
        [
            (None, {}),
            (Reason(ROW, "v24", FIELD), {}),
            (Reason(ROW, "v26", Difference("C02", FIELD.field, FIELD.recorded, FIELD.here)), {}),
            (Reason(ROW, "v26", Difference("C01", "body.data.events", FIELD.recorded, FIELD.here)), {}),
            (Reason(ROW, "v26", Difference("C01", FIELD.field, "null", FIELD.here)), {}),
            (Reason(ROW, "v26", FIELD), None),
        ],
    )
    def test_one_that_does_not_fit_explains_nothing(
        self, recordings: dict[str, Recording], reason: Reason | None, metadata: Any
    ) -> None:
        reasons = [reason] if reason else []
        outcome = held_beside({"C01": Answer(200, JSON, {"data": {"metadata": metadata}})}, recordings, reasons)
        assert outcome.wrong == {"C01"}
        assert outcome.unused == reasons
        assert (outcome.same, outcome.explained) == ([], {})

    def test_one_that_fits(self, recordings: dict[str, Recording]) -> None:
        answers = {"C01": Answer(200, JSON, {"data": {"metadata": {}}})}
        outcome = held_beside(answers, recordings, [Reason(ROW, "v26", FIELD)])
        assert outcome.explained == {FIELD: ("v26", ROW)}
        assert (outcome.unexplained, outcome.unused, outcome.differing) == ({}, [], {"C01"})

    def test_a_file(self) -> None:
        reasons = [Reason(ROW, "v26", FIELD), Reason(ROW, "v26", replace(FIELD, code="C02"))]
        text = written(reasons)
        assert text == f"## {ROW}\n\nbody.data.metadata: absent → {{}} [v26: C01 C02]"
        assert parse_reasons(text) == reasons

    @pytest.mark.parametrize("line", ["nonsense", "body.a: 1 → 2", "body.a: 1 [v26: C01]"])
    def test_a_line_that_is_none(self, line: str) -> None:
        with pytest.raises(ValueError, match="no reason has a line"):
            parse_reasons(f"## {ROW}\n\n{line}")

    def test_one_difference_has_one_reason(self) -> None:
        with pytest.raises(ValueError, match="has two reasons"):
            explained([Reason(ROW, "v26", FIELD), Reason("Endpoints: secrets", "v26", FIELD)])

    def test_rows_of_the_documentation(self) -> None:
        text = "## Endpoints\n\n| what | Convoy | here |\n|---|---|---|\n| `metadata` | absent | there |\n"
        assert ROW in documented_rows(text)


def test_a_table() -> None:
    text = (
        '# A title\n\nC01 create one\n  POST ~/endpoints {"name": "a b"}\n  as instance\n  type none\n'
        "  header X-A: b: c\n  keep ep1 = data.uid, s = data.secrets.0.value\n  only pid\n  until final\n\nwait 3\n\n"
        "C02 nothing\n  PUT ~ (empty)\n\nC03 no body\n  GET ~\n  authorization Basic x\n"
    )
    assert list(read_table(text)) == [
        Request(
            "C01",
            "create one",
            "POST",
            "~/endpoints",
            '{"name": "a b"}',
            credential="instance",
            only="pid",
            content_type="none",
            headers={"X-A": "b: c"},
            keep={"ep1": "data.uid", "s": "data.secrets.0.value"},
            until="final",
        ),
        Wait(3),
        Request("C02", "nothing", "PUT", "~", ""),
        Request("C03", "no body", "GET", "~", None, authorization="Basic x"),
    ]
    with pytest.raises(ValueError, match="no table has a line"):
        list(read_table("C01 x\n  GET ~\n  nonsense"))


def test_a_report_escapes_what_it_shows() -> None:
    outcome = held_beside(
        {"C01": Answer(200, JSON, {"data": "<script>"})},
        {"C01": Recording("v26", Answer(200, JSON, {"data": "a"}))},
        [],
    )
    tables: dict[str, list[Request | Wait]] = {"endpoints": [Request("C01", "<b>", "GET", "~", None)]}
    page = as_page("A & B", outcome, tables)
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<b>" not in page
    assert "| endpoints | 1 | 0 | 0 | 1 |" in as_text("A", outcome, tables)
