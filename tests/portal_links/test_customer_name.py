"""The name by which the portal calls a customer: that of the owner's application."""

import pytest

from applications.operations import create_application
from portal_links.access import find_access
from portal_links.operations import create_portal_link
from projects.models import Project
from projects.operations import create_project
from tests.statements import statements
from tests.svix_api.calls import key_of, token_of


@pytest.fixture
def tokens(project: Project) -> tuple[str, str]:
    """The static token of a link, and the token of a session, of one owner."""
    link = create_portal_link(project.uid, name="Link", owner_id="acme", auth_type="static_token").link
    return str(link.token), token_of(key_of(project))


def names(tokens: tuple[str, str]) -> list[str]:
    found = [find_access(token) for token in tokens]
    return [access.customer_name for access in found if access is not None]


def test_the_name_of_the_application(project: Project, tokens: tuple[str, str]) -> None:
    create_application(create_project(name="Another", type="outgoing")[0].uid, owner_id="acme", name="Foreign")
    create_application(project.uid, owner_id="globex", name="Globex")
    assert names(tokens) == ["", ""]
    create_application(project.uid, owner_id="acme", name="Acme Inc.")
    assert names(tokens) == ["Acme Inc.", "Acme Inc."]


def test_it_costs_no_statement(project: Project, tokens: tuple[str, str]) -> None:
    create_application(project.uid, owner_id="acme", name="Acme Inc.")
    with statements() as made:
        find_access(tokens[0])
    assert made == ["SELECT portal_links_portallink"]
