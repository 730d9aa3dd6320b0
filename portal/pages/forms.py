"""Define the forms of the portal: labels and widgets. The rules are those of the API (endpoints/serializers.py)."""

from collections.abc import Mapping
from typing import Any

from django import forms

from core.api.bodies import failures_of
from core.api.values import REDACTED
from endpoints.authentication import API_KEY, BASIC_AUTH, OAUTH2
from endpoints.models import CONTENT_TYPES, Endpoint
from endpoints.serializers import CreateEndpoint, ExpireSecret, UpdateEndpoint

KEPT = "Stored. Leave this empty to keep it."
AUTHENTICATION_FIELDS = {API_KEY: ("header_name", "header_value"), BASIC_AUTH: ("username", "password")}
OVERLAPS = {0: "end at once", 1: "1 hour", 24: "24 hours", 72: "3 days", 168: "7 days"}


def _text(label: str, help_text: str = "", **attrs: Any) -> forms.CharField:
    """Return a field that takes any text: the serializer checks it."""
    widget = attrs.pop("widget", forms.TextInput)
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=attrs.pop("required", False),
        error_messages={"required": attrs.pop("missing", "This field is required.")},
        widget=widget(attrs={"autocomplete": "off", **attrs}),
    )


def _number(label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, help_text=help_text, required=False, min_value=0, widget=forms.NumberInput(attrs={"min": 0})
    )


class EndpointForm(forms.Form):
    """The fields of a new endpoint, or of the given `endpoint`; `reveal` shows its Slack and Teams webhook URLs."""

    url = _text(
        "URL",
        "Where we send your webhooks, for example https://example.com/webhooks.",
        widget=forms.URLInput,
        required=True,
        missing="Enter the URL that should receive webhooks.",
        spellcheck="false",
    )
    name = _text(
        "Name", "A name by which you recognise the endpoint.", required=True, missing="Give the endpoint a name."
    )
    description = _text("Description", widget=forms.Textarea, rows=2)
    advanced_signatures = forms.BooleanField(
        label="Include the timestamp in the signature",
        help_text="Recommended: nobody can record a webhook and send it to you again later.",
        required=False,
        initial=True,
    )
    secret = _text("Signing secret", "Leave this empty, and we create one.", spellcheck="false")
    type = forms.ChoiceField(label="Authentication method", required=False)
    header_name = _text("Header", "For example X-API-Key.", spellcheck="false")
    header_value = _text("Value", widget=forms.TextInput, spellcheck="false")
    username = _text("User name", spellcheck="false")
    password = _text("Password", spellcheck="false")
    content_type = forms.ChoiceField(
        label="Content type", required=False, choices=[(value, value) for value in CONTENT_TYPES]
    )
    http_timeout = _number("Timeout in seconds", "We wait this long for an answer. 0 means the default.")
    rate_limit = _number("Rate limit: number of webhooks", "0 means no limit.")
    rate_limit_duration = _number("Rate limit: period in seconds")
    support_email = _text("Email", "We write to it when webhooks keep failing.", widget=forms.EmailInput)
    slack_webhook_url = _text("Slack webhook URL", widget=forms.URLInput, spellcheck="false")
    teams_webhook_url = _text("Teams webhook URL", widget=forms.URLInput, spellcheck="false")

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, endpoint: Endpoint | None = None, reveal: bool = False
    ) -> None:
        self.endpoint, self.reveal = endpoint, reveal
        self.stored: dict[str, Any] = (endpoint.authentication if endpoint is not None else None) or {}
        super().__init__(data, initial=None if endpoint is None else self._stored_values(endpoint))
        kinds = [
            ("", "None"),
            (API_KEY, "A header of your choice"),
            (BASIC_AUTH, "User name and password"),
        ]
        if self.stored.get("type") == OAUTH2:
            kinds.append((OAUTH2, "OAuth 2, as it is set up now"))
        kind: Any = self.fields["type"]
        kind.choices = kinds
        for name in ("header_value", "password"):
            if (self.stored.get(self.stored.get("type", "")) or {}).get(name):
                self.fields[name].widget.attrs["placeholder"] = KEPT
        # A secret is replaced on a page of its own, which needs another capability.
        if endpoint is not None:
            del self.fields["secret"]

    @property
    def sent(self) -> dict[str, Any]:
        """Return the arguments for the operations. The form must be valid."""
        return self._values

    @property
    def opens(self) -> dict[str, bool]:
        """Return which groups of fields are shown open: those with an error, or a value other than the default."""
        groups = {
            "signing": ("secret",),
            "authentication": ("type", "header_name", "header_value", "username", "password"),
            "limits": ("content_type", "http_timeout", "rate_limit", "rate_limit_duration"),
            "contacts": ("support_email", "slack_webhook_url", "teams_webhook_url"),
        }
        usual = ("", None, 0, "0", CONTENT_TYPES[0])
        return {
            group: any(self[name].errors or self[name].value() not in usual for name in names if name in self.fields)
            for group, names in groups.items()
        }

    def add_refusal(self, field: str, message: str) -> None:
        """Show the refusal of an operation at its field, or above the form where the form lacks the field."""
        self.add_error(field if field in self.fields else None, _sentence(message))

    def clean(self) -> dict[str, Any]:
        """Check the values with the serializer of the API."""
        values = dict(self.cleaned_data)
        # An empty number stands for 0.
        numbers = ("http_timeout", "rate_limit", "rate_limit_duration")
        if self.endpoint is not None and self.endpoint.http_timeout and values.get("http_timeout") == 0:
            self.add_refusal("http_timeout", "Enter at least one second")  # 0 stands for "not sent" in an update
        sent = values | {name: values.get(name) or 0 for name in numbers} | {"authentication": self._authentication()}
        serializer = CreateEndpoint if self.endpoint is None else UpdateEndpoint
        self._values, failures = failures_of(serializer, sent)
        for field, failure in failures:
            if field not in self.errors:
                self.add_refusal(field, "This field is required." if failure.code == "blank" else str(failure))
        return values

    def _authentication(self) -> dict[str, Any] | None:
        """Return the API's object. None counts as not sent, and keeps the stored one."""
        kind = self.cleaned_data.get("type", "")
        if kind == OAUTH2:
            return None
        given = {name: self.cleaned_data.get(name, "") for name in AUTHENTICATION_FIELDS.get(kind, ())}
        stored = self.stored.get(kind) or {}
        # A stored value is not shown, so its field comes back empty. The API's mask keeps the stored value.
        kept = {name: REDACTED for name in ("header_value", "password") if stored.get(name) and given.get(name) == ""}
        return {"type": kind, kind: given | kept} if kind else {}

    def _stored_values(self, endpoint: Endpoint) -> dict[str, Any]:
        values = {name: getattr(endpoint, name) for name in self.base_fields if hasattr(endpoint, name)}
        if not self.reveal:
            # The mask, when it is sent back, keeps the stored value.
            values |= {name: REDACTED for name in ("slack_webhook_url", "teams_webhook_url") if values[name]}
        values["type"] = self.stored.get("type", "")
        known = self.stored.get(values["type"]) or {}
        values |= {name: known[name] for name in ("header_name", "username") if name in known}
        return values


def rotation(data: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return (the arguments for expire_secret, the error) of a form that was sent: one of the two is empty."""
    hours = data.get("expiration", "")
    sent = {"expiration": int(hours) if hours.isascii() and hours.isdecimal() and len(hours) < 10 else hours}
    values, failures = failures_of(ExpireSecret, sent)
    return values, "Choose how long the old secret stays valid." if failures else ""


def _sentence(text: str) -> str:
    """Return a message of the API as a sentence, with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
