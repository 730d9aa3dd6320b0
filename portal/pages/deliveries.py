"""Show the list of a customer's deliveries: all of them, or those of one endpoint, and send the failed ones again."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from core.exceptions import InvalidInput
from core.storable_text import typed
from deliveries.exceptions import CountTooSlow
from deliveries.reads import PAGE_SIZE, ListedDelivery
from endpoints.models import Endpoint
from portal import bulk_retry, operations
from portal.delivery_list import (
    MOST_ANNOUNCED,
    MOST_WATCHED,
    DeliveryList,
    fingerprint,
    list_context,
    made_cursor,
    numbers_context,
    read_asked,
)
from portal.endpoint_head import DELIVERIES, endpoint_head
from portal.pages.shell import PageRequest, page, read_number, show
from portal.words import counted, number
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS, VIEW_DELIVERIES

ALL = "portal-deliveries"


@page
@require_safe
def deliveries(request: PageRequest, access: Access) -> HttpResponse:
    """Show the deliveries to all endpoints of the customer, newest first."""
    access.require(VIEW_DELIVERIES)
    return show(request, access, "portal/deliveries.html", _context(access, _all(request, access)))


@page
@require_safe
def endpoint_deliveries(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the deliveries to one endpoint of the customer, newest first."""
    access.require(VIEW_DELIVERIES)
    found = operations.find_endpoint(access, endpointID)
    context = _context(access, _of_endpoint(request, access, found)) | endpoint_head(access, found, DELIVERIES)
    return show(request, access, "portal/endpoint_deliveries.html", context)


@page
@require_safe
def new_deliveries(request: PageRequest, access: Access) -> HttpResponse:
    """Answer a poll of a list: how many deliveries are new since `since`, and the rows of `ids` as they are now.

    Answers 204 where the page shows that already: `fresh` new ones, and rows with the fingerprint `seen`.
    """
    access.require(VIEW_DELIVERIES)
    made = _list_of(request, access)
    try:
        fresh = len(made.newer(typed(request.GET, "since")))
        watched = made.by_ids(_ids(request))
    except CountTooSlow:
        return HttpResponse(status=204)
    shown = request.GET.get("fresh", "0")
    if str(fresh) == shown and fingerprint(watched) == request.GET.get("seen", ""):
        return HttpResponse(status=204)
    context = _poll_context(made, typed(request.GET, "since"), fresh, watched) | {
        "rows": [made.row(delivery) for delivery in watched],
        "is_announced": shown == "0",
        "is_poll": True,
    }
    return show(request, access, "portal/deliveries_new.html", context)


@page
@require_safe
def delivery_rows(request: PageRequest, access: Access) -> HttpResponse:
    """Answer the rows of the deliveries that are new since `since`, for the top of the list."""
    access.require(VIEW_DELIVERIES)
    made = _list_of(request, access)
    found = made.newer(typed(request.GET, "since"))
    cursor = found[0].uid if found else typed(request.GET, "since")
    ids = [row.uid for row in found if not row.is_final]
    watched = made.by_ids([*ids, *_ids(request)])
    made.rows_shown += len(found)
    context = _poll_context(made, cursor, 0, watched) | {"rows": [made.row(delivery) for delivery in found]}
    if found:
        context |= numbers_context(made)
    return show(request, access, "portal/delivery_rows.html", context | {"is_new": True})


@page
@require_POST
def retry_deliveries(request: PageRequest, access: Access) -> HttpResponse:
    """Send the failed deliveries of the list again, if there are as many as the customer has seen."""
    access.require(CREATE_ATTEMPTS)
    access.require(VIEW_DELIVERIES)
    made = _list_of(request, access, posted=True)
    bounds = {name: request.POST.get(name, "").replace("\x00", "") for name in ("first", "beyond")}
    count = read_number(request.POST, "count", otherwise=-1)
    context: dict[str, Any]
    try:
        batch = bulk_retry.retry(access, made, count=count, **bounds)
    except bulk_retry.OtherCount as error:
        words = ngettext(
            "Nothing was sent: meanwhile %(count)s delivery has failed. Look at the number, and try again.",
            "Nothing was sent: meanwhile %(count)s deliveries have failed. Look at the number, and try again.",
            error.count,
        )
        problem = words % {"count": counted(error.count)}
        question = bulk_retry.question(made, error.count) if error.count else None
        context = {"problem": problem, "question": question, "is_answer": True} | _bulk_context(made)
        return show(request, access, "portal/bulk.html", context, status=409)
    except InvalidInput:
        problem = gettext("Nothing was sent: deliveries of yours are being retried already. Wait until that is done.")
        under_way = bulk_retry.latest(access)
        progress = None if under_way is None else bulk_retry.Progress(under_way, 0)
        context = {"problem": problem, "progress": progress, "is_answer": True} | _bulk_context(made)
        return show(request, access, "portal/bulk.html", context, status=409)
    progress = None if batch is None else bulk_retry.Progress(batch, count)
    shown_rows = made.page()[:PAGE_SIZE]
    made.rows_shown = len(shown_rows)
    context = {"progress": progress, "is_answer": True} | _bulk_context(made, shown_rows)
    return show(request, access, "portal/bulk.html", context)


@page
@require_safe
def retry_progress(request: PageRequest, access: Access, batchID: str) -> HttpResponse:  # noqa: N803
    """Answer a poll of the bar that says how many deliveries have been sent again; 286 ends the poll.

    The rows of `ids` are answered as they are now, and watched by the list's own poll from then on.
    """
    access.require(VIEW_DELIVERIES)
    progress = bulk_retry.progress(access, batchID, read_number(request.GET, "total"))
    if progress is None:
        return HttpResponse(status=286)
    made = _list_of(request, access)
    since, watched = typed(request.GET, "since"), made.by_ids(_ids(request))
    context = _poll_context(made, since or made_cursor(made, watched), 0, watched) | {
        "progress": progress,
        "progress_query": made.poll_query(since, _ids(request)),
        "all_url": made.url(status=""),
        "rows_of_progress": [made.row(delivery) for delivery in watched],
        "poll_again": progress.is_done,
    }
    return show(request, access, "portal/bulk_progress.html", context, status=286 if progress.is_done else 200)


def _ids(request: PageRequest) -> list[str]:
    return [uid for uid in typed(request.GET, "ids").split(",") if uid][:MOST_WATCHED]


def _all(request: PageRequest, access: Access) -> DeliveryList:
    return DeliveryList(access, read_asked(request.GET), path=reverse(ALL, args=[access.project.pk]))


def _of_endpoint(request: PageRequest, access: Access, found: Endpoint) -> DeliveryList:
    path = reverse(DELIVERIES, args=[access.project.pk, found.pk])
    return DeliveryList(access, read_asked(request.GET, endpoint_id=found.pk), path=path, is_of_endpoint=True)


def _list_of(request: PageRequest, access: Access, *, posted: bool = False) -> DeliveryList:
    """Return the list that a request from either page is about: `of` names the endpoint whose page it is."""
    query = request.POST if posted else request.GET
    endpoint_id = query.get("of", "").replace("\x00", "")
    route, names = (DELIVERIES, [endpoint_id]) if endpoint_id and "/" not in endpoint_id else (ALL, [])
    path = reverse(route, args=[access.project.pk, *names])
    asked = read_asked(query, endpoint_id=names[0] if names else "")
    made = DeliveryList(access, asked, path=path, is_of_endpoint=bool(names))
    made.rows_shown = read_number(query, "rows")
    return made


def _context(access: Access, made: DeliveryList) -> dict[str, Any]:
    context = list_context(made)
    numbers = context["numbers"]
    may_retry = access.may(CREATE_ATTEMPTS) and made.asked.status == "failed"
    context["question"] = None
    if may_retry and numbers is not None and numbers.failed:
        context["question"] = bulk_retry.question(made, numbers.failed)
    under_way = bulk_retry.latest(access) if may_retry else None
    context["progress"] = None if under_way is None else bulk_retry.Progress(under_way, 0)
    context |= _bulk_context(made, context["page"])
    return context | _poll_context(made, context["cursor"], 0, context["watched_rows"])


def _bulk_context(made: DeliveryList, shown: Sequence[ListedDelivery] = ()) -> dict[str, Any]:
    """Return the context of the bar above a list, whose rows are `shown`."""
    since = shown[0].uid if shown else ""
    return {
        "progress_query": made.poll_query(since, [delivery.uid for delivery in shown]),
        "asked": made.asked,
        "kept": made.kept(),
        "all_url": made.url(status=""),
        "is_of_endpoint": made.is_of_endpoint,
    }


def _poll_context(made: DeliveryList, cursor: str, fresh: int, watched: list[ListedDelivery]) -> dict[str, Any]:
    """Return the context of the part of a list that asks for new deliveries."""
    words = ""
    if fresh > MOST_ANNOUNCED:
        words = gettext("Show the newest deliveries")
    elif fresh:
        words = ngettext("Show %(count)s new delivery", "Show %(count)s new deliveries", fresh)
        words %= {"count": number(fresh)}
    project_id = made.access.project.pk
    open_ones = [row for row in watched if not row.is_final]
    query = made.poll_query(cursor, [row.uid for row in open_ones])
    return {
        "fresh": fresh,
        "fresh_words": words,
        "is_too_many": fresh > MOST_ANNOUNCED,
        "list_url": made.url(),
        "list_path": made.path,
        "rows_url": f"{reverse('portal-delivery-rows', args=[project_id])}?{query}",
        "poll_url": f"{reverse('portal-new-deliveries', args=[project_id])}?{query}"
        f"&fresh={fresh}&seen={fingerprint(open_ones)}",
        "is_of_endpoint": made.is_of_endpoint,
        "now": timezone.now(),
    }
