"""A query of the ORM that is compiled once, and the instances of its rows."""

from typing import Any

import pytest
from django.db.models import CharField, Model, QuerySet
from django.utils import timezone

from core.compiled import Columns, CompiledQuery, Parameter
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link
from portal_links.sessions import preview_portal
from projects.models import Project
from tests.statements import statements

pytestmark = pytest.mark.django_db


def test_it_is_compiled_once_and_runs_with_other_values(project: Project, other_project: Project) -> None:
    built: list[QuerySet[Project, Any]] = []

    def build() -> "QuerySet[Project, Any]":
        built.append(Project.objects.live().filter(name=Parameter("name", CharField())).values_list("uid"))
        return built[-1]

    query = CompiledQuery(build)
    found = [query.rows(name=name) for name in (project.name, other_project.name, "Nobody")]
    assert found == [[(project.uid,)], [(other_project.uid,)], []]
    assert len(built) == 1


def test_the_instances_are_those_that_the_orm_reads(project: Project) -> None:
    link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
    session = preview_portal(project.uid, operator="ann", link=link).session
    PortalSession.objects.update(opened_at=timezone.now(), opened_from="2001:db8::1", metadata={"a": [1, "ü"]})
    columns: tuple[tuple[type[Model], str, Columns[Any]], ...] = (
        (Project, "project", Columns(Project, without=["meta_event"])),
        (PortalLink, "portal_link", Columns(PortalLink, without=[])),
        (PortalSession, "", Columns(PortalSession, without=["token_digest"])),
    )
    paths = [path for _, relation, each in columns for path in each.paths(relation)]
    [row] = CompiledQuery(lambda: PortalSession.objects.values_list(*paths)).rows()
    values = iter(row)
    found = [(model, each.take(values)) for model, _, each in columns]
    assert [one.pk for _, one in found] == [project.pk, link.pk, session.pk]
    for model, one in found:
        stored = model._default_manager.get(pk=one.pk)
        left_out = one.get_deferred_fields()
        read = [field.attname for field in model._meta.concrete_fields if field.attname not in left_out]
        assert {name: getattr(one, name) for name in read} == {name: getattr(stored, name) for name in read}
        assert not one._state.adding


def test_a_column_that_is_left_out_is_read_when_it_is_used(project: Project) -> None:
    columns = Columns(Project, without=["logo_url", "meta_event"])
    [row] = CompiledQuery(lambda: Project.objects.values_list(*columns.paths())).rows()
    read = columns.take(iter(row))
    assert read.get_deferred_fields() == {"logo_url", "meta_event"}
    with statements() as found:
        assert read.logo_url == project.logo_url
    assert found == ["SELECT projects_project"]
