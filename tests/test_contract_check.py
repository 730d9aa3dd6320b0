"""script/checks/contract.py: citations and links that lead nowhere."""

import pytest

from script.checks.contract import anchors_in, dead, problems_in_code, problems_in_page, prose_of

PAGES: dict[str, set[str]] = {"docs/contract/a.md": {"one", "two"}, "docs/b.md": {"three"}, "README.md": {"start"}}


def in_code(source: str) -> list[tuple[int, str]]:
    return list(problems_in_code(source, PAGES.get))


def in_page(markdown: str, page: str = "docs/contract/a.md") -> list[tuple[int, str]]:
    return list(problems_in_page(markdown, page, PAGES.get))


@pytest.mark.parametrize(
    "text",
    [
        "Do it. Contract: docs/contract/a.md#one.",
        "Do it. Contract: docs/contract/a.md#one, docs/contract/a.md#two. And more.",
        "Do it. Contract: docs/contract/a.md",
        "Do it.\n\nContract:\ndocs/contract/a.md#one\n",
        "Contract: docs/b.md#three (https://example.com).",
        "The signature of RFC 7518, section 3.",
        "The digest of RFC 9110 (section 5.6) in UTF-8, U+2028, a1 and P-256.",
    ],
    ids=["anchor", "two", "page", "line break", "brackets", "a standard", "another standard"],
)
def test_citations_that_lead_somewhere(text: str) -> None:
    assert in_code(f'"""{text}"""') == []
    assert in_code("\n".join(f"# {line}" for line in text.splitlines())) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Contract: docs/contract/a.md#three.", "there is no #three in docs/contract/a.md"),
        ("Contract: docs/contract/c.md#one.", "there is no docs/contract/c.md"),
        ("See docs/contract/a.md#ones.", "there is no #ones in docs/contract/a.md"),
        ("Contract: deliveries, as above.", "does not cite"),
        ("Contracts: a.md#one.", "does not cite"),
        ("As deliveries section 7 says.", "by number"),
        ("Rules 22, 23 and 24.", "by number"),
        ("Defect X8.", "by number"),
        ("It is claimed again (X4).", "is a code"),
        ("It is claimed again (D11, D12).", "is a code"),
    ],
)
def test_citations_that_lead_nowhere(text: str, problem: str) -> None:
    for source in (f'x = 1\n\n\ndef f():\n    """{text}"""\n', f"x = 1\n\n\n\n# {text}\n"):
        found = in_code(source)
        assert {line for line, _ in found} == {5}
        assert any(problem in said for _, said in found)


def test_codes_in_names_of_tests() -> None:
    [(line, said)] = in_code("x = 1\n\n\ndef test_d7_broken_gzip():\n    pass\n")
    assert line == 4
    assert "test_d7_" in said
    assert in_code("def test_sha256_and_u2028():\n    pass\n") == []


def test_texts_that_are_no_prose_are_not_read() -> None:
    assert in_code('CASES = ["A7", "rule 3", "Contract: x"]\n') == []


def test_comments_on_adjoining_lines_are_one() -> None:
    source = "# One\n# goes on.\nx = 1  # Two.\n\n#: Three\n"
    assert [(each.line, each.text) for each in prose_of(source)] == [(1, "One\ngoes on.\nTwo."), (5, "Three")]


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("#one", ""),
        ("a.md#two", ""),
        ("../b.md#three", ""),
        ("../b.md", ""),
        ("../../README.md#start", ""),
        ("https://example.com/x#y", ""),
        ("mailto:x@example.com", ""),
        ("#four", "there is no #four in docs/contract/a.md"),
        ("b.md", "there is no docs/contract/b.md"),
        ("../b.md#one", "there is no #one in docs/b.md"),
    ],
)
def test_links(link: str, problem: str) -> None:
    assert in_page(f"One.\n\n[`text`]({link})\n") == ([(3, problem)] if problem else [])


def test_links_in_code_are_none() -> None:
    assert in_page("`[x](y.md)`\n\n```\n[x](y.md)\n```\n") == []


def test_an_anchor_that_is_there_twice() -> None:
    assert in_page('# <a id="one"></a>A\n# <a id="one"></a>B\n') == [(1, "#one is there 2 times")]


def test_anchors_of_a_page() -> None:
    markdown = '# Retries, and `Retry-After`\n## <a id="short"></a>A longer [heading](x.md)\n```\n# none\n```\n'
    assert anchors_in(markdown) == {"retries-and-retry-after", "short", "a-longer-heading"}


def test_a_page_without_an_anchor_is_enough() -> None:
    assert dead("docs/b.md", PAGES.get) == ""
