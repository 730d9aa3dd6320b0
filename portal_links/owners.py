"""Check the names that other products give to owners: an application, or an organisation."""

from portal_links.exceptions import OwnerNotPossible

MAX_LENGTH = 255


def checked_owner_id(text: str) -> str:
    """Return an `owner_id` from a URL. Raises InvalidInput where no endpoint can have it."""
    if not text.strip() or len(text) > MAX_LENGTH or "\x00" in text:
        raise OwnerNotPossible
    return text
