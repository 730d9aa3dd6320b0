"""Random texts."""

from collections import Counter

from core.tokens import ALPHANUMERIC, SECRET_ALPHABET, random_text


def test_texts_have_their_length_and_alphabet() -> None:
    for length in (1, 16, 24, 64, 300):
        for alphabet in (ALPHANUMERIC, SECRET_ALPHABET, "ab", "a"):
            text = random_text(length, alphabet)
            assert len(text) == length
            assert set(text) <= set(alphabet)


def test_no_character_comes_more_often_than_another() -> None:
    drawn = 62 * 4_000
    found = Counter(random_text(drawn))
    assert len(found) == 62
    # Seven standard deviations of sixty. With bytes that are not rejected, the first eight would come 800 times more.
    assert all(abs(count - 4_000) < 440 for count in found.values())
