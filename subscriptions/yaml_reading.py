"""Read YAML with the values of JSON, within bounds that are checked while it is read.

There are no dates, no `yes`, and no octal or sexagesimal numbers. Values are built from the parser's events: that takes
a third of the CPU of PyYAML's nodes and constructors, and can take a break at each event.
"""

import re
from typing import Any

import orjson
import yaml

from core.waiting import Breaks
from subscriptions.exceptions import SpecRefused

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_FIRST_OF_NUMBERS = frozenset("-0123456789")
#: Stands for the key `<<`, which merges other mappings into its own.
_MERGE = object()
_TAGS = {
    yaml.ScalarEvent: (None, "!", "tag:yaml.org,2002:str"),
    yaml.MappingStartEvent: (None, "!", "tag:yaml.org,2002:map"),
    yaml.SequenceStartEvent: (None, "!", "tag:yaml.org,2002:seq"),
}


class _Open:
    """A collection whose end was not read yet."""

    __slots__ = ("anchor", "before", "is_mapping", "items")

    def __init__(self, before: int, anchor: str | None = None, *, is_mapping: bool = False) -> None:
        #: The number of values before it.
        self.before = before
        self.anchor = anchor
        self.is_mapping = is_mapping
        #: The items of a list, or the keys and values of a mapping in turn.
        self.items: list[Any] = []


def read_yaml(text: str, *, most_values: int, most_levels: int, hint: str) -> Any:
    """Return the only document of a text, whose keys are texts: the status 200 of a response is "200".

    An alias counts as what it stands for. Raises SpecRefused, which ends with `hint` beyond `most_values`; YAMLError.
    """
    total = 0
    opened = [_Open(0)]
    #: The value of each anchor, and the number of values in it.
    known: dict[str, tuple[Any, int]] = {}
    documents = 0
    breaks = Breaks()
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        breaks.step()
        if isinstance(event, yaml.ScalarEvent):
            total += 1
            value, anchor = _scalar(event), event.anchor
            size = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            _check_tag(event)
            _check_anchor(event.anchor, known)
            opened.append(_Open(total, event.anchor, is_mapping=isinstance(event, yaml.MappingStartEvent)))
            total += 1
            if len(opened) > most_levels:
                raise SpecRefused(reason=f"it is more than {most_levels} levels deep")
            continue
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = opened.pop()
            value, anchor = _mapping(ended.items) if ended.is_mapping else _sequence(ended.items), ended.anchor
            size = total - ended.before
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in known:
                raise SpecRefused(reason="an alias has no anchor before it, or is within what it stands for")
            (value, size), anchor = known[event.anchor], None
            total += size
        else:
            documents += isinstance(event, yaml.DocumentStartEvent)
            continue
        if total > most_values:
            raise SpecRefused(reason=f"it has more than {most_values} values in YAML; write it as JSON{hint}")
        opened[-1].items.append(value)
        if anchor:
            _check_anchor(anchor, known)
            known[anchor] = value, size
    if documents > 1:
        raise SpecRefused(reason="expected a single document")
    return _sequence(opened[0].items)[0] if opened[0].items else None


def _check_anchor(anchor: str | None, known: dict[str, tuple[Any, int]]) -> None:
    if anchor in known:
        raise SpecRefused(reason="found duplicate anchor")


def _check_tag(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
    if event.tag not in _TAGS[type(event)]:
        raise SpecRefused(reason="it has a YAML tag")


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    if event.tag is not None:
        _check_tag(event)
    if not event.implicit[0]:
        # In quotes, or a block, or with a tag.
        return text
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] in _FIRST_OF_NUMBERS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
    return _MERGE if text == "<<" else text


def _sequence(items: list[Any]) -> list[Any]:
    if _MERGE in items:
        raise SpecRefused(reason="<< merges mappings, and is not the key of one")
    return items


def _mapping(items: list[Any]) -> dict[str, Any]:
    keys, values = items[::2], _sequence(items[1::2])
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in zip(keys, values, strict=True):
        if isinstance(key, str):
            own[key] = value
        elif key is _MERGE:
            # Of a list of mappings, the first one takes precedence.
            for each in reversed(value) if isinstance(value, list) else (value,):
                if not isinstance(each, dict):
                    raise SpecRefused(reason="<< merges mappings, and its value is not a mapping")
                merged.update(each)
        elif isinstance(key, (list, dict)):
            raise SpecRefused(reason="found unhashable key: a list or a mapping")
        else:
            own[orjson.dumps(key).decode()] = value
    return merged | own if merged else own
