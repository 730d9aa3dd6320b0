"""Portal links and the sessions that they open."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.actors import ActorKind
from core.compiled import Moment
from core.encryption import EncryptedJSONField
from core.ulid import ULIDField
from endpoints.models import Endpoint, EndpointQuerySet
from portal_links.capabilities import READ_ONLY, Capabilities, of_link
from projects.models import APIKey, Appearance, Project


def portal_url(token: str, auth_token: str = "") -> str:
    """Return the address of the portal for a link's token and, for a refresh link, one of its `PRT.` tokens."""
    url = f"{settings.BASE_URL}/portal?token={token}"
    return f"{url}&auth_token={auth_token}" if auth_token else url


def session_url(project_id: str, *, code: str = "", token: str = "") -> str:
    """Return the address that opens a portal session; the secret is in the fragment, which browsers do not send."""
    return f"{settings.BASE_URL}/portal/{project_id}/#{f'code={code}' if code else f'token={token}'}"


def delivery_link_url(project_id: str, token: str) -> str:
    """Return the address that shows one delivery; the secret is in the fragment, which browsers do not send."""
    return f"{settings.BASE_URL}/portal/{project_id}/shared#token={token}"


class PortalLinkQuerySet(models.QuerySet["PortalLink"]):
    """Reads of portal links."""

    def for_project(self, project_id: str) -> "PortalLinkQuerySet":
        """Return the links of one project that are not revoked."""
        return self.filter(project_id=project_id, deleted_at=None)


class PortalLink(models.Model):
    """A customer's access to the portal: the live endpoints of `owner_id` or, without an owner, `endpoints`."""

    class AuthType(models.TextChoices):
        """The kind of token that opens the link."""

        STATIC_TOKEN = "static_token"
        REFRESH_TOKEN = "refresh_token"

    uid = ULIDField()
    # No constraint: each link would lock the project's row, which is never removed (docs/performance.md).
    project = models.ForeignKey(Project, models.CASCADE, db_constraint=False, related_name="portal_links")
    name = models.CharField(max_length=255)
    owner_id = models.CharField(max_length=255, blank=True, default="", db_collation="C")
    #: The ids of the last create or update, as they were sent. No rows and no foreign keys: 1,000 of
    #: those cost fifteen times the CPU of this column (docs/performance.md).
    endpoints = ArrayField(models.CharField(max_length=26), blank=True, default=list)
    can_manage_endpoint = models.BooleanField(default=False)
    auth_type = models.CharField(max_length=13, choices=AuthType, default=AuthType.STATIC_TOKEN)
    #: The colour scheme of its pages; "" for the project's.
    appearance = models.CharField(max_length=5, choices=Appearance, blank=True, default="", db_default="")
    #: The API shows the token with each read, so it is stored, encrypted, and looked up by its digest.
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
            # The operators' search by the beginning of a name, in any locale.
            models.Index(
                fields=["name"], opclasses=["varchar_pattern_ops"], condition=Q(deleted_at=None), name="link_by_name"
            ),
            # The operators' search for the sessions of an owner's revoked links; no index of live links has these.
            models.Index("owner_id", condition=Q(deleted_at__isnull=False), name="revoked_link_of_owner"),
            # The list with endpointId.
            GinIndex(fields=["endpoints"], condition=Q(deleted_at=None, owner_id=""), name="link_of_endpoint"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(auth_type__in=["static_token", "refresh_token"]), name="link_auth_type"),
        ]

    def __str__(self) -> str:
        return self.name

    def scope(self) -> EndpointQuerySet:
        """Return the endpoints that the link opens now, newest first."""
        endpoints = Endpoint.objects.for_project(self.project_id).order_by("-pk")
        if self.owner_id:
            return endpoints.filter(owner_id=self.owner_id)
        return endpoints.filter(pk__in=self.endpoints)

    @property
    def capabilities(self) -> Capabilities:
        """Return the capabilities that the link gives."""
        return of_link(can_manage_endpoint=self.can_manage_endpoint)

    @property
    def url(self) -> str:
        """Return the address that the customer gets."""
        return portal_url(self.token)


def _has_live_key(now: Moment) -> Q:
    works = Q(minted_by__revoked_at=None) & (Q(minted_by__expires_at=None) | Q(minted_by__expires_at__gt=now))
    return Q(minted_by=None) | works | Q(project__portal_keeps_sessions=True)


def _gives_access(now: Moment) -> Q:
    """Return the condition of a session that gives access. A preview opens a static link too."""
    opens_link = Q(portal_link__auth_type=PortalLink.AuthType.REFRESH_TOKEN) | Q(surface=PortalSession.Surface.PREVIEW)
    return _has_live_key(now) & Q(
        Q(portal_link=None) | Q(opens_link, portal_link__deleted_at=None),
        project__deleted_at=None,
        expires_at__gt=now,
        revoked_at=None,
    )


class PortalSessionQuerySet(models.QuerySet["PortalSession"]):
    """Reads of portal sessions."""

    def for_project(self, project_id: str) -> "PortalSessionQuerySet":
        """Return the sessions of one project, ended ones included."""
        return self.filter(project_id=project_id)

    def of_owner(self, owner_id: str) -> "PortalSessionQuerySet":
        """Return the sessions of an owner, those of the owner's links included."""
        return self.filter(Q(owner_id=owner_id) | Q(portal_link__owner_id=owner_id))

    def listed(self) -> "PortalSessionQuerySet":
        """Return the sessions with their links, but for what no list shows: secrets, and a link's up to 10,000 ids."""
        hidden = (
            "code_digest",
            "token_digest",
            *(f"portal_link__{name}" for name in ("token", "token_digest", "endpoints")),
        )
        return self.select_related("portal_link").defer(*hidden)

    def of_live_keys(self, now: datetime) -> "PortalSessionQuerySet":
        """Return the sessions without a key, those whose key works now, and those that outlive their key."""
        return self.filter(_has_live_key(now))

    def active(self, now: Moment) -> "PortalSessionQuerySet":
        """Return the sessions that give access now."""
        return self.filter(_gives_access(now))

    def inactive(self, now: datetime) -> "PortalSessionQuerySet":
        """Return the sessions that give no access now. The condition is decided row by row, from each row's relations.

        As NOT EXISTS of the active ones, PostgreSQL would collect all of those first.
        """
        gives_access = Case(When(_gives_access(now), then=True), default=False)
        return self.alias(gives_access=gives_access).filter(gives_access=False)


class PortalSession(models.Model):
    """Access to the portal for a limited time: to the endpoints of a portal link, or to those of an owner."""

    class Surface(models.TextChoices):
        """The client by whose contract the session was minted."""

        CONVOY = "convoy"
        NAHOOK = "nahook"
        FEATHER = "feather"
        SVIX = "svix"
        #: No client: an operator looks at a customer's portal from the admin.
        PREVIEW = "preview"

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="portal_sessions")
    #: With a link, scope and rights are the link's, as they are at the moment of each request.
    portal_link = models.ForeignKey(PortalLink, models.CASCADE, null=True, blank=True, related_name="sessions")
    owner_id = models.CharField(max_length=255, blank=True, default="", db_collation="C")
    surface = models.CharField(max_length=7, choices=Surface)
    capabilities = ArrayField(models.CharField(max_length=32), blank=True, default=list)
    metadata = models.JSONField(default=dict, blank=True)
    reference = models.CharField(max_length=256, blank=True, default="", help_text="The caller's own name for it.")
    #: With the key, the session is deleted: it must not outlive it.
    minted_by = models.ForeignKey(APIKey, models.CASCADE, null=True, blank=True, related_name="+")
    #: The name of the operator whose preview it is.
    operator = models.CharField(max_length=150, blank=True, default="", db_default="")
    code_digest = models.BinaryField(null=True, unique=True, editable=False)
    token_digest = models.BinaryField(null=True, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True, editable=False)
    opened_from = models.GenericIPAddressField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_from = models.GenericIPAddressField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PortalSessionQuerySet.as_manager()

    class Meta:
        indexes = [
            # The list of a project's sessions, newest first.
            models.Index("project", models.F("uid").desc(), name="session_of_project"),
            # The list with ownerId, and expire_sessions().
            models.Index("project", "owner_id", models.F("uid").desc(), name="session_of_owner"),
            # The admin: search by the beginning of an owner_id, filters by surface and by access now.
            models.Index("owner_id", name="session_by_owner"),
            models.Index("surface", models.F("uid").desc(), name="session_by_surface"),
            models.Index("expires_at", condition=Q(revoked_at=None), name="session_by_end"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(portal_link__isnull=False, owner_id="") | (Q(portal_link=None) & ~Q(owner_id="")),
                name="session_of_link_or_owner",
            ),
            models.CheckConstraint(
                condition=Q(code_digest__isnull=False) | Q(token_digest__isnull=False), name="session_has_secret"
            ),
        ]

    @property
    def current_owner_id(self) -> str:
        """Return the owner whose endpoints the session opens now."""
        return self.owner_id if self.portal_link is None else self.portal_link.owner_id

    @property
    def current_capabilities(self) -> Capabilities:
        """Return the capabilities that the session gives now. A preview never gives one that changes anything."""
        if self.portal_link is None:
            return frozenset(self.capabilities)
        return self.portal_link.capabilities & READ_ONLY if self.is_preview else self.portal_link.capabilities

    @property
    def is_preview(self) -> bool:
        """Return whether an operator looks, and not the customer."""
        return self.surface == self.Surface.PREVIEW

    def __str__(self) -> str:
        return f"{self.uid} until {self.expires_at:%Y-%m-%d %H:%M}"


class DeliveryLinkQuerySet(models.QuerySet["DeliveryLink"]):
    """Reads of links to single deliveries."""

    def of_delivery(self, project_id: str, delivery_id: str) -> "DeliveryLinkQuerySet":
        """Return the links to a delivery, ended ones included, newest first."""
        return self.filter(project_id=project_id, delivery_id=delivery_id).order_by("-pk")

    def of_live_makers(self, now: datetime) -> "DeliveryLinkQuerySet":
        """Return the links whose maker still has access: the session, the portal link, or the API key."""
        rows = self.alias(
            maker_kind=Coalesce(KT("made_by__kind"), Value(""), output_field=models.TextField()),
            maker=KT("made_by__uid"),
        )
        maker = OuterRef("maker")
        sessions = PortalSession.objects.active(now).filter(pk=maker)
        links = PortalLink.objects.filter(pk=maker, deleted_at=None, auth_type=PortalLink.AuthType.STATIC_TOKEN)
        keys = APIKey.objects.live().filter(pk=maker)
        return rows.filter(
            ~Q(maker_kind=ActorKind.PORTAL_SESSION) | Exists(sessions),
            ~Q(maker_kind=ActorKind.PORTAL_LINK) | Exists(links),
            ~Q(maker_kind=ActorKind.API_KEY) | Q(project__portal_keeps_sessions=True) | Exists(keys),
        )

    def active(self, now: datetime) -> "DeliveryLinkQuerySet":
        """Return the links that open something now."""
        return self.of_live_makers(now).filter(expires_at__gt=now, revoked_at=None, project__deleted_at=None)


class DeliveryLink(models.Model):
    """A link that shows one delivery to whoever holds it, for a day, and not longer than its maker has access."""

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="delivery_links", db_index=False)
    #: An id without a foreign key: the table of deliveries is above this app, and retention deletes its rows.
    delivery_id = models.CharField(max_length=26, db_collation="C")
    #: The customer who has made it (Access.customer); "" for the company.
    customer = models.CharField(max_length=300, blank=True, default="", db_default="")
    #: The maker (core/actors.py): {"kind", "uid", "name"}.
    made_by = models.JSONField(default=dict, blank=True)
    #: Whether the maker may see payloads. A project that hides them hides them here too.
    shows_payload = models.BooleanField(default=False, db_default=False)
    token_digest = models.BinaryField(unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = DeliveryLinkQuerySet.as_manager()

    class Meta:
        indexes = [
            # The links of a delivery, newest first.
            models.Index("project", "delivery_id", models.F("uid").desc(), name="link_of_delivery"),
        ]

    def __str__(self) -> str:
        return f"{self.uid} until {self.expires_at:%Y-%m-%d %H:%M}"


class CheckWindow(models.Model):
    """The number of URLs that a customer has had checked in the current window. The table is unlogged.

    It has no foreign key: a row is deleted with the next count after its window, whoever made it.
    """

    #: The id of a portal session, or of a link that is opened without one.
    opened_by = models.CharField(max_length=26, primary_key=True, db_collation="C")
    started_at = models.DateTimeField()
    checks = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.checks} since {self.started_at}"
