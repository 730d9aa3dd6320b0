"""Show a part of a page only to customers who have a capability.

`{% may rotate_secret %}for those who have it{% else %}for the others{% endmay %}`; the `else` may be left out.
"""

from django import template
from django.template.base import Node, NodeList, Parser, Token
from django.utils.safestring import SafeString

from portal_links.capabilities import WORDS

register = template.Library()


class MayNode(Node):
    """The parts of a template between `may` and `endmay`."""

    child_nodelists = ("granted", "denied")

    def __init__(self, capability: str, granted: NodeList, denied: NodeList) -> None:
        self.capability = capability
        self.granted = granted
        self.denied = denied

    def render(self, context: template.Context) -> SafeString:
        """Render the part that fits the customer's capabilities. Raises KeyError on a page without a customer."""
        return (self.granted if context["access"].may(self.capability) else self.denied).render(context)


@register.tag
def may(parser: Parser, token: Token) -> MayNode:
    """Compile the tag. Raises TemplateSyntaxError for an unknown capability.

    An `if` would treat an unknown capability as one that the customer lacks, and hide the part from everybody.
    """
    _, *names = token.split_contents()
    if len(names) != 1 or names[0] not in WORDS:
        raise template.TemplateSyntaxError(f"{token.contents!r} names none of the capabilities {', '.join(WORDS)}")
    granted, denied = parser.parse(("else", "endmay")), NodeList()
    if parser.next_token().contents == "else":
        denied = parser.parse(("endmay",))
        parser.delete_first_token()
    return MayNode(names[0], granted, denied)
