"""Fields accept their own JSON type only."""

import pytest
from rest_framework.serializers import ValidationError

from core.api.fields import Text

HALF_OF_A_PAIR = "\ud800"


@pytest.mark.parametrize("text", ["", "acme", "Größe", "\U0001f600", "a" * 255])
def test_a_text_is_kept(text: str) -> None:
    assert Text().run_validation(text) == text


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1, "incorrect_type"),
        (None, "incorrect_type"),
        ("a" * 256, "max_length"),
        ("a\0b", "null_characters_not_allowed"),
        (f"a{HALF_OF_A_PAIR}b", "surrogate_characters_not_allowed"),
    ],
)
def test_a_text_is_refused(value: object, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Text().run_validation(value)
    assert refusal.value.get_codes() == [code]
