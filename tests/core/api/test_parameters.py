"""Parameters of a query."""

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from core.api.parameters import is_true, texts


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", []),
        ("name=", []),
        ("name=%20&name=%09", []),
        ("name=b&name=%20a%20&other=c", ["b", "a"]),
        ("name=a&name=b&name=%20a", ["a", "b"]),
        ("name[]=a&name[]=b", ["a", "b"]),
        ("name%5B%5D=a", ["a"]),
        ("name[1]=b&name[0]=a&name[10]=c", ["a", "b", "c"]),
        ("name=a&name[]=b&name[0]=a", ["a", "b"]),
        ("name[x]=a&name[=b&name[0][1]=c&name[-1]=d&name[]x=e", ["a", "b", "c", "d", "e"]),
        ("names[]=a&other[]=b&other[name]=c&naming=d&Name[]=e&[name]=f", []),
    ],
)
def test_values_are_stripped_and_blank_and_repeated_ones_dropped(query: str, found: list[str]) -> None:
    assert texts(Request(RequestFactory().get(f"/?{query}")), "name") == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", False),
        ("name=", False),
        ("name=true", True),
        ("name=True", False),
        ("name=%20true", False),
        ("name=1", False),
        ("name=false", False),
        ("other=true", False),
    ],
)
def test_a_parameter_is_true_as_the_one_word(query: str, found: bool) -> None:
    assert is_true(Request(RequestFactory().get(f"/?{query}")), "name") is found
