"""Read the form that rotates a secret."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.api.bodies import failures_of
from endpoints.secrets import overlap_hours
from endpoints.serializers import ExpireSecret

#: The hours for which the old secret may stay valid, in words.
OVERLAPS = {24: _("24 hours"), 1: _("1 hour"), 72: _("3 days"), 168: _("7 days"), 0: _("0: it ends at once")}


def rotation(data: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return (the arguments for expire_secret, the error) of a form that was sent: one of the two is empty."""
    hours = data.get("expiration", "")
    sent = {"expiration": int(hours) if hours.isascii() and hours.isdecimal() and len(hours) < 10 else hours}
    values, failures = failures_of(ExpireSecret, sent)
    if "expiration" in values:
        values["expiration"] = overlap_hours(values["expiration"])
    return values, gettext("Choose how long the old secret stays valid.") if failures else ""
