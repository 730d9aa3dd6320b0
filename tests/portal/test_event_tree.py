"""The tree of event types: groups, search, what is chosen and what is new; and its size with thousands of types."""

import gzip
import re
from collections.abc import Callable, Sequence

import pytest
from django.http import QueryDict

from portal.event_tree import ALL_SHOWN, Choice, Known, event_tree
from portal_links.capabilities import EVERYTHING, MANAGE_SUBSCRIPTIONS
from projects.models import EventType, Project
from tests.portal.customers import Customer
from tests.statements import statements


def known(*names: str, deprecated: Sequence[str] = ()) -> list[Known]:
    """Event types in order of name, each newer than the one before it in `names`."""
    made = [Known(name, f"What {name} is.", f"01{index:02}", name in deprecated) for index, name in enumerate(names)]
    return sorted(made)


ORDERS = known("order.created", "order.paid", "invoice.paid", "ping")


def form(text: str) -> Choice:
    return Choice.of_form(QueryDict(text))


class TestTree:
    def test_groups_are_those_before_the_first_dot(self) -> None:
        tree = event_tree(ORDERS, {"order.paid"})
        assert [(branch.label, branch.counted) for branch in tree.branches] == [
            ("invoice.*", "1"),
            ("order.*", "1 of 2"),
            ("Others", "1"),
        ]
        assert [(leaf.name, leaf.is_chosen) for leaf in tree.branches[1].leaves] == [
            ("order.created", False),
            ("order.paid", True),
        ]
        assert (tree.total, tree.chosen, tree.counted) == (4, 1, "1 chosen")
        assert tree.all_words == "Today's 4 types, and those that are added later."

    def test_a_search_keeps_what_it_does_not_show(self) -> None:
        tree = event_tree(ORDERS, {"order.created", "order.paid", "ping"}, query=" PAID ")
        assert [(branch.label, [leaf.name for leaf in branch.leaves]) for branch in tree.branches] == [
            ("invoice.*", ["invoice.paid"]),
            ("order.*", ["order.paid"]),
        ]
        assert (tree.branches[1].hidden, tree.hidden) == (["order.created"], ["ping"])
        # Its box would stand for types that are not shown.
        assert [branch.has_box for branch in tree.branches] == [True, False]
        assert all(branch.is_open for branch in tree.branches)

    def test_a_search_looks_at_descriptions_too(self) -> None:
        assert event_tree(ORDERS, (), query="what ping").branches[0].leaves[0].name == "ping"
        assert event_tree(ORDERS, (), query="nothing").branches == []

    def test_deprecated_types_are_shown_where_they_are_chosen(self) -> None:
        types = known("order.created", "order.old", deprecated=["order.old"])
        assert [leaf.name for leaf in event_tree(types, ()).branches[0].leaves] == ["order.created"]
        tree = event_tree(types, {"order.old", "gone.type"})
        assert [leaf.name for branch in tree.branches for leaf in branch.leaves] == [
            "gone.type",
            "order.created",
            "order.old",
        ]
        assert tree.total == 1

    @pytest.mark.parametrize(
        ("chosen", "since", "news"),
        [
            ({"a.1", "a.2"}, "0102", ["2 new a events"]),
            ({"a.1", "a.2", "a.3"}, "0102", ["1 new a event"]),
            # One that was there has been left out.
            ({"a.1", "a.2"}, "0103", []),
            ({"a.1"}, "0101", []),
            ({"a.1", "a.2", "a.3", "a.4"}, "0101", []),
            (set(), "0101", []),
            ({"a.1", "a.2"}, "", []),
        ],
    )
    def test_newer_types_of_a_complete_group_are_offered(self, chosen: set[str], since: str, news: list[str]) -> None:
        types = known("z", "a.1", "a.2", "a.3", "a.4")
        tree = event_tree(types, chosen, since={"a": since})
        assert [branch.news for branch in tree.offers] == news

    def test_of_many_types_only_the_groups_are_shown(self) -> None:
        types = known(*(f"g{group}.t{number}" for group in range(30) for number in range(10)))
        assert len(types) > ALL_SHOWN
        tree = event_tree(types, {f"g1.t{number}" for number in range(10)} | {"g2.t1"}, opened=["g3"])
        by_prefix = {branch.prefix: branch for branch in tree.branches}
        assert [len(by_prefix[prefix].leaves) for prefix in ("g1", "g2", "g3")] == [0, 0, 10]
        # A whole group is sent by its box, a part of one in hidden fields.
        assert (by_prefix["g1"].is_all, by_prefix["g1"].hidden) == (True, [])
        assert (by_prefix["g2"].is_some, by_prefix["g2"].hidden) == (True, ["g2.t1"])


class TestChoice:
    @pytest.mark.parametrize(
        ("sent", "which", "names"),
        [
            ("", "all", set()),
            ("which=all&types=order.paid", "all", {"order.paid"}),
            ("which=some&types=order.paid&types=lost", "some", {"order.paid", "lost"}),
            ("which=some&groups=order", "some", {"order.created", "order.paid"}),
            ("which=some&groups=", "some", {"ping"}),
            ("which=some&groups=lost&types=%2A&types=a%00b", "some", set()),
            ("which=both", "all", set()),
        ],
    )
    def test_of_a_form(self, sent: str, which: str, names: set[str]) -> None:
        assert (form(sent).which, form(sent).names(ORDERS)) == (which, names)

    def test_of_an_endpoint(self) -> None:
        assert Choice.of_types({"*", "order.paid"}) == Choice("all", frozenset({"order.paid"}))
        assert Choice.of_types(set()).which == "some"


@pytest.fixture
def many(project: Project) -> None:
    """2,000 event types with descriptions, in 80 groups."""
    EventType.objects.bulk_create(
        EventType(
            project=project,
            name=f"group{group}.something_has_happened_{number}",
            description=f"Something of the kind {number} has happened to one of the things of the group {group}.",
        )
        for group in range(80)
        for number in range(25)
    )


class TestPage:
    @pytest.mark.slow
    @pytest.mark.usefixtures("many")
    def test_thousands_of_types_make_no_large_page(self, login: Callable[..., Customer]) -> None:
        html = login().html("endpoints/new")
        assert "Search 2,000 event types" in html
        assert len(gzip.compress(html.encode())) < 20_000
        assert html.count('name="types"') == 0

    @pytest.mark.slow
    @pytest.mark.usefixtures("many")
    def test_a_search_and_an_opened_group(self, login: Callable[..., Customer]) -> None:
        customer = login()
        chosen = ["group1.something_has_happened_3", "group7.something_has_happened_24"]
        html = customer.post("endpoints/event-types", q="happened_24", types=chosen).content.decode()
        assert html.count('type="checkbox" name="types"') == 80
        assert re.findall(r'type="hidden" name="types" value="([^"]*)"', html) == chosen[:1]
        html = customer.post("endpoints/event-types", opened="group7", types=chosen).content.decode()
        assert html.count('type="checkbox" name="types"') == 25
        assert len(re.findall(r'name="types" value="[^"]*_24"[^>]* checked', html)) == 1

    @pytest.mark.slow
    def test_statements(self, login: Callable[..., Customer], project: Project) -> None:
        customer = login()
        customer.html("endpoints/new")
        counts = []
        for rows in (1, 50):
            made_types = [EventType(project=project, name=f"of{rows}.t{index}") for index in range(rows)]
            EventType.objects.bulk_create(made_types)
            with statements() as made:
                customer.html("endpoints/new")
            counts.append(len(made))
        assert counts[0] == counts[1]

    def test_who_may_not_choose_sees_no_tree(self, login: Callable[..., Customer], project: Project) -> None:
        EventType.objects.create(project=project, name="order.paid")
        customer = login(EVERYTHING - {MANAGE_SUBSCRIPTIONS})
        assert "order.paid" not in customer.html("endpoints/new")
        assert customer.post("endpoints/event-types", q="order").status_code == 403

    def test_names_and_descriptions_of_strangers_stay_texts(
        self, login: Callable[..., Customer], project: Project
    ) -> None:
        hostile = "<img src=x onerror=alert(1)>'\"."
        EventType.objects.bulk_create(
            EventType(project=project, name=f"{hostile}{index}", description=hostile) for index in range(ALL_SHOWN + 1)
        )
        customer = login()
        for html in (
            customer.html("endpoints/new"),
            customer.post("endpoints/event-types", opened="<img src=x onerror=alert(1)>'\"").content.decode(),
        ):
            assert "<img" not in html
            assert "onerror=alert(1)&gt;" in html
