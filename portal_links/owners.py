"""Owners as other clients name them: an application, or an organisation."""

from core.exceptions import InvalidInput

MAX_LENGTH = 255


def checked_owner_id(text: str) -> str:
    """An `owner_id` out of a URL. Raises InvalidInput where no endpoint could have it."""
    if not text.strip() or len(text) > MAX_LENGTH or "\x00" in text:
        raise InvalidInput("the application id must be a text of 1 to 255 characters")
    return text
