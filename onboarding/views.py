"""The operations of bulk onboarding. Contract: meta-events-and-onboard sections 1 and 3."""

from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.envelope import JSON, success
from core.api.pagination import read_page
from core.exceptions import InvalidInput, NotFound
from onboarding import openapi
from onboarding.documents import batch_document
from onboarding.models import OnboardBatch
from onboarding.operations import accept
from onboarding.parsing import MAX_ITEMS, Item, read_csv, validate
from onboarding.serializers import BulkOnboard
from projects.convoy_view import ConvoyView
from projects.models import Project

MULTIPART = "multipart/form-data"


class Onboard(ConvoyView):
    """Many endpoints at once. This is the one route that takes a form, which holds a CSV file."""

    content_types = (JSON, MULTIPART)

    @openapi.bulk_onboard
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Check every item, and unless it is a dry run store them for the worker."""
        project = Project.objects.get(pk=projectID)
        if project.type == Project.Type.INCOMING:
            raise InvalidInput("bulk onboard is only supported for outgoing projects")
        items = _read_items(request)
        report = validate(project, items)
        if request.query_params.get("dry_run") == "true":
            return success("Dry run validation complete", report)
        if report["errors"]:
            return _refused(report)
        batches = accept(project, items)
        accepted = {
            "batch_count": len(batches),
            "total_items": len(items),
            "message": "Bulk onboard request accepted for processing",
            "batch_ids": [batch.uid for batch in batches],
        }
        return success("Bulk onboard request accepted", accepted, 202)


class OnboardBatches(ConvoyView):
    """What became of a project's bulk onboardings."""

    @openapi.list_batches
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page of batches, newest first."""
        page = read_page(request, OnboardBatch.objects.filter(project_id=projectID).defer("items"))
        content = [batch_document(batch) for batch in page.rows]
        return success("Onboard batches fetched successfully", {"content": content, "pagination": page.pagination})


class OnboardBatchDetail(ConvoyView):
    """One batch."""

    @openapi.get_batch
    def get(self, request: Request, projectID: str, batchID: str) -> HttpResponse:  # noqa: N803
        """Answer the batch with a result for each item."""
        batch = OnboardBatch.objects.filter(project_id=projectID, pk=batchID).defer("items").first()
        if batch is None:
            raise NotFound("onboard batch not found")
        return success("Onboard batch fetched successfully", batch_document(batch))


def _read_items(request: Request) -> list[Item]:
    """The items of the body, in JSON or in a form's CSV file. Raises InvalidInput."""
    if request.META.get("CONTENT_TYPE", "").startswith(MULTIPART):
        return read_csv(_read_file(request))
    items: list[Item] = read_body(request, BulkOnboard).get("items", [])
    if not items:
        raise InvalidInput("items list cannot be empty")
    if len(items) > MAX_ITEMS:
        raise InvalidInput(f"items list exceeds maximum size of {MAX_ITEMS}")
    return items


def _read_file(request: Request) -> bytes:
    try:
        # Django's own: REST framework's parsers are for views that take several types everywhere.
        files: Any = request._request.FILES
    except (MultiPartParserError, SuspiciousOperation, ValueError):
        raise InvalidInput("failed to parse multipart form") from None
    if "file" not in files:
        raise InvalidInput("failed to read file field")
    content: bytes = files["file"].read()
    return content


def _refused(report: dict[str, Any]) -> HttpResponse:
    """The one refusal with data: what is wrong, by row."""
    body = {"status": False, "message": "Validation failed", "data": report}
    return HttpResponse(orjson.dumps(body), status=400, content_type=JSON)
