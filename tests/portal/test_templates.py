"""The templates of the portal: each compiles, and asks for capabilities by a tag that knows them."""

import re
from pathlib import Path

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import get_template

import portal
from portal.templatetags import capabilities as tag
from portal_links.access import Access
from portal_links.capabilities import READ_ONLY, ROTATE_SECRET, WORDS
from projects.models import Project

FOLDER = Path(portal.__file__).parent / "templates"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
USED = re.compile(r"{% may (\w+) %}")


@pytest.mark.parametrize("name", NAMES)
def test_each_template_compiles(name: str) -> None:
    assert get_template(name).template.nodelist  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_no_other_tag_asks_for_a_capability(name: str) -> None:
    source = (FOLDER / name).read_text()
    plain = re.compile(rf"{USED.pattern}|{{% (?:load|translate) .*?%}}")
    tags = [found for found in re.findall(r"{[%{].*?[%}]}", source) if not plain.fullmatch(found)]
    asking = re.compile(rf"capabilit|\bmay\b|[\"'](?:{'|'.join(WORDS)})[\"']")
    assert [found for found in tags if asking.search(found)] == []


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("endpoint_head", "manage_endpoint"),
        ("endpoint", "view_deliveries"),
        ("endpoint", "rotate_secret"),
        ("endpoint", "view_secret"),
    ],
)
def test_a_renamed_capability_stops_its_page(monkeypatch: pytest.MonkeyPatch, name: str, capability: str) -> None:
    source = (FOLDER / f"portal/{name}.html").read_text()
    Template(source)
    monkeypatch.setattr(tag, "WORDS", {f"new_{name}" if name == capability else name: "" for name in WORDS})
    with pytest.raises(TemplateSyntaxError, match=f"'may {capability}' names none of the capabilities"):
        Template(source)


@pytest.mark.parametrize("arguments", ["", "rotate_secrets", "rotate_secret view_secret", '"rotate_secret"'])
def test_the_tag_takes_one_capability(arguments: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="names none of the capabilities"):
        Template(f"{{% load capabilities %}}{{% may {arguments} %}}{{% endmay %}}")


@pytest.mark.parametrize(
    ("part", "granted", "denied"),
    [
        ("{% may rotate_secret %}one {% endmay %}", "before one after", "before after"),
        ("{% may rotate_secret %}one {% else %}other {% endmay %}", "before one after", "before other after"),
    ],
)
def test_the_tag_shows_the_part_that_fits(part: str, granted: str, denied: str) -> None:
    whole = Template(f"{{% load capabilities %}}before {part}after")
    for capabilities, shown in ((READ_ONLY | {ROTATE_SECRET}, granted), (READ_ONLY, denied)):
        access = Access(project=Project(), owner_id="acme", capabilities=capabilities)
        assert whole.render(Context({"access": access})) == shown


def test_the_tag_needs_a_customer() -> None:
    with pytest.raises(KeyError):
        Template("{% load capabilities %}{% may rotate_secret %}{% endmay %}").render(Context())
