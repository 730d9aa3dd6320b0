"""Say on an endpoint's page how it is doing, in a sentence, and name the one thing to do next."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.actors import Actor, ActorKind
from deliveries.health import EndpointHealth, Health
from outbound.retries import CAPPED_FROM, delay_seconds
from portal.templatetags.portal import moment
from portal.words import Pill, answer_words, counted, endpoint_pill, span
from portal_links.capabilities import MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS, SEND_TEST, VIEW_DELIVERIES


class Target(StrEnum):
    """The places that an action leads to. A value is the part of the page, or the page, that the view knows."""

    URL = "address"
    AUTHENTICATION = "authentication"
    LIMITS = "delivery"
    EVENTS = "events"
    TEST = "test"
    LATEST = "latest"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Action:
    """The one recommended action of a status: what its button says, where it leads, and who may do it."""

    label: Any
    target: Target
    capability: str


CHANGE_URL = Action(_("Change URL"), Target.URL, MANAGE_ENDPOINT)
CHECK_AUTHENTICATION = Action(_("Check authentication"), Target.AUTHENTICATION, MANAGE_ENDPOINT)
SEE_LATEST = Action(_("See the latest answer"), Target.LATEST, VIEW_DELIVERIES)
SET_RATE_LIMIT = Action(_("Set a rate limit"), Target.LIMITS, MANAGE_ENDPOINT)
SEND_A_TEST = Action(_("Send a test event"), Target.TEST, SEND_TEST)
TEST_AGAIN = Action(_("Test again"), Target.TEST, SEND_TEST)
TEST_AND_ENABLE = Action(_("Test and enable"), Target.TEST, SEND_TEST)
RESUME = Action(_("Resume…"), Target.RESUME, MANAGE_ENDPOINT)
CHOOSE_EVENTS = Action(_("Choose events"), Target.EVENTS, MANAGE_SUBSCRIPTIONS)


@dataclass(frozen=True, slots=True)
class Guess:
    """A reason that a kind of answer may have, and the action that it suggests."""

    text: Any
    action: Action


_MOVED = Guess(_("Your server is there, but knows nothing at this path. Has it moved?"), CHANGE_URL)
_REFUSES = Guess(_("Your server refuses us. Have its credentials or its firewall changed?"), CHECK_AUTHENTICATION)
_REJECTS = Guess(_("Your server reads the webhook and rejects it."), SEE_LATEST)
_NOBODY = Guess(_("Nobody answers at %(host)s."), CHANGE_URL)
#: By kind of answer (outbound/answers.py): a status code, its class ("4xx"), or a name. A text may hold %(host)s and
#: %(time)s, the endpoint's timeout.
GUESSES = {
    "404": _MOVED,
    "410": _MOVED,
    "401": _REFUSES,
    "403": _REFUSES,
    "407": _REFUSES,
    "413": Guess(_("The webhook is too large for your server."), SEE_LATEST),
    "429": Guess(_("Too many at once."), SET_RATE_LIMIT),
    "3xx": Guess(_("It answers with another address; we don't follow those."), CHANGE_URL),
    "4xx": _REJECTS,
    "5xx": Guess(_("Your server has a problem of its own."), SEND_A_TEST),
    "timeout": Guess(_("It took longer than %(time)s to answer. Answer first, work later."), SEE_LATEST),
    "refused": _NOBODY,
    "reset": _NOBODY,
    "unreachable": _NOBODY,
    "dns": _NOBODY,
    "tls_expired": Guess(_("Renew the certificate of %(host)s, then test again."), TEST_AGAIN),
    "tls_name": Guess(_("Your server needs a certificate for %(host)s."), TEST_AGAIN),
    "tls_untrusted": Guess(_("Your server needs a public certificate, and must send its whole chain."), TEST_AGAIN),
    "tls": Guess(_("We and your server do not agree on a secure connection."), TEST_AGAIN),
    "certificate_missing": Guess(_("Your server asks for a client certificate that it knows."), CHECK_AUTHENTICATION),
    "private_address": Guess(_("%(host)s leads into a private network."), CHANGE_URL),
    "bad_answer": Guess(_("Is it a web server that answers at this address?"), SEE_LATEST),
    "no_token": Guess(_("Your token server gave us no token. Has the client's secret changed?"), CHECK_AUTHENTICATION),
    "unsent": Guess(_("The address, the authentication or the client certificate can't be used."), CHANGE_URL),
}
_UNKNOWN = Guess("", SEE_LATEST)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The rest that a sentence needs to know: the endpoint's address and settings, and who reads."""

    url: str
    timeout_seconds: float
    #: The retry strategy of the project: how many attempts, and over how many seconds.
    attempts: int
    retried_for_seconds: float
    #: The name of the project, as the customer knows it.
    sender: str
    #: The ids of the session and the link of the page's reader.
    reader: Collection[str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Sentence:
    """A status in a sentence: its pill, the first sentence, the rest, and the action, if there is one."""

    pill: Pill
    head: SafeString
    text: SafeString
    action: Action | None

    @property
    def tone(self) -> str:
        """Return the class of the sentence's colour."""
        return self.pill.tone.split()[0] if self.pill.tone.split()[0] in ("good", "bad", "warn") else ""


def sentence(health: Health, told: Circumstances) -> Sentence:
    """Return the sentence of an endpoint's status."""
    head, text, action = _BY_STATUS[health.status](health, told)
    return Sentence(endpoint_pill(health.status), head, text, action)


def guess(kind: str) -> Guess:
    """Return the guess at a kind of answer. A code without a guess of its own has that of its class."""
    if kind in GUESSES:
        return GUESSES[kind]
    return GUESSES.get(f"{kind[0]}xx", _UNKNOWN) if len(kind) == 3 and kind.isascii() and kind.isdigit() else _UNKNOWN


def guess_words(kind: str, told: Circumstances) -> SafeString:
    """Return the guess at a kind of answer in words; blank where there is none."""
    return _html(guess(kind).text, host=_host(told.url), time=span(told.timeout_seconds))


def retried_for(strategy: str, interval_seconds: int, attempts: int) -> float:
    """Return the seconds from the first attempt of a delivery to its last, jitter aside."""
    # A pause is no longer than the cap, so that the pauses are alike from there on: there can be 2,147,483,647.
    growing = min(attempts - 1, CAPPED_FROM)
    total = sum(delay_seconds(strategy, interval_seconds, made, random=lambda: 0) for made in range(growing))
    return total + (attempts - 1 - growing) * delay_seconds(strategy, interval_seconds, growing, random=lambda: 0)


def _disabled(health: Health, told: Circumstances) -> tuple[SafeString, SafeString, Action]:
    who = _who(health.actor, told)
    if health.since is None:
        head = _html(gettext("Disabled."))
    elif who:
        head = _html(gettext("Disabled by %(who)s on %(time)s."), who=who, time=moment(health.since))
    else:
        head = _html(gettext("Disabled on %(time)s, because too much has failed."), time=moment(health.since))
    why = ""
    if health.last_failure and not who:
        why = _html(gettext("The last answer: %(answer)s."), answer=_answer(health, told))
    return head, _joined(why, why and guess_words(health.last_failure, told), _missed(health)), TEST_AND_ENABLE


def _paused(health: Health, told: Circumstances) -> tuple[SafeString, SafeString, Action]:
    who = _who(health.actor, told)
    if health.since is None:
        head = _html(gettext("Paused."))
    elif who:
        head = _html(gettext("Paused by %(who)s since %(time)s."), who=who, time=moment(health.since))
    else:
        head = _html(gettext("Paused since %(time)s."), time=moment(health.since))
    if not health.missed:
        return head, _html(gettext("While it is paused nothing is sent here. Nothing has been missed so far.")), RESUME
    words = ngettext(
        "While it is paused nothing is sent here: %(count)s event has been missed so far.",
        "While it is paused nothing is sent here: %(count)s events have been missed so far.",
        health.missed,
    )
    offer = gettext("When you resume, you can have them sent.")
    return head, _joined(_html(words, count=counted(health.missed)), _html(offer)), RESUME


def _not_subscribed(health: Health, told: Circumstances) -> tuple[SafeString, SafeString, Action]:
    text = gettext("It listens to no event. Choose which ones it should receive.")
    return _html(gettext("This endpoint gets nothing yet.")), _html(text), CHOOSE_EVENTS


def _failing(health: Health, told: Circumstances) -> tuple[SafeString, SafeString, Action]:
    share = _share(health)
    if health.since is None:
        # The latest was delivered, but at least half of them failed.
        latest = health.last_failure and _html(gettext("The latest answer: %(answer)s."), answer=_answer(health, told))
        return share, _joined(latest, guess_words(health.last_failure, told)), guess(health.last_failure).action
    head = _html(
        gettext("Failing since %(time)s: %(answer)s."), time=moment(health.since), answer=_answer(health, told)
    )
    return head, _joined(share, guess_words(health.last_failure, told)), guess(health.last_failure).action


def _retrying(health: Health, told: Circumstances) -> tuple[SafeString, SafeString, Action]:
    if health.retrying_since is None:
        words = ngettext(
            "%(count)s delivery is being retried: %(answer)s.",
            "%(count)s deliveries are being retried: %(answer)s.",
            health.waiting,
        )
    else:
        words = ngettext(
            "%(count)s delivery is being retried: %(answer)s since %(time)s.",
            "%(count)s deliveries are being retried: %(answer)s since %(time)s.",
            health.waiting,
        )
    head = _html(words, count=counted(health.waiting), answer=_answer(health, told), time=moment(health.retrying_since))
    return head, retries_words(told.attempts, told.retried_for_seconds), SEND_A_TEST


def _active(health: Health, told: Circumstances) -> tuple[SafeString, SafeString, None]:
    if not health.delivered and not health.failed:
        return _html(gettext("Ready.")), _html(gettext("Nothing was sent in the last 24 hours.")), None
    ago = health.last_delivered_at and span((told.now - health.last_delivered_at).total_seconds())
    if health.failed:
        latest = _html(gettext("The latest was delivered %(ago)s ago."), ago=ago) if ago else SafeString("")
        return _share(health), latest, None
    words = (
        ngettext(
            "%(count)s delivery in the last 24 hours, %(ago)s ago.",
            "%(count)s deliveries in the last 24 hours, the latest %(ago)s ago.",
            health.delivered,
        )
        if ago
        else ngettext(
            "%(count)s delivery in the last 24 hours.", "%(count)s deliveries in the last 24 hours.", health.delivered
        )
    )
    return _html(gettext("Everything delivered.")), _html(words, count=counted(health.delivered), ago=ago), None


def _share(health: Health) -> SafeString:
    """Say how many of the deliveries have failed."""
    finished = health.delivered + health.failed
    words = ngettext(
        "%(failed)s of %(count)s delivery in the last 24 hours has failed.",
        "%(failed)s of %(count)s deliveries in the last 24 hours have failed.",
        finished,
    )
    return _html(words, failed=counted(health.failed), count=counted(finished))


_BY_STATUS = {
    EndpointHealth.DISABLED: _disabled,
    EndpointHealth.PAUSED: _paused,
    EndpointHealth.NOT_SUBSCRIBED: _not_subscribed,
    EndpointHealth.FAILING: _failing,
    EndpointHealth.RETRYING: _retrying,
    EndpointHealth.ACTIVE: _active,
}


def retries_words(attempts: int, seconds: float) -> SafeString:
    """Say how often a delivery is tried, and over how long."""
    words = ngettext("We try each %(count)s time.", "We try each %(count)s times over about %(time)s.", attempts)
    return _html(words, count=counted(attempts), time=span(seconds))


def _who(actor: Actor | None, told: Circumstances) -> str:
    """Return the name of who changed the status, as the customer knows them; blank where it was the server itself."""
    if actor is None:
        return ""
    if actor.kind in (ActorKind.PORTAL_SESSION, ActorKind.PORTAL_LINK):
        return gettext("you") if actor.uid in told.reader else gettext("someone else with access")
    return told.sender if actor.kind in (ActorKind.API_KEY, ActorKind.OPERATOR) else ""


def _missed(health: Health) -> SafeString | str:
    if not health.missed:
        return ""
    words = ngettext("%(count)s event has been missed.", "%(count)s events have been missed.", health.missed)
    return _html(words, count=counted(health.missed))


def _answer(health: Health, told: Circumstances) -> str:
    return answer_words(health.last_failure, health.last_failure_text, timeout_seconds=told.timeout_seconds)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _html(text: Any, **parts: Any) -> SafeString:
    """Put escaped parts into a translated text, which is escaped too."""
    escaped = {name: conditional_escape(part) for name, part in parts.items()}
    return mark_safe(conditional_escape(text) % escaped)  # noqa: S308 - all of it is escaped


def _joined(*sentences: Any) -> SafeString:
    """Return whole sentences, one after another, without the blank ones."""
    return mark_safe(" ".join(conditional_escape(text) for text in sentences if text))  # noqa: S308 - escaped
