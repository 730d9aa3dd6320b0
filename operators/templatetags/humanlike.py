"""Show numbers as people read them."""

from django import template

register = template.Library()


@register.filter
def thousands(number: int) -> str:
    """Return a number with a comma after each three digits."""
    return f"{number:,}"
