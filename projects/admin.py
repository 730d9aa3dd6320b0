"""Projects, API keys and event types in the admin."""

import contextlib
import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin import OperatorAdmin, shown_json
from core.admin_filters import ByOwner, ByProject, Since
from core.exceptions import NotFound
from projects import operations
from projects.documents import project_document
from projects.forms import OWN_FIELDS, APIKeyForm, ProjectForm
from projects.models import APIKey, EventType, Project

# After creating a key, the only next page is the one that shows the key.
ONLY_SAVE = {"show_save_and_add_another": False, "show_save_and_continue": False}


@admin.register(Project)
class ProjectAdmin(OperatorAdmin):
    """The live projects. Their configuration can be changed through the API only, which checks it."""

    form = ProjectForm
    list_display = ["name", "type", "uid", "created_at"]
    search_fields = ["uid__exact", "name__startswith"]
    search_help_text = "By id, or by the beginning of the name. Letter case matters."
    readonly_fields = ["uid", "belongings", "configuration", "created_at", "updated_at"]

    has_add_permission = admin.ModelAdmin.has_add_permission
    has_change_permission = admin.ModelAdmin.has_change_permission
    has_delete_permission = admin.ModelAdmin.has_delete_permission

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        return Project.objects.live().defer("config", "meta_event")

    def get_fields(self, request: HttpRequest, obj: Project | None = None) -> list[Any]:
        editable = ["name", "type", "logo_url"]
        return editable if obj is None else [*editable, *OWN_FIELDS, *self.readonly_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:
        return self.readonly_fields if obj is None else ["type", *self.readonly_fields]

    @admin.display(description="rows")
    def belongings(self, project: Project) -> SafeString:
        """Return links to the lists of the project's rows."""
        lists = settings.ADMIN_PROJECT_LISTS
        links = ((reverse(f"admin:{model}_changelist"), project.pk, label) for label, model in lists)
        return format_html_join(" · ", '<a href="{}?project={}">{}</a>', links)

    @admin.display(description="configuration")
    def configuration(self, project: Project) -> SafeString:
        """Return the `config` of the API, with its secret masked."""
        config = project_document(project, reveal=False)["config"]
        return format_html("<pre>{}</pre>", json.dumps(config, indent=2, ensure_ascii=False))

    def save_model(self, request: HttpRequest, obj: Any, form: ProjectForm, change: bool) -> None:
        sent = {"name": form.cleaned_data["name"], "logo_url": form.cleaned_data["logo_url"]}
        if change:
            # A quota that is blank stays as it is.
            own = {name: form.cleaned_data[name] for name in OWN_FIELDS if form.cleaned_data[name] is not None}
            operations.update_project(obj.pk, **sent, portal=own)
        else:
            project, api_key, key = operations.create_project(type=form.cleaned_data["type"], **sent)
            obj.pk, obj.created_key = project.pk, (api_key.name, key)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return super().add_view(request, form_url, ONLY_SAVE | (extra_context or {}))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> TemplateResponse:
        """Show the key of the new project."""
        return self.created_with_key(request, obj, *obj.created_key)

    def get_deleted_objects(self, objs: Iterable[Project], request: HttpRequest) -> Any:
        """Return the lines of the page that confirms a deletion, which touches no row but the project's own."""
        lines = [f"{project}: its keys, endpoints and portal links stop working at once" for project in objs]
        return lines, {self.opts.verbose_name_plural: len(lines)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Project) -> None:
        # Another operator may have deleted it in the meantime.
        with contextlib.suppress(NotFound):
            operations.delete_project(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        for project in queryset:
            self.delete_model(request, project)


@admin.register(APIKey)
class APIKeyAdmin(OperatorAdmin):
    """All keys, expired and revoked ones too. A key is created, shown once, and can be revoked."""

    form = APIKeyForm
    list_display = ["name", "role", "project", "owner_id", "mask", "state", "created_at", "expires_at"]
    list_filter = [Since, "role", ByOwner, ByProject]
    search_fields = ["uid__exact", "mask__exact", "name__startswith", "owner_id__startswith"]
    search_help_text = "By id or mask, or by the beginning of the name or the owner_id. Letter case matters."
    raw_id_fields = ["project"]
    actions = ["revoke"]

    has_add_permission = admin.ModelAdmin.has_add_permission

    def get_queryset(self, request: HttpRequest) -> QuerySet[APIKey]:
        return APIKey.objects.select_related("project").defer("digest", "project__config", "project__meta_event")

    def get_fields(self, request: HttpRequest, obj: APIKey | None = None) -> list[Any]:
        asked = list(APIKeyForm.Meta.fields)
        return (
            [*asked, "nahook", "nahook_sending"]
            if obj is None
            else ["uid", "mask", *asked, "state", "created_at", "revoked_at"]
        )

    @admin.display
    def state(self, api_key: APIKey) -> str:
        """Return `live`, or the reason why the key does not work."""
        if api_key.revoked_at:
            return "revoked"
        if api_key.expires_at and api_key.expires_at <= timezone.now():
            return "expired"
        return "project deleted" if api_key.project and api_key.project.deleted_at else "live"

    def save_model(self, request: HttpRequest, obj: Any, form: APIKeyForm, change: bool) -> None:
        api_key, key = operations.create_api_key(**form.given)
        obj.pk, obj.created_key = api_key.pk, (api_key.name, key)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return super().add_view(request, form_url, ONLY_SAVE | (extra_context or {}))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> TemplateResponse:
        """Show the new key."""
        return self.created_with_key(request, obj, *obj.created_key)

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, selected: QuerySet[APIKey]) -> HttpResponseBase | None:
        """Revoke the selected keys for good."""
        return self.run(
            request,
            selected,
            lambda api_key: operations.revoke_api_key(api_key.pk),
            "Revoked",
            question="Revoke these API keys for good? The portal sessions that they have minted end with them, "
            "unless their project keeps these.",
        )


@admin.register(EventType)
class EventTypeAdmin(OperatorAdmin):
    """The event types of live projects."""

    list_display = ["name", "category", "project", "deprecated_at", "created_at"]
    list_filter = [Since, ByProject]
    search_fields = ["uid__exact", "project__uid__exact"]
    search_help_text = "By id, or by the id of the project."
    fields = [
        *("name", "category", "project", "uid", "description", "shown_schema"),
        *("deprecated_at", "created_at", "updated_at"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventType]:
        live = EventType.objects.filter(project__deleted_at=None).select_related("project")
        return live.defer("project__config", "project__meta_event")

    @admin.display(description="JSON schema")
    def shown_schema(self, event_type: EventType) -> SafeString:
        """Return the schema as JSON."""
        return shown_json(event_type.json_schema)
