"""Check an operator's input for a project or a key, in the admin and in manage.py alike."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from projects.exceptions import NameTaken
from projects.keys import MANAGEMENT_PREFIX, PREFIX, SENDING_PREFIX
from projects.models import APIKey, Project
from projects.serializers import UpdateProject

#: The look of the portal, and the sites that may show it. They are not part of the API.
PORTAL_FIELDS = [
    "portal_name",
    "portal_appearance",
    "portal_primary_color",
    "portal_dark_color",
    "portal_dark_logo_url",
    "portal_font",
    "portal_language",
    "portal_hides_payloads",
    "portal_keeps_sessions",
    "portal_return_url",
    "portal_allowed_origins",
]
#: The quotas of one owner.
QUOTA_FIELDS = ["owner_endpoints", "owner_subscriptions", "owner_filter_bytes"]
#: The fields of a project that an update in the admin sets, beside those of the API.
OWN_FIELDS = [*PORTAL_FIELDS, *QUOTA_FIELDS, "ends_gone_endpoints", "sends_svix_headers"]


class APIKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The arguments of create_api_key."""

    nahook = forms.BooleanField(required=False, help_text="Create a token nhm_… for Nahook's clients.")
    nahook_sending = forms.BooleanField(
        required=False, help_text="Create a key nhk_… for Nahook's clients, which sends events of its project only."
    )

    class Meta:
        model = APIKey
        fields = ["name", "role", "project", "owner_id", "scopes", "expires_at"]
        error_messages = {"project": {"invalid_choice": "There is no project with this id."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The admin's page of an existing key has no editable fields.
        if "project" in self.fields:
            project: Any = self.fields["project"]
            project.queryset = Project.objects.live()
            # The admin's default width fits a short number, not an id.
            project.widget.attrs["class"] = "vTextField"

    @property
    def given(self) -> dict[str, Any]:
        """Return the arguments of create_api_key. The form must be valid."""
        given = dict(self.cleaned_data)
        manages, sends = given.pop("nahook"), given.pop("nahook_sending")
        return given | {"prefix": MANAGEMENT_PREFIX if manages else SENDING_PREFIX if sends else PREFIX}

    def clean_nahook_sending(self) -> bool:
        """Refuse both kinds of Nahook's keys at once."""
        sends: bool = self.cleaned_data["nahook_sending"]
        if sends and self.cleaned_data["nahook"]:
            raise forms.ValidationError("A key is of one kind: it manages, or it only sends.")
        return sends

    def clean_expires_at(self) -> datetime | None:
        """Refuse a time in the past."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise forms.ValidationError("This time is in the past.")
        return expires_at


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The fields of a project outside of its configuration, checked as the API checks them."""

    class Meta:
        model = Project
        fields = ["name", "type", "logo_url", *OWN_FIELDS]
        help_texts = {"logo_url": "Leave this empty to keep the stored URL."}

    def clean_name(self) -> str:
        """Refuse the name of another live project."""
        name: str = self.cleaned_data["name"]
        if Project.objects.live().filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(NameTaken.message)
        return name

    def clean_logo_url(self) -> str:
        """Refuse a URL that the API would refuse."""
        url: str = self.cleaned_data["logo_url"]
        sent = UpdateProject(data={"name": "any", "logo_url": url})
        if not sent.is_valid():
            raise forms.ValidationError(sent.errors["logo_url"])
        return url
