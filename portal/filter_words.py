"""Put the conditions of a filter, and the reason why an event meets them or not, into words of the portal's pages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from core.json_text import json_text
from portal.words import number
from subscriptions.filters.explain import Explanation, Fact
from subscriptions.filters.language import LOGIC, leaves
from subscriptions.filters.rows import LISTS, OPERATORS, Comparison, Row, to_rows, value_of, values_of

#: The comparisons as a form names them, in its order.
COMPARISONS: dict[Comparison, Any] = {
    Comparison.IS: _("is"),
    Comparison.IS_NOT: _("is not"),
    Comparison.ONE_OF: _("is one of"),
    Comparison.NONE_OF: _("is none of"),
    Comparison.AT_LEAST: _("is at least"),
    Comparison.MORE_THAN: _("is more than"),
    Comparison.AT_MOST: _("is at most"),
    Comparison.LESS_THAN: _("is less than"),
    Comparison.CONTAINS: _("contains"),
    Comparison.MATCHES: _("matches pattern"),
    Comparison.THERE: _("is there"),
    Comparison.NOT_THERE: _("is not there"),
}
#: A whole condition, in the short form of lists and in the long one of the editor.
_SHORT: dict[Comparison, Any] = {
    Comparison.IS: _("{field} is {value}"),
    Comparison.IS_NOT: _("{field} is not {value}"),
    Comparison.ONE_OF: _("{field} is {value}"),
    Comparison.NONE_OF: _("{field} is not {value}"),
    Comparison.AT_LEAST: _("{field} ≥ {value}"),
    Comparison.MORE_THAN: _("{field} > {value}"),
    Comparison.AT_MOST: _("{field} ≤ {value}"),
    Comparison.LESS_THAN: _("{field} < {value}"),
    Comparison.CONTAINS: _("{field} contains {value}"),
    Comparison.MATCHES: _("{field} matches {value}"),
    Comparison.THERE: _("{field} is there"),
    Comparison.NOT_THERE: _("{field} is not there"),
}
_LONG = _SHORT | {
    Comparison.AT_LEAST: _("{field} is at least {value}"),
    Comparison.MORE_THAN: _("{field} is more than {value}"),
    Comparison.AT_MOST: _("{field} is at most {value}"),
    Comparison.LESS_THAN: _("{field} is less than {value}"),
    Comparison.MATCHES: _("{field} matches the pattern {value}"),
}
#: A condition that fails, by operator.
_FAILED: dict[str, Any] = {
    "$eq": _("{field} is {met}, not {wanted}"),
    "$neq": _("{field} is {met}, which it must not be"),
    "$in": _("{field} is {met}, not one of {wanted}"),
    "$nin": _("{field} is {met}, which it must not be"),
    "$gte": _("{field} is {met}, not at least {wanted}"),
    "$gt": _("{field} is {met}, not more than {wanted}"),
    "$lte": _("{field} is {met}, not at most {wanted}"),
    "$lt": _("{field} is {met}, not less than {wanted}"),
    "$regex": _("{field} is {met}, which does not match {wanted}"),
    "$exist": _("{field} is {met}, but must not be there"),
    "": _("{field} is {met}: no single value meets all its conditions"),
}
#: A page shows this many characters of a value.
MOST_CHARACTERS = 60


def filter_words(conditions: Mapping[str, Any], *, is_long: bool = False) -> SafeString:
    """Return a filter as text, after "if": "total ≥ 100 and currency is EUR or CHF"; blank without conditions.

    Conditions that rows cannot hold are only counted.
    """
    found: list[SafeString] = []
    for scope in ("body", "headers"):
        if not conditions.get(scope):
            continue
        rows = to_rows(conditions[scope])
        if rows is None:
            return _counted(conditions)
        words = [_row_words(scope, row, is_long=is_long) for row in rows.rows]
        found.append(_either(words) if rows.is_any else _both(words, is_long=is_long))
    if any(conditions.get(scope) for scope in ("query", "path")):
        return _counted(conditions)
    return _both(found, is_long=is_long)


def explanation_words(found: Explanation) -> SafeString:
    """Say why an event meets a filter, or which condition fails first, with the value it met."""
    if found.is_too_much:
        return format_html("{}", gettext("This event is too large to be compared: it counts as no match."))
    if not found.facts:
        return format_html("{}", gettext("All conditions hold.") if found.holds else gettext("A condition fails."))
    words = [_fact_words(fact, is_alternative=found.is_any) for fact in found.facts]
    return _both(words) if found.is_any else _listed(words)


def shown(value: Any) -> str:
    """Return a value of a payload as a page shows it: a text as it is, anything else as JSON, and long ones cut."""
    text = value if isinstance(value, str) else json_text(value)
    return Truncator(text).chars(MOST_CHARACTERS) if text else '""'


def _row_words(scope: str, row: Row, *, is_long: bool) -> SafeString:
    sentence = (_LONG if is_long else _SHORT)[row.comparison]
    if row.comparison in LISTS:
        value = _either([format_html("{}", shown(item)) for item in values_of(row.value)])
    elif row.comparison in (Comparison.CONTAINS, Comparison.MATCHES):
        value = format_html("{}", shown(row.value))
    else:
        value = format_html("{}", shown(value_of(row.value)))
    return format_html(str(sentence), field=_field(scope, row.field), value=value)


def _fact_words(fact: Fact, *, is_alternative: bool) -> SafeString:
    field = _field(fact.scope, fact.field)
    if not fact.met:
        return format_html(gettext("{field} is not there"), field=field)
    if fact.scope == "headers":
        # The pages show no values of an event's headers (docs/contract/signatures.md#shown-headers).
        words = gettext("{field} is as asked for") if fact.holds else gettext("{field} is not as asked for")
        return format_html(words, field=field)
    met = _listed([format_html("{}", shown(value)) for value in fact.met])
    if fact.holds or is_alternative:
        return format_html(gettext("{field} is {met}"), field=field, met=met)
    wanted = ", ".join(map(shown, fact.wanted)) if isinstance(fact.wanted, list) else shown(fact.wanted)
    wanted = Truncator(wanted).chars(MOST_CHARACTERS)
    return format_html(str(_FAILED[fact.operator]), field=field, met=met, wanted=wanted)


def _field(scope: str, name: str) -> SafeString:
    code = format_html("<code>{}</code>", Truncator(name).chars(MOST_CHARACTERS))
    return format_html(gettext("header {name}"), name=code) if scope == "headers" else code


def _counted(conditions: Mapping[str, Any]) -> SafeString:
    count = sum(_count(each) for each in conditions.values())
    words = ngettext("it meets a filter of %(count)s condition", "it meets a filter of %(count)s conditions", count)
    return format_html("{}", words % {"count": number(count)})


def _count(conditions: dict[str, Any]) -> int:
    found = 0
    for key, operand in leaves(conditions):
        found += sum(_count(part) for part in operand) if key in LOGIC else 1
    return found


def _both(words: Sequence[SafeString], *, is_long: bool = False) -> SafeString:
    strong = pgettext("two conditions that must both hold", "{one} <strong>and</strong> {other}")
    return _joined(words, strong if is_long else pgettext("two conditions that must both hold", "{one} and {other}"))


def _either(words: Sequence[SafeString]) -> SafeString:
    return _joined(words, pgettext("two alternatives", "{one} or {other}"))


def _listed(words: Sequence[SafeString]) -> SafeString:
    return _joined(words, pgettext("two parts of a list", "{one}, {other}"))


def _joined(words: Iterable[SafeString], pair: str) -> SafeString:
    joined: SafeString | None = None
    for each in words:
        joined = each if joined is None else format_html(pair, one=joined, other=each)
    return format_html("{}", "") if joined is None else joined


def operator_names() -> list[str]:
    """Return the operators of the language, for the hint of the JSON field."""
    return [*dict.fromkeys(OPERATORS.values()), *LOGIC]
