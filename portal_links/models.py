"""Portal links and the sessions that they open."""

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from convoyclone.encryption import EncryptedJSONField
from convoyclone.ulid import ULIDField
from endpoints.models import Endpoint, EndpointQuerySet
from projects.models import Project


def portal_url(token: str, auth_token: str = "") -> str:
    """The address of the portal for a link's token and, for a refresh link, one of its `PRT.` tokens."""
    url = f"{settings.BASE_URL}/portal?token={token}"
    return f"{url}&auth_token={auth_token}" if auth_token else url


class PortalLinkQuerySet(models.QuerySet["PortalLink"]):
    """Reads of portal links."""

    def for_project(self, project_id: str) -> "PortalLinkQuerySet":
        """The links of one project that are not revoked."""
        return self.filter(project_id=project_id, deleted_at=None)

    def with_endpoints(self, project_id: str, ids: list[str]) -> "PortalLinkQuerySet":
        """The links that have one of the project's endpoints `ids` in their scope."""
        endpoints = Endpoint.objects.for_project(project_id).filter(pk__in=ids)
        owners = endpoints.exclude(owner_id="").values("owner_id")
        return self.filter(
            Q(owner_id__in=owners) | Q(owner_id="", endpoints__overlap=ArraySubquery(endpoints.values("pk")))
        )


class PortalLink(models.Model):
    """A customer's way in. Its scope is `owner_id`'s endpoints, live; without an owner, `endpoints`."""

    class AuthType(models.TextChoices):
        """Which token opens the link."""

        STATIC_TOKEN = "static_token"
        REFRESH_TOKEN = "refresh_token"

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="portal_links")
    name = models.CharField(max_length=255)
    owner_id = models.CharField(max_length=255, blank=True, default="", db_collation="C")
    #: The ids of the last create or update, as they were sent. No rows and no foreign keys: 1,000 of
    #: those cost fifteen times the CPU of this column (docs/performance.md).
    endpoints = ArrayField(models.CharField(max_length=26), blank=True, default=list)
    can_manage_endpoint = models.BooleanField(default=False)
    auth_type = models.CharField(max_length=13, choices=AuthType, default=AuthType.STATIC_TOKEN)
    #: The API shows the token with each read, so it is kept, encrypted, and found by its digest.
    token = EncryptedJSONField()
    token_digest = models.BinaryField(unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField("revoked at", null=True, blank=True, editable=False)

    objects = PortalLinkQuerySet.as_manager()

    class Meta:
        indexes = [
            # The list of a project's links, newest first.
            models.Index("project", models.F("uid").desc(), condition=Q(deleted_at=None), name="link_of_project"),
            # The list with ownerId.
            models.Index(
                "project", "owner_id", models.F("uid").desc(), condition=Q(deleted_at=None), name="link_of_owner"
            ),
            # The list with endpointId.
            GinIndex(fields=["endpoints"], condition=Q(deleted_at=None, owner_id=""), name="link_of_endpoint"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(auth_type__in=["static_token", "refresh_token"]), name="link_auth_type"),
        ]

    def __str__(self) -> str:
        return self.name

    def scope(self) -> EndpointQuerySet:
        """The endpoints that the link opens now, newest first."""
        endpoints = Endpoint.objects.for_project(self.project_id).order_by("-pk")
        if self.owner_id:
            return endpoints.filter(owner_id=self.owner_id)
        return endpoints.filter(pk__in=self.endpoints)

    @property
    def url(self) -> str:
        """What is handed to the customer."""
        return portal_url(self.token)


class PortalSession(models.Model):
    """Access for a limited time: the `PRT.` token of a refresh link, of which only the digest is kept."""

    uid = ULIDField()
    portal_link = models.ForeignKey(PortalLink, models.CASCADE, related_name="sessions")
    mask = models.CharField(max_length=16, unique=True, editable=False, db_collation="C")
    digest = models.BinaryField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.uid} until {self.expires_at:%Y-%m-%d %H:%M}"
