"""Define the form of an endpoint: labels, widgets and words. The rules are those of the API (endpoints/serializers.py).

A form shows every error at once, so it asks for all refusals of the operations before they are called.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.api.bodies import failures_of
from core.api.values import REDACTED
from core.exceptions import InvalidInput
from endpoints.authentication import API_KEY, BASIC_AUTH, OAUTH2, SHARED_SECRET
from endpoints.checks import refusals
from endpoints.exceptions import ChatUrl, CredentialsElsewhere, HeadersElsewhere, UrlTemplate
from endpoints.models import CONTENT_TYPES, Endpoint
from endpoints.serializers import CreateEndpoint, UpdateEndpoint
from endpoints.timeouts import DEFAULT_TIMEOUT_SECONDS
from outbound.exceptions import UrlMissing, UrlNotSecure, UrlRelative, UrlScheme, UrlWithoutHost
from outbound.urls import is_same_server
from portal import preflight
from portal.words import number
from portal_links.access import Access
from projects.models import Project

KEPT = _("Stored; leave empty to keep it")
REQUIRED = _("Enter a value.")
#: The fields of each authentication, by the name that the API has for them.
AUTHENTICATION_FIELDS: dict[str, dict[str, str]] = {
    API_KEY: {"header_name": "header_name", "header_value": "header_value"},
    BASIC_AUTH: {"username": "username", "password": "password"},
    OAUTH2: {
        "token_url": "url",
        "client_id": "client_id",
        "client_secret": "client_secret",
        "scope": "scope",
        "audience": "audience",
    },
}
OPTIONAL = ("scope", "audience")
#: Values that no page shows: an empty field keeps the stored one.
SECRETS = ("header_value", "password", "client_secret")
PERIODS = {1: _("requests per second"), 60: _("requests per minute")}
NUMBERS = ("http_timeout", "rate_limit", "rate_limit_duration")
CHATS = ("slack_webhook_url", "teams_webhook_url")
_URL_WORDS: dict[type[InvalidInput], Any] = {
    UrlMissing: _("Enter the URL that should receive webhooks."),
    UrlScheme: _("Begin with https://"),
    UrlRelative: _("Begin with https://"),
    UrlWithoutHost: _("Enter the name of a host after https://"),
    UrlNotSecure: _("Begin with https://: only secure addresses are sent to."),
    UrlTemplate: _("Leave out { and }: the URL is used as it stands."),
    CredentialsElsewhere: _("This URL leads to another server. Choose the authentication again, or none."),
    HeadersElsewhere: _("This URL leads to another server, which must not get the headers of this endpoint."),
    ChatUrl: _("Enter a URL that can be reached from the internet."),
}


def _text(label: Any, hint: Any = "", **attrs: Any) -> forms.CharField:
    """Return a field that takes any text: the serializer checks it."""
    widget = attrs.pop("widget", forms.TextInput)
    return forms.CharField(
        label=label,
        help_text=hint,
        required=attrs.pop("required", False),
        max_length=attrs.pop("max_length", None),
        strip=attrs.pop("strip", True),
        error_messages={"required": attrs.pop("missing", REQUIRED)},
        widget=widget(attrs={"autocomplete": "off", **attrs}),
    )


def _code(label: Any, hint: Any = "", **attrs: Any) -> forms.CharField:
    """Return a field for a text that is no prose."""
    return _text(label, hint, **{"class": "mono", "spellcheck": "false"} | attrs)


def _number(label: Any, hint: Any = "", widget: type[forms.Widget] = forms.TextInput, **attrs: Any) -> Any:
    return forms.IntegerField(
        label=label, help_text=hint, required=False, min_value=0, widget=widget(attrs={"inputmode": "numeric", **attrs})
    )


class EndpointForm(forms.Form):
    """The fields of a new endpoint of a project, or of `endpoint`; `reveal` shows its Slack and Teams webhook URLs."""

    url = _code(_("URL"), widget=forms.URLInput, required=True, missing=_URL_WORDS[UrlMissing], autocomplete="url")
    name = _text(_("Name"), required=True, missing=_("Give the endpoint a name."))
    description = _text(_("Description"), placeholder=_("What it is for, who looks after it"))
    advanced_signatures = forms.BooleanField(
        label=_("Include the timestamp in the signature"),
        help_text=_("Recommended: a request that somebody has recorded cannot be replayed later."),
        required=False,
        initial=True,
    )
    secret = _code(_("Secret"), placeholder=_("We make one for you"))
    type = forms.ChoiceField(required=False)
    header_name = _code(_("Header"), placeholder="X-API-Key")
    header_value = _code(_("Value"), widget=forms.PasswordInput, strip=False)
    username = _text(_("User name"), strip=False)
    password = _text(_("Password"), widget=forms.PasswordInput, strip=False)
    token_url = _code(
        _("Token URL"), widget=forms.URLInput, placeholder="https://login.example.com/oauth/token", max_length=2048
    )
    client_id = _code(_("Client ID"))
    client_secret = _code(_("Client secret"), widget=forms.PasswordInput, strip=False)
    scope = _code(_("Scope"))
    audience = _code(_("Audience"))
    mtls = forms.BooleanField(required=False)
    client_cert = _code(
        _("Certificate (PEM)"), widget=forms.Textarea, rows=3, placeholder="-----BEGIN CERTIFICATE-----"
    )
    client_key = _code(
        _("Private key (PEM)"),
        _("Stored encrypted; it is never shown again."),
        widget=forms.Textarea,
        rows=3,
        placeholder="-----BEGIN PRIVATE KEY-----",
    )
    content_type = forms.ChoiceField(label=_("Content type"), choices=[(value, value) for value in CONTENT_TYPES])
    http_timeout = _number(_("Timeout in seconds"), _("How long we wait for your answer."))
    rate_limit = _number(_("Requests"), placeholder=_("No limit"))
    rate_limit_duration = _number(_("Per"), widget=forms.Select)
    support_email = _text(
        _("Email"),
        _("We write to it when the endpoint is disabled, and when it is active again."),
        widget=forms.EmailInput,
        placeholder="ops@example.com",
    )
    slack_webhook_url = _code(_("Slack webhook URL"), widget=forms.URLInput)
    teams_webhook_url = _code(_("Teams webhook URL"), widget=forms.URLInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        access: Access,
        endpoint: Endpoint | None = None,
        reveal: bool = False,
    ) -> None:
        project = access.project
        self.access, self.project, self.endpoint, self.reveal = access, project, endpoint, reveal
        self.stored: dict[str, Any] = (endpoint.authentication if endpoint is not None else None) or {}
        super().__init__(data, initial=None if endpoint is None else self._stored_values(endpoint))
        kind: Any = self.fields["type"]
        kind.choices = [(name, name) for name in ("", *AUTHENTICATION_FIELDS)]
        self.fields["http_timeout"].widget.attrs["placeholder"] = gettext("%(count)s (default)") % {
            "count": DEFAULT_TIMEOUT_SECONDS
        }
        self._set_periods()
        for name in SECRETS:
            if (self.stored.get(self.stored.get("type", "")) or {}).get(name):
                self.fields[name].widget.attrs["placeholder"] = KEPT
        if endpoint is not None:
            # A secret is replaced on a page of its own, which needs another capability.
            del self.fields["secret"]
            if endpoint.mtls_client_cert is not None:
                self.fields["client_key"].widget.attrs["placeholder"] = KEPT
        if project.type == Project.Type.INCOMING:
            # Every signature of an incoming project includes the timestamp.
            del self.fields["advanced_signatures"]

    @property
    def sent(self) -> dict[str, Any]:
        """Return the arguments for the operations. The form must be valid."""
        return self._values

    @property
    def kind(self) -> str:
        """Return the authentication that is chosen on the page."""
        return str(self["type"].value() or "")

    @property
    def has_certificate(self) -> bool:
        """Return whether the endpoint shows a client certificate, as chosen on the page."""
        return bool(self["mtls"].value())

    @property
    def keeps_oauth2(self) -> bool:
        """Return whether OAuth 2 uses a signing key, for which the form has no fields."""
        known = self.stored.get(OAUTH2) or {}
        return self.stored.get("type") == OAUTH2 and known.get("authentication_type") != SHARED_SECRET

    @property
    def is_moved(self) -> bool:
        """Return whether the URL leads to another server, to which no stored credential is sent."""
        url = self.cleaned_data.get("url", "")
        return self.endpoint is not None and bool(url) and not is_same_server(url, self.endpoint.url)

    def has_errors(self, *names: str) -> bool:
        """Return whether one of these fields has an error."""
        return any(name in self.errors for name in names)

    @property
    def folds(self) -> dict[str, dict[str, Any]]:
        """Return, for each group of options, its summary and whether it is shown open: where it has an error."""
        groups: dict[str, tuple[str, ...]] = {
            "signature": ("advanced_signatures", "secret"),
            "authentication": (
                *("type", "mtls", "client_cert", "client_key"),
                *(name for fields in AUTHENTICATION_FIELDS.values() for name in fields),
            ),
            "delivery": ("content_type", *NUMBERS),
            "notifications": ("support_email", *CHATS),
        }
        says = {
            "signature": self._signature(),
            "authentication": self._authentication_words(),
            "delivery": self._delivery(),
            "notifications": self._notifications(),
        }
        return {name: {"says": says[name], "open": self.has_errors(*fields)} for name, fields in groups.items()}

    def add_refusal(self, field: str, error: InvalidInput) -> None:
        """Show the refusal of an operation at its field, or above the form where the form lacks the field."""
        if (field or error.field) == "authentication":
            field = error.field or next(iter(AUTHENTICATION_FIELDS.get(self.cleaned_data.get("type", ""), {})), "type")
        field = {"mtls_client_cert": "client_cert"}.get(field, field or error.field)
        if field not in self.errors:
            self.add_error(field if field in self.fields else None, refusal_words(error))

    def clean(self) -> dict[str, Any]:
        """Check the values with the serializer of the API, and with the checks of the operations."""
        values = dict(self.cleaned_data)
        # An empty number stands for 0, and an update takes no 0 for the timeout.
        given: dict[str, Any] = {name: values.get(name) or 0 for name in NUMBERS}
        if self.endpoint is not None:
            given["http_timeout"] = given["http_timeout"] or DEFAULT_TIMEOUT_SECONDS
        if not given["rate_limit"]:
            given["rate_limit_duration"] = 0
        elif not given["rate_limit_duration"]:
            given["rate_limit_duration"] = 1
        chosen = set(CreateEndpoint().fields) & set(values)
        sent = {name: values[name] for name in chosen} | given
        sent |= {"authentication": self._authentication(), "mtls_client_cert": self._certificate()}
        if self.has_errors(*AUTHENTICATION_FIELDS.get(values.get("type", ""), ())):
            del sent["authentication"]
        self._values, failures = failures_of(CreateEndpoint if self.endpoint is None else UpdateEndpoint, sent)
        for field, failure in failures:
            if field not in self.errors:
                text = gettext("Enter an e-mail address.") if field == "support_email" else str(failure)
                self.add_error(
                    field if field in self.fields else None, str(REQUIRED) if failure.code == "blank" else text
                )
        for field, refusal in refusals(self.project, sent, self.endpoint):
            self.add_refusal(field, refusal)
        if "url" not in self.errors and (self.endpoint is None or sent["url"] != self.endpoint.url):
            self.private_address = preflight.refused_address(self.access, sent["url"])
            if self.private_address:
                self.add_error("url", preflight.unreachable())
        return values

    #: The private address to which the URL leads, where it is refused for that.
    private_address = ""

    def _authentication(self) -> dict[str, Any] | None:
        """Return the API's object, and add an error for each missing value. None counts as not sent: it keeps."""
        kind = self.cleaned_data.get("type", "")
        if kind == OAUTH2 and self.keeps_oauth2:
            return None
        stored = self.stored.get(kind) or {}
        given: dict[str, Any] = {}
        for field, name in AUTHENTICATION_FIELDS.get(kind, {}).items():
            value = self.cleaned_data.get(field, "")
            other_token_url = kind == OAUTH2 and self.cleaned_data.get("token_url") != stored.get("url")
            moved = self.is_moved or other_token_url
            if not value and field in SECRETS and stored.get(name) and not moved:
                # A stored value is not shown, so its field comes back empty. The API's mask keeps the stored value.
                value = REDACTED
            if not value.strip() and field not in OPTIONAL:
                again = moved and field in SECRETS and stored.get(name)
                words = gettext("Enter it again, as the URL leads to another server.")
                if not self.is_moved:
                    words = gettext("Enter it again, as the token URL is another.")
                self.add_error(field, words if again else REQUIRED)
            given[name] = value
        if kind == OAUTH2:
            kept = {
                name: stored[name] for name in ("grant_type", "field_mapping", "expiry_time_unit") if name in stored
            }
            given |= kept | {"authentication_type": SHARED_SECRET}
        return {"type": kind, kind: given} if kind else {}

    def _certificate(self) -> dict[str, str]:
        """Return the API's object, {} for no certificate, and add an error for each missing part."""
        if not self.cleaned_data.get("mtls"):
            return {}
        given = {name: self.cleaned_data.get(name, "") for name in ("client_cert", "client_key")}
        stored = (self.endpoint.mtls_client_cert if self.endpoint is not None else None) or {}
        is_unchanged = given["client_cert"].strip() == stored.get("client_cert", "").strip() != ""
        if not given["client_key"] and is_unchanged and not self.is_moved:
            return {"client_cert": stored["client_cert"], "client_key": REDACTED}
        for name, value in given.items():
            if not value.strip():
                self.add_error(name, REQUIRED)
        return given if all(value.strip() for value in given.values()) else {}

    def _stored_values(self, endpoint: Endpoint) -> dict[str, Any]:
        values = {name: getattr(endpoint, name) for name in self.base_fields if hasattr(endpoint, name)}
        if not self.reveal:
            # The mask, when it is sent back, keeps the stored value.
            values |= {name: REDACTED for name in CHATS if values[name]}
        values |= {name: values[name] or None for name in ("http_timeout", "rate_limit")}
        if not endpoint.rate_limit_duration:
            values |= {"rate_limit": None, "rate_limit_duration": None}
        values["type"] = kind = self.stored.get("type", "")
        known = self.stored.get(kind) or {}
        fields = AUTHENTICATION_FIELDS.get(kind, {})
        values |= {field: known[name] for field, name in fields.items() if name in known and field not in SECRETS}
        if endpoint.mtls_client_cert is not None:
            values |= {"mtls": True, "client_cert": endpoint.mtls_client_cert["client_cert"]}
        return values

    def _set_periods(self) -> None:
        """Offer a second, a minute and the stored period."""
        widget: Any = self.fields["rate_limit_duration"].widget
        stored = self.endpoint.rate_limit_duration if self.endpoint is not None else 0
        periods: dict[int, Any] = dict(PERIODS)
        if stored and stored not in periods:
            words = ngettext("requests in %(count)s second", "requests in %(count)s seconds", stored)
            periods[stored] = words % {"count": number(stored)}
        widget.choices = list(periods.items())

    # The summaries of the folds

    def _signature(self) -> str:
        is_timed = "advanced_signatures" not in self.fields or bool(self["advanced_signatures"].value())
        if self.endpoint is not None:
            return gettext("Signed with the time") if is_timed else gettext("Signed without the time")
        if is_timed:
            return gettext("Signed with the time, secret made by us")
        return gettext("Signed without the time, secret made by us")

    def _authentication_words(self) -> str:
        header = str(self["header_name"].value() or "")
        words = {
            "": gettext("None"),
            API_KEY: gettext("Header %(name)s") % {"name": header} if header else gettext("Header"),
            BASIC_AUTH: gettext("Basic"),
            OAUTH2: gettext("OAuth 2.0"),
        }.get(self.kind, "")
        if not self.has_certificate:
            return words
        if not self.kind:
            return gettext("Mutual TLS")
        return gettext("%(authentication)s, mutual TLS") % {"authentication": words}

    def _delivery(self) -> str:
        content = "JSON" if self["content_type"].value() in (None, CONTENT_TYPES[0]) else gettext("form")
        seconds = self["http_timeout"].value() or DEFAULT_TIMEOUT_SECONDS
        values = {"content": content, "seconds": seconds, "count": self["rate_limit"].value()}
        if not values["count"]:
            return gettext("%(content)s, %(seconds)s s, no rate limit") % values
        match str(self["rate_limit_duration"].value() or 1):
            case "1":
                return gettext("%(content)s, %(seconds)s s, %(count)s per second") % values
            case "60":
                return gettext("%(content)s, %(seconds)s s, %(count)s per minute") % values
            case period:
                return gettext("%(content)s, %(seconds)s s, %(count)s in %(period)s s") % (values | {"period": period})

    def _notifications(self) -> str:
        told = [str(self["support_email"].value() or "")]
        told += [name for name, field in zip(("Slack", "Teams"), CHATS, strict=True) if self[field].value()]
        return ", ".join(name for name in told if name) or gettext("Nobody is told")


def refusal_words(error: InvalidInput) -> str:
    """Return a refusal in the page's words, or the message of the API as a sentence."""
    if type(error) in _URL_WORDS:
        return str(_URL_WORDS[type(error)])
    text = error.message
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
