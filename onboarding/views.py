"""Answer the operations of bulk onboarding. Contract: docs/contract/onboarding.md."""

from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.documents import PageOf
from core.api.envelope import JSON
from core.api.pagination import JsonBytes, read_page
from core.api.parameters import is_true
from onboarding import openapi
from onboarding.documents import BatchDocument, ReportDocument, accepted_document, batch_document
from onboarding.exceptions import (
    BatchNotFound,
    FormUnreadable,
    IncomingProject,
    InvalidItems,
    NoFile,
    NoItems,
)
from onboarding.models import OnboardBatch
from onboarding.operations import accept
from onboarding.parsing import Item, read_csv, validate
from onboarding.serializers import BulkOnboard
from projects.convoy_view import ConvoyView
from projects.models import Project

MULTIPART = "multipart/form-data"


class Onboard(ConvoyView):
    """Many endpoints in one request. This is the only route that also takes a form, with a CSV file."""

    content_types = (JSON, MULTIPART)

    @openapi.bulk_onboard
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Check every item and, unless it is a dry run, store them for the worker."""
        project = Project.objects.get(pk=projectID)
        if project.type == Project.Type.INCOMING:
            raise IncomingProject
        items = _read_items(request)
        report = validate(project, items)
        if is_true(request, "dry_run"):
            return openapi.bulk_onboard.answer(report)
        if report["errors"]:
            return _refused(report)
        return openapi.bulk_onboard.answer(accepted_document(accept(project, items)), openapi.ACCEPTED)


class OnboardBatches(ConvoyView):
    """The batches of a project's bulk onboardings."""

    @openapi.list_batches
    def get(self, request: Request, projectID: str) -> PageOf[BatchDocument]:  # noqa: N803
        """Answer a page of batches, newest first."""
        rows = OnboardBatch.objects.filter(project_id=projectID)
        page = read_page(request, rows.only("pk"), size=JsonBytes("results"))
        return page.of([batch_document(batch) for batch in page.read(rows.defer("items"))])


class OnboardBatchDetail(ConvoyView):
    """One batch."""

    @openapi.get_batch
    def get(self, request: Request, projectID: str, batchID: str) -> BatchDocument:  # noqa: N803
        """Answer the batch with a result for each item."""
        batch = OnboardBatch.objects.filter(project_id=projectID, pk=batchID).defer("items").first()
        if batch is None:
            raise BatchNotFound
        return batch_document(batch)


def _read_items(request: Request) -> list[Item]:
    """Return the items of the body, in JSON or in a form's CSV file. Raises InvalidInput."""
    content_type = request.META.get("CONTENT_TYPE", "")
    if content_type.lower().startswith(MULTIPART):
        # Django's parser knows the type in lower case only.
        request.META["CONTENT_TYPE"] = MULTIPART + content_type[len(MULTIPART) :]
        return read_csv(_read_file(request))
    items: list[Item] = read_body(request, BulkOnboard).get("items", [])
    if not items:
        raise NoItems
    return items


def _read_file(request: Request) -> bytes:
    try:
        # Django's own parser: REST framework's parsers apply to all methods of a view.
        files: Any = request._request.FILES
    except (MultiPartParserError, SuspiciousOperation, ValueError):
        raise FormUnreadable from None
    if "file" not in files:
        raise NoFile
    content: bytes = files["file"].read()
    return content


def _refused(report: ReportDocument) -> HttpResponse:
    """Return the only refusal that carries data: the failures by row."""
    body = {"status": False, "message": InvalidItems.message, "data": report}
    return HttpResponse(orjson.dumps(body), status=InvalidItems.status, content_type=JSON)
