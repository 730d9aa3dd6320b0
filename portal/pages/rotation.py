"""Read the form that rotates a secret."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.api.bodies import failures_of
from endpoints.secrets import SECONDS_FROM
from endpoints.serializers import ExpireSecret

#: The hours for which the old secret may stay valid, in words.
OVERLAPS = {24: _("24 hours"), 1: _("1 hour"), 72: _("3 days"), 168: _("7 days"), 0: _("0: it ends at once")}


def rotation(data: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return (the arguments for expire_secret, the error) of a form that was sent: one of the two is empty."""
    hours = data.get("expiration", "")
    sent = {"expiration": int(hours) if hours.isascii() and hours.isdecimal() and len(hours) < 10 else hours}
    values, failures = failures_of(ExpireSecret, sent)
    # The choices are hours, all below the number from which the API reads seconds.
    is_wrong = failures or not 0 <= values.get("expiration", 0) < SECONDS_FROM
    return ({}, gettext("Choose how long the old secret stays valid.")) if is_wrong else (values, "")
