"""Applications: the name and the settings that other contracts give to an owner of endpoints.

Contract: docs/contract/svix.md#applications. An owner may exist without one.
"""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from applications.prefixes import APPLICATION
from core.prefixed_ids import prefixed, uid_in
from core.ulid import ULIDField
from projects.models import Project

#: The constraint that an owner has one application.
OF_OWNER = "application_of_owner"


class ApplicationQuerySet(models.QuerySet["Application"]):
    """Reads of applications."""

    def for_project(self, project_id: str) -> "ApplicationQuerySet":
        """Return the applications of one project."""
        return self.filter(project_id=project_id)

    def named(self, text: str) -> "ApplicationQuerySet":
        """Return the applications that an id, with or without its prefix, or an `owner_id` names.

        They are one or none, as no `owner_id` has the form of another application's id (operations.py).
        """
        uid = uid_in(APPLICATION, text)
        return self.filter(Q(owner_id=text) | Q(uid=uid)) if uid else self.filter(owner_id=text)


class Application(models.Model):
    """The name, metadata and limit of one owner."""

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, db_index=False)
    #: The owner: Svix's `uid`, Nahook's `externalId`; where none was given, the application's own id.
    owner_id = models.CharField(max_length=255, db_collation="C")
    name = models.CharField(max_length=255)
    metadata = models.JSONField(default=dict, blank=True)
    #: The most requests in a second to each of its endpoints; None or 0: as many as the endpoint takes.
    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "owner_id"], name=OF_OWNER)]
        indexes = [
            # For the list of a project's applications.
            models.Index("project", "uid", name="application_of_project"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """Return the id as other contracts show it."""
        return prefixed(APPLICATION, self.uid)

    @property
    def given_owner_id(self) -> str | None:
        """Return the `owner_id` that was given; None for one that is the application's own id."""
        return None if self.owner_id == self.public_id else self.owner_id
