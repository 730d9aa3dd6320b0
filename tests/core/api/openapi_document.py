"""The committed OpenAPI document, parsed."""

from typing import Any

import yaml
from django.conf import settings

ROOT = settings.BASE_DIR
COMMITTED = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
# The loader of libyaml: Python's own takes two seconds of every collection.
DOCUMENT: dict[str, Any] = yaml.load(COMMITTED, Loader=yaml.CSafeLoader)
#: The paths that Convoy's document has not: the portal API, the contracts of other clients, our own.
NOT_CONVOYS = (
    "/portal-api/",
    "/management/v1/",
    "/ingest/",
    "/v1/webhooks/portal",
    "/v1/auth/",
    "/v1/app",
    "/v1/event-type",
    "/v1/background-task",
    "/v1/projects/{projectID}/portal-sessions",
    "/v1/projects/{projectID}/portal-links/{portalLinkID}/scope",
    "/v1/projects/{projectID}/onboard/",
    "/v1/projects/{projectID}/activity",
    "/v1/projects/{projectID}/jobs",
    "/v1/projects/{projectID}/events/batchreplay/jobs",
    "/v1/projects/{projectID}/eventdeliveries/batchretry/jobs",
    "/v1/projects/{projectID}/event-types/import/jobs",
    "/v1/projects/{projectID}/endpoints/{endpointID}/test",
    "/v1/projects/{projectID}/eventdeliveries/{eventDeliveryID}/copy",
    "/v1/projects/{projectID}/eventdeliveries/{eventDeliveryID}/links",
)
