"""Define serializer fields that accept their own JSON type only: no number for a text, no "true" for true.

A value of the wrong type has the error code `incorrect_type`, which both families of body errors distinguish from a
value that is not allowed (bodies.py).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

INT32_MAX = 2**31 - 1
#: The most failures of a body that its refusal lists.
MOST_FAILURES = 20
#: The characters of a name in a body that its refusal quotes.
MOST_QUOTED = 128
INCORRECT_TYPE = "incorrect_type"
_MESSAGE: Any = {INCORRECT_TYPE: "incorrect type"}


class Shape(serializers.Serializer[Any]):
    """A JSON object. A member that is null counts as not sent, unless it is one of `nullable`.

    The members of the answer's `document` describe the fields of their names that have no help_text.
    """

    nullable: frozenset[str] = frozenset()
    document: Any = None

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError({"non_field_errors": ["incorrect type"]}, code=INCORRECT_TYPE)
        return super().to_internal_value(
            {name: value for name, value in data.items() if value is not None or name in self.nullable}
        )


class _NoSurrogates(ProhibitSurrogateCharactersValidator):
    """REST framework's check, which looks at one character after the other, only where there is something to find."""

    def __call__(self, value: Any) -> None:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            super().__call__(value)


class Text(serializers.CharField):
    """A JSON string, which is kept as it was sent. NUL is refused, because PostgreSQL cannot store it."""

    default_error_messages = _MESSAGE

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "max_length": 255, "allow_blank": True} | kwargs)
        self.validators = [
            _NoSurrogates() if type(each) is ProhibitSurrogateCharactersValidator else each for each in self.validators
        ]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        is_given = data is not serializers.empty and not (data is None and self.allow_null)
        if is_given and not isinstance(data, str):
            self.fail(INCORRECT_TYPE)
        return super().run_validation(data)


def holds_control_character(text: str) -> bool:
    """Return whether a text has a line break or another control character, as one has that was read from a file."""
    return any(character < " " or character == "\x7f" for character in text)


class Secret(Text):
    """A secret, or a name that is sent with one. Control characters are refused: they were copied along by mistake."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        # A validator refuses NUL.
        if holds_control_character(text.replace("\0", "")):
            refusal = f"the {self.field_name} must not hold a line break or another control character"
            raise serializers.ValidationError(refusal, code="own_text")
        return text


class Flag(serializers.BooleanField):
    """A JSON boolean."""

    default_error_messages = _MESSAGE

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail(INCORRECT_TYPE)
        return data


class Integer(serializers.IntegerField):
    """A JSON integer between `min_value` and 2^31-1. A lower one is of a wrong type, as in the original's unsigned
    fields."""

    default_error_messages = _MESSAGE

    def __init__(self, *, min_value: int = 0, **kwargs: Any) -> None:
        self.lowest = min_value
        super().__init__(**{"max_value": INT32_MAX} | kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int) or data < self.lowest:
            self.fail(INCORRECT_TYPE)
        return data


class IntegerBetween(Integer):
    """A JSON integer between two bounds. Any other value is refused with one text that names the bounds."""

    def __init__(self, lowest: int, highest: int, **kwargs: Any) -> None:
        text = f"must be a whole number from {lowest} to {highest}"
        messages = dict.fromkeys((INCORRECT_TYPE, "max_value"), text)
        super().__init__(min_value=lowest, max_value=highest, error_messages=messages, **kwargs)


class Choice(Text):
    """A JSON string out of a list; with `allow_blank`, "" means "not given"."""

    def __init__(self, choices: list[str], message: str | None = None, **kwargs: Any) -> None:
        self.choices = choices
        self.message = message or f"must be one of {', '.join(choices)}"
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text and text not in self.choices:
            raise serializers.ValidationError(self.message, code="unknown_choice")
        return text


class Items(serializers.ListField):
    """A JSON array of at most `max_length` items, whose check stops after MOST_FAILURES failures.

    REST framework checks each item of an array that is too long, and copies each failure for each level above it: four
    seconds for a body of 1 MiB.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        """Return the validated items. Raises ValidationError with the first failures, by their places."""
        return checked_items(data, self.child)


def checked_items(items: list[Any], child: Any) -> list[Any]:
    """Return the items as `child` validates them. Raises ValidationError with MOST_FAILURES failures at most."""
    return list(_checked(enumerate(items), child).values())


def _checked(values: Iterable[tuple[Any, Any]], child: Any) -> dict[Any, Any]:
    """Return the values by place or name as `child` validates them. Raises ValidationError as checked_items does."""
    valid: dict[Any, Any] = {}
    failures: dict[Any, Any] = {}
    for place, value in values:
        try:
            valid[place] = child.run_validation(value)
        except serializers.ValidationError as error:
            # A name that somebody has made up may be as long as the body.
            failures[place[:MOST_QUOTED] if isinstance(place, str) else place] = error.detail
            if len(failures) == MOST_FAILURES:
                break
    if failures:
        raise serializers.ValidationError(failures)
    return valid


class TextsByName(serializers.DictField):
    """A JSON object of texts, whose check stops after MOST_FAILURES failures."""

    child = Text()

    def run_child_validation(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the validated texts. Raises ValidationError with the first failures, by their names."""
        return _checked(data.items(), self.child)
