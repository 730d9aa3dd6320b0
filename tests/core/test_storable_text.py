"""Texts of others, as PostgreSQL can store them."""

import pytest

from core.storable_text import storable


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", ""),
        ("plain, ü, 🦄\n\t\x01", "plain, ü, 🦄\n\t\x01"),
        ("a\0b\0", "a\ufffdb\ufffd"),
        (b"", ""),
        ("ü🦄".encode(), "ü🦄"),
        (b"a\0b\xff", "a\ufffdb\ufffd"),
        (b"\xe2\x82", "\ufffd"),
    ],
    ids=["empty", "kept", "NUL", "no bytes", "UTF-8", "NUL and a byte that is not UTF-8", "a character cut in two"],
)
def test_storable(text: str | bytes, stored: str) -> None:
    assert storable(text) == stored
