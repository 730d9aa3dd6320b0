"""What an operator says of a project or a key: checked for the admin and for manage.py alike."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from projects.keys import MANAGEMENT_PREFIX, PREFIX
from projects.models import APIKey, Project
from projects.operations import NAME_TAKEN
from projects.serializers import UpdateProject

#: What the portal looks like and where it may be shown. The API does not know of it.
PORTAL_FIELDS = ["portal_name", "portal_primary_color", "portal_return_url", "portal_allowed_origins"]


class APIKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A key to be made: what create_api_key takes."""

    nahook = forms.BooleanField(required=False, help_text="Create a token nhm_… for Nahook's clients.")

    class Meta:
        model = APIKey
        fields = ["name", "role", "project", "owner_id", "scopes", "expires_at"]
        error_messages = {"project": {"invalid_choice": "There is no project with this id."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The admin's page of a key that exists has no fields.
        if "project" in self.fields:
            project: Any = self.fields["project"]
            project.queryset = Project.objects.live()
            # The admin's own width is that of a short number.
            project.widget.attrs["class"] = "vTextField"

    @property
    def given(self) -> dict[str, Any]:
        """The arguments of create_api_key. Only for a form that is valid."""
        given = dict(self.cleaned_data)
        return given | {"prefix": MANAGEMENT_PREFIX if given.pop("nahook") else PREFIX}

    def clean_expires_at(self) -> datetime | None:
        """A key that has expired already is a mistake."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise forms.ValidationError("This time is in the past.")
        return expires_at


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The part of a project that is not configuration, by the rules of the API."""

    class Meta:
        model = Project
        fields = ["name", "type", "logo_url", *PORTAL_FIELDS]
        help_texts = {"logo_url": "Leave this empty to keep the stored URL."}

    def clean_name(self) -> str:
        """The name is free."""
        name: str = self.cleaned_data["name"]
        if Project.objects.live().filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(NAME_TAKEN)
        return name

    def clean_logo_url(self) -> str:
        """What the API accepts."""
        url: str = self.cleaned_data["logo_url"]
        sent = UpdateProject(data={"name": "any", "logo_url": url})
        if not sent.is_valid():
            raise forms.ValidationError(sent.errors["logo_url"])
        return url
