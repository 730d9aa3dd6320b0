"""Look at the URL of an endpoint from a web process, and put the findings into the words of the customer's page.

A look takes up to SECONDS, so each process does one at a time, and other requests do not wait for it: their page says
that the URL could not be checked now. That never keeps an endpoint from being saved.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from core.waiting import PlaceTaken, the_place_to_wait
from outbound import preflight
from outbound.addresses import refusal
from outbound.preflight import SECONDS, Look, Problem
from portal.words import number
from portal_links.access import Access
from portal_links.check_limit import count_check
from portal_links.exceptions import TooManyChecks

USER_AGENT = f"Convoy/{settings.VERSION}"
#: Saving waits no longer than this to learn that a name leads to a private address.
SECONDS_AT_SAVING = 2
#: The page mentions a certificate that ends sooner than this.
SOON = timedelta(days=14)

YES, HM, NO = "yes", "hm", "no"
_ICONS = {YES: "check", HM: "info", NO: "cross"}

T = TypeVar("T")


class Finding(NamedTuple):
    """One line about a URL. `tone` is yes (fine), hm (doubtful) or no (refused): the class of the line."""

    tone: str
    text: str

    @property
    def icon(self) -> str:
        """Return the name of the line's icon."""
        return _ICONS[self.tone]


def check_url(access: Access, url: str) -> list[Finding]:
    """Look at a URL and return what was found. Raises TooManyChecks."""
    if not settings.PORTAL_PREFLIGHT:
        return []
    count_check(access)
    look = _in_place(
        preflight.look_at(
            url,
            user_agent=USER_AGENT,
            allowed_networks=settings.DELIVERY_ALLOWED_NETWORKS,
            ca_file=settings.DELIVERY_CA_FILE,
        )
    )
    return not_now() if look is None else findings(look)


def refused_address(access: Access, url: str) -> str:
    """Return the private address that a URL leads to, or an empty text, also where that is not known in time.

    The look-up counts as a check. Whoever has used up theirs may save, and the guard of deliveries decides alone.
    """
    if not settings.PORTAL_PREFLIGHT:
        return ""
    try:
        count_check(access)
    except TooManyChecks:
        return ""
    found = _in_place(
        preflight.private_address(url, allowed_networks=settings.DELIVERY_ALLOWED_NETWORKS, seconds=SECONDS_AT_SAVING)
    )
    return found or ""


def _in_place(looking: Coroutine[Any, Any, T]) -> T | None:
    """Run a look in the process's one place for it; None where the place is taken."""
    try:
        with the_place_to_wait():
            return asyncio.run(looking)
    except PlaceTaken:
        looking.close()
        return None


# The words


def unreachable() -> str:
    """Return the error of a field whose URL leads to a private address."""
    return _("This address can't be reached from the internet.")


def not_now() -> list[Finding]:
    """Return the line of a URL that was not looked at."""
    return [Finding(HM, _("This URL could not be checked now. You can save it all the same."))]


def too_many(seconds: int) -> list[Finding]:
    """Return the line of a customer who has had too many URLs checked."""
    text = _("You have had many URLs checked. Wait %(seconds)s seconds for the next check; saving works at once.")
    return [Finding(HM, text % {"seconds": seconds})]


def private(host: str, address: str) -> list[Finding]:
    """Return the lines of a URL that leads to a private address."""
    if host == address:
        refused = _(
            "<strong>{address}</strong> is inside a private network. We send to public addresses only, so this "
            "endpoint could not receive anything."
        )
    else:
        refused = _(
            "The name leads to <strong>{address}</strong>, which is inside a private network. We send to public "
            "addresses only, so this endpoint could not receive anything."
        )
    tunnel = _("To test on your own machine, use a tunnel that gives it a public {code} address.")
    return [
        Finding(NO, format_html(refused, address=address)),
        Finding(HM, format_html(tunnel, code=format_html("<code>{}</code>", "https://"))),
    ]


def findings(look: Look) -> list[Finding]:
    """Return the findings of a look, line by line."""
    if look.problem is Problem.UNSENDABLE:
        return []
    if look.problem is Problem.PRIVATE:
        return private(look.host, look.address)
    found = []
    if look.address:
        found.append(Finding(YES, _address(look)))
    if look.valid_until is not None:
        found.append(_certificate(look.valid_until))
    if look.problem is not None:
        return [*found, Finding(HM, _problem(look))]
    if not look.is_secure:
        found.append(Finding(HM, _("Without TLS (http://), anybody on the way can read what is sent.")))
    answer = _("Answers in <strong>{milliseconds} ms</strong>")
    found.append(Finding(YES, format_html(answer, milliseconds=number(look.milliseconds or 0))))
    if not 200 <= (look.status or 0) < 300:
        found.append(Finding(HM, _doubt(look)))
    return found


def _address(look: Look) -> str:
    is_public = not refusal(look.address)
    if look.host == look.address:
        said = _("<strong>{address}</strong> is a public address")
        allowed = _("<strong>{address}</strong> is a private address to which this server may send")
    else:
        said = _("The name leads to <strong>{address}</strong>, a public address")
        allowed = _("The name leads to <strong>{address}</strong>, a private address to which this server may send")
    return format_html(said if is_public else allowed, address=look.address)


def _certificate(valid_until: datetime) -> Finding:
    is_long = valid_until - timezone.now() > SOON
    day = date_format(valid_until, "DATE_FORMAT")
    return Finding(
        YES if is_long else HM, format_html(_("TLS certificate is valid until <strong>{day}</strong>"), day=day)
    )


def _problem(look: Look) -> str:
    match look.problem:
        case Problem.UNKNOWN_NAME:
            said = _("No address is known for <strong>{host}</strong>. Is the name spelt right?")
        case Problem.UNREACHABLE:
            said = _("Nobody answers at <strong>{host}</strong>.")
        case Problem.EXPIRED:
            said = _("The TLS certificate has expired. Nothing is sent until it is renewed.")
        case Problem.FOR_ANOTHER_NAME:
            said = _("The TLS certificate is for another name than <strong>{host}</strong>. Nothing is sent.")
        case Problem.UNTRUSTED:
            said = _("The TLS certificate is not trusted: we don't know who has signed it. Nothing is sent.")
        case Problem.TLS:
            said = _("No TLS connection could be made. Does this port speak https, with TLS 1.2 or later?")
        case Problem.NOT_HTTP:
            said = _("The connection was closed, or the answer was no HTTP.")
        case _:
            said = _("No answer in {seconds} seconds. Webhooks wait longer, but a quick answer is better.")
    return format_html(said, host=look.host, seconds=SECONDS)


def _doubt(look: Look) -> str:
    """Say what a status other than 2xx may mean."""
    status = look.status or 0
    if 300 <= status < 400:
        said = _("Answers <strong>{status}</strong>, with another address. We don't follow those: enter that address.")
    elif status in (404, 410):
        said = _("Answers <strong>{status}</strong> to our look (HEAD). Only POST matters, but check the path.")
    elif status in (401, 403):
        said = _(
            "Answers <strong>{status}</strong> to our look (HEAD), which has no credentials. "
            "If your server needs them, see Authentication."
        )
    elif status >= 500:
        said = _("Answers <strong>{status}</strong> to our look (HEAD). Your server has a problem of its own.")
    else:
        said = _("Answers <strong>{status}</strong> to our look (HEAD). That is usual: only POST matters.")
    return format_html(said, status=f"{status} {look.reason}".strip())
