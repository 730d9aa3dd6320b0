"""Projects, their API keys and their event types."""

from typing import cast

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.addresses import validate_origin, validate_web_url
from core.encryption import EncryptedJSONField
from core.ulid import ULIDField
from projects import keys
from projects.config import ConfigDocument
from projects.exceptions import KeyNeedsProject


class ProjectQuerySet(models.QuerySet["Project"]):
    """Reads of projects."""

    def live(self) -> "ProjectQuerySet":
        """Return the projects that are not deleted."""
        return self.filter(deleted_at=None)


class Appearance(models.TextChoices):
    """The colour scheme of the portal's pages."""

    AUTO = "auto", "As the customer's device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Font(models.TextChoices):
    """The typeface of the portal's pages, from the fonts that are on the customer's device."""

    SYSTEM = "system", "System"
    HUMANIST = "humanist", "Humanist"
    GEOMETRIC = "geometric", "Geometric"
    SERIF = "serif", "Serif"


COLOR = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Six hexadecimal digits, such as #0b6bcb.")


#: The defaults of the quotas of one owner.
OWNER_ENDPOINTS = 1_000
OWNER_SUBSCRIPTIONS = 10_000
OWNER_FILTER_BYTES = 1_048_576


class Project(models.Model):
    """A tenant of the instance: everything else belongs to one project."""

    class Type(models.TextChoices):
        """The direction in which webhooks go."""

        OUTGOING = "outgoing"
        INCOMING = "incoming"

    uid = ULIDField()
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=8, choices=Type)
    logo_url = models.CharField(max_length=2048, blank=True, default="")
    config = models.JSONField()
    meta_event = EncryptedJSONField()
    portal_name = models.CharField(
        max_length=100, blank=True, default="", help_text="The company's name in the portal. Blank: the project's name."
    )
    portal_primary_color = models.CharField(max_length=7, blank=True, default="", validators=[COLOR])
    portal_dark_color = models.CharField(
        "portal primary color, dark",
        max_length=7,
        blank=True,
        default="",
        db_default="",
        validators=[COLOR],
        help_text="The primary color of the dark scheme. Blank: the same as in the light one.",
    )
    portal_appearance = models.CharField(
        max_length=5, choices=Appearance, default=Appearance.AUTO, db_default=Appearance.AUTO
    )
    portal_font = models.CharField(max_length=9, choices=Font, default=Font.SYSTEM, db_default=Font.SYSTEM)
    portal_dark_logo_url = models.CharField(
        "portal logo, dark",
        max_length=2048,
        blank=True,
        default="",
        db_default="",
        validators=[validate_web_url],
        help_text="The logo of the dark scheme. Blank: the project's logo.",
    )
    portal_language = models.CharField(
        max_length=8,
        blank=True,
        default="",
        db_default="",
        choices=settings.LANGUAGES,
        help_text="The language of the portal. Blank: that of the customer's browser.",
    )
    portal_hides_payloads = models.BooleanField(
        "hide payloads from viewers",
        default=False,
        db_default=False,
        help_text="Whoever may change nothing in the portal sees deliveries, but not what is sent and answered.",
    )
    portal_keeps_sessions = models.BooleanField(
        "keep sessions of ended keys",
        default=False,
        db_default=False,
        help_text="Portal sessions, codes and links to deliveries outlive the API key that made them.",
    )
    portal_return_url = models.CharField(
        max_length=2048,
        blank=True,
        default="",
        validators=[validate_web_url],
        help_text="The page to which customers return from the portal.",
    )
    portal_allowed_origins = ArrayField(
        models.CharField(max_length=255, validators=[validate_origin]),
        blank=True,
        default=list,
        help_text="Sites that may show the portal in a frame, such as https://app.example.com, separated by commas.",
    )
    # The quotas of one owner, which no honest customer meets. Contract: docs/contract/endpoints.md#quotas.
    owner_endpoints = models.PositiveIntegerField(
        "endpoints of an owner",
        default=OWNER_ENDPOINTS,
        db_default=OWNER_ENDPOINTS,
        blank=True,
        help_text="At most. 0: any number.",
    )
    owner_subscriptions = models.PositiveIntegerField(
        "subscriptions of an owner",
        default=OWNER_SUBSCRIPTIONS,
        db_default=OWNER_SUBSCRIPTIONS,
        blank=True,
        help_text="At most. 0: any number.",
    )
    owner_filter_bytes = models.PositiveIntegerField(
        "bytes of an owner's filters",
        default=OWNER_FILTER_BYTES,
        db_default=OWNER_FILTER_BYTES,
        blank=True,
        help_text="At most, of the conditions of all subscriptions together. 0: any number.",
    )
    ends_gone_endpoints = models.BooleanField(
        "end endpoints that are gone",
        default=False,
        db_default=False,
        help_text="An endpoint that answers 410 Gone is disabled at once, and its channels are told.",
    )
    sends_svix_headers = models.BooleanField(
        "send Svix's headers",
        default=False,
        db_default=False,
        help_text="Webhooks also carry svix-id, svix-timestamp and svix-signature, which receivers of Svix verify.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at=None), name="project_name_among_live"),
            models.CheckConstraint(condition=Q(type__in=["outgoing", "incoming"]), name="project_type"),
        ]
        indexes = [
            # For the admin's search by the beginning of a name.
            models.Index(fields=["name"], name="project_by_name", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def organisation_id(self) -> str:
        """Return the id of the instance's one organisation."""
        return str(settings.ORGANISATION_ID)

    @property
    def full_config(self) -> ConfigDocument:
        """Return the config object of the API, with `meta_event` and its secret."""
        return cast(ConfigDocument, self.config | {"meta_event": self.meta_event})


class APIKeyQuerySet(models.QuerySet["APIKey"]):
    """Reads of API keys."""

    def live(self) -> "APIKeyQuerySet":
        """Return the keys that work now: not expired, not revoked, and not of a deleted project."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=timezone.now()),
            Q(project=None) | Q(project__deleted_at=None),
            revoked_at=None,
        )


class APIKey(models.Model):
    """A credential of the API. The key itself is shown once, and stored as its mask and its digest."""

    class Role(models.TextChoices):
        """The rights of a key."""

        PROJECT_ADMIN = keys.PROJECT_ADMIN
        PROJECT_VIEWER = keys.PROJECT_VIEWER
        INSTANCE_ADMIN = keys.INSTANCE_ADMIN

    uid = ULIDField()
    name = models.CharField(max_length=300)
    role = models.CharField(max_length=16, choices=Role)
    project = models.ForeignKey(Project, models.CASCADE, null=True, blank=True, related_name="api_keys")
    owner_id = models.CharField(
        max_length=255,
        blank=True,
        default="",
        help_text="The only owner_id for which this key acts. Blank: every owner.",
    )
    scopes = ArrayField(
        models.CharField(max_length=64),
        blank=True,
        default=list,
        help_text="Separated by commas, for example webhooks:manage.",
    )
    mask = models.CharField(max_length=keys.MASK_LENGTH, unique=True, editable=False, db_collation="C")
    digest = models.BinaryField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = APIKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=Q(role=keys.INSTANCE_ADMIN, project=None)
                | Q(role__in=[keys.PROJECT_ADMIN, keys.PROJECT_VIEWER], project__isnull=False),
                name="apikey_role_fits_project",
                violation_error_message=KeyNeedsProject.message,
            ),
        ]
        indexes = [
            # For the admin's searches by the beginning of a name or of an owner_id, and by role.
            models.Index(fields=["name"], name="apikey_by_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["owner_id"], name="apikey_by_owner", opclasses=["varchar_pattern_ops"]),
            models.Index("role", models.F("uid").desc(), name="apikey_by_role"),
        ]

    def __str__(self) -> str:
        return self.name


class APIRateWindow(models.Model):
    """The number of requests that a key has made in its current window. The table is unlogged: it may be lost."""

    key = models.OneToOneField(APIKey, models.CASCADE, primary_key=True)
    started_at = models.DateTimeField()
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.requests} since {self.started_at}"


#: The event type that stands for all event types.
EVERY_TYPE = "*"


class EventType(models.Model):
    """A kind of event that a project sends, as its customers see it. Events of other types are accepted too."""

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="event_types", db_index=False)
    name = models.CharField(max_length=255, db_collation="C")
    category = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    #: A JSON Schema (draft 7), or None. It describes the events, and is not enforced.
    json_schema = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deprecated_at = models.DateTimeField(null=True, blank=True)
    #: The time from which only Svix's API shows it, to those who ask for it; it is deprecated as well.
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="event_type_of_project")]

    def __str__(self) -> str:
        return self.name
