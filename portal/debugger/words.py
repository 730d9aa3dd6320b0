"""Say what the signature debugger has found, in sentences for the customer.

Each is a template whose values are escaped when they are filled in; only its own tags are markup.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.api.values import wire_time
from portal.debugger.findings import State, Step, Verdict

Words = str | Promise

STEPS: dict[str, Words] = {
    "headers standard": _("All three headers are there"),
    "headers own": _("The header <code>{header}</code> is there"),
    "headers none": _("There is neither <code>{header}</code> nor <code>{own}</code>"),
    "headers missing": _("<code>{header}</code> is <strong>missing</strong>"),
    "headers renamed": _("<code>{header}</code> is missing, but there is <code>{given}</code>"),
    "headers time_malformed": _("<code>webhook-timestamp</code> is not a number of seconds: <code>{given}</code>"),
    "headers signature_malformed": _("<code>webhook-signature</code> has no <code>v1,</code>: <code>{given}</code>"),
    "headers own_malformed": _("<code>{header}</code> has no time or no signature"),
    "timestamp fresh": _("Timestamp is {at}, <strong>{age}</strong> before now (5 minutes are allowed)"),
    "timestamp sent_then": _("Timestamp is {at}, when we sent it"),
    "timestamp old": _("Timestamp is {at}, <strong>{age}</strong> before now: 5 minutes are allowed"),
    "timestamp in_future": _("Timestamp is {at}, <strong>{age}</strong> in the future: 5 minutes are allowed"),
    "timestamp no_time": _("<code>{header}</code> carries no timestamp"),
    "delivery known": _("We know <code>{id}</code>: we sent it to this endpoint"),
    "delivery known_test": _("We know <code>{id}</code>: a test event to this endpoint"),
    "delivery of_other_endpoint": _("We sent <code>{id}</code> to <strong>{endpoint}</strong>, not to this endpoint"),
    "delivery unknown": _("We don’t know <code>{id}</code> among the deliveries to your endpoints"),
    "delivery no_delivery": _("The request does not say which delivery it is"),
    "secret fits": _("The secret fits the signature"),
    "secret is_current": _("Secret is the current one"),
    "secret is_previous": _("Secret is the previous one, which still signs"),
    "secret is_expired": _("Secret has <strong>expired</strong>"),
    "secret is_other": _("Secret is that of <strong>{endpoint}</strong>"),
    "secret signed_current": _("It was signed with this endpoint’s current secret"),
    "secret signed_previous": _("It was signed with this endpoint’s previous secret"),
    "secret signed_expired": _("It was signed with a secret of this endpoint that has <strong>expired</strong>"),
    "secret signed_other": _("It was signed with the secret of <strong>{endpoint}</strong>"),
    "secret pasted_current": _("You pasted the current secret, but it was signed with another"),
    "secret pasted_previous": _("You pasted the previous secret, but it was signed with another"),
    "secret pasted_expired": _("You pasted a secret that has <strong>expired</strong>"),
    "secret pasted_other": _("You pasted the secret of <strong>{endpoint}</strong>"),
    "secret space": _("Secret is right, but has a <strong>space or line break</strong> around it"),
    "secret quotes": _("Secret is right, but stands in <strong>quotation marks</strong>"),
    "secret no_prefix": _("Secret is right, but lacks <code>whsec_</code>"),
    "secret prefix": _("Secret is right, but <code>whsec_</code> does not belong to it"),
    "secret encoded": _("Secret is right, but was <strong>encoded in base64</strong>"),
    "secret decoded": _("Secret is right, but was <strong>decoded</strong>"),
    "secret no_match": _("No secret that we know fits the signature"),
    "body fits": _("Signature is right for this body"),
    "body not_this_one": _("Signature is right for the body we sent, <strong>not for this one</strong>"),
    "body same": _("Body is the one we sent, byte for byte"),
    "body differs": _("Body is <strong>not the one we sent</strong>"),
    "body unknown_body": _("We can’t compare this body with what we sent"),
}
UNCHECKED: dict[str, Words] = {
    "timestamp": _("Timestamp: not checked"),
    "delivery": _("Delivery: not checked"),
    "secret": _("Secret: not checked"),
    "body": _("Body: not checked"),
}

_COPY = _("Copy the endpoint’s secret again, as it is, to where your server reads it.")
_RAW = _("Verify the raw bytes of the request, before anything parses them.")
#: For each finding a headline, and sentences that say what to do.
FINDINGS: dict[str, tuple[Words, ...]] = {
    "right": (_("The signature is right."), _("Your server should accept this request.")),
    "right_text": (
        _("The signature is right."),
        _(
            "If a library still refuses it: this secret is plain text, and libraries expect <code>whsec_</code> and "
            "base64. The code under “Verify” on the overview has it in that form."
        ),
    ),
    "right_old": (
        _("The signature is right, but the request is old."),
        _(
            "Libraries refuse what is more than 5 minutes old. If your server refused it when it came, compare its "
            "clock with the right time."
        ),
    ),
    "right_in_future": (
        _("The signature is right, but the request comes from the future."),
        _("Its timestamp is {age} ahead of our clock. Has something between us changed the header?"),
    ),
    "none": (
        _("The request has no signature."),
        _("Paste all headers that your server saw. If these are all, something between us has removed the others."),
    ),
    "missing": (
        _("A header is missing."),
        _("<code>{header}</code> was sent with every request. Has a proxy removed it, or was it not pasted?"),
    ),
    "renamed": (
        _("A header has another name."),
        _("We sent <code>{header}</code>. Does a proxy rename it to <code>{given}</code>?"),
    ),
    "time_malformed": (
        _("The timestamp is not as we sent it."),
        _("It is a whole number of seconds since 1970. Has something written it as a date?"),
    ),
    "signature_malformed": (
        _("The signature is not as we sent it."),
        _("It begins with <code>v1,</code>. Paste the whole value of the header."),
    ),
    "own_malformed": (
        _("The signature is not as we sent it."),
        _("<code>{header}</code> has the form <code>t=…,v1=…</code>. Paste its whole value."),
    ),
    "other_endpoint": (
        _("This request was sent to another endpoint."),
        _("We sent it to {endpoint}. Check it on that endpoint’s page, with its secret."),
    ),
    "secret_space": (_("The secret has a space or line break around it."), _COPY),
    "secret_quotes": (_("The secret stands in quotation marks."), _("Remove them where your server reads it.")),
    "secret_no_prefix": (
        _("The secret lacks its beginning, whsec_."),
        _COPY,
    ),
    "secret_prefix": (
        _("The secret has a beginning that does not belong to it, whsec_."),
        _COPY,
    ),
    "secret_encoded": (_("The secret was encoded in base64."), _COPY),
    "secret_decoded": (_("The secret was decoded before it was used."), _COPY),
    "secret_is_previous": (
        _("Neither the secret nor the body fits."),
        _("The secret you pasted is the previous one. Use the current one."),
    ),
    "secret_is_current": (
        _("The signature does not fit this body."),
        _(
            "The secret is the current one. If your server computed this signature itself: it is made over the ID, "
            "the time and the raw body, not over the body alone."
        ),
    ),
    "secret_is_expired": (
        _("The secret has expired."),
        _("It was rotated. Use the current one, which is on the overview."),
    ),
    "secret_is_other": (
        _("This secret is that of another endpoint."),
        _("It is that of {endpoint}. Each endpoint has its own."),
    ),
    "secret_pasted_expired": (
        _("Your server uses a secret that has expired."),
        _("It was rotated. Use the current one, which is on the overview."),
    ),
    "secret_pasted_previous": (
        _("Your server uses the previous secret."),
        _("Use the current one, which is on the overview."),
    ),
    "secret_pasted_current": (
        _("The request was signed with another secret."),
        _("Your server has the current one. Was this request sent before the secret was rotated?"),
    ),
    "secret_pasted_other": (
        _("Your server uses the secret of another endpoint."),
        _("The secret you pasted is that of {endpoint}. Each endpoint has its own."),
    ),
    "secret_signed_current": (
        _("Your server uses another secret."),
        _("The request was signed with this endpoint’s current secret. Copy it from the overview."),
    ),
    "secret_signed_previous": (
        _("Your server uses another secret."),
        _("The request was signed with this endpoint’s previous secret. Use the current one from now on."),
    ),
    "secret_signed_expired": (
        _("The request was signed with a secret that has expired since."),
        _("The secret was rotated after it was sent. Check a request that was sent today."),
    ),
    "secret_signed_other": (
        _("The request was signed with another endpoint’s secret."),
        _("It is that of {endpoint}. Each endpoint has its own."),
    ),
    "secret_no_match": (
        _("The signature fits no secret of this endpoint."),
        _("Either the body is not the one we sent, or the request is not from us."),
    ),
    "body_empty": (
        _("The body is empty."),
        _("Something has read it before it was checked. Read it once, keep the bytes, and verify those."),
    ),
    "body_newline": (_("The body has a line break at its end that we did not send."), _RAW),
    "body_space": (_("The body has space around it that we did not send."), _RAW),
    "body_cut": (
        _("The body was cut."),
        _("Your server has read only a part of it. Read all of it before you verify."),
    ),
    "body_respaced": (
        _("The body was changed before it was checked."),
        _("Your framework has parsed the JSON and written it again."),
        _RAW,
    ),
    "body_charset": (
        _("The body was read in the wrong character set."),
        _("It is UTF-8, and was read as Latin-1."),
        _RAW,
    ),
    "body_twice": (
        _("The body was encoded as JSON a second time."),
        _("It is a JSON text within a JSON text."),
        _RAW,
    ),
    "body_other": (
        _("The body is not the one we sent."),
        _("It holds something else. Is it that of another request?"),
    ),
}
FINDINGS["body_rewritten"] = FINDINGS["body_respaced"]


class Line(NamedTuple):
    """A step as the page shows it: its state, and the sentence."""

    state: State
    text: SafeString


class Said(NamedTuple):
    """A finding as the page shows it: a headline, and the sentences below it."""

    is_good: bool
    headline: SafeString
    text: list[SafeString]


def lines(verdict: Verdict) -> list[Line]:
    """Return the steps of a verdict in words."""
    return [Line(step.state, _filled(_of_step(step), step.values)) for step in verdict.steps]


def said(verdict: Verdict) -> Said:
    """Return the finding of a verdict in words."""
    code = "right_text" if verdict.finding == "right" and verdict.values.get("is_text") else verdict.finding
    headline, *rest = (_filled(words, verdict.values) for words in FINDINGS[code])
    return Said(verdict.is_good, headline, rest)


def difference_text(at: int, received: str) -> str:
    """Say where the bodies differ, counted in bytes, and what stands there."""
    first = received[:1]
    if not first:
        return gettext("It differs from what we sent at byte %(at)s: it ends there.") % {"at": at}
    if first == " ":
        return gettext("It differs from what we sent at byte %(at)s: a space.") % {"at": at}
    if first in "\r\n":
        return gettext("It differs from what we sent at byte %(at)s: a line break.") % {"at": at}
    return gettext("It differs from what we sent at byte %(at)s: “%(text)s”.") % {"at": at, "text": first}


def _of_step(step: Step) -> Words:
    return UNCHECKED[step.name] if step.code == "unchecked" else STEPS[f"{step.name} {step.code}"]


def _filled(words: Words, values: Mapping[str, Any]) -> SafeString:
    return format_html(str(words), **{name: _shown(value) for name, value in values.items()}, _="")


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', wire_time(value), value.strftime("%Y-%m-%d %H:%M:%S UTC"))
    return duration(value) if isinstance(value, int) and not isinstance(value, bool) else value


def duration(seconds: int) -> str:
    """Return a duration in words, in its largest unit."""
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days >= 2:
        return ngettext("%d day", "%d days", days) % days
    if hours >= 2:
        return ngettext("%d hour", "%d hours", hours) % hours
    if minutes >= 2:
        return ngettext("%d minute", "%d minutes", minutes) % minutes
    return ngettext("%d second", "%d seconds", seconds) % seconds
