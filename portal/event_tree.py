"""Make the tree of event types from which a customer chooses: groups by the part before the first dot.

A project may have thousands of types. Then the page has the groups alone, and the types of a group come when it is
opened or searched for. What is chosen and not on the page travels in hidden fields, so the server keeps nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.http import QueryDict
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext

from portal.words import group_of, number
from projects.models import EVERY_TYPE, EventType, Project

#: Up to this many types are all on the page.
ALL_SHOWN = 200
#: The most types that an open group, or a search, shows; and the most groups.
MOST_SHOWN = 200
MOST_CHARACTERS = 120

ALL, SOME = "all", "some"


class Known(NamedTuple):
    """One event type of the project. `uid` orders types, and filters, by when they were made."""

    name: str
    description: str
    uid: str
    is_deprecated: bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """One type of a group."""

    name: str
    description: str
    is_chosen: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """One group: `leaves` are shown, and the names in `hidden` are chosen and not shown."""

    prefix: str
    count: int
    chosen: int
    leaves: Sequence[Leaf] = ()
    hidden: Sequence[str] = ()
    is_open: bool = False
    #: Whether the group as a whole can be ticked: all of its types are shown, or none.
    has_box: bool = True
    new: int = 0

    @property
    def label(self) -> str:
        """Return the name of the group, as lists show it."""
        return f"{self.prefix}.*" if self.prefix else gettext("Others")

    @property
    def box_label(self) -> str:
        """Return the name of the group's box."""
        if not self.prefix:
            return gettext("All others")
        return gettext("All %(group)s events") % {"group": self.prefix}

    @property
    def is_all(self) -> bool:
        """Return whether all types are chosen."""
        return self.chosen == self.count

    @property
    def is_some(self) -> bool:
        """Return whether some types are chosen."""
        return 0 < self.chosen < self.count

    @property
    def counted(self) -> str:
        """Return how many are chosen of how many."""
        if not self.is_some:
            return number(self.count)
        return gettext("%(chosen)s of %(count)s") % {"chosen": number(self.chosen), "count": number(self.count)}

    @property
    def news(self) -> str:
        """Return the offer of a group's newer types, where all older ones are chosen; blank where there are none."""
        if not self.new:
            return ""
        words = ngettext("%(count)s new %(group)s event", "%(count)s new %(group)s events", self.new)
        return words % {"count": number(self.new), "group": self.prefix}


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of one page."""

    branches: Sequence[Branch]
    #: The number of types that can be chosen, and of those that are.
    total: int
    chosen: int
    query: str = ""
    hits: int = 0
    #: Chosen names whose group is not shown.
    hidden: Sequence[str] = ()
    has_more: bool = False
    is_lazy: bool = False
    offers: Sequence[Branch] = field(default_factory=list)

    @property
    def counted(self) -> str:
        """Return how many types are chosen."""
        return gettext("%(count)s chosen") % {"count": number(self.chosen)}

    @property
    def all_words(self) -> str:
        """Return the number of types that "all events" stands for today, in words."""
        words = ngettext(
            "Today's %(count)s type, and those that are added later.",
            "Today's %(count)s types, and those that are added later.",
            self.total,
        )
        return words % {"count": number(self.total)} if self.total else gettext("Whatever is sent, now and later.")

    @property
    def search_words(self) -> str:
        """Return the label of the search."""
        words = ngettext("Search %(count)s event type", "Search %(count)s event types", self.total)
        return words % {"count": number(self.total)}


@dataclass(frozen=True, slots=True)
class Choice:
    """The choice of a form: all events, or the types of that name and those of the groups."""

    which: str = ALL
    types: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @classmethod
    def of_form(cls, data: QueryDict) -> "Choice":
        """Return the choice that a form has sent."""
        which = data.get("which", "")
        types = (name for name in data.getlist("types") if name != EVERY_TYPE and "\x00" not in name)
        return cls(which if which in (ALL, SOME) else ALL, frozenset(types), frozenset(data.getlist("groups")))

    @classmethod
    def of_types(cls, types: Collection[str]) -> "Choice":
        """Return the choice of an endpoint that listens to `types`."""
        return cls(ALL if EVERY_TYPE in types else SOME, frozenset(types) - {EVERY_TYPE})

    def names(self, known: Iterable[Known]) -> set[str]:
        """Return the names of the chosen types, with those of the chosen groups."""
        whole = {each.name for each in known if not each.is_deprecated and group_of(each.name) in self.groups}
        return whole | self.types


def known_types(project: Project) -> list[Known]:
    """Return the event types of a project by name. One statement."""
    rows = EventType.objects.filter(project=project).exclude(name=EVERY_TYPE).order_by("name")
    return [
        Known(name, description, uid, deprecated_at is not None)
        for name, description, uid, deprecated_at in rows.values_list("name", "description", "uid", "deprecated_at")
    ]


def event_tree(
    known: Sequence[Known],
    chosen: Collection[str],
    *,
    query: str = "",
    opened: Collection[str] = (),
    since: Mapping[str, str] | None = None,
) -> Tree:
    """Return the tree of the types that are in use, and of others that are chosen.

    `query` leaves the types with that text in their name or description. `opened` are prefixes of groups to open.
    `since` has the id of the endpoint's newest filter by group: later types of the group are offered where all others
    are chosen.
    """
    named = {each.name: each for each in known}
    shown = [each for each in known if not each.is_deprecated or each.name in chosen]
    shown += [Known(name, "", "", True) for name in sorted(set(chosen) - named.keys())]
    groups: dict[str, list[Known]] = {}
    for each in shown:
        groups.setdefault(group_of(each.name), []).append(each)
    is_lazy = len(shown) > ALL_SHOWN
    needle = query.strip().casefold()
    branches: list[Branch] = []
    hidden: list[str] = []
    room, hits = MOST_SHOWN, 0
    for prefix, types in sorted(groups.items(), key=lambda group: (not group[0], group[0])):
        matching = [each for each in types if needle in each.name.casefold() or needle in each.description.casefold()]
        if needle:
            hits += len(matching)
        if (needle and not matching) or len(branches) >= MOST_SHOWN:
            hidden += [each.name for each in types if each.name in chosen]
            continue
        is_open = bool(needle) or prefix in opened
        if needle or (is_lazy and is_open):
            visible = matching[:room]
            room -= len(visible)
        else:
            visible = [] if is_lazy else types
        branches.append(_branch(prefix, types, visible, chosen, is_open=is_open, since=(since or {}).get(prefix, "")))
    return Tree(
        branches,
        total=sum(not each.is_deprecated for each in known),
        chosen=sum(each.name in chosen for each in shown),
        query=query.strip(),
        hits=hits,
        hidden=hidden,
        has_more=room <= 0 or len(groups) > MOST_SHOWN,
        is_lazy=is_lazy,
        offers=[branch for branch in branches if branch.new],
    )


def _branch(
    prefix: str,
    types: Sequence[Known],
    visible: Sequence[Known],
    chosen: Collection[str],
    *,
    is_open: bool,
    since: str,
) -> Branch:
    taken = [each.name for each in types if each.name in chosen]
    rest = [each for each in types if each.name not in chosen]
    # Those that are newer than the choice, where it was of all there were.
    is_older = len(taken) > 1 and bool(since) and all(each.uid > since for each in rest)
    new = {each.name for each in rest} if prefix and is_older else set()
    on_page = {each.name for each in visible}
    is_whole = len(visible) in (0, len(types))
    # A group that is chosen as a whole, and not open, is sent by its own box, but for its deprecated types.
    by_box = {each.name for each in types if not each.is_deprecated} if is_whole and not rest else set()
    return Branch(
        prefix,
        count=len(types),
        chosen=len(taken),
        leaves=[
            Leaf(each.name, Truncator(each.description).chars(MOST_CHARACTERS), each.name in chosen, each.name in new)
            for each in visible
        ],
        hidden=[name for name in taken if name not in on_page and name not in by_box],
        is_open=is_open or bool(new and visible),
        has_box=is_whole,
        new=len(new),
    )
